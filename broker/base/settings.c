//  SPDX-License-Identifier: Apache-2.0
#include "broker/base/settings.h"

#include "broker/base/builtin.h"
#include "common/base/failpoint.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { S_SECOND = 1000, S_MINUTE = 60 * S_SECOND, S_HOUR = 60 * S_MINUTE };
#define S_DAY ((int64_t) 24 * S_HOUR)

//  The first three are the names of enum fault_severity; the others are mapped to one of them.
#define S_SEVERITIES "info|warning|critical|debug|notice|error|alert|emergency"
static const enum fault_severity s_severities [] = {
    FAULT_INFO, FAULT_WARNING, FAULT_CRITICAL, FAULT_INFO,
    FAULT_INFO, FAULT_WARNING, FAULT_CRITICAL, FAULT_CRITICAL,
};

#define ITEM(member) .offset = offsetof (settings_cluster_t, member)
static const conf_option_t s_cluster_rows [] = {
    {.key = "name",
     .type = CONF_TEXT,
     ITEM (name),
     .max = LIMIT_CLUSTER_BYTES,
     .flags = CONF_REQUIRED | CONF_UNIQUE,
     .help =
         "Name of the cluster in incidents, reports and the stream; wins over the event's own."},
    {.key = "mcp.endpoint",
     .type = CONF_TEXT,
     ITEM (mcp_endpoint),
     .flags = CONF_URL,
     .help = "URL of the cluster's MCP server; without one its events come by ingest only."},
    {.key = "mcp.token_file",
     .type = CONF_TEXT,
     ITEM (mcp_token_file),
     .help = "File with the bearer token for that MCP server."},
    {.key = "mcp.mode",
     .type = CONF_ENUM,
     ITEM (mcp_mode),
     .fallback = "default",
     .choices = "default|faults|events",
     .help = "What to subscribe to there; default means subscribe_mode."},
    {.key = "triage.enabled",
     .type = CONF_BOOL,
     ITEM (triage_enabled),
     .fallback = "true",
     .help = "Investigate this cluster's faults; false records them only."},
    {.key = "labels",
     .type = CONF_MAP,
     ITEM (labels),
     .item_max = LIMIT_LABELS,
     .help = "Up to 16 texts that tell agents and readers what it is, such as env: prod."},
    {0},
};

#define MODELS(member) .offset = offsetof (settings_models_t, member)
static const conf_option_t s_models_rows [] = {
    {.key = "agent",
     .type = CONF_TEXT,
     MODELS (agent),
     .max = LIMIT_AGENT_BYTES,
     .help = "Name of the agent CLI."},
    {.key = "default",
     .type = CONF_TEXT,
     MODELS (fallback),
     .max = LIMIT_MODEL_BYTES,
     .help = "Model of this CLI for every severity that has none of its own."},
    {.key = "info",
     .type = CONF_TEXT,
     MODELS (by_severity [FAULT_INFO]),
     .max = LIMIT_MODEL_BYTES,
     .help = "Model for incidents of severity info."},
    {.key = "warning",
     .type = CONF_TEXT,
     MODELS (by_severity [FAULT_WARNING]),
     .max = LIMIT_MODEL_BYTES,
     .help = "Model for incidents of severity warning."},
    {.key = "critical",
     .type = CONF_TEXT,
     MODELS (by_severity [FAULT_CRITICAL]),
     .max = LIMIT_MODEL_BYTES,
     .help = "Model for incidents of severity critical."},
    {0},
};

