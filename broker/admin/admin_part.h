//  admin_part - what admin's files share: a view of the broker, a request, a reply.
//  Private to admin*.c.
//
//  admin.c speaks HTTP; admin_api.c, admin_stream.c and admin_metrics.c turn a view into text
//  and know nothing of HTTP but status codes.  Threads: all of it runs on the admin thread.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/settings.h"
#include "broker/loop/snapshot.h"
#include "broker/store/store.h"
#include "common/base/json.h"

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

//  What stands behind the question mark.
typedef struct {
    const char *state, *reason; //  as written, borrowed; NULL = not asked for
    int64_t before;             //  incident number or effect id, 0 = from the newest
    int64_t after;              //  journal seq
    int64_t limit;              //  1..LIMIT_HTTP_PAGE_ROWS
} admin_query_t;

typedef struct {
    unsigned status;
    const char *type; //  static
    char *body;       //  owned heap text
    size_t size;
    int64_t next; //  X-Next-After, -1 = none
} admin_reply_t;

void
admin_reply_fini (admin_reply_t *self);
//  Replace whatever is in it by {"error": {"code", "message"}}.
void
admin_reply_error (admin_reply_t *self, unsigned status, const char *code, const char *message);
//  The same for an error of the store, which is logged.
void
admin_reply_store (admin_reply_t *self, const char *what, int rc);
//  Takes the reference to doc.
void
admin_reply_json (admin_reply_t *self, unsigned status, json_t *doc);

admin_query_t
admin_query_init (void);
//  Decimal digits only.  Err: ERR_PROTO: not a number, or outside min..max (at most 2^62).
int
admin_number (const char *text, int64_t min, int64_t max, int64_t *ret_number) must_check;
//  The incident that a path names by its id or its number.  Err: ERR_NONE, ERR_STORE.
int
admin_incident_id (const admin_view_t *view, const char *name, ident_t *ret_id) must_check;
//  Set one parameter; value is borrowed.  Err: ERR_PROTO with a diag: unknown name,
//  not a number, out of range.
int
admin_query_set (admin_query_t *self, const char *name, const char *value,
                 err_diag_t *diag) must_check;

//  "closed", "open", "half_open".
const char *
admin_breaker_name (step_breaker_t state);
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
admin_api_stream (const admin_view_t *view, const admin_query_t *query, admin_reply_t *reply);
void
admin_metrics (const admin_view_t *view, admin_reply_t *reply);
