//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/run_env.h"

#include "worker/keeper/secrets.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
run_words_fini (run_words_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        explicit_bzero (self->items [i], strlen (self->items [i]));
        free (self->items [i]);
    }
    *self = (run_words_t){0};
}

__attribute__ ((format (printf, 2, 3))) static void
s_word (run_words_t *self, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start (args, format);
    int size = self->count < RUN_WORDS ? vasprintf (&text, format, args) : ERR_LIMIT;
    va_end (args);
    if (size < 0) {
        self->failed = self->count < RUN_WORDS ? -ENOMEM : ERR_LIMIT;
        return;
    }
    self->items [self->count++] = text;
}

static void
s_flag (run_words_t *self, const char *flag, const char *value)
{
    s_word (self, "%s", flag);
    s_word (self, "%s", value);
}

//  Whole seconds, rounded up so that they are never less than the deadline.
static int64_t
s_seconds (int64_t ms)
{
    return (ms + 999) / 1000;
}

void
run_arguments (const run_spec_t *spec, run_words_t *ret_words)
{
    run_words_t words = {0};
    const char *dir = spec->workspace;
    s_word (&words, "%s/triage-run", spec->program_dir);
    s_flag (&words, "--workspace", dir);
    s_word (&words, "--timeout-ms");
    s_word (&words, "%" PRId64, spec->timeout_ms);
    s_word (&words, "--grace-ms");
    s_word (&words, "%" PRId64, spec->settings->agent_kill_grace_ms);
    s_word (&words, "--stdout");
    s_word (&words, "%s/logs/agent.stdout.log", dir);
    s_word (&words, "--stderr");
    s_word (&words, "%s/logs/agent.stderr.log", dir);
    s_word (&words, "--result");
    s_word (&words, "%s/" RUN_RESULT_FILE, dir);
    if (spec->cgroup)
        s_flag (&words, "--cgroup", spec->cgroup);
    s_word (&words, "--");
    s_word (&words, "%s", spec->script);
    s_flag (&words, "--workspace", dir);
    s_flag (&words, "--agent", settings_agent (spec->settings));
    s_flag (&words, "--model", spec->model);
    s_flag (&words, "--allowed-tools", spec->allowed_tools);
    s_word (&words, "--timeout");
    s_word (&words, "%" PRId64, s_seconds (spec->timeout_ms));
    s_word (&words, "--prompt-file");
    s_word (&words, "%s/logs/prompt.md", dir);
    s_word (&words, "--system-prompt-file");
    s_word (&words, "%s/system-prompt.md", dir);
    if (*spec->kubeconfig)
        s_flag (&words, "--kubeconfig", spec->kubeconfig);
    s_flag (&words, "--runtime", "none");
    *ret_words = words;
}

static bool
s_has (const run_words_t *words, const char *name, size_t size)
{
    for (size_t i = 0; i < words->count; i++)
        if (strncmp (words->items [i], name, size) == 0 && words->items [i][size] == '=')
            return true;
    return false;
}

static void
s_variable (run_words_t *words, const char *name, const char *value)
{
    if (value && *value)
        s_word (words, "%s=%s", name, value);
}

//  Add a variable that agent_env names.  A provider's key may come from a file, so the settings go
//  before the environment.
static void
s_named_variable (const settings_t *settings, run_words_t *words, const char *name)
{
    const conf_option_t *key = settings_next_key (NULL);
    while (key && strcmp (key->env, name) != 0)
        key = settings_next_key (key);
    if (key) {
        s_variable (words, name, *settings_key_at (settings, key));
        return;
    }
    size_t size = 0;
    const char *value = secrets_variable (name, &size);
    if (value)
        s_word (words, "%s=%.*s", name, (int) size, value);
}

//  Add the keys of the agent's own providers.
static void
s_provider_keys (const settings_t *settings, run_words_t *words)
{
    const char *agent = settings_agent (settings);
    for (const conf_option_t *key = settings_next_key (NULL); key; key = settings_next_key (key))
        if (settings_key_of (key, agent))
            s_variable (words, key->env, *settings_key_at (settings, key));
}

//  Add the variables that agent_env names.  It cannot replace one that the contract sets.
static void
s_named (const settings_t *settings, run_words_t *words)
{
    char name [SECRETS_NAME];
    for (const char *at = settings->agent_env; secrets_next_name (&at, name);)
        if (!s_has (words, name, strlen (name)))
            s_named_variable (settings, words, name);
}

void
run_environment (const run_spec_t *spec, run_words_t *ret_words)
{
    run_words_t words = {0};
    const char *path = getenv ("PATH");
    s_word (&words, "PATH=%s:%s", spec->program_dir, path && *path ? path : "/usr/bin:/bin");
    for (const char *const *name = settings_inherited; *name; name++)
        s_variable (&words, *name, getenv (*name));
    s_word (&words, "WORKSPACE_DIR=%s", spec->workspace);
    s_variable (&words, "AGENT_CLI", settings_agent (spec->settings));
    s_variable (&words, "LLM_MODEL", spec->model);
    s_variable (&words, "AGENT_ALLOWED_TOOLS", spec->allowed_tools);
    s_word (&words, "CONTAINER_TIMEOUT=%" PRId64, s_seconds (spec->timeout_ms));
    s_word (&words, "PROMPT_FILE=%s/logs/prompt.md", spec->workspace);
    s_word (&words, "SYSTEM_PROMPT_FILE=%s/system-prompt.md", spec->workspace);
    s_variable (&words, "KUBECONFIG", spec->kubeconfig);
    s_variable (&words, "AGENT_RUNTIME", "none");
    s_variable (&words, "AGENT_IMAGE", spec->settings->agent_image);
    s_variable (&words, "INCIDENT_ID", spec->incident);
    s_word (&words, "ATTEMPT=%" PRId64, spec->attempt);
    s_variable (&words, "AGENT_RESUME", spec->resume ? "1" : "");
    s_provider_keys (spec->settings, &words);
    s_named (spec->settings, &words);
    *ret_words = words;
}
