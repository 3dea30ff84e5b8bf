//  step_output - the outputs of step: rows to write, and messages to send after the commit.
//
//  Pointers are static, or borrowed until the next step_begin.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/step_input.h"

typedef enum {
    STEP_WRITE_EVENT,
    STEP_WRITE_INCIDENT,
    STEP_WRITE_ATTEMPT,
    STEP_WRITE_EFFECT,
    STEP_WRITE_BREAKER,
    STEP_WRITE_ALERT,
    STEP_WRITE_RECORD,
    STEP_WRITE_MESSAGE,
    STEP_WRITE_FOLDER,
    STEP_WRITE_RETENTION,
    STEP_WRITE_RETIRE //  delete all rows of an incident, except for its event ids
} step_write_kind_t;

typedef struct {
    step_write_kind_t kind;
    union {
        row_event_t event;
        row_incident_t incident;
        row_attempt_t attempt;
        row_effect_t effect;
        row_breaker_t breaker;
        row_alert_t alert;
        row_record_t record;
        row_message_t message;
        row_folder_t folder;
        row_retention_t retention;
        ident_t retire;
    } as;
} step_write_t;

typedef enum {
    STEP_OUT_EVENT_ACK,
    STEP_OUT_EVENT_NACK,
    STEP_OUT_WELCOME,
    STEP_OUT_ASSIGN,
    STEP_OUT_LEASE,
    STEP_OUT_VERDICT_ACK,
    STEP_OUT_CANCEL,
    STEP_OUT_PONG,
    STEP_OUT_REFUSE,   //  a session: another live one has its identity
    STEP_OUT_EFFECT,   //  send to delivery
    STEP_OUT_PROGRESS, //  stream record without a row (seq 0)
    STEP_OUT_COMMAND_REPLY
} step_out_kind_t;

typedef enum {
    STEP_EVENT_NEW,
    STEP_EVENT_REPEAT,
    STEP_EVENT_COUNTED,
    STEP_EVENT_SUPPRESSED
} step_event_t;
typedef enum {
    STEP_COMMITTED,
    STEP_LATE_WIN,
    STEP_DUPLICATE,
    STEP_STALE,
    STEP_FILES_MISSING //  "missing" on the wire: the worker uploads again
} step_disposition_t;

//  Its name in EVENT_ACK.
const char *
step_event_name (step_event_t event);
//  Its name in VERDICT_ACK.
const char *
step_disposition_name (step_disposition_t disposition);

typedef struct {
    step_out_kind_t kind;
    step_peer_t peer; //  the receiver; seq = the message that is answered, 0 = none
    union {
        struct {
            uint64_t cookie;
            step_event_t disposition;
            ident_t incident;
        } ack;
        struct {
            uint64_t cookie;
            int64_t retry_ms;
            const char *reason;
        } nack;
        struct {
            const step_fence_t *revoke;
            size_t revoke_count;
            int64_t lease_ms;
        } welcome; //  until the next step_begin
        struct {
            step_fence_t fence;
            char cluster [ROW_CLUSTER], fault_type [FAULT_TYPE_BYTES];
            char agent [LIMIT_AGENT_BYTES + 1]; //  of the worker
            enum fault_severity severity;
            int64_t timeout_ms, lease_ms;
        } assign;
        struct {
            step_fence_t fence;
            int64_t ms;
        } lease;
        struct {
            step_fence_t fence;
            step_disposition_t disposition;
        } verdict_ack;
        struct {
            step_fence_t fence;
            const char *reason;
        } cancel;
        struct {
            uint64_t holder; //  the session that stays
            bool log;        //  it was not logged for a while
        } refuse;
        row_effect_t effect;
        row_record_t progress;
        struct {
            uint64_t cookie;
            int rc;
            char text [128];
        } reply;
    } as;
} step_out_t;
