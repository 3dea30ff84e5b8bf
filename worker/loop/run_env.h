//  run_env - the arguments and the environment of an agent script, as docs/agents.md says.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runner/sandbox/words.h"
#include "worker/loop/run.h"

//  The command line of triage-run, followed by that of the script.  Own: free with words_fini.
void
run_arguments (const run_spec_t *spec, words_t *ret_words);
//  The environment; it inherits only the variables that settings name.
void
run_environment (const run_spec_t *spec, words_t *ret_words);
//  The environment of a script that is only asked about the agent: no key is in it.
void
run_env_describe (const settings_t *settings, const char *program_dir, words_t *ret_words);
//  The value of a variable that agent_env passes on; NULL: it does not, or the variable is not set.
//  Own: borrowed from the environment.
const char *
run_env_named (const settings_t *settings, const char *variable);
