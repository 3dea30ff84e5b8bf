//  ctl_status - the command that shows what the broker does.  Returns an exit code.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/ctl.h"

int
ctl_status (const ctl_t *self);
