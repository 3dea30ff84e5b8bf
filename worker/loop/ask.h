//  ask - runs a program that ends soon, and keeps what it says.
//
//  Threads: any; it waits for the program.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "runner/sandbox/words.h"

#include <stdint.h>

enum { ASK_OUT_BYTES = 16384, ASK_ERR_BYTES = 2048 };

typedef struct {
    char out [ASK_OUT_BYTES], err [ASK_ERR_BYTES]; //  its first bytes, as texts
    int code;                                      //  exit code; -1: a signal ended it
} ask_t;

//  Run a program without input, in a process group of its own, which is killed at the end.
//  Units: ms.  Err: -errno: it did not start; -ETIMEDOUT: it was killed.
int
ask_run (const words_t *argv, const words_t *envp, int64_t wait_ms, ask_t *ret_answer) must_check;
