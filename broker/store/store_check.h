//  store_check - a thread that reads all history of a large store after the start, in small pieces.
//
//  A start reads what is open only; damage elsewhere is found here and told.  Each piece is one
//  short read: a long one would keep the log from being truncated.  It rests between them, so that
//  it takes a quarter of a core.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct store_check store_check_t;

typedef enum {
    STORE_CHECK_RUNNING,
    STORE_CHECK_SOUND,
    STORE_CHECK_DAMAGED,
    STORE_CHECK_FAILED
} store_check_state_t;

//  Open a reader of its own and begin.  Err: ERR_STORE, -ENOMEM, -EAGAIN no thread.
int
store_check_new (const char *path, store_check_t **ret_check, err_diag_t *diag) must_check;
void
store_check_destroy (store_check_t **self_p);
//  Any thread.
store_check_state_t
store_check_state (const store_check_t *self);
