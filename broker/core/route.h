//  route - who gets the messages about an incident.  Pure.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/step_input.h"

typedef struct {
    char receiver [ROW_NAME];
    //  A bot: its message shows each state of the incident.  Else one is sent, with the report.
    bool shows;
} route_target_t;

//  The receivers of messages about this fault, each once.  Returns how many; at most max.
size_t
route_match (const step_settings_t *settings, const fault_t *fault, route_target_t *ret_targets,
             size_t max);
