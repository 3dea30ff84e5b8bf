//  One table per message; the tables define the protocol.
//  SPDX-License-Identifier: Apache-2.0
#include "common/wire/msg.h"

#include "common/base/ident.h"
#include "common/base/limits.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    S_ID = IDENT_SIZE - 1, //  a UUID as text
    S_NAME = 63,           //  labels of workers
    S_CLUSTER = LIMIT_CLUSTER_BYTES,
    S_TYPE = 127, //  fault types
    S_WORD = 63,  //  members of closed lists
    S_SHA = 64,   //  SHA-256 as lower-case hex
    S_TEXT = 511  //  sentences
};

#define S_FIELD(struct_, member, type_, max_, required_, help_)                                    \
    {                                                                                              \
        .key = #member, .type = (type_), .required = (required_),                                  \
        .offset = offsetof (struct_, member), .max = (max_), .help = (help_)                       \
    }
#define S_INT(struct_, member, min_, max_, required_, help_)                                       \
    {                                                                                              \
        .key = #member, .type = CODEC_INT, .required = (required_),                                \
        .offset = offsetof (struct_, member), .min = (min_), .max = (max_), .help = (help_)        \
    }
#define S_TIME(struct_, member, required_, help_)                                                  \
    S_INT (struct_, member, -MSG_TIME_SPAN_MS, MSG_TIME_SPAN_MS, required_, help_)
#define S_LIST(struct_, member, rows_, item_, max_, help_)                                         \
    {                                                                                              \
        .key = #member, .type = CODEC_LIST, .offset = offsetof (struct_, member), .max = (max_),   \
        .rows = (rows_), .item_size = sizeof (item_), .help = (help_)                              \
    }
#define S_MAP(struct_, member, rows_, item_, help_)                                                \
    {                                                                                              \
        .key = #member, .type = CODEC_MAP, .offset = offsetof (struct_, member), .rows = (rows_),  \
        .item_size = sizeof (item_), .help = (help_)                                               \
    }
//  An integer that may be unknown: -1, also when the key is absent.
#define S_KNOWN(struct_, member, max_, help_)                                                      \
    {                                                                                              \
        .key = #member, .type = CODEC_INT, .offset = offsetof (struct_, member), .min = -1,        \
        .absent = -1, .max = (max_), .help = (help_)                                               \
    }
#define S_FENCE(struct_)                                                                           \
    S_FIELD (struct_, incident, CODEC_TEXT, S_ID, true, "incident id, a UUIDv7"),                  \
        S_INT (struct_, attempt, 1, INT32_MAX, true, "attempt number, from 1")
#define S_END                                                                                      \
    {                                                                                              \
        .key = NULL                                                                                \
    }

static const codec_field_t s_fence [] = {S_FENCE (msg_fence_t), S_END};

static const codec_field_t s_file [] = {
    S_FIELD (msg_file_t, path, CODEC_TEXT, LIMIT_PATH_BYTES - 1, true,
             "relative path, from the allow-list"),
    S_INT (msg_file_t, size, 0, LIMIT_INCIDENT_BYTES, true, "bytes"),
    S_FIELD (msg_file_t, sha256, CODEC_TEXT, S_SHA, true, "lower-case hex"), S_END};

static const codec_field_t s_hello [] = {
    S_INT (msg_hello_t, proto_min, 0, 255, true, "oldest protocol version spoken"),
    S_INT (msg_hello_t, proto_max, 0, 255, true, "newest protocol version spoken"),
    S_FIELD (msg_hello_t, name, CODEC_TEXT, S_NAME, true, "label of the worker"),
    S_FIELD (msg_hello_t, worker_id, CODEC_TEXT, S_ID, false,
             "identity where no keys are used: a UUID"),
    S_FIELD (msg_hello_t, version, CODEC_TEXT, S_WORD, false, "program version"),
    S_FIELD (msg_hello_t, agent, CODEC_TEXT, S_WORD, false, "agent CLI it runs"),
    S_INT (msg_hello_t, slots, 1, LIMIT_SLOTS, true, "agents it can run at once"),
    S_LIST (msg_hello_t, running, s_fence, msg_fence_t, LIMIT_SLOTS, "attempts being worked on"),
    S_LIST (msg_hello_t, spooled, s_fence, msg_fence_t, LIMIT_MSGPACK_ITEMS,
            "attempts done, not acknowledged"),
    S_END};

