//  run_env - the arguments and the environment of an agent script, as docs/agents.md says.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/loop/run.h"

enum { RUN_WORDS = 64 }; //  most arguments or variables

//  A list of words that ends with NULL.  Own: the words are on the heap; run_words_fini wipes and
//  frees them.
typedef struct {
    char *items [RUN_WORDS + 1];
    size_t count;
    int failed; //  0; -ENOMEM, ERR_LIMIT: the list is not complete
} run_words_t;

void
run_words_fini (run_words_t *self);
//  The command line of triage-run, followed by that of the script.
void
run_arguments (const run_spec_t *spec, run_words_t *ret_words);
//  The environment; it inherits only the variables that settings name.
void
run_environment (const run_spec_t *spec, run_words_t *ret_words);
