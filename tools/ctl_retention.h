//  ctl_retention - what the broker keeps of incidents, how long, and what goes.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/ctl.h"

int
ctl_retention (const ctl_t *self);
