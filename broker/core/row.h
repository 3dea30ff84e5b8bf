//  row - the durable facts of the broker as plain structs, one per table of the store.
//
//  The core writes whole rows (insert or replace).  The store and the simulator keep them, and pass
//  the same rows back when they are loaded.  A row has no pointers: it is copied by assignment.
//  Times: wall clock ms unless named boot.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/digest.h"
#include "common/base/ident.h"
#include "common/base/limits.h"
#include "common/domain/fault.h"
#include "common/domain/incident.h"
#include "common/domain/run_class.h"
#include "common/domain/usage.h"
#include "common/domain/verdict.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    ROW_IDENTITY = 64, //  of a peer
    ROW_NAME = 64,
    ROW_CLUSTER = LIMIT_CLUSTER_BYTES + 1,
    ROW_SOURCE = ROW_CLUSTER + 4, //  a peer's identity, or "mcp:<cluster>"
    ROW_TOPIC = LIMIT_TOPIC_BYTES,
    ROW_ALERT = ROW_CLUSTER + 32 //  the longest is "overflow/<cluster>/<hour>"
};

typedef struct {
    ident_t id;
    int64_t number; //  order of admission, unique, from 1
    incident_state_t state;
    incident_suppress_t suppress;
    fault_t fault;            //  of the triggering event
    char source [ROW_SOURCE]; //  of that event
    char event_id [LIMIT_EVENT_ID_BYTES + 1];
    ident_t linked; //  the incident this one investigates anew, "" if none
    int64_t created_ms, started_ms, completed_ms; //  0 = not yet
    int64_t first_seen_ms, last_seen_ms;
    int64_t occurrences;
    //  As many when it ended; 0: it has not, or an earlier version has ended it.
    int64_t ended_occurrences;
    int64_t attempts;      //  issued so far = highest attempt number
    int64_t forgiven;      //  attempts up to this one do not count, after an operator's retry
    int64_t charged;       //  attempts that ended as `agent`
    int64_t lost;          //  attempts that ended as `lost`
    int64_t not_before_ms; //  pending: not assigned earlier than this
    int64_t winner;        //  attempt whose report counts, 0 = none
    //  Its last attempt whose report is partial, 0 = none.  It decides when the incident fails.
    int64_t partial;
    bool counted;          //  the circuit breaker has counted it
    int64_t streak;        //  of failures in the circuit breaker that it is part of, 0 = none
    bool revived;          //  it was put back into the queue when the circuit breaker closed
    int64_t given_back;    //  attempts that ended by a class that charges nothing
    int64_t given_back_ms; //  when the first of them ended, 0 = none has
    int exit_code;         //  of the deciding attempt, -1 = none
    char reason [LIMIT_REASON_BYTES];
} row_incident_t;

typedef enum { ROW_ATTEMPT_LIVE, ROW_ATTEMPT_SUPERSEDED, ROW_ATTEMPT_ENDED } row_attempt_state_t;

//  "live", "superseded", "ended".
const char *
row_attempt_state_name (row_attempt_state_t state);

typedef struct {
    ident_t incident;
    int64_t number;               //  from 1 within the incident
    row_attempt_state_t state;    //  SUPERSEDED: lease lost, but it may still report
    char identity [ROW_IDENTITY]; //  peer it was issued to
    char worker [ROW_NAME];       //  its label
    bool started;                 //  STARTED seen
    int64_t assigned_ms, started_ms, ended_ms;
    int64_t deadline_ms;       //  hard end: assigned + timeout + grace + slack
    verdict_outcome_t outcome; //  when ENDED (LOST may also be set while SUPERSEDED)
    int exit_code;
    char reason [LIMIT_REASON_BYTES];
    run_class_t class; //  when ENDED; NONE for LOST, CANCELLED, and of older workers
    usage_t usage;
} row_attempt_t;

typedef enum {
    ROW_CHANNEL_STORAGE, //  save an incident
    ROW_CHANNEL_MESSAGE, //  to a receiver
    ROW_CHANNEL_RETIRE,  //  remove an incident that is kept no longer
    ROW_CHANNELS
} row_channel_t;
typedef enum {
    ROW_EFFECT_READY,
    ROW_EFFECT_DONE,
    ROW_EFFECT_DEAD,
    //  a message that is begun: after a crash it is unknown how it went
    ROW_EFFECT_SENDING,
    ROW_EFFECT_CANCELLED //  cancelled by an operator
} row_effect_state_t;