#define AT(member) .offset = offsetof (settings_t, member)
static const conf_option_t s_rows [] = {
    CONF_COMMON_ROWS (settings_t, common),
    {.key = "k8s_cluster_mcp_endpoint",
     .type = CONF_TEXT,
     AT (mcp_endpoint),
     .env = "K8S_CLUSTER_MCP_ENDPOINT",
     .alias = "mcp-endpoint",
     .flags = CONF_URL | CONF_RELOAD,
     .help = "MCP server of one cluster.  A bare http://host:port means its path /mcp.  For "
             "several clusters use clusters."},
    {.key = "clusters",
     .type = CONF_TABLE,
     AT (clusters),
     .rows = s_cluster_rows,
     .item_size = sizeof (settings_cluster_t),
     .item_max = LIMIT_CLUSTERS - 1,
     .flags = CONF_RELOAD,
     .help = "The clusters whose fault events are read."},
    {.key = "workspace_root",
     .type = CONF_TEXT,
     AT (workspace_root),
     .env = "WORKSPACE_ROOT",
     .fallback = "./incidents",
     .help = "Folder for reports and logs.  Each incident has a folder in it."},
    {.key = "state_path",
     .type = CONF_TEXT,
     AT (state_path),
     .env = "TRIAGE_STATE_PATH",
     .fallback = "./state/broker.db",
     .help = "The broker's database file."},
    {.key = "keys_dir",
     .type = CONF_TEXT,
     AT (keys_dir),
     .env = "TRIAGE_KEYS_DIR",
     .fallback = "./keys",
     .help = "Folder of the broker's encryption keys (CURVE).  Without it only local addresses may "
             "be used."},
    {.key = "work_endpoint",
     .type = CONF_TEXT,
     AT (work_endpoint),
     .env = "TRIAGE_WORK_ENDPOINT",
     .fallback = "tcp://127.0.0.1:5570",
     .flags = CONF_ENDPOINT,
     .help = "Address for workers.  Port 0 takes a free one."},
    {.key = "stream_endpoint",
     .type = CONF_TEXT,
     AT (stream_endpoint),
     .env = "TRIAGE_STREAM_ENDPOINT",
     .fallback = "tcp://127.0.0.1:5571",
     .flags = CONF_ENDPOINT,
     .help = "Address for taps, which watch the event stream."},
    {.key = "ingest_endpoint",
     .type = CONF_TEXT,
     AT (ingest_endpoint),
     .env = "TRIAGE_INGEST_ENDPOINT",
     .fallback = "tcp://127.0.0.1:5572",
     .flags = CONF_ENDPOINT,
     .help = "Address for publishers, which send fault events."},
    {.key = "files_endpoint",
     .type = CONF_TEXT,
     AT (files_endpoint),
     .env = "TRIAGE_FILES_ENDPOINT",
     .fallback = "tcp://127.0.0.1:5573",
     .flags = CONF_ENDPOINT,
     .help = "Address where workers fetch prompts and upload reports."},
    {.key = "admin_listen",
     .type = CONF_TEXT,
     AT (admin_listen),
     .env = "TRIAGE_ADMIN_LISTEN",
     .fallback = "127.0.0.1:5580",
     .flags = CONF_LISTEN,
     .help = "Address for HTTP: health, metrics and the API."},
    {.key = "admin_token_file",
     .type = CONF_TEXT,
     AT (admin_token_file),
     .env = "TRIAGE_ADMIN_TOKEN_FILE",
     .fallback = "",
     .help = "File of the token that commands need.  It is made when it is missing.  Empty: "
             "admin.token beside state_path."},
    {.key = "agent_system_prompt_file",
     .type = CONF_TEXT,
     AT (agent_system_prompt_file),
     .env = "AGENT_SYSTEM_PROMPT_FILE",
     .fallback = BUILTIN_PROMPT_PATH,
     .flags = CONF_RELOAD,
     .help = "System prompt of every investigation.  Workers get it from the broker.  Without a "
             "file of the default name the built-in one is used."},
    {.key = "agent_allowed_tools",
     .type = CONF_TEXT,
     AT (agent_allowed_tools),
     .max = LIMIT_TOOLS_BYTES,
     .env = "AGENT_ALLOWED_TOOLS",
     .fallback = "Read,Write,Grep,Glob,Bash,Skill",
     .flags = CONF_RELOAD,
     .help = "Tools that agents may use.  Workers get the list from the broker."},
    {.key = "agent_model",
     .type = CONF_TEXT,
     AT (agent_model),
     .max = LIMIT_MODEL_BYTES,
     .env = "AGENT_MODEL",
     .fallback = "sonnet",
     .flags = CONF_RELOAD,
     .help =
         "Model for workers with claude or custom that do not set their own, where agent_models "
         "has none."},
    {.key = "agent_models",
     .type = CONF_TABLE,
     AT (agent_models),
     .flags = CONF_KEYED | CONF_RELOAD,
     .rows = s_models_rows,
     .item_size = sizeof (settings_models_t),
     .item_max = LIMIT_AGENTS,
     .help =
         "Models by agent CLI and severity, such as claude: {default: sonnet, critical: opus}."},
    {.key = "agent_timeout",
     .type = CONF_DURATION,
     AT (agent_timeout_ms),
     .env = "AGENT_TIMEOUT",
     .fallback = "300",
     .min = S_SECOND,
     .max = S_DAY,
     .flags = CONF_RELOAD,
     .help = "How long one run of an agent may take."},
    {.key = "agent_attempts",
     .type = CONF_INT,
     AT (agent_attempts),
     .env = "AGENT_ATTEMPTS",
     .fallback = "1",
     .min = 1,
     .max = 10,
     .flags = CONF_RELOAD,
     .help = "How often agents may fail before the incident ends as agent_failed."},
    {.key = "max_deliveries",
     .type = CONF_INT,
     AT (max_deliveries),
     .env = "TRIAGE_MAX_DELIVERIES",
     .fallback = "3",
     .min = 1,
     .max = LIMIT_ATTEMPTS,
     .flags = CONF_RELOAD,
     .help = "How often an incident's worker may be lost before the incident ends as failed."},
    {.key = "give_back_for",
     .type = CONF_DURATION,
     AT (give_back_for_ms),
     .env = "TRIAGE_GIVE_BACK_FOR",
     .fallback = "1h",
     .max = 7 * S_DAY,
     .flags = CONF_RELOAD,
     .help = "How long an incident is tried again after its provider was busy or failed, or a "
             "worker's key or quota did.  Such runs use up no attempt.  After this time since the "
             "first of them it ends as agent_failed.  0: it ends at once."},
    {.key = "lease_ttl",
     .type = CONF_DURATION,
     AT (lease_ttl_ms),
     .env = "TRIAGE_LEASE_TTL",
     .fallback = "60s",
     .min = 300,
     .max = S_HOUR,
     .flags = CONF_RELOAD,
     .help = "An attempt that its worker does not confirm for this long goes to another worker.  "
             "ACCEPT, STARTED and PROGRESS confirm it, PING does not."},
    {.key = "reconnect_grace",
     .type = CONF_DURATION,
     AT (reconnect_grace_ms),
     .env = "TRIAGE_RECONNECT_GRACE",
     .fallback = "45s",
     .min = 100,
     .max = S_HOUR,
     .flags = CONF_RELOAD,
     .help =
         "How long workers have to report again after a restart of the broker or a pause of its "
         "machine.  An incident whose workers were lost waits as long before it fails."},
    {.key = "reinvestigate_after",
     .type = CONF_DURATION,
     AT (reinvestigate_after_ms),
     .env = "TRIAGE_REINVESTIGATE_AFTER",
     .fallback = "24h",
     .max = 365 * S_DAY,
     .flags = CONF_RELOAD,
     .help = "A fault that still repeats this long after its report is investigated again."},
    {.key = "dedup_window_seconds",
     .type = CONF_DURATION,
     AT (dedup_window_ms),
     .env = "DEDUP_WINDOW_SECONDS",
     .fallback = "1800",
     .max = 365 * S_DAY,
     .flags = CONF_RELOAD,
     .help = "A fault that is seen again within this time is counted and not investigated again.  "
             "0 turns this off."},
    {.key = "global_queue_size",
     .type = CONF_INT,
     AT (global_queue_size),
     .env = "GLOBAL_QUEUE_SIZE",
     .fallback = "10000",
     .min = 1,
     .max = LIMIT_OPEN_INCIDENTS / 2,
     .flags = CONF_RELOAD,
     .help = "Incidents that may wait for a worker."},
    {.key = "cluster_queue_size",
     .type = CONF_INT,
     AT (cluster_queue_size),
     .env = "CLUSTER_QUEUE_SIZE",
     .fallback = "1000",
     .min = 1,
     .max = LIMIT_OPEN_INCIDENTS / 2,
     .flags = CONF_RELOAD,
     .help = "Incidents of one cluster that may wait for a worker."},
    {.key = "queue_overflow_policy",
     .type = CONF_ENUM,
     AT (queue_overflow_policy),
     .env = "QUEUE_OVERFLOW_POLICY",
     .fallback = "drop",
     .choices = "drop|reject",
     .flags = CONF_RELOAD,
     .help = "When the queue is full: drop an incident of the source with the most, or reject the "
             "new one.  Both are recorded as overflow."},
    {.key = "severity_threshold",
     .type = CONF_ENUM,
     AT (severity_threshold),
     .env = "SEVERITY_THRESHOLD",
     .fallback = "warning",
     .choices = S_SEVERITIES,
     .flags = CONF_RELOAD,
     .help = "Lowest severity that is investigated.  Events below it are only recorded."},
    {.key = "subscribe_mode",
     .type = CONF_ENUM,
     AT (subscribe_mode),
     .env = "SUBSCRIBE_MODE",
     .fallback = "faults",
     .choices = "faults|events",
     .flags = CONF_RELOAD,
     .help =
         "What MCP servers are asked for: the faults that they detect, or all Kubernetes events."},
    {.key = "upload_failed_investigations",
     .type = CONF_BOOL,
     AT (upload_failed_investigations),
     .env = "UPLOAD_FAILED_INVESTIGATIONS",
     .fallback = "false",
     .flags = CONF_RELOAD,
     .help = "Put the files of a failed investigation where those of a report are, too."},
    {.key = "slack_webhook_url",
     .type = CONF_TEXT,
     AT (slack_webhook_url),
     .env = "SLACK_WEBHOOK_URL",
     .flags = CONF_URL | CONF_SECRET | CONF_RELOAD,
     .help = "Slack webhook for reports and alerts.  Empty turns Slack off."},
    {.key = "external_url",
     .type = CONF_TEXT,
     AT (external_url),
     .env = "TRIAGE_EXTERNAL_URL",
     .flags = CONF_URL | CONF_RELOAD,
     .help = "Address at which people reach this broker's HTTP.  Slack messages link to incidents "
             "there."},
    {.key = "notify_on_agent_failure",
     .type = CONF_BOOL,
     AT (notify_on_agent_failure),
     .env = "NOTIFY_ON_AGENT_FAILURE",
     .fallback = "true",
     .flags = CONF_RELOAD,
     .help =
         "Send an alert to Slack when agents fail in a row, and when a report gets through again."},
    {.key = "failure_threshold_for_alert",
     .type = CONF_INT,
     AT (failure_threshold_for_alert),
     .env = "FAILURE_THRESHOLD_FOR_ALERT",
     .fallback = "3",
     .min = 1,
     .max = 1000000,
     .flags = CONF_RELOAD,
     .help = "Incidents in a row without a report that open the circuit breaker."},
    {.key = "breaker_mode",
     .type = CONF_ENUM,
     AT (breaker_mode),
     .env = "TRIAGE_BREAKER_MODE",
     .fallback = "alert",
     .choices = "alert|pause",
     .flags = CONF_RELOAD,
     .help = "What an open circuit breaker does: alert only, or also hold the queue and start "
             "single agents as probes (pause)."},
    {.key = "shutdown_timeout",
     .type = CONF_DURATION,
     AT (shutdown_timeout_ms),
     .env = "SHUTDOWN_TIMEOUT",
     .alias = "shutdown-timeout-seconds",
     .env_alias = "SHUTDOWN_TIMEOUT_SECONDS",
     .fallback = "30",
     .min = S_SECOND,
     .max = S_HOUR,
     .flags = CONF_RELOAD,
     .help = "How long an orderly stop may take after SIGTERM."},
    {.key = "sse_reconnect_initial_backoff",
     .type = CONF_DURATION,
     AT (sse_reconnect_initial_backoff_ms),
     .env = "SSE_RECONNECT_INITIAL_BACKOFF",
     .fallback = "1",
     .min = 10,
     .max = S_HOUR,
     .flags = CONF_RELOAD,
     .help = "First wait before a lost MCP server is tried again."},
    {.key = "sse_reconnect_max_backoff",
     .type = CONF_DURATION,
     AT (sse_reconnect_max_backoff_ms),
     .env = "SSE_RECONNECT_MAX_BACKOFF",
     .fallback = "60",
     .min = 10,
     .max = S_HOUR,
     .flags = CONF_RELOAD,
     .help = "Longest wait before a lost MCP server is tried again."},
    {0},
};