static const codec_field_t s_welcome [] = {
    S_INT (msg_welcome_t, proto, 0, 255, true, "version in use from here"),
    S_TIME (msg_welcome_t, now_ms, true, "the broker's wall clock, Unix ms"),
    S_INT (msg_welcome_t, ping_ms, 0, MSG_SPAN_MS, true, "send PING this often"),
    S_INT (msg_welcome_t, lease_ms, 0, MSG_SPAN_MS, true, "lease length; renew at a third of it"),
    S_LIST (msg_welcome_t, revoke, s_fence, msg_fence_t, LIMIT_SLOTS,
            "stop these, they are not yours any more"),
    S_END};

static const codec_field_t s_credit [] = {
    S_INT (msg_credit_t, number, 0, MSG_COUNT, true,
           "counts up within a session; an older one is ignored"),
    S_INT (msg_credit_t, total, 0, LIMIT_SLOTS, true, "slots, 0 while draining"),
    S_INT (msg_credit_t, free, 0, LIMIT_SLOTS, true, "free slots, absolute"),
    S_FIELD (msg_credit_t, held, CODEC_TEXT, LIMIT_REASON_BYTES - 1, false,
             "why this worker takes no work, one sentence"),
    S_FIELD (msg_credit_t, class, CODEC_TEXT, S_WORD, false,
             "of a run that lacks it: auth, quota, config, infra"),
    S_END};

static const codec_field_t s_assign [] = {
    S_FENCE (msg_assign_t),
    S_FIELD (msg_assign_t, cluster, CODEC_TEXT, S_CLUSTER, true, "cluster name"),
    S_FIELD (msg_assign_t, fault_type, CODEC_TEXT, S_TYPE, false, "CrashLoop, ..."),
    S_FIELD (msg_assign_t, severity, CODEC_TEXT, S_WORD, false, "info, warning, critical"),
    S_INT (msg_assign_t, timeout_ms, 0, MSG_SPAN_MS, true, "start to close of the agent"),
    S_INT (msg_assign_t, lease_ms, 0, MSG_SPAN_MS, true, "lease length"),
    S_FIELD (msg_assign_t, model, CODEC_TEXT, LIMIT_MODEL_BYTES, false, "model for the agent CLI"),
    S_FIELD (msg_assign_t, allowed_tools, CODEC_TEXT, LIMIT_TOOLS_BYTES, false,
             "comma-separated tools"),
    S_END};

static const codec_field_t s_progress [] = {
    S_FENCE (msg_progress_t),
    S_FIELD (msg_progress_t, phase, CODEC_TEXT, 15, false, "fetch, run, upload"), S_END};

static const codec_field_t s_lease [] = {
    S_FENCE (msg_lease_t),
    S_INT (msg_lease_t, ms, 0, MSG_SPAN_MS, true, "valid this long from now; 0: stop the agent"),
    S_END};

