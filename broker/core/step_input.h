//  step_input - the inputs of step: settings, messages, reports, commands.
//
//  Pointers are borrowed for the call.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/route_table.h"
#include "broker/core/row.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  Settings; a copy is kept, step_configure replaces them (SIGHUP).  Units: ms.
typedef struct {
    int64_t agent_attempts;
    int64_t max_deliveries;
    //  An incident that was given back is not tried again this long after the first time.
    int64_t give_back_ms;
    int64_t lease_ttl_ms;
    int64_t reconnect_grace_ms;
    int64_t agent_timeout_ms;
    int64_t agent_grace_ms;  //  added to the hard deadline for the worker's kill grace
    int64_t revoke_slack_ms; //  added to it for everything else
    int64_t dedup_window_ms; //  0 = off
    int64_t reinvestigate_after_ms;
    int64_t global_queue_size, cluster_queue_size;
    //  true: reject the newcomer; false: drop the oldest of the lowest severity
    bool overflow_reject;
    enum fault_severity severity_threshold;
    int64_t failure_threshold; //  incidents in a row that open the breaker, at least 1
    bool notify_failures;      //  send the breaker's alerts
    bool breaker_pause;        //  open: only single probes are assigned
    bool revive;               //  closing, it puts back what failed meanwhile
    bool slack;                //  there is a default receiver
    bool slack_shows;          //  it is a bot (route.h)
    route_table_t routing;     //  borrowed: it outlives these settings
    int64_t pace_ms;           //  between two messages of a receiver
} step_settings_t;

typedef enum {
    STEP_IN_EVENT, //  a fault event from ingest, files or intake
    STEP_IN_HELLO,
    STEP_IN_CREDIT,
    STEP_IN_ACCEPT,
    STEP_IN_STARTED,
    STEP_IN_PROGRESS,
    STEP_IN_VERDICT, //  `stored`: the files found by the artifact thread
    STEP_IN_RELEASE,
    STEP_IN_PING,
    STEP_IN_PONG, //  it answers the broker's PING: it is there
    STEP_IN_BYE,
    STEP_IN_EFFECT_DONE, //  delivery reports
    STEP_IN_COMMAND,     //  operator
    STEP_IN_REVIVE,      //  the store's answer to step_reviving
    STEP_IN_SOURCE,      //  intake: a source is connected, lost, has a gap
    STEP_IN_RETIRE       //  the loop: incidents that are kept no longer
} step_in_kind_t;

//  The sender of a worker's message.
typedef struct {
    char identity [ROW_IDENTITY]; //  "worker:<key>", or "local:<uuid>" without keys
    uint64_t session;
    uint64_t seq; //  of the message; outputs answer it by corr
} step_peer_t;

typedef struct {
    ident_t incident;
    int64_t attempt;
} step_fence_t;

typedef enum { STEP_STORED, STEP_MISSING, STEP_NOT_CHECKED } step_stored_t;
typedef enum {
    STEP_EFFECT_OK,
    STEP_EFFECT_RETRY,  //  it did not happen
    STEP_EFFECT_UNSURE, //  it may have happened: sent again, it is marked
    STEP_EFFECT_PERMANENT,
    STEP_EFFECT_RESULTS
} step_effect_result_t;
typedef enum {
    STEP_COMMAND_RETRY,
    STEP_COMMAND_CANCEL,
    STEP_COMMAND_DRAIN,
    STEP_COMMAND_RESUME,
    STEP_COMMAND_EFFECT_RETRY,
    STEP_COMMAND_EFFECT_CANCEL,
    STEP_COMMAND_RETIRE, //  retention waits no longer
    STEP_COMMAND_CHANNEL_RETRY,
    STEP_COMMAND_PROBE, //  the open breaker's next probe goes now
    STEP_COMMANDS
} step_command_t;
typedef enum {
    STEP_RELEASE_DRAIN,
    STEP_RELEASE_BUSY,
    STEP_RELEASE_HOST,
    STEP_RELEASE_CANCELLED
} step_release_t;

//  An incident that is kept no longer.
typedef struct {
    ident_t incident;
    int64_t age_ms; //  wall clock of its end or its last event, the later one
} step_retire_t;

typedef struct {
    step_in_kind_t kind;
    step_peer_t peer; //  worker messages
    union {
        struct {
            row_event_t row; //  incident is filled in by step
            const fault_t *fault;
            uint64_t cookie;     //  returned in the ACK or NACK
            bool triage_enabled; //  of the cluster
        } event;
        struct {
            char name [ROW_NAME], agent [LIMIT_AGENT_BYTES + 1];
            int64_t slots;
            const step_fence_t *running;
            size_t running_count;
            const step_fence_t *spooled;
            size_t spooled_count;
            //  Another session of this identity is the current one, its connection is open, is not
            //  this one, and it was sent a PING just now.
            bool holder_asked;
        } hello;
        struct {
            int64_t number, total, free;
            char held [LIMIT_REASON_BYTES]; //  why it takes no work, "" = it does
            run_class_t class;              //  of a run that lacks it; NONE = not said
        } credit;
        step_fence_t fence; //  ACCEPT, STARTED
        struct {
            step_fence_t fence;
            char phase [16];
        } progress;
        struct {
            step_fence_t fence;
            verdict_outcome_t outcome;
            int exit_code;
            char reason [LIMIT_REASON_BYTES];
            int64_t started_ms, completed_ms;
            step_stored_t stored;
            run_class_t class; //  RUN_CLASS_NONE: the outcome alone counts
            int64_t retry_ms;  //  the provider's Retry-After, 0 = none
            usage_t usage;
        } verdict;
        struct {
            step_fence_t fence;
            step_release_t reason;
            char detail [LIMIT_REASON_BYTES];
        } release;
        struct {
            int64_t id;
            step_effect_result_t result;
            //  RETRY: no answer at all.  It is tried soon, and uses none of its tries up.
            bool unreached;
            //  RETRY: the receiver as a whole takes nothing for now.  It has more tries.
            bool down;
            int64_t retry_after_ms;
            char error [LIMIT_REASON_BYTES];
            //  Rows to keep whatever the result: key "" and incident "" = none.
            row_message_t message;
            row_folder_t folder;
            //  An upload of an incident that is not in memory (step_unknown): the store's row.
            const row_incident_t *incident;
        } effect;
        struct {
            step_command_t command;
            const row_incident_t *incident; //  RETRY, CANCEL: the store's row, NULL = there is none
            const row_effect_t *effect;     //  EFFECT_...: likewise
            char worker [ROW_NAME];         //  DRAIN, RESUME: a label or an identity
            char channel [ROW_NAME];        //  CHANNEL_RETRY
            const row_effect_t *dead;       //  CHANNEL_RETRY: the store's dead effects of it
            size_t dead_count;
            uint64_t cookie;
        } command;
        const row_incident_t *revive; //  NULL = there is none
        struct {
            char cluster [ROW_CLUSTER];
            char change [32];
            char reason [LIMIT_REASON_BYTES];
        } source;
        struct {
            const step_retire_t *incidents;
            size_t count; //  0: there are some, and nothing is removed yet
        } retire;
    } as;
} step_in_t;