const conf_spec_t settings_spec = {
    .program = "triage-broker",
    .summary = "Keeps Kubernetes fault events safe and hands incidents to workers.",
    .examples = "triage-broker\n"
                "triage-broker --config configs/broker.yaml --check-config\n"
                "K8S_CLUSTER_MCP_ENDPOINT=http://mcp.example.com:8080 triage-broker\n",
    .rows = s_rows,
    .settings_size = sizeof (settings_t),
    .reloads = true,
};

enum fault_severity
settings_threshold (const settings_t *self)
{
    const int severity = self->severity_threshold;
    assert (severity >= 0 && severity < (int) (sizeof s_severities / sizeof s_severities [0]));
    return s_severities [severity];
}

void
settings_step (const settings_t *self, step_settings_t *ret_settings)
{
    assert (self && ret_settings);
    *ret_settings = (step_settings_t){
        .agent_attempts = self->agent_attempts,
        .max_deliveries = self->max_deliveries,
        .give_back_ms = self->give_back_for_ms,
        .lease_ttl_ms = self->lease_ttl_ms,
        .reconnect_grace_ms = self->reconnect_grace_ms,
        .agent_timeout_ms = self->agent_timeout_ms,
        .agent_grace_ms = failpoint_number ("TRIAGE_AGENT_GRACE_MS", LIMIT_AGENT_GRACE_MS),
        .revoke_slack_ms = failpoint_number ("TRIAGE_REVOKE_SLACK_MS", LIMIT_REVOKE_SLACK_MS),
        .dedup_window_ms = self->dedup_window_ms,
        .reinvestigate_after_ms = self->reinvestigate_after_ms,
        .global_queue_size = self->global_queue_size,
        .cluster_queue_size = self->cluster_queue_size,
        .overflow_reject = self->queue_overflow_policy == 1,
        .severity_threshold = settings_threshold (self),
        .failure_threshold = self->failure_threshold_for_alert,
        .breaker_pause = self->breaker_mode == 1,
        .notify_failures = self->notify_on_agent_failure,
        .slack = self->slack_webhook_url [0] != 0,
    };
}

