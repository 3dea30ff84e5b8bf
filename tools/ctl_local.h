//  ctl_local - the commands that need no broker: new keys, and the tables for the documents.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/ctl.h"

int
ctl_local_key_new (const ctl_t *self);
int
ctl_local_states (const ctl_t *self);
int
ctl_local_protocol (const ctl_t *self);