static const codec_field_t s_usage [] = {
    S_FIELD (msg_usage_t, agent, CODEC_TEXT, S_WORD, false, "agent CLI"),
    S_FIELD (msg_usage_t, version, CODEC_TEXT, S_WORD, false, "its version"),
    S_FIELD (msg_usage_t, model, CODEC_TEXT, LIMIT_MODEL_BYTES, false, "model that answered"),
    S_KNOWN (msg_usage_t, calls, MSG_COUNT, "calls of the provider; -1 or absent: unknown"),
    S_KNOWN (msg_usage_t, turns, MSG_COUNT, "turns of the agent"),
    S_KNOWN (msg_usage_t, input, MSG_COUNT, "tokens read, without those of a cache"),
    S_KNOWN (msg_usage_t, output, MSG_COUNT, "tokens written"),
    S_KNOWN (msg_usage_t, cache_read, MSG_COUNT, "tokens read from the provider's cache"),
    S_KNOWN (msg_usage_t, cache_write, MSG_COUNT, "tokens written to it"),
    S_KNOWN (msg_usage_t, cost_micro_usd, MSG_COUNT, "millionths of a US dollar"),
    S_KNOWN (msg_usage_t, duration_ms, MSG_COUNT, "the CLI's figure, else from start to end"),
    S_END};

static const codec_field_t s_verdict [] = {
    S_FENCE (msg_verdict_t),
    S_FIELD (msg_verdict_t, outcome, CODEC_TEXT, S_WORD, true, "success, agent, host"),
    S_INT (msg_verdict_t, exit_code, -1, 255, true, "-1 when the agent did not run to an exit"),
    S_FIELD (msg_verdict_t, reason, CODEC_TEXT, LIMIT_REASON_BYTES - 1, false, "why it failed"),
    S_TIME (msg_verdict_t, started_ms, false, "the worker's wall clock, Unix ms"),
    S_TIME (msg_verdict_t, completed_ms, false, "the worker's wall clock, Unix ms"),
    S_LIST (msg_verdict_t, files, s_file, msg_file_t, LIMIT_ATTEMPT_FILES, "what was sealed"),
    S_FIELD (msg_verdict_t, class, CODEC_TEXT, S_WORD, false, "how it ended, one of the classes"),
    S_INT (msg_verdict_t, retry_ms, 0, MSG_SPAN_MS, false,
           "the provider's Retry-After; 0: it named none"),
    S_MAP (msg_verdict_t, usage, s_usage, msg_usage_t, "what the run used"),
    S_END};

static const codec_field_t s_verdict_ack [] = {
    S_FENCE (msg_verdict_ack_t),
    S_FIELD (msg_verdict_ack_t, disposition, CODEC_TEXT, S_WORD, true,
             "committed, late_win, duplicate, stale: forget it; missing: upload again"),
    S_END};

static const codec_field_t s_end [] = {
    S_FENCE (msg_end_t),
    S_FIELD (msg_end_t, reason, CODEC_TEXT, S_WORD, true,
             "RELEASE: drain, busy, host, cancelled. CANCEL: superseded, cancelled, deadline"),
    S_FIELD (msg_end_t, detail, CODEC_TEXT, LIMIT_REASON_BYTES - 1, false, "one sentence"), S_END};

static const codec_field_t s_ping [] = {
    S_TIME (msg_ping_t, now_ms, false, "the sender's wall clock, Unix ms"), S_END};

static const codec_field_t s_bye [] = {
    S_FIELD (msg_bye_t, reason, CODEC_TEXT, S_WORD, false, "W: drain; B: draining"),
    S_INT (msg_bye_t, retry_ms, 0, MSG_SPAN_MS, false, "come back after this"), S_END};

static const codec_field_t s_error [] = {
    S_FIELD (msg_error_t, code, CODEC_TEXT, S_WORD, true, "from the list of error codes"),
    S_FIELD (msg_error_t, text, CODEC_TEXT, S_TEXT, false, "what, where, what to do"),
    S_FIELD (msg_error_t, fatal, CODEC_BOOL, 0, false, "the session is over"), S_END};

static const codec_field_t s_event [] = {
    S_FIELD (msg_event_t, event_id, CODEC_TEXT, LIMIT_EVENT_ID_BYTES, true,
             "unique per source for 7 days"),
    S_FIELD (msg_event_t, cluster, CODEC_TEXT, S_CLUSTER, false, "overrides the event's own"),
    S_FIELD (msg_event_t, body, CODEC_BIN, LIMIT_EVENT_INLINE_BYTES, true, "the event, JSON"),
    S_END};