int
settings_prompt (const settings_t *self, buf_t *ret_text, err_diag_t *diag)
{
    assert (self && ret_text);
    const char *path = self->agent_system_prompt_file;
    *ret_text = buf_init (LIMIT_SYSTEM_PROMPT_BYTES);
    //  The files of a mounted ConfigMap are symlinks.
    own (own_mem) char *real = realpath (path, NULL);
    int rc = real ? buf_read_file (ret_text, real) : -errno;
    if (rc == -ENOENT && strcmp (path, BUILTIN_PROMPT_PATH) == 0)
        rc = buf_append (ret_text, builtin_prompt, builtin_prompt_size);
    if (rc >= 0)
        return 0;
    err_diag (diag, "agent_system_prompt_file %s: %s (at most %d bytes)", path, err_str (rc),
              LIMIT_SYSTEM_PROMPT_BYTES);
    buf_fini (ret_text);
    return ERR_CONFIG;
}

static const settings_cluster_t *
s_cluster (const settings_t *self, const char *name)
{
    assert (self && name);
    const settings_cluster_t *items = self->clusters.items;
    for (size_t i = 0; i < self->clusters.count; i++) {
        if (strcmp (items [i].name, name) == 0)
            return &items [i];
    }
    return NULL;
}

bool
settings_triage_enabled (const settings_t *self, const char *cluster)
{
    const settings_cluster_t *found = s_cluster (self, cluster);
    return !found || found->triage_enabled;
}

