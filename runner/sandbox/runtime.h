//  runtime - the ways to put a run into a box, best first.
//
//  A runtime is a row and a file: runtime_NAME.c.  Its command is a prefix: words that come before
//  those of the agent's script.  The innermost program of each is triage-enter.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "runner/sandbox/sandbox.h"

#include <stdbool.h>

typedef struct {
    const char *name;    //  as in AGENT_RUNTIME
    const char *package; //  Debian package that brings it; NULL: none is needed
    const char *holds;   //  one sentence for operators
    //  The box has a network of its own: its listeners are handed to the gateway's unix socket.
    bool network;
    //  Its command lets triage-enter have the descriptors ENTER_GATEWAY_FD and ENTER_REPORT_FD.
    bool inherits;
    //  Processes of the runtime are below triage-run, and a TERM would end them at once: TERM is
    //  blocked at the start, and triage-enter takes the block away.
    bool shielded;
    bool image; //  it takes programs from spec->image, not from the host
    //  Is there what it needs?  Err: any; diag says what is missing, and what to install.
    int (*look) (const sandbox_spec_t *spec, err_diag_t *diag);
    //  Append the prefix.  Err: -errno, ERR_CONFIG; diag says why.
    int (*command) (const sandbox_spec_t *spec, words_t *words, err_diag_t *diag);
    //  Remove what a run has left with an engine, also one that still runs; NULL: nothing can be.
    //  It is no error that there is none.  *ret_oom: the engine killed it for its memory.
    //  Err: any; diag says why.
    int (*end) (const sandbox_spec_t *spec, bool *ret_oom, err_diag_t *diag);
    //  The holes (hole.h) of this runtime on this kernel, or-ed.
    unsigned (*holes) (const sandbox_spec_t *spec);
} runtime_t;

//  NULL after the last one.
const runtime_t *
runtime_at (size_t index);
//  NULL: no such runtime.
const runtime_t *
runtime_find (const char *name);
//  Does this runtime hold here?  Runs a box with a self-test in a new folder below spec->workspace,
//  an existing folder, and removes the folder again.  Takes 20 ms to PROBE_MS.
//  Of spec it uses workspace, program_dir, the user, image and landlock_abi.
//  Err: any; diag says why, and what to install.
int
runtime_probe (const runtime_t *self, const sandbox_spec_t *spec, err_diag_t *diag) must_check;