static const codec_field_t s_event_ack [] = {
    S_FIELD (msg_event_ack_t, event_id, CODEC_TEXT, LIMIT_EVENT_ID_BYTES, true, "of the EVENT"),
    S_FIELD (msg_event_ack_t, disposition, CODEC_TEXT, S_WORD, true,
             "new, repeat, counted, suppressed"),
    S_FIELD (msg_event_ack_t, incident, CODEC_TEXT, S_ID, false, "the incident it belongs to"),
    S_END};

static const codec_field_t s_event_nack [] = {
    S_FIELD (msg_event_nack_t, event_id, CODEC_TEXT, LIMIT_EVENT_ID_BYTES, true, "of the EVENT"),
    S_FIELD (msg_event_nack_t, reason, CODEC_TEXT, S_WORD, true,
             "store, overload, draining, upload"),
    S_INT (msg_event_nack_t, retry_ms, 0, MSG_SPAN_MS, true, "send it again after this"), S_END};

static const codec_field_t s_chunk [] = {
    S_FENCE (msg_chunk_t),
    S_FIELD (msg_chunk_t, path, CODEC_TEXT, LIMIT_PATH_BYTES - 1, true, "relative path"),
    S_INT (msg_chunk_t, offset, 0, LIMIT_INCIDENT_BYTES, true, "of these bytes"),
    S_INT (msg_chunk_t, size, 0, LIMIT_INCIDENT_BYTES, true, "of the whole file"),
    S_FIELD (msg_chunk_t, bytes, CODEC_BIN, LIMIT_CHUNK_BYTES, true, "the chunk"),
    S_END};

static const codec_field_t s_at [] = {
    S_FENCE (msg_at_t),
    S_FIELD (msg_at_t, path, CODEC_TEXT, LIMIT_PATH_BYTES - 1, true, "relative path"),
    S_INT (msg_at_t, upto, 0, LIMIT_INCIDENT_BYTES, true, "GO: bytes on disk. GET: read from here"),
    S_END};

static const codec_field_t s_seal [] = {
    S_FENCE (msg_seal_t),
    S_LIST (msg_seal_t, files, s_file, msg_file_t, LIMIT_ATTEMPT_FILES, "all files of the attempt"),
    S_END};

static const codec_field_t s_sealed [] = {
    S_FENCE (msg_sealed_t),
    S_FIELD (msg_sealed_t, result, CODEC_TEXT, S_WORD, true,
             "stored; missing: upload again; closed: no upload wanted, send the VERDICT"),
    S_FIELD (msg_sealed_t, reason, CODEC_TEXT, S_TEXT, false, "one sentence"), S_END};

static const codec_field_t s_put_event [] = {
    S_FIELD (msg_event_chunk_t, event_id, CODEC_TEXT, LIMIT_EVENT_ID_BYTES, true,
             "unique per source for 7 days"),
    S_INT (msg_event_chunk_t, offset, 0, LIMIT_EVENT_BYTES, true, "of these bytes"),
    S_INT (msg_event_chunk_t, size, 0, LIMIT_EVENT_BYTES, true, "of the whole event"),
    S_FIELD (msg_event_chunk_t, bytes, CODEC_BIN, LIMIT_CHUNK_BYTES, true, "the chunk"), S_END};

static const codec_field_t s_go_event [] = {
    S_FIELD (msg_go_event_t, event_id, CODEC_TEXT, LIMIT_EVENT_ID_BYTES, true, "of the PUT_EVENT"),
    S_INT (msg_go_event_t, upto, 0, LIMIT_EVENT_BYTES, true, "bytes on disk"), S_END};