const conf_table_t *
settings_labels (const settings_t *self, const char *cluster)
{
    const settings_cluster_t *found = s_cluster (self, cluster);
    return found ? &found->labels : NULL;
}

const char *
settings_model (const settings_t *self, const char *agent, enum fault_severity severity)
{
    const settings_models_t *items = self->agent_models.items;
    for (size_t i = 0; i < self->agent_models.count; i++) {
        if (strcmp (items [i].agent, agent) != 0)
            continue;
        const char *model = items [i].by_severity [severity];
        model = *model ? model : items [i].fallback;
        if (*model)
            return model;
    }
    //  Workers before this option did not name their agent.
    const bool any = !*agent || strcmp (agent, "claude") == 0 || strcmp (agent, "custom") == 0;
    return any ? self->agent_model : "";
}

size_t
settings_clusters (const settings_t *self, settings_cluster_t *ret_clusters, size_t max)
{
    assert (self && (ret_clusters || max == 0));
    const settings_cluster_t *items = self->clusters.items;
    size_t count = 0;
    for (size_t i = 0; i < self->clusters.count && count < max; i++) {
        if (items [i].mcp_endpoint [0])
            ret_clusters [count++] = items [i];
    }
    if (self->mcp_endpoint [0] && count < max)
        ret_clusters [count++] = (settings_cluster_t){.name = "",
                                                      .mcp_endpoint = self->mcp_endpoint,
                                                      .mcp_token_file = "",
                                                      .triage_enabled = true};
    return count;
}
