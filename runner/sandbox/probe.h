//  probe - runs a command that ends soon, and keeps what it says.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "runner/sandbox/words.h"

#include <stddef.h>
#include <stdint.h>

enum { PROBE_OUT_BYTES = 16384, PROBE_ERR_BYTES = 2048 };

typedef struct {
    char out [PROBE_OUT_BYTES], err [PROBE_ERR_BYTES]; //  its first bytes, as texts
    int code;                                          //  exit code; -1: a signal ended it
} probe_t;

//  Run a program without input, in a process group of its own, which is killed at the end.
//  Waits for it; units: ms.  Err: -errno, ERR_LIMIT: it did not start; -ETIMEDOUT: it was killed.
int
probe_ask (const words_t *argv, const words_t *envp, int64_t wait_ms, probe_t *ret_said) must_check;
//  The last line of its error output.  Own: borrowed from said.
const char *
probe_last_line (probe_t *said);

typedef struct {
    const words_t *words;
    //  Variables besides a PATH of the system's folders; NULL = none.
    const words_t *environment;
    int limit_ms; //  the longest time
    //  Gets the start of its output, cut after answer_size - 1 bytes.  NULL = not wanted.
    char *answer;
    size_t answer_size;
} probe_spec_t;

//  The same for a program that must succeed.  Err: ERR_CONFIG: it failed, diag holds the last line
//  of its error output; -ETIMEDOUT: it was killed; -errno: it did not start.
int
probe_run (const probe_spec_t *spec, err_diag_t *diag) must_check;
