//  wrap - puts a run into its box: the runtime's words, the workspace's owner, descriptors.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "runner/sandbox/runtime.h"

#include <stdbool.h>

typedef struct {
    const sandbox_spec_t *box;
    const runtime_t *runtime;
    words_t words;  //  the command line to execute
    int gateway_fd; //  connected to the gateway, for the box; -1 = none
    int report_fd;  //  for the box: it tells here that it stands; -1 = none
    int reading_fd; //  our end of it
    bool given;     //  the workspace has changed hands
    bool shielded;  //  the run starts with TERM blocked
} wrap_t;

//  Make the box, but start nothing.  box NULL: the script as it is.  Err: any; diag says what is
//  wrong.  Own: borrows box; wrap_close also after a failure.
int
wrap_open (wrap_t *self, const sandbox_spec_t *box, char *const *script,
           err_diag_t *diag) must_check;
//  Close the ends that belong to the box, once it has been started.
void
wrap_started (wrap_t *self);
//  After its end: did the box stand, so that the script was executed?  False: diag says why not.
bool
wrap_stood (wrap_t *self, int exit_code, err_diag_t *diag);
//  Remove what the run has left with an engine.  True: the engine killed it for its memory.
//  *ret_left: 1 when it cannot be removed, else 0.
bool
wrap_end (const wrap_t *self, int *ret_left);
//  Take the workspace back, and free all.  May run twice.
void
wrap_close (wrap_t *self);
