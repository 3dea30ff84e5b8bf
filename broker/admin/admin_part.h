//  admin_part - what admin's files share: a view of the broker, and who answers what.
//  Private to admin*.c.
//
//  admin.c speaks HTTP; admin_api.c, admin_stream.c and admin_metrics.c turn a view into text
//  and know nothing of HTTP but status codes.  Threads: all of it runs on the admin thread.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/admin/admin_query.h"
#include "broker/admin/admin_reply.h"
#include "broker/base/settings.h"
#include "broker/loop/snapshot.h"
#include "broker/store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *workspace_root; //  borrowed
    store_reader_t *reader;
    snapshot_data_t data; //  own copy; workers and sources are own arrays
    bool counted;         //  counts could be read
    store_counts_t counts;
    clk_now_t now;
} admin_view_t;

//  Each fills the reply, also on failure.
void
admin_api_healthz (const admin_view_t *view, admin_reply_t *reply);
void
admin_api_readyz (const admin_view_t *view, admin_reply_t *reply);
void
admin_api_status (const admin_view_t *view, admin_reply_t *reply);
void
admin_api_workers (const admin_view_t *view, admin_reply_t *reply);
void
admin_api_clusters (const admin_view_t *view, admin_reply_t *reply);
void
admin_api_effects (const admin_view_t *view, const admin_query_t *query, admin_reply_t *reply);
void
admin_api_incidents (const admin_view_t *view, const admin_query_t *query, admin_reply_t *reply);
void
admin_api_incident (const admin_view_t *view, const char *name, admin_reply_t *reply);
void
admin_stream (const admin_view_t *view, const admin_query_t *query, admin_reply_t *reply);
void
admin_metrics (const admin_view_t *view, admin_reply_t *reply);
