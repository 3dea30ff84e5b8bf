//  ctl_local - the commands that need no broker: keys, and the tables the documents are made of.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/ctl.h"

int
ctl_local_key_new (const ctl_t *self);
int
ctl_local_states (const ctl_t *self);
int
ctl_local_protocol (const ctl_t *self);
