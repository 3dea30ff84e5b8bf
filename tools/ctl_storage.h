//  ctl_storage - the commands about where reports are stored.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/ctl.h"

//  Let the broker check its storage now, and print each step.  CTL_FAILED if one has failed.
int
ctl_storage_check (const ctl_t *self);
