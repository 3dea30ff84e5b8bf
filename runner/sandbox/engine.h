//  engine - the command-line program of a container engine: podman or docker.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "runner/sandbox/words.h"

#include <stdbool.h>
#include <stddef.h>

enum { ENGINE_ANSWER = 256 };

#define ENGINE_OWNER "k8s-triage.owner" //  label of a container: the worker's own name for it

//  Variables that tell the program where its engine and its storage are; NULL ends the list.  They
//  reach the program, and no agent.
extern const char *const engine_variables [];

//  The path of the program of this name; NULL: it is not installed.
const char *
engine_program (const char *name);
//  Is it one of engine_variables?
bool
engine_is_variable (const char *name, size_t size);
//  Those of the variables that are set, as NAME=VALUE.
void
engine_environment (words_t *ret_words);
//  Run the program with these words, ended by NULL, for at most 10 s.  ret_answer gets the first
//  line of its output.  Err: ERR_CONFIG: it failed, diag says why; -ETIMEDOUT; -errno.
int
engine_ask (const char *program, const char *const words [], char ret_answer [ENGINE_ANSWER],
            err_diag_t *diag) must_check;
//  Remove all containers of this owner, also those that run.  Waits for the engine, 20 s at most.
//  Err: as engine_ask; diag says why.  Returns how many there were.
int
engine_sweep (const char *program, const char *owner, err_diag_t *diag) must_check;
