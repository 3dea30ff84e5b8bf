//  ctl_slack - the commands about who gets messages.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/ctl.h"

//  Print what a check of each receiver has found; with --send, whether it took a test message.
//  CTL_FAILED if one has failed.
int
ctl_slack_check (const ctl_t *self);
