//  settings - the broker's option table and the struct that it fills.
//
//  The texts and tables of a settings_t belong to its conf_t.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/step.h"
#include "common/base/buf.h"
#include "common/conf/conf.h"

enum { SETTINGS_CHANNEL_BYTES = 32 }; //  id of a Slack channel; Slack's have about 11

typedef struct {
    const char *name;
    const char *mcp_endpoint;
    const char *mcp_token_file;
    int mcp_mode; //  0 the value of subscribe_mode, 1 faults, 2 events
    bool triage_enabled;
    conf_table_t labels; //  conf_pair_t
} settings_cluster_t;

//  The models of one agent CLI; "" = unset.
typedef struct {
    const char *agent;
    const char *fallback;
    const char *by_severity [FAULT_SEVERITIES];
} settings_models_t;

//  Either slack_webhook_url, slack_channel, or webhook_url with webhook_secret; "" = unset.
typedef struct {
    const char *name;
    const char *slack_channel;
    const char *slack_webhook_url, *webhook_url, *webhook_secret; //  secrets
} settings_receiver_t;

//  Patterns as in route_table.h; "" = any.
typedef struct {
    const char *cluster, *namespace_, *severity, *fault_type;
    conf_table_t labels; //  conf_pair_t
    const char *receiver;
    bool goes_on;
} settings_route_t;

typedef struct {
    conf_common_t common;
    const char *mcp_endpoint;
    conf_table_t clusters; //  settings_cluster_t
    const char *workspace_root, *state_path, *keys_dir;
    const char *work_endpoint, *stream_endpoint, *ingest_endpoint, *files_endpoint;
    const char *admin_listen, *admin_token_file;
    const char *agent_system_prompt_file, *agent_allowed_tools, *agent_model;
    conf_table_t agent_models; //  settings_models_t
    int64_t agent_timeout_ms;
    int64_t agent_attempts, max_deliveries, give_back_for_ms;
    int64_t lease_ttl_ms, reconnect_grace_ms, reinvestigate_after_ms;
    int64_t dedup_window_ms;
    int64_t global_queue_size, cluster_queue_size;
    int queue_overflow_policy; //  0 drop, 1 reject
    int severity_threshold;    //  enum fault_severity, via choices
    int subscribe_mode;        //  0 faults, 1 events
    bool upload_failed_investigations;
    int64_t failure_threshold_for_alert;
    int breaker_mode; //  0 alert, 1 pause
    bool retry_after_recovery;
    bool notify_on_agent_failure;
    const char *slack_webhook_url; //  a secret
    const char *slack_bot_token;   //  a secret
    const char *slack_channel, *slack_api_url;
    conf_table_t receivers; //  settings_receiver_t
    conf_table_t routes;    //  settings_route_t
    route_table_t routing;  //  made from both
    const char *external_url, *artifacts_url;
    //  The first and the third are secrets.
    const char *azure_storage_connection_string, *azure_storage_account, *azure_storage_key;
    const char *azure_storage_container;
    int64_t azure_sas_expiry_ms;
    int64_t retain_incidents_ms, retain_bytes; //  0 = for ever, no bound
    bool retain_blobs;                         //  they go with their incident
    int64_t shutdown_timeout_ms;
    int64_t sse_reconnect_initial_backoff_ms, sse_reconnect_max_backoff_ms;
} settings_t;

extern const conf_spec_t settings_spec;

//  The lowest severity that is investigated.
enum fault_severity
settings_threshold (const settings_t *self);
//  The settings of the core.
void
settings_step (const settings_t *self, step_settings_t *ret_settings);
//  Read agent_system_prompt_file, at most LIMIT_SYSTEM_PROMPT_BYTES.
//  Own: ret_text is fresh, and empty on failure.  Err: ERR_CONFIG; diag says why.
int
settings_prompt (const settings_t *self, buf_t *ret_text, err_diag_t *diag) must_check;
//  Are faults of this cluster investigated?
bool
settings_triage_enabled (const settings_t *self, const char *cluster);
//  The labels of this cluster, a table of conf_pair_t; NULL when it is not configured.
//  Own: borrowed.
const conf_table_t *
settings_labels (const settings_t *self, const char *cluster);
//  The model for an incident of this severity on a worker with this agent: that of agent_models,
//  else agent_model for claude and custom.  "" = the CLI's own default.  Own: borrowed.
const char *
settings_model (const settings_t *self, const char *agent, enum fault_severity severity);
//  All MCP sources: the clusters with an endpoint, and mcp_endpoint under the name "".
//  Returns how many were filled, at most max.
size_t
settings_clusters (const settings_t *self, settings_cluster_t *ret_clusters, size_t max);
