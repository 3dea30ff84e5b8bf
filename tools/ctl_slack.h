//  ctl_slack - the commands about who gets messages.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/ctl.h"

//  Print what a check of each receiver has found.
int
ctl_slack_check (const ctl_t *self);
