//  msg - every message of the wire as a struct, and the field table of each.
//
//  One table per message drives encode, decode and docs/protocol.md (`triagectl protocol`).
//  Text fields are views (codec_text_t).  W worker, B broker, P publisher, T tap.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/wire/codec.h"

//  Ranges that several fields share; the tables hold the others.
//  Wall clock in Unix ms: up to year 9999, and as far before 1970.
#define MSG_TIME_SPAN_MS INT64_C (253402300799999)
#define MSG_SPAN_MS (INT64_C (366) * 24 * 3600 * 1000) //  a duration
#define MSG_COUNT INT64_C (9007199254740991)           //  exact in JSON too

enum msg_type {
    //  work socket
    MSG_HELLO = 1,        //  W>B first message of a session; idempotent
    MSG_WELCOME = 2,      //  B>W
    MSG_CREDIT = 3,       //  W>B free slots, absolute
    MSG_ASSIGN = 4,       //  B>W one incident, one attempt
    MSG_ACCEPT = 5,       //  W>B
    MSG_STARTED = 6,      //  W>B the agent runs: from here the attempt counts
    MSG_PROGRESS = 7,     //  W>B renews the lease
    MSG_LEASE = 8,        //  B>W answers PROGRESS; ms 0 = the lease is lost, stop the agent
    MSG_VERDICT = 9,      //  W>B resent until acknowledged
    MSG_VERDICT_ACK = 10, //  B>W after commit
    MSG_RELEASE = 11,     //  W>B gives an attempt back without using it up
    MSG_CANCEL = 12,      //  B>W stop this attempt; sent once, then LEASE 0 answers PROGRESS
    MSG_PING = 13,        //  both; the broker's asks whether the session is alive
    MSG_PONG = 14,        //  both
    MSG_BYE = 15,         //  both: orderly end; retry_ms says when to come back
    MSG_ERROR = 16,       //  both, on every socket
    //  ingest socket
    MSG_EVENT = 32,      //  P>B
    MSG_EVENT_ACK = 33,  //  B>P after commit (also on files)
    MSG_EVENT_NACK = 34, //  B>P refused for now, try again (also on files)
    //  files socket
    MSG_PUT = 48,        //  W>B
    MSG_GO = 49,         //  B>W
    MSG_SEAL = 50,       //  W>B all files of the attempt are uploaded: check, sync, rename
    MSG_SEALED = 51,     //  B>W
    MSG_GET = 52,        //  W>B
    MSG_DATA = 53,       //  B>W
    MSG_PUT_EVENT = 54,  //  P>B chunk of an event larger than an ingest frame
    MSG_GO_EVENT = 55,   //  B>P
    MSG_SEAL_EVENT = 56, //  P>B the event is complete; answered by EVENT_ACK or EVENT_NACK
    //  stream socket
    MSG_RECORD = 64 //  B>T
};

//  (incident, attempt) fences every message about an assignment.
typedef struct {
    codec_text_t incident;
    int64_t attempt;
} msg_fence_t;

typedef struct {
    int64_t proto_min, proto_max;
    codec_text_t name; //  label of the worker
    //  Identity when no keys are used: a UUID kept in the worker's folder.
    codec_text_t worker_id;
    codec_text_t version;
    codec_text_t agent; //  the agent CLI it runs
    int64_t slots;
    codec_list_t running; //  msg_fence_t: attempts whose agent runs or is being prepared
    codec_list_t spooled; //  msg_fence_t: finished, not yet acknowledged
} msg_hello_t;

typedef struct {
    int64_t proto;
    int64_t now_ms;      //  broker's wall clock
    int64_t ping_ms;     //  send PING this often
    int64_t lease_ms;    //  lease length; renew at a third of it
    codec_list_t revoke; //  msg_fence_t: stop these, their leases are lost
} msg_welcome_t;

typedef struct {
    int64_t number; //  counts up within a session; an older one is ignored
    int64_t total, free;
    codec_text_t held;  //  why it takes no work, one sentence; absent: it does
    codec_text_t class; //  run_class.h: of a run that lacks it; absent: not said
} msg_credit_t;

typedef struct {
    codec_text_t incident;
    int64_t attempt;
    codec_text_t cluster, fault_type, severity;
    int64_t timeout_ms; //  from start to close of the agent
    int64_t lease_ms;
    codec_text_t model, allowed_tools;
} msg_assign_t;

typedef struct {
    codec_text_t incident;
    int64_t attempt;
    codec_text_t phase; //  fetch, run, upload
} msg_progress_t;

typedef struct {
    codec_text_t incident;
    int64_t attempt;
    int64_t ms;
} msg_lease_t;

typedef struct {
    codec_text_t path; //  from the allow-list of docs/protocol.md
    int64_t size;
    codec_text_t sha256; //  lower-case hex
} msg_file_t;

//  What a run used (common/domain/usage.h).
typedef struct {
    codec_text_t agent, version, model;
    //  -1 = unknown
    int64_t calls, turns, input, output, cache_read, cache_write, cost_micro_usd, duration_ms;
} msg_usage_t;

