//  trial - a box in a new folder of its own, for a command that ends soon.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "runner/sandbox/runtime.h"

#include <limits.h>
#include <stdbool.h>

enum { TRIAL_NAME = 64 };

//  Init: {0}.
typedef struct {
    words_t words; //  the box's prefix: append the command
    bool ended;    //  set it when the command has ended by itself: nothing is left with an engine
    const runtime_t *runtime; //  NULL = not open
    char folder [PATH_MAX], name [TRIAL_NAME];
} trial_t;

//  Make a folder below spec->workspace, an existing one, and the prefix of a box in it.  The box
//  is as spec says, but for its workspace and its name.
//  Err: any; diag says why.  Own: fresh; trial_close, also after a failure.
int
trial_open (trial_t *self, const runtime_t *runtime, const sandbox_spec_t *spec,
            err_diag_t *diag) must_check;
//  Remove the folder, and what the command has left with an engine.  It may wait for the engine.
void
trial_close (trial_t *self);
