//  SPDX-License-Identifier: Apache-2.0
#include "broker/settings_check.h"

#include "broker/admin/admin.h"
#include "broker/admin/admin_token.h"
#include "broker/base/settings_azure.h"
#include "broker/base/settings_target.h"
#include "broker/intake/intake_token.h"
#include "broker/store/store.h"
#include "common/base/buf.h"
#include "common/base/own.h"
#include "common/base/reach.h"
#include "common/wire/curve.h"
#include "common/wire/link.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { S_ENDPOINTS = 4, S_LISTENERS = S_ENDPOINTS + 1 };

//  All addresses that the broker binds.  The last one is for HTTP.
static void
s_listeners (const settings_t *settings, const char *const *ret_at [S_LISTENERS])
{
    const char *const *const all [S_LISTENERS] = {
        &settings->work_endpoint, &settings->stream_endpoint, &settings->ingest_endpoint,
        &settings->files_endpoint, &settings->admin_listen};
    memcpy (ret_at, all, sizeof all);
}

static void
s_keys (const settings_t *settings, conf_check_t *check)
{
    const char *const *at [S_LISTENERS];
    own (curve_wipe) curve_keys_t keys = {0};
    err_diag_t diag = {""};
    int rc = curve_load_broker (settings->keys_dir, &keys, &diag);
    const bool known = rc == 0;
    if (known && keys.enabled)
        rc = curve_zap_check (settings->keys_dir, &diag);
    conf_check_result (check, &settings->keys_dir, rc, &diag);
    s_listeners (settings, at);
    for (size_t i = 0; i < S_ENDPOINTS; i++) {
        diag = (err_diag_t){""};
        rc = link_check_bind (*at [i], known ? &keys : NULL, &diag);
        conf_check_result (check, at [i], rc, &diag);
    }
    diag = (err_diag_t){""};
    rc = admin_check (settings, &diag);
    conf_check_result (check, &settings->admin_listen, rc, &diag);
}

static bool
s_is_any (const char *address)
{
    return *address == '*' || strncmp (address, "0.0.0.0:", 8) == 0;
}

//  Would both bind the same address?
static bool
s_clash (const char *one, const char *other)
{
    if (strncmp (one, "ipc://", 6) == 0)
        return strcmp (one, other) == 0 && strcmp (one, "ipc://*") != 0;
    one += strncmp (one, "tcp://", 6) == 0 ? 6 : 0;
    other += strncmp (other, "tcp://", 6) == 0 ? 6 : 0;
    const char *port = strrchr (one, ':'), *same = strrchr (other, ':');
    if (!port || !same || strcmp (port, same) != 0 || port [1] == '*' || strcmp (port, ":0") == 0)
        return false;
    return strcmp (one, other) == 0 || s_is_any (one) || s_is_any (other);
}

const void *
settings_clash (const settings_t *settings, err_diag_t *diag)
{
    const char *const *at [S_LISTENERS];
    s_listeners (settings, at);
    for (size_t i = 1; i < S_LISTENERS; i++) {
        for (size_t j = 0; j < i; j++) {
            if (!s_clash (*at [j], *at [i]))
                continue;
            err_diag (diag, "%.100s: another option has %.100s", *at [i], *at [j]);
            return at [i];
        }
    }
    return NULL;
}

static void
s_ports (const settings_t *settings, conf_check_t *check)
{
    err_diag_t diag = {""};
    const void *at = settings_clash (settings, &diag);
    if (at)
        conf_check_error (check, at, "%s", diag.text);
}

static void
s_files (const settings_t *settings, conf_check_t *check)
{
    char lock [PATH_MAX];
    own (buf_fini) buf_t prompt = {0};
    err_diag_t diag = {""};
    int rc = reach_folder (settings->workspace_root, true, &diag);
    const int size = snprintf (lock, sizeof lock, "%s/.broker.lock", settings->workspace_root);
    if (rc == 0 && size >= (int) sizeof lock)
        rc = -ENAMETOOLONG;
    if (rc == 0)
        rc = reach_writable (lock, true, &diag);
    conf_check_result (check, &settings->workspace_root, rc, &diag);
    diag = (err_diag_t){""};
    rc = settings_prompt (settings, &prompt, &diag);
    conf_check_result (check, &settings->agent_system_prompt_file, rc, &diag);
    diag = (err_diag_t){""};
    rc = store_look (settings->state_path, &diag);
    conf_check_result (check, &settings->state_path, rc, &diag);
    //  The default token file is beside the store: the error above covers it.
    if (rc < 0 && !*settings->admin_token_file)
        return;
    diag = (err_diag_t){""};
    rc = admin_token_look (settings, &diag);
    conf_check_result (check, &settings->admin_token_file, rc, &diag);
}

//  Here a missing token file is an error.  The start only warns: a Secret may be mounted later,
//  and requests carry no token until then.
static void
s_tokens (const settings_t *settings, conf_check_t *check)
{
    const settings_cluster_t *clusters = settings->clusters.items;
    for (size_t i = 0; i < settings->clusters.count; i++) {
        const settings_cluster_t *cluster = &clusters [i];
        err_diag_t diag = {""};
        if (!*cluster->mcp_endpoint || !*cluster->mcp_token_file)
            continue;
        const int rc = intake_token_check (cluster->mcp_token_file, &diag);
        conf_check_result (check, &cluster->mcp_token_file, rc, &diag);
    }
}

//  The addresses of webhooks are secrets.
static void
s_skipped_receiver (const settings_t *settings, const char *name, conf_check_t *check)
{
    static const char *const what [SETTINGS_TARGETS] = {[SETTINGS_TARGET_WEBHOOK] = "Slack webhook",
                                                        [SETTINGS_TARGET_BOT] = "Slack's Web API",
                                                        [SETTINGS_TARGET_SIGNED] = "webhook"};
    char text [ROW_NAME + 64];
    settings_target_t target;
    if (!settings_target (settings, name, &target))
        return;
    const bool named = strcmp (name, row_default_receiver) != 0;
    snprintf (text, sizeof text, "%s%s%s", what [target.kind], named ? " of receiver " : "",
              named ? name : "");
    conf_check_network (check, text, target.kind == SETTINGS_TARGET_BOT ? target.api_url : "");
}

static void
s_skipped (const settings_t *settings, conf_check_t *check)
{
    conf_check_skip (check, "whether the ports are free, and the addresses this host's");
    conf_check_skip (check, "whether another broker holds state_path or workspace_root");
    conf_check_skip (check, "whether the database %s is sound", settings->state_path);
    settings_cluster_t clusters [LIMIT_CLUSTERS];
    const size_t count = settings_clusters (settings, clusters, LIMIT_CLUSTERS);
    for (size_t i = 0; i < count; i++)
        conf_check_network (check, "MCP server", clusters [i].mcp_endpoint);
    own (azure_account_wipe) azure_account_t account = {0};
    if (settings_azure (settings, &account, NULL) == 0)
        conf_check_network (check, "Azure Blob Storage", account.endpoint);
    s_skipped_receiver (settings, row_default_receiver, check);
    for (size_t i = 0; i < settings->routing.receiver_count; i++)
        s_skipped_receiver (settings, settings->routing.receivers [i].name, check);
}

void
settings_check (const conf_t *conf, conf_check_t *check)
{
    const settings_t *settings = conf_settings (conf);
    s_keys (settings, check);
    s_ports (settings, check);
    s_files (settings, check);
    s_tokens (settings, check);
    s_skipped (settings, check);
}
