//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/run_env.h"

#include "common/base/path.h"
#include "runner/sandbox/engine.h"
#include "runner/sandbox/sandbox.h"
#include "worker/keeper/secrets.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

//  Whole seconds, rounded up so that they are never less than the deadline.
static int64_t
s_seconds (int64_t ms)
{
    return (ms + 999) / 1000;
}

void
run_arguments (const run_spec_t *spec, words_t *ret_words)
{
    words_t words = {0};
    const char *dir = spec->workspace;
    words_add (&words, "%s/triage-run", spec->program_dir);
    words_flag (&words, "--workspace", dir);
    words_add (&words, "--timeout-ms");
    words_add (&words, "%" PRId64, spec->timeout_ms);
    words_add (&words, "--grace-ms");
    words_add (&words, "%" PRId64, spec->settings->agent_kill_grace_ms);
    words_add (&words, "--stdout");
    words_add (&words, "%s/logs/agent.stdout.log", dir);
    words_add (&words, "--stderr");
    words_add (&words, "%s/logs/agent.stderr.log", dir);
    words_add (&words, "--result");
    words_add (&words, "%s/" RUN_RESULT_FILE, dir);
    if (spec->box->runtime [0])
        sandbox_words (&spec->box->sandbox, &words);
    words_add (&words, "--");
    words_add (&words, "%s", spec->script);
    words_flag (&words, "--workspace", dir);
    words_flag (&words, "--agent", settings_agent (spec->settings));
    words_flag (&words, "--model", spec->model);
    words_flag (&words, "--allowed-tools", spec->allowed_tools);
    words_add (&words, "--timeout");
    words_add (&words, "%" PRId64, s_seconds (spec->timeout_ms));
    words_add (&words, "--prompt-file");
    words_add (&words, "%s/logs/prompt.md", dir);
    words_add (&words, "--system-prompt-file");
    words_add (&words, "%s/system-prompt.md", dir);
    if (spec->box->kubeconfig [0])
        words_flag (&words, "--kubeconfig", spec->box->kubeconfig);
    words_flag (&words, "--runtime", spec->box->runtime);
    *ret_words = words;
}

static bool
s_has (const words_t *words, const char *name, size_t size)
{
    for (size_t i = 0; i < words->count; i++)
        if (strncmp (words->items [i], name, size) == 0 && words->items [i][size] == '=')
            return true;
    return false;
}

static void
s_variable (words_t *words, const char *name, const char *value)
{
    if (value && *value)
        words_add (words, "%s=%s", name, value);
}

//  Add a variable that agent_env names.  A provider's key may come from a file, so the settings go
//  before the environment.
static void
s_named_variable (const settings_t *settings, words_t *words, const char *name)
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
        words_add (words, "%s=%.*s", name, (int) size, value);
}

//  Add the agent's own keys, its driver's among them, and the addresses of providers.
static void
s_providers (const settings_t *settings, const char *key_env, words_t *words)
{
    const char *agent = settings_agent (settings);
    for (const conf_option_t *key = settings_next_key (NULL); key; key = settings_next_key (key))
        if (settings_key_of (key, agent) || strcmp (key->env, key_env) == 0)
            s_variable (words, key->env, *settings_key_at (settings, key));
    s_variable (words, "ANTHROPIC_BASE_URL", settings->anthropic_base_url);
    s_variable (words, "OPENAI_BASE_URL", settings->openai_base_url);
    s_variable (words, "GOOGLE_GEMINI_BASE_URL", settings->gemini_base_url);
}

//  Add what leads to the gateway: its token in place of a key, and its address.
static void
s_gateway (const box_t *box, words_t *words)
{
    if (box->token [0]) {
        s_variable (words, box->key_env, box->token);
        if (box->base_url_env [0])
            words_add (words, "%s=http://127.0.0.1:%u", box->base_url_env, box->port);
    }
    const char *user = box->pass [0] ? "run:" : "", *at = box->pass [0] ? "@" : "";
    words_add (words, "https_proxy=http://%s%s%s127.0.0.1:%u", user, box->pass, at, box->port);
    words_add (words, "HTTPS_PROXY=http://%s%s%s127.0.0.1:%u", user, box->pass, at, box->port);
    words_add (words, "no_proxy=127.0.0.1,localhost,::1");
    words_add (words, "NO_PROXY=127.0.0.1,localhost,::1");
}

