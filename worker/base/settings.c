//  SPDX-License-Identifier: Apache-2.0
#include "worker/base/settings.h"

#include "common/base/limits.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const conf_option_t s_cluster_rows [] = {
    {.key = "name",
     .type = CONF_TEXT,
     .offset = offsetof (settings_cluster_t, name),
     .max = LIMIT_CLUSTER_BYTES,
     .flags = CONF_REQUIRED | CONF_UNIQUE,
     .help = "Name of the cluster, as the broker's configuration has it."},
    {.key = "kubeconfig",
     .type = CONF_TEXT,
     .offset = offsetof (settings_cluster_t, kubeconfig),
     .help = "Kubeconfig file that agents get for incidents of this cluster."},
    {0}};

#define AT(member) .offset = offsetof (settings_t, member)

static const conf_option_t s_rows [] = {
    CONF_COMMON_ROWS (settings_t, common),
    {.key = "broker_endpoint",
     .type = CONF_TEXT,
     AT (broker_endpoint),
     .env = "TRIAGE_BROKER_ENDPOINT",
     .fallback = "tcp://127.0.0.1:5570",
     .flags = CONF_ENDPOINT,
     .help = "The broker's address for workers (its work_endpoint)."},
    {.key = "broker_files_endpoint",
     .type = CONF_TEXT,
     AT (broker_files_endpoint),
     .env = "TRIAGE_BROKER_FILES_ENDPOINT",
     .fallback = "tcp://127.0.0.1:5573",
     .flags = CONF_ENDPOINT,
     .help = "The broker's address for files (its files_endpoint)."},
    {.key = "worker_name",
     .type = CONF_TEXT,
     AT (worker_name),
     .env = "TRIAGE_WORKER_NAME",
     .help = "Name of this worker in lists, and of its folder.  Unset: the host name."},
    {.key = "keys_dir",
     .type = CONF_TEXT,
     AT (keys_dir),
     .env = "TRIAGE_KEYS_DIR",
     .fallback = "./keys",
     .help = "Folder of this worker's encryption keys (CURVE).  Without it only local addresses "
             "may be used."},
    {.key = "workspace_root",
     .type = CONF_TEXT,
     AT (workspace_root),
     .env = "WORKSPACE_ROOT",
     .fallback = "./workspace",
     .help = "Working folder: what agents write, and reports that are not uploaded yet.  Each "
             "worker has a folder in it."},
    {.key = "agent_script_path",
     .type = CONF_TEXT,
     AT (agent_script_path),
     .env = "AGENT_SCRIPT_PATH",
     .alias = "script-path",
     .fallback = SETTINGS_SCRIPT,
     .help = "Program that runs one agent.  Without a file of the default name the installed "
             "run-agent.sh is used."},
    {.key = "agent_cli",
     .type = CONF_TEXT,
     AT (agent_cli),
     .env = "AGENT_CLI",
     .max = LIMIT_AGENT_BYTES,
     .help = "Which agent runs: the name of a driver, a file in the folder drivers beside "
             "run-agent.sh or in agent_drivers_dir.  Unset: claude when its key is set, else "
             "playbook."},
    {.key = "agent_model",
     .type = CONF_TEXT,
     AT (agent_model),
     .max = LIMIT_MODEL_BYTES,
     .env = "AGENT_MODEL",
     .help = "Model of this worker's agents.  Unset: the broker's agent_models or agent_model, "
             "else the driver's own."},
    {.key = "agent_image",
     .type = CONF_TEXT,
     AT (agent_image),
     .env = "AGENT_IMAGE",
     .fallback = "k8s-triage-agent:latest",
     .help = "Image of the containers that podman and docker run; it is never pulled."},
    {.key = "agent_runtime",
     .type = CONF_TEXT,
     AT (agent_runtime),
     .env = "AGENT_RUNTIME",
     .fallback = "auto",
     .choices = "auto|docker|podman|bwrap|landlock|none",
     .help = "What encloses an agent.  auto: the first of podman, docker, bwrap and landlock "
             "that holds here, and none only for playbook.  none holds nothing."},
    {.key = "agent_network",
     .type = CONF_TEXT,
     AT (agent_network),
     .env = "AGENT_NETWORK",
     .fallback = "gateway",
     .choices = "gateway|proxy|host",
     .help = "What an agent reaches.  gateway: its provider without its key, and the API "
             "server.  proxy: the same hosts, with its key.  host: all that the host "
             "reaches."},
    {.key = "agent_memory",
     .type = CONF_SIZE,
     AT (agent_memory),
     .env = "AGENT_MEMORY",
     .fallback = "2GiB",
     .min = LIMIT_MIB (16),
     .max = INT64_C (1) << 44,
     .help = "Memory that one agent may use."},
    {.key = "agent_cpus",
     .type = CONF_DECIMAL,
     AT (agent_cpus),
     .env = "AGENT_CPUS",
     .fallback = "2",
     .min = 10 * 1000,
     .max = INT64_C (4096) * 1000 * 1000,
     .help = "CPUs that one agent may use."},
    {.key = "agent_pids",
     .type = CONF_INT,
     AT (agent_pids),
     .env = "AGENT_PIDS",
     .fallback = "256",
     .min = 16,
     .max = 1 << 20,
     .help = "Processes and threads that one agent may have at the same time."},
    {.key = "agent_disk",
     .type = CONF_SIZE,
     AT (agent_disk),
     .env = "AGENT_DISK",
     .fallback = "1GiB",
     .min = LIMIT_MIB (1),
     .max = INT64_C (1) << 44,
     .help = "Bytes that one agent may write."},
    {.key = "agent_files",
     .type = CONF_INT,
     AT (agent_files),
     .env = "AGENT_FILES",
     .fallback = "16384",
     .min = 64,
     .max = 1 << 24,
     .help = "Files and folders that one agent may make."},
    {.key = "agent_user",
     .type = CONF_TEXT,
     AT (agent_user),
     .env = "AGENT_USER",
     .help = "User of the agents of a worker that is root, a name or UID:GID.  Unset: "
             "nobody."},
    {.key = "agent_read_paths",
     .type = CONF_TEXT,
     AT (agent_read_paths),
     .env = "AGENT_READ_PATHS",
     .help = "More files and folders that agents may read, separated by colons."},
    {.key = "agent_allowed_hosts",
     .type = CONF_TEXT,
     AT (agent_allowed_hosts),
     .env = "AGENT_ALLOWED_HOSTS",
     .help = "More hosts that agents may reach, separated by commas: HOST, HOST:PORT or "
             "*.DOMAIN.  Port 443 where none is named."},
    {.key = "agent_max_turns",
     .type = CONF_INT,
     AT (agent_max_turns),
     .env = "AGENT_MAX_TURNS",
     .fallback = "0",
     .min = 0,
     .max = 100000,
     .help = "Turns of one run, where the CLI counts them: claude, gemini, qwen, goose.  A "
             "resumed run has as many again.  0: no limit."},
    {.key = "agent_max_budget_usd",
     .type = CONF_DECIMAL,
     AT (agent_max_budget_usd),
     .env = "AGENT_MAX_BUDGET_USD",
     .fallback = "0",
     .min = 0,
     .max = INT64_C (1000000) * 1000 * 1000,
     .help = "Dollars that one run may cost.  Less than the price of one full answer lets no "
             "call through.  0: no limit."},
    {.key = "agent_args",
     .type = CONF_TEXT,
     AT (agent_args),
     .env = "AGENT_ARGS",
     .max = LIMIT_KIB (4),
     .help = "More arguments for the program of the agent.  Quotes and backslashes work as in "
             "a shell."},
    {.key = "agent_mcp_config",
     .type = CONF_TEXT,
     AT (agent_mcp_config),
     .env = "AGENT_MCP_CONFIG",
     .help = "File that names the MCP servers of the agent, as Claude Code writes it."},
    {.key = "agent_skills_dir",
     .type = CONF_TEXT,
     AT (agent_skills_dir),
     .env = "AGENT_SKILLS_DIR",
     .help = "Folder of skills: each is a folder with a file SKILL.md."},
    {.key = "agent_drivers_dir",
     .type = CONF_TEXT,
     AT (agent_drivers_dir),
     .env = "AGENT_DRIVERS_DIR",
     .help = "Folder of drivers of your own: NAME.sh is that of agent_cli NAME."},
    {.key = "agent_timeout",
     .type = CONF_DURATION,
     AT (agent_timeout_ms),
     .env = "AGENT_TIMEOUT",
     .fallback = "0",
     .min = 0,
     .max = LIMIT_AGENT_TIMEOUT_MS,
     .help = "How long one run may take on this worker.  0: as the broker says."},
    {.key = "max_concurrent_agents",
     .type = CONF_INT,
     AT (max_concurrent_agents),
     .env = "MAX_CONCURRENT_AGENTS",
     .fallback = "1",
     .min = 1,
     .max = LIMIT_SLOTS,
     .help = "Agents that run at the same time."},
    {.key = "agent_env",
     .type = CONF_TEXT,
     AT (agent_env),
     .env = "AGENT_ENV",
     .help = "Names of environment variables that agents get, separated by commas."},
    {.key = "agent_kill_grace",
     .type = CONF_DURATION,
     AT (agent_kill_grace_ms),
     .env = "AGENT_KILL_GRACE",
     .fallback = "10s",
     .min = 100,
     .max = 600 * 1000,
     .help = "Time that an agent gets between SIGTERM and SIGKILL."},
    {.key = "agent_start_interval",
     .type = CONF_DURATION,
     AT (agent_start_interval_ms),
     .env = "AGENT_START_INTERVAL",
     .fallback = "0",
     .min = 0,
     .max = 3600 * 1000,
     .help = "Shortest time between two starts of agents."},
    {.key = "clusters",
     .type = CONF_TABLE,
     AT (clusters),
     .rows = s_cluster_rows,
     .item_size = sizeof (settings_cluster_t),
     .item_max = LIMIT_CLUSTERS,
     .help = "Clusters that agents of this worker may look at.  For other clusters they get no "
             "kubeconfig."},
    {.key = "kubeconfig",
     .type = CONF_TEXT,
     AT (kubeconfig),
     .env = "KUBECONFIG",
     .help = "Kubeconfig file for all clusters.  Where clusters are listed: for those of them "
             "without their own."},
    {.key = "anthropic_api_key",
     .type = CONF_TEXT,
     AT (anthropic_api_key),
     .env = "ANTHROPIC_API_KEY",
     .flags = CONF_SECRET | CONF_RELOAD,
     .owner = "claude",
     .help = "Key for claude."},
    {.key = "openai_api_key",
     .type = CONF_TEXT,
     AT (openai_api_key),
     .env = "OPENAI_API_KEY",
     .flags = CONF_SECRET | CONF_RELOAD,
     .owner = "codex,opencode,qwen",
     .help = "Key for codex, opencode, qwen and goose."},
    {.key = "gemini_api_key",
     .type = CONF_TEXT,
     AT (gemini_api_key),
     .env = "GEMINI_API_KEY",
     .flags = CONF_SECRET | CONF_RELOAD,
     .owner = "gemini",
     .help = "Key for gemini."},
    {.key = "google_api_key",
     .type = CONF_TEXT,
     AT (google_api_key),
     .env = "GOOGLE_API_KEY",
     .flags = CONF_SECRET | CONF_RELOAD,
     .owner = "gemini",
     .help = "Key for gemini."},
    {.key = "anthropic_base_url",
     .type = CONF_TEXT,
     AT (anthropic_base_url),
     .env = "ANTHROPIC_BASE_URL",
     .flags = CONF_URL,
     .help = "Address of the provider that takes ANTHROPIC_API_KEY, without /v1.  Unset: "
             "https://api.anthropic.com."},
    {.key = "openai_base_url",
     .type = CONF_TEXT,
     AT (openai_base_url),
     .env = "OPENAI_BASE_URL",
     .flags = CONF_URL,
     .help = "Address of the provider that takes OPENAI_API_KEY, with /v1.  Unset: "
             "https://api.openai.com/v1."},
    {.key = "gemini_base_url",
     .type = CONF_TEXT,
     AT (gemini_base_url),
     .env = "GOOGLE_GEMINI_BASE_URL",
     .flags = CONF_URL,
     .help = "Address of the provider that takes GEMINI_API_KEY, without /v1beta.  Unset: "
             "https://generativelanguage.googleapis.com."},
    {.key = "shutdown_timeout",
     .type = CONF_DURATION,
     AT (shutdown_timeout_ms),
     .env = "SHUTDOWN_TIMEOUT",
     .env_alias = "SHUTDOWN_TIMEOUT_SECONDS",
     .fallback = "30s",
     .min = 0,
     .max = 24LL * 3600 * 1000,
     .help = "Time that running agents get after SIGTERM."},
    {0}};

