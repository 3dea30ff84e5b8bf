//  store_check - a thread that checks the history of a large store after the start.
//
//  The start of the broker reads only open incidents; this thread finds damage in all other rows
//  and logs it.  It reads in small pieces, because a long read would keep the log from being
//  truncated.  It pauses between them, so that it takes a quarter of a core.
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

//  Open a reader and start the thread.  Own: *ret_check is fresh.
//  Err: ERR_STORE, -ENOMEM, -EAGAIN: no thread; nothing is left.
int
store_check_new (const char *path, store_check_t **ret_check, err_diag_t *diag) must_check;
void
store_check_destroy (store_check_t **self_p);
//  The progress or the result.  Threads: any.
store_check_state_t
store_check_state (const store_check_t *self);
