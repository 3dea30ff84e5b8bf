//  admin_stream - records of the journal as JSON lines, for taps that missed some.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/admin/admin_part.h"

#include "common/base/buf.h"
#include "common/base/own.h"

#include <stdio.h>
#include <stdlib.h>

//  A record with the names of the wire's RECORD and its topic.
static json_t *
s_record (const row_record_t *row)
{
    char topic [ROW_TOPIC + 1];
    snprintf (topic, sizeof (topic), "%s/%s/", row->kind, row->cluster);
    return json_pack ("{s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:I,s:o,s:o,s:o,s:s,s:o,s:I}", "seq",
                      (json_int_t) row->seq, "prev", (json_int_t) row->prev, "at_ms",
                      (json_int_t) row->at_ms, "topic", json_any (topic), "kind",
                      json_any (row->kind), "cluster", json_any (row->cluster), "change",
                      json_any (row->change), "incident", json_any (row->incident.text), "attempt",
                      (json_int_t) row->attempt, "worker", json_any (row->worker), "reason",
                      json_any (row->reason), "fault_type", json_any (row->fault_type), "severity",
                      fault_severity_name (row->severity), "resource", json_any (row->resource),
                      "occurrences", (json_int_t) row->occurrences);
}

void
admin_stream (const admin_view_t *view, const admin_query_t *query, admin_reply_t *reply)
{
    own (own_mem) row_record_t *rows = calloc ((size_t) query->limit, sizeof (row_record_t));
    if (!rows) {
        admin_reply_json (reply, ADMIN_INTERNAL, NULL);
        return;
    }
    int count = store_reader_records (view->reader, query->after, rows, (int) query->limit);
    if (count < 0) {
        admin_reply_store (reply, "stream", count);
        return;
    }
    own (buf_fini) buf_t text = buf_init (LIMIT_HTTP_REPLY_BYTES);
    for (int i = 0; i < count; i++) {
        own (json_drop) json_t *doc = s_record (&rows [i]);
        own (own_mem) char *line = doc ? json_line (doc) : NULL;
        buf_text (&text, line ? line : "{}");
        buf_text (&text, "\n");
    }
    if (text.failed) {
        admin_reply_json (reply, ADMIN_INTERNAL, NULL);
        return;
    }
    const size_t size = text.size;
    admin_reply_body (reply, "application/x-ndjson", buf_take (&text), size);
    reply->next = count > 0 ? rows [count - 1].seq : query->after;
}