//  Add the options of the agent's CLI.
static void
s_options (const settings_t *settings, words_t *words)
{
    if (settings->agent_max_turns > 0)
        words_add (words, "AGENT_MAX_TURNS=%" PRId64, settings->agent_max_turns);
    if (settings->agent_max_budget_usd > 0)
        words_add (words, "AGENT_MAX_BUDGET_USD=%" PRId64 ".%06d",
                   settings->agent_max_budget_usd / 1000000,
                   (int) (settings->agent_max_budget_usd % 1000000));
    s_variable (words, "AGENT_ARGS", settings->agent_args);
    char path [PATH_MAX];
    if (*settings->agent_mcp_config)
        s_variable (words, "AGENT_MCP_CONFIG", path_absolute (settings->agent_mcp_config, path));
    if (*settings->agent_skills_dir)
        s_variable (words, "AGENT_SKILLS_DIR", path_absolute (settings->agent_skills_dir, path));
    if (*settings->agent_drivers_dir)
        s_variable (words, "AGENT_DRIVERS_DIR", path_absolute (settings->agent_drivers_dir, path));
}

//  Add what every script gets; proxies of the host only where it has the host's network.
static void
s_common (const char *program_dir, bool proxies, words_t *words)
{
    const char *path = getenv ("PATH");
    words_add (words, "PATH=%s:%s", program_dir, path && *path ? path : "/usr/bin:/bin");
    for (const char *const *name = settings_inherited; *name; name++)
        if (proxies || !strcasestr (*name, "_proxy"))
            s_variable (words, *name, getenv (*name));
}

//  Add the variables that agent_env names.  It cannot replace one that the contract sets.
static void
s_named (const settings_t *settings, words_t *words)
{
    char name [SECRETS_NAME];
    for (const char *at = settings->agent_env; secrets_next_name (&at, name);)
        if (!s_has (words, name, strlen (name)))
            s_named_variable (settings, words, name);
}

void
run_environment (const run_spec_t *spec, words_t *ret_words)
{
    words_t words = {0};
    const box_t *box = spec->box;
    s_common (spec->program_dir, box->port == 0, &words);
    words_add (&words, "WORKSPACE_DIR=%s", spec->workspace);
    s_variable (&words, "AGENT_CLI", settings_agent (spec->settings));
    s_variable (&words, "LLM_MODEL", spec->model);
    s_variable (&words, "AGENT_ALLOWED_TOOLS", spec->allowed_tools);
    words_add (&words, "CONTAINER_TIMEOUT=%" PRId64, s_seconds (spec->timeout_ms));
    words_add (&words, "PROMPT_FILE=%s/logs/prompt.md", spec->workspace);
    words_add (&words, "SYSTEM_PROMPT_FILE=%s/system-prompt.md", spec->workspace);
    s_variable (&words, "KUBECONFIG", box->kubeconfig);
    s_variable (&words, "AGENT_RUNTIME", box->runtime);
    s_variable (&words, "AGENT_IMAGE", spec->settings->agent_image);
    s_variable (&words, "INCIDENT_ID", spec->incident);
    words_add (&words, "ATTEMPT=%" PRId64, spec->attempt);
    s_variable (&words, "AGENT_RESUME", spec->resume ? "1" : "");
    if (box->port)
        s_gateway (box, &words);
    if (!box->token [0])
        s_providers (spec->settings, box->key_env, &words);
    s_options (spec->settings, &words);
    if (box->engine)
        engine_environment (&words); //  for its program; none of them reaches the agent
    s_named (spec->settings, &words);
    *ret_words = words;
}

const char *
run_env_named (const settings_t *settings, const char *variable)
{
    char name [SECRETS_NAME];
    size_t size = 0;
    for (const char *at = settings->agent_env; secrets_next_name (&at, name);)
        if (strcmp (name, variable) == 0)
            return secrets_variable (name, &size);
    return NULL;
}

void
run_env_describe (const settings_t *settings, const char *program_dir, words_t *ret_words)
{
    words_t words = {0};
    char name [SECRETS_NAME];
    s_common (program_dir, true, &words);
    s_options (settings, &words);
    for (const char *at = settings->agent_env; secrets_next_name (&at, name);)
        if (!s_has (&words, name, strlen (name)) && !secrets_is_name (name, strlen (name)))
            s_named_variable (settings, &words, name);
    *ret_words = words;
}
