//  admin_part - the view of the broker and the functions that answer requests from it.
//
//  Private to admin*.c.  Threads: the admin thread's alone.  admin.c speaks HTTP.  admin_api.c,
//  admin_stream.c and admin_metrics.c turn a view into text; of HTTP they use status codes only.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/admin/admin_query.h"
#include "broker/admin/admin_reply.h"
#include "broker/base/mail.h"
#include "broker/base/settings.h"
#include "broker/loop/snapshot.h"
#include "broker/store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *workspace_root; //  borrowed
    store_reader_t *reader;
    snapshot_data_t data; //  a copy that owns its arrays
    bool counted;         //  counts is filled; false: the store could not be read
    store_counts_t counts;
    clk_now_t now;
} admin_view_t;

//  Each fills the reply, also on failure: the reply is then an error.
void
admin_api_healthz (const admin_view_t *view, admin_reply_t *reply);
void
admin_api_readyz (const admin_view_t *view, admin_reply_t *reply);
void
admin_api_status (const admin_view_t *view, admin_reply_t *reply);
void
admin_api_workers (const admin_view_t *view, admin_reply_t *reply);
void
admin_api_retention (const admin_view_t *view, admin_reply_t *reply);
void
admin_api_clusters (const admin_view_t *view, admin_reply_t *reply);
void
admin_api_effects (const admin_view_t *view, const admin_query_t *query, admin_reply_t *reply);
void
admin_api_incidents (const admin_view_t *view, const admin_query_t *query, admin_reply_t *reply);
void
admin_api_incident (const admin_view_t *view, const char *name, admin_reply_t *reply);
//  The answer to a storage check.
void
admin_api_storage_checked (const mail_storage_t *found, admin_reply_t *reply);
//  The answer to a check of Slack, from JSON.
void
admin_api_slack_checked (const char *text, admin_reply_t *reply);
void
admin_routes (const admin_view_t *view, admin_reply_t *reply);
void
admin_routes_test (const admin_view_t *view, const admin_query_t *query, admin_reply_t *reply);
void
admin_stream (const admin_view_t *view, const admin_query_t *query, admin_reply_t *reply);
void
admin_metrics (const admin_view_t *view, admin_reply_t *reply);
