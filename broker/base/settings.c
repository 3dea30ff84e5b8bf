//  SPDX-License-Identifier: Apache-2.0
#include "broker/base/settings.h"

#include "broker/base/builtin.h"
#include "broker/base/settings_target.h"
#include "common/base/failpoint.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

//  In the order of the choices of severity_threshold (settings_rows.c).
static const enum fault_severity s_severities [] = {
    FAULT_INFO, FAULT_WARNING, FAULT_CRITICAL, FAULT_INFO,
    FAULT_INFO, FAULT_WARNING, FAULT_CRITICAL, FAULT_CRITICAL,
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
    settings_target_t target = {.kind = SETTINGS_TARGETS};
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
        .revive = self->retry_after_recovery,
        .notify_failures = self->notify_on_agent_failure,
        .pace_ms = failpoint_number ("TRIAGE_MESSAGE_PACE_MS", LIMIT_MESSAGE_PACE_MS),
        .slack = settings_target (self, row_default_receiver, &target),
        .slack_shows = target.kind == SETTINGS_TARGET_BOT,
        .routing = self->routing,
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
