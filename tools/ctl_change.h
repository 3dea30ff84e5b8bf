//  ctl_change - the commands that change something; each sends one request per argument.
//
//  Prints one line for each: what was done, or on stderr why not.  The first failure is the exit
//  code.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/ctl.h"

//  The incidents given as arguments, or all that --state and --reason select.
int
ctl_change_incident_retry (const ctl_t *self);
int
ctl_change_incident_cancel (const ctl_t *self);
int
ctl_change_worker_drain (const ctl_t *self);
int
ctl_change_worker_resume (const ctl_t *self);
//  Let the open breaker's next probe go now.
int
ctl_change_breaker_probe (const ctl_t *self);
//  The effects given as arguments, or with --all every dead one.
int
ctl_change_effect_retry (const ctl_t *self);
int
ctl_change_effect_cancel (const ctl_t *self);