const conf_spec_t settings_spec = {
    .program = "triage-worker",
    .summary = "Run agents for incidents that the broker assigns.",
    .examples = "triage-worker\n"
                "AGENT_CLI=playbook triage-worker --max-concurrent-agents 4\n"
                "triage-worker --check-agent\n"
                "triage-worker --config configs/worker.yaml --print-config\n",
    .commands = "--check-agent    look if agents can run here, call the provider once, and end\n"
                "--list-runtimes  try out each runtime, and list what it holds and what not\n",
    .rows = s_rows,
    .settings_size = sizeof (settings_t),
    .reloads = true};

const char *const settings_inherited [] = {
    "LANG", "TZ",
    //  where certificate authorities are
    "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE",
    "CODEX_CA_CERTIFICATE", "REQUESTS_CA_BUNDLE",
    //  proxies
    "http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    "ALL_PROXY", NULL};

const conf_option_t *
settings_next_key (const conf_option_t *key)
{
    for (key = key ? key + 1 : s_rows; key->key; key++)
        if (key->flags & CONF_SECRET) {
            assert (key->owner && key->env);
            return key;
        }
    return NULL;
}

bool
settings_key_of (const conf_option_t *key, const char *agent)
{
    const size_t size = strlen (agent);
    for (const char *at = key->owner; *at; at += strspn (at, ",")) {
        const size_t length = strcspn (at, ",");
        if (length == size && memcmp (at, agent, size) == 0)
            return true;
        at += length;
    }
    return false;
}

const char *const *
settings_key_at (const settings_t *self, const conf_option_t *key)
{
    assert (key->type == CONF_TEXT && (key->flags & CONF_SECRET));
    return (const void *) ((const char *) self + key->offset);
}

bool
settings_same_keys (const settings_t *a, const settings_t *b)
{
    const conf_option_t *key = settings_next_key (NULL);
    while (key && strcmp (*settings_key_at (a, key), *settings_key_at (b, key)) == 0)
        key = settings_next_key (key);
    return !key;
}

const char *
settings_agent (const settings_t *self)
{
    if (*self->agent_cli)
        return self->agent_cli;
    return *self->anthropic_api_key ? "claude" : "playbook";
}

bool
settings_is_ours (const char *script)
{
    const char *slash = strrchr (script, '/');
    return strcmp (slash ? slash + 1 : script, "run-agent.sh") == 0;
}

const char *
settings_author (const settings_t *self)
{
    const char *agent = settings_agent (self);
    const bool unnamed = !*self->agent_cli && strcmp (agent, "playbook") == 0;
    return unnamed && !settings_is_ours (self->agent_script_path) ? "custom" : agent;
}

const char *
settings_kubeconfig (const settings_t *self, const char *cluster)
{
    const settings_cluster_t *items = self->clusters.items;
    for (size_t i = 0; i < self->clusters.count; i++)
        if (strcmp (items [i].name, cluster) == 0)
            return *items [i].kubeconfig ? items [i].kubeconfig : self->kubeconfig;
    return self->clusters.count > 0 ? "" : self->kubeconfig;
}

bool
settings_next_path (const char **at_p, char ret_path [PATH_MAX])
{
    *at_p += strspn (*at_p, ":");
    const size_t size = strcspn (*at_p, ":");
    //  A longer path cannot be opened anyway.
    snprintf (ret_path, PATH_MAX, "%.*s", (int) size, *at_p);
    *at_p += size;
    return size > 0;
}
