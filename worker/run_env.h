//  run_env - arguments and environment of an agent script, exactly as the contract has them.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/redact.h"
#include "worker/run.h"

enum { RUN_WORDS = 64 }; //  at most so many arguments or variables

//  Words that end with NULL.  Own: each word is on the heap, run_words_fini frees them and wipes secrets.
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
//  What an agent may get that must not travel in its files: provider keys, and what agent_env passes on under
//  a name with KEY, TOKEN, SECRET or PASSWORD in it.  Own: borrowed from settings and environment.
void
run_secrets (const settings_t *settings, redact_t *ret_secrets);
//  The clean environment.
void
run_environment (const run_spec_t *spec, run_words_t *ret_words);
