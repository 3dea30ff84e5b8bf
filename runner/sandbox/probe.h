//  probe - runs a command that ends soon, and keeps what it says.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "runner/sandbox/words.h"

#include <stddef.h>

typedef struct {
    const words_t *words;
    //  Variables besides a PATH of the system's folders; NULL = none.
    const words_t *environment;
    int limit_ms; //  the longest time
    //  Gets the start of its output, cut after answer_size - 1 bytes.  NULL = not wanted.
    char *answer;
    size_t answer_size;
} probe_spec_t;

//  Run it without input.  Err: ERR_CONFIG: it failed, diag holds the last line of its error output;
//  -ETIMEDOUT: it was killed; -errno: it did not start.
int
probe_run (const probe_spec_t *spec, err_diag_t *diag) must_check;
