//  ctl_complete - what the last word of a command line may become, one candidate a line.
//
//  Shells call `triagectl complete -- WORD...` with the words behind "triagectl"; see
//  triagectl.bash.  Names that the broker tells are offered only when they are harmless in a shell.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/ctl.h"

int
ctl_complete (const ctl_t *self);
