//  run_env - arguments and environment of an agent script, exactly as the contract has them.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/loop/run.h"

enum { RUN_WORDS = 64 }; //  at most so many arguments or variables

//  Words that end with NULL.  Own: each word is on the heap, run_words_fini frees
//  them and wipes secrets.
typedef struct {
    char *items [RUN_WORDS + 1];
    size_t count;
    int failed; //  0, -ENOMEM, ERR_LIMIT
} run_words_t;

void
run_words_fini (run_words_t *self);
//  triage-run's command line with the script's behind it.
void
run_arguments (const run_spec_t *spec, run_words_t *ret_words);
//  The clean environment.
void
run_environment (const run_spec_t *spec, run_words_t *ret_words);