typedef struct {
    codec_text_t incident;
    int64_t attempt;
    codec_text_t outcome;             //  success, agent, host
    codec_text_t class;               //  run_class.h; an unknown one counts as its outcome
    int64_t exit_code;                //  -1 when the agent did not run to an exit
    codec_text_t reason;              //  exact texts of the validation rules; absent on success
    int64_t started_ms, completed_ms; //  worker's wall clock
    int64_t retry_ms;                 //  the provider's Retry-After, 0 = none
    codec_list_t usage;               //  msg_usage_t, at most one
    codec_list_t files;               //  msg_file_t: the sealed files
} msg_verdict_t;

typedef struct {
    codec_text_t incident;
    int64_t attempt;
    //  committed, late_win, duplicate, stale: delete it.  missing: upload again.
    codec_text_t disposition;
} msg_verdict_ack_t;

typedef struct {
    codec_text_t incident;
    int64_t attempt;
    //  RELEASE: drain, busy, host, cancelled.  CANCEL: superseded, cancelled, deadline.
    codec_text_t reason;
    codec_text_t detail; //  RELEASE host: what is wrong, one sentence
} msg_end_t;             //  RELEASE and CANCEL

typedef struct {
    int64_t now_ms;
} msg_ping_t; //  PING and PONG

typedef struct {
    codec_text_t reason;
    int64_t retry_ms;
} msg_bye_t;

typedef struct {
    codec_text_t code; //  closed list in docs/protocol.md
    codec_text_t text; //  one sentence: what, where, what to do
    bool fatal;        //  the session is over
} msg_error_t;

typedef struct {
    //  A UUIDv7 made before the first send, or any id unique per source.
    codec_text_t event_id;
    codec_text_t cluster; //  optional: overrides the event's own
    //  JSON text as bin.  It may be invalid and is kept nevertheless.
    codec_text_t body;
} msg_event_t;

typedef struct {
    codec_text_t event_id;
    codec_text_t disposition; //  new, repeat, counted, suppressed
    codec_text_t incident;    //  where there is one
} msg_event_ack_t;

typedef struct {
    codec_text_t event_id;
    codec_text_t reason; //  store, overload, draining, upload
    int64_t retry_ms;
} msg_event_nack_t;

typedef struct {
    codec_text_t incident;
    int64_t attempt;
    codec_text_t path;
    int64_t offset, size; //  of this chunk; of the whole file
    codec_text_t bytes;
} msg_chunk_t; //  PUT and DATA

typedef struct {
    codec_text_t incident;
    int64_t attempt;
    codec_text_t path;
    int64_t upto; //  GO: bytes on disk.  GET: read from here
} msg_at_t;       //  GO and GET

typedef struct {
    codec_text_t incident;
    int64_t attempt;
    codec_list_t files; //  msg_file_t
} msg_seal_t;

typedef struct {
    codec_text_t incident;
    int64_t attempt;
    //  stored; missing: upload again; closed: no upload wanted, send the VERDICT
    codec_text_t result;
    codec_text_t reason;
} msg_sealed_t;

typedef struct {
    codec_text_t event_id;
    codec_text_t cluster; //  SEAL_EVENT
    int64_t offset, size;
    codec_text_t bytes;  //  PUT_EVENT
    codec_text_t sha256; //  SEAL_EVENT
} msg_event_chunk_t;     //  PUT_EVENT and SEAL_EVENT

typedef struct {
    codec_text_t event_id;
    int64_t upto;
} msg_go_event_t;

typedef struct {
    int64_t seq, prev, at_ms; //  seq 0: no durable row (progress)
    codec_text_t kind;        //  incident, attempt, worker, source, breaker, progress
    codec_text_t cluster;
    codec_text_t change; //  a state or an event name (docs/protocol.md)
    codec_text_t incident;
    int64_t attempt;
    codec_text_t worker, reason;
    codec_text_t fault_type, severity, resource; //  kind/namespace/name
    int64_t occurrences;
} msg_record_t;

//  The table of one message type; NULL for types we do not know.
const codec_field_t *
msg_fields (uint8_t type);
//  "HELLO", ...; "?" for types we do not know.
const char *
msg_name (uint8_t type);
//  Size of its struct; 0 for types we do not know.
size_t
msg_size (uint8_t type);
//  Print docs/protocol.md's message tables from the tables, to stdout.
void
msg_print (void);

//  A decoded message of any type: check frame.type, then read the member.
typedef union {
    msg_fence_t fence; //  ACCEPT, STARTED
    msg_hello_t hello;
    msg_welcome_t welcome;
    msg_credit_t credit;
    msg_assign_t assign;
    msg_progress_t progress;
    msg_lease_t lease;
    msg_verdict_t verdict;
    msg_verdict_ack_t verdict_ack;
    msg_end_t end;
    msg_ping_t ping;
    msg_bye_t bye;
    msg_error_t error;
    msg_event_t event;
    msg_event_ack_t event_ack;
    msg_event_nack_t event_nack;
    msg_chunk_t chunk;
    msg_at_t at;
    msg_seal_t seal;
    msg_sealed_t sealed;
    msg_event_chunk_t event_chunk;
    msg_go_event_t go_event;
    msg_record_t record;
} msg_t;
