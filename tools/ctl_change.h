//  ctl_change - the commands that change something: each asks for every argument in turn.
//
//  One line for each: what was done, or on stderr why not; the first failure is the exit code.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/ctl.h"

//  The incidents named, or all that --state and --reason choose.
int
ctl_change_incident_retry (const ctl_t *self);
int
ctl_change_incident_cancel (const ctl_t *self);
int
ctl_change_worker_drain (const ctl_t *self);
int
ctl_change_worker_resume (const ctl_t *self);
//  The effects named, or with --all every dead one.
int
ctl_change_effect_retry (const ctl_t *self);
int
ctl_change_effect_cancel (const ctl_t *self);
