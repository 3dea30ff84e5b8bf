//  probe - runs a command that ends soon, and keeps the last line that it says on stderr.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "runner/sandbox/words.h"

enum { PROBE_MS = 5000 }; //  longest time; a container's first start takes a second

//  Run it without input and environment.  Err: ERR_CONFIG: it failed, diag holds its last line;
//  -ETIMEDOUT: it was killed; -errno: it did not start.
int
probe_run (const words_t *words, err_diag_t *diag) must_check;