static const codec_field_t s_seal_event [] = {
    S_FIELD (msg_event_chunk_t, event_id, CODEC_TEXT, LIMIT_EVENT_ID_BYTES, true,
             "of the PUT_EVENTs"),
    S_FIELD (msg_event_chunk_t, cluster, CODEC_TEXT, S_CLUSTER, false, "overrides the event's own"),
    S_INT (msg_event_chunk_t, size, 0, LIMIT_EVENT_BYTES, true, "of the whole event"),
    S_FIELD (msg_event_chunk_t, sha256, CODEC_TEXT, S_SHA, true, "lower-case hex"), S_END};

static const codec_field_t s_record [] = {
    S_INT (msg_record_t, seq, 0, MSG_COUNT, true,
           "global, without holes; 0: not durable (progress)"),
    S_INT (msg_record_t, prev, 0, MSG_COUNT, true,
           "seq of the previous record of this exact topic"),
    S_TIME (msg_record_t, at_ms, true, "wall clock, Unix ms"),
    S_FIELD (msg_record_t, kind, CODEC_TEXT, S_WORD, true,
             "incident, attempt, worker, source, breaker, progress"),
    S_FIELD (msg_record_t, cluster, CODEC_TEXT, S_CLUSTER, true,
             "cluster name; - for workers and the breaker"),
    S_FIELD (msg_record_t, change, CODEC_TEXT, S_WORD, true, "what happened"),
    S_FIELD (msg_record_t, incident, CODEC_TEXT, S_ID, false, "incident id"),
    S_INT (msg_record_t, attempt, 0, INT32_MAX, false, "attempt number, 0 = none"),
    S_FIELD (msg_record_t, worker, CODEC_TEXT, S_NAME, false, "label of the worker"),
    S_FIELD (msg_record_t, reason, CODEC_TEXT, LIMIT_REASON_BYTES - 1, false, "why"),
    S_FIELD (msg_record_t, fault_type, CODEC_TEXT, S_TYPE, false, "CrashLoop, ..."),
    S_FIELD (msg_record_t, severity, CODEC_TEXT, S_WORD, false, "info, warning, critical"),
    S_FIELD (msg_record_t, resource, CODEC_TEXT, 383, false, "kind/namespace/name"),
    S_INT (msg_record_t, occurrences, 0, MSG_COUNT, false,
           "how often the condition was reported; of the breaker: failures in a row"),
    S_END};

typedef struct {
    enum msg_type type;
    const char *name, *socket, *direction;
    const codec_field_t *fields;
    size_t size;
} msg_row_t;