typedef struct {
    int64_t id; //  commit order, from 1
    row_channel_t channel;
    char receiver [ROW_NAME]; //  of a message; "" for other channels
    //  Unique.  It names channel and incident.  A row with a known key replaces the old one:
    //  "storage/<incident>", "retire/<incident>", "degraded/<opening>", "recovered/<opening>",
    //  "overflow/<cluster>/<hour>"; messages about an incident are "incident/<incident>", to
    //  another receiver than the default one "incident/<incident>@<receiver>".
    char key [ROW_ALERT];
    ident_t incident; //  "" = none
    row_effect_state_t state;
    bool unsure; //  a message that may have been sent unseen: sent again, it is marked
    int64_t tries;
    int64_t next_ms; //  READY: not before
    char error [LIMIT_REASON_BYTES];
} row_effect_t;

//  The receiver of messages that no route sends elsewhere, and of all alerts.
extern const char row_default_receiver []; //  "slack"

//  The name of an effect's lane: "storage", "retention", or the receiver's.
const char *
row_lane_name (const row_effect_t *row);
//  The channel of the lane with this name.
row_channel_t
row_lane_channel (const char *name);

//  A message that a bot has posted and may edit.  Its effect has the same key.
typedef struct {
    char key [ROW_ALERT]; //  "" = none
    ident_t incident;     //  "" = none
    char receiver [ROW_NAME];
    char channel [ROW_NAME]; //  id of the Slack channel
    char ts [ROW_NAME];      //  the message's name in it, "" = not known
    int64_t parts;           //  what stands in its thread, enum row_part
    char shown [DIGEST_HEX]; //  SHA-256 of the body that it shows
    int64_t at_ms;           //  when it was posted
} row_message_t;
enum row_part {
    ROW_PART_DETAIL = 1,
    ROW_PART_FILE = 2,
    ROW_PART_DOUBT = 4 //  another part may stand there unseen
};

//  The saved folder of an incident.
typedef struct {
    ident_t incident; //  "" = none
    int64_t bytes;    //  of its files in workspace_root
    int64_t saved_ms; //  end of the incident that is saved
    bool uploaded;    //  another storage backend than the filesystem has it too
} row_folder_t;

//  Retention; there is one.
typedef struct {
    int64_t id;            //  1
    int64_t not_before_ms; //  nothing is removed earlier; 0 = nothing was ever due
} row_retention_t;

enum { ROW_REASONS = 3 };

//  The circuit breaker; there is one.
typedef struct {
    int64_t id; //  1
    bool open;
    bool announced;            //  its "degraded" was queued and has not failed for good
    int64_t openings;          //  so far; their number names the alerts
    int64_t streak;            //  number of the row of failures that is under way or comes next
    int64_t failures;          //  incidents in a row
    int64_t first_ms, last_ms; //  when the first and the last of them ended
    int64_t opened_ms;
    ident_t probe;                                  //  pause: the attempt whose verdict decides
    int64_t probe_attempt;                          //  0 = none is under way
    char reasons [ROW_REASONS][LIMIT_REASON_BYTES]; //  of the last failures, oldest first
    int64_t counts [ROW_REASONS]; //  how many failed for each of them; they are distinct
    int64_t reviving; //  those that failed in [reviving, streak) are being put back; 0 = none
} row_breaker_t;

//  The content of an alert at the time of its request.  Its effect has the same key.
typedef struct {
    char key [ROW_ALERT];
    char cluster [ROW_CLUSTER]; //  overflow
    int64_t at_ms;              //  time of the request
    int64_t count;              //  failures; overflow: incidents of the cluster that wait
    int64_t first_ms, last_ms;  //  degraded: failures; recovered: opened and closed
    char reasons [ROW_REASONS][LIMIT_REASON_BYTES];
    int64_t counts [ROW_REASONS];
    bool revives; //  what failed is put back into the queue at the closing
} row_alert_t;

//  One record of the event stream (journal); msg_record_t is its form on the wire.
typedef struct {
    int64_t seq;  //  global, from 1, no holes
    int64_t prev; //  seq of the previous record of the same topic, 0 = first
    int64_t at_ms;
    char kind [16];
    char cluster [ROW_CLUSTER];
    char change [32];
    ident_t incident;
    int64_t attempt;
    char worker [ROW_NAME];
    char reason [LIMIT_REASON_BYTES];
    char fault_type [FAULT_TYPE_BYTES];
    enum fault_severity severity;
    char resource [FAULT_RESOURCE_BYTES]; //  kind/namespace/name
    int64_t occurrences;
} row_record_t;

//  An accepted event.  The core does not read its body.
typedef struct {
    char source [ROW_SOURCE];
    char event_id [LIMIT_EVENT_ID_BYTES + 1]; //  unique per source
    ident_t incident; //  the incident it opened, counted on, or was suppressed as
    int64_t received_ms;
    const char *body; //  borrowed for the turn; NULL when in a file
    int64_t body_bytes;
    char body_sha [DIGEST_HEX]; //  names the file beside the store, "" when inline
} row_event_t;
