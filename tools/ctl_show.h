//  ctl_show - the commands that only read: lists, one incident.  Each returns an exit code.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/ctl.h"

int
ctl_show_incidents (const ctl_t *self);
int
ctl_show_incident (const ctl_t *self);
int
ctl_show_workers (const ctl_t *self);
int
ctl_show_clusters (const ctl_t *self);
int
ctl_show_effects (const ctl_t *self);

//  Add at most limit incidents that --state and --reason select, or effects in this state.
int
ctl_show_incidents_read (const ctl_t *self, int64_t limit, json_t *rows) must_check;
int
ctl_show_effects_read (const ctl_t *self, const char *state, int64_t limit,
                       json_t *rows) must_check;
