//  ctl_complete - completes the last word of a command line, one candidate per line.
//
//  Shells call `triagectl complete -- WORD...` with the words after "triagectl"; see
//  triagectl.bash.  Names from the broker are offered only when they are harmless in a shell.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/ctl.h"

int
ctl_complete (const ctl_t *self);
