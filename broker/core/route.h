//  route - who gets the messages about an incident.  Pure.
//
//  The first route that matches wins; if it goes on, those behind it are asked too.  If none
//  matches, the default receiver gets the message.  Texts of a fault are only compared.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/step_input.h"

//  The receiver of a route that makes no message.
extern const char route_none [];

typedef struct {
    char receiver [ROW_NAME];
    //  A bot: its message shows each state of the incident.
    bool shows;
    //  It gets one message at each end, with a report or without.  Neither: one, with the report.
    bool ends;
} route_target_t;

//  Does the text match a pattern?  Both are plain bytes.
bool
route_fits (const char *pattern, const char *text);
//  The first rule, from `from` on, that matches the fault; the number of rules when none does.
size_t
route_find (const route_table_t *table, const fault_t *fault, size_t from);
//  Fill in a receiver, the default one too.  False: the configuration has none of this name.
bool
route_receiver (const step_settings_t *settings, const char *name, route_target_t *ret_target);
//  The receivers of messages about this fault, each once.  Returns how many; at most max, and never
//  more than LIMIT_RECEIVERS.
size_t
route_match (const step_settings_t *settings, const fault_t *fault, route_target_t *ret_targets,
             size_t max);