static const msg_row_t s_rows [] = {
    {MSG_HELLO, "HELLO", "work", "W>B", s_hello, sizeof (msg_hello_t)},
    {MSG_WELCOME, "WELCOME", "work", "B>W", s_welcome, sizeof (msg_welcome_t)},
    {MSG_CREDIT, "CREDIT", "work", "W>B", s_credit, sizeof (msg_credit_t)},
    {MSG_ASSIGN, "ASSIGN", "work", "B>W", s_assign, sizeof (msg_assign_t)},
    {MSG_ACCEPT, "ACCEPT", "work", "W>B", s_fence, sizeof (msg_fence_t)},
    {MSG_STARTED, "STARTED", "work", "W>B", s_fence, sizeof (msg_fence_t)},
    {MSG_PROGRESS, "PROGRESS", "work", "W>B", s_progress, sizeof (msg_progress_t)},
    {MSG_LEASE, "LEASE", "work", "B>W", s_lease, sizeof (msg_lease_t)},
    {MSG_VERDICT, "VERDICT", "work", "W>B", s_verdict, sizeof (msg_verdict_t)},
    {MSG_VERDICT_ACK, "VERDICT_ACK", "work", "B>W", s_verdict_ack, sizeof (msg_verdict_ack_t)},
    {MSG_RELEASE, "RELEASE", "work", "W>B", s_end, sizeof (msg_end_t)},
    {MSG_CANCEL, "CANCEL", "work", "B>W", s_end, sizeof (msg_end_t)},
    {MSG_PING, "PING", "work", "both", s_ping, sizeof (msg_ping_t)},
    {MSG_PONG, "PONG", "work", "both", s_ping, sizeof (msg_ping_t)},
    {MSG_BYE, "BYE", "all", "both", s_bye, sizeof (msg_bye_t)},
    {MSG_ERROR, "ERROR", "all", "both", s_error, sizeof (msg_error_t)},
    {MSG_EVENT, "EVENT", "ingest", "P>B", s_event, sizeof (msg_event_t)},
    {MSG_EVENT_ACK, "EVENT_ACK", "ingest, files", "B>P", s_event_ack, sizeof (msg_event_ack_t)},
    {MSG_EVENT_NACK, "EVENT_NACK", "ingest, files", "B>P", s_event_nack, sizeof (msg_event_nack_t)},
    {MSG_PUT, "PUT", "files", "W>B", s_chunk, sizeof (msg_chunk_t)},
    {MSG_GO, "GO", "files", "B>W", s_at, sizeof (msg_at_t)},
    {MSG_SEAL, "SEAL", "files", "W>B", s_seal, sizeof (msg_seal_t)},
    {MSG_SEALED, "SEALED", "files", "B>W", s_sealed, sizeof (msg_sealed_t)},
    {MSG_GET, "GET", "files", "W>B", s_at, sizeof (msg_at_t)},
    {MSG_DATA, "DATA", "files", "B>W", s_chunk, sizeof (msg_chunk_t)},
    {MSG_PUT_EVENT, "PUT_EVENT", "files", "P>B", s_put_event, sizeof (msg_event_chunk_t)},
    {MSG_GO_EVENT, "GO_EVENT", "files", "B>P", s_go_event, sizeof (msg_go_event_t)},
    {MSG_SEAL_EVENT, "SEAL_EVENT", "files", "P>B", s_seal_event, sizeof (msg_event_chunk_t)},
    {MSG_RECORD, "RECORD", "stream", "B>T", s_record, sizeof (msg_record_t)},
};

static const msg_row_t *
s_row (uint8_t type)
{
    for (size_t i = 0; i < sizeof s_rows / sizeof s_rows [0]; i++) {
        if (s_rows [i].type == type)
            return &s_rows [i];
    }
    return NULL;
}

const codec_field_t *
msg_fields (uint8_t type)
{
    const msg_row_t *row = s_row (type);
    return row ? row->fields : NULL;
}

const char *
msg_name (uint8_t type)
{
    const msg_row_t *row = s_row (type);
    return row ? row->name : "?";
}

size_t
msg_size (uint8_t type)
{
    const msg_row_t *row = s_row (type);
    return row ? row->size : 0;
}

static void
s_print_fields (const codec_field_t *fields, const char *prefix)
{
    static const char *const types [] = {"int", "bool", "str", "bin", "array of maps", "map"};
    for (const codec_field_t *field = fields; field->key; field++) {
        printf ("| %s`%s` | %s | %s | ", prefix, field->key, types [field->type],
                field->required ? "yes" : "no");
        if (field->type == CODEC_INT)
            printf ("%" PRId64 " to %zu", field->min, field->max);
        else if (field->max)
            printf ("%zu", field->max);
        printf (" | %s |\n", field->help);
        if (field->rows)
            s_print_fields (field->rows, "- ");
    }
}

void
msg_print (void)
{
    for (size_t i = 0; i < sizeof s_rows / sizeof s_rows [0]; i++) {
        const msg_row_t *row = &s_rows [i];
        printf ("### %s (%d), %s, %s\n\n", row->name, (int) row->type, row->socket, row->direction);
        printf ("| key | type | required | range | meaning |\n|---|---|---|---|---|\n");
        s_print_fields (row->fields, "");
        printf ("\n");
    }
}
