//  disk - the simulator's store: committed rows, and the invariants that each write must keep.
//
//  I1   What is acknowledged is on disk: an event with its incident, a verdict.  A fault key has
//       one open incident, which counts its events.  No good report is thrown away.
//  I2   There is at most one winner, and it made the report.  An attempt ends as its worker said.
//  I3   A report and its one effect are committed together.  Keys are unique.
//  I4   There is at most one live attempt, never past its lease or its deadline + 2 s.
//  I5   seq has no holes, and prev is right.
//  I6   Lists are bounded.
//  I7   References hold, and memory equals the disk.
//  I15  An incident pays for attempts that had begun and were lost, and for failures.  It pays for
//       nothing that a worker refused, and nothing that it gives back.
//  I17  No host is blamed for what the artifacts' disk denied it.
//  I8 to I10 are in voice.h, I11 to I13 in sim.c, I14 in shares.h, I16 in peers.h, I18 to I21 in
//  returns.h, I22 in revival.h, I23 and I24 in retires.h, I25 and I26 in bot.h.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/step.h"

#include <stdbool.h>
#include <uthash.h>

enum { DISK_KEYS = 64 }; //  fault keys are "key-0" to "key-63"

typedef struct {
    char name [IDENT_SIZE + 24]; //  "<incident>/<attempt>"
    row_attempt_t row;
    int64_t since_ms, slack_ms; //  boot time first seen LIVE; disk slack at that time
    int64_t renewed_ms;         //  boot time of its last sign of life
    //  How often the clock had been set back by then; the time that restarts may have added since.
    int64_t set_back, extra_ms;
    unsigned said;          //  outcomes that its worker has sent: bits 1 << outcome
    run_class_t said_class; //  of the last one
    int64_t said_retry_ms;
    int64_t opening;             //  of the breaker in which it was issued, 0 = it was closed
    char made_by [ROW_IDENTITY]; //  the worker that finished a good report; "" = none
    bool after_opening;          //  issued while the breaker was open
    bool told_lost;              //  a record says that it is lost
    bool denied;                 //  given back in a hold, because the prompt was not available
    UT_hash_handle hh;
} disk_attempt_t;

typedef struct {
    ident_t id;
    row_incident_t *row; //  NULL: long over
    incident_state_t state;
    incident_state_t told; //  state in its last record; a turn may pass through several
    int64_t winner, live;
    int64_t ends, effects, executed, ambiguous;
    int64_t events;
    bool counted;      //  by the model of the breaker, since it was opened
    int64_t given_ms;  //  boot time when it was first given back, 0 = not
    int64_t wait_ms;   //  boot time before which it is not to be assigned
    bool waived;       //  the clock was set before a restart: these times are not known
    bool uploaded;     //  its upload has ended since its last end, and is not due again
    int64_t closed_ms; //  boot time
    bool goes, gone;   //  by the retention (retires.h)
    bool went;         //  it was going once
    UT_hash_handle hh;
} disk_incident_t;

typedef struct {
    char name [ROW_SOURCE + LIMIT_EVENT_ID_BYTES + 2];
    ident_t incident;
    UT_hash_handle hh;
} disk_event_t;

typedef struct {
    int64_t id;
    row_effect_t row;
    bool held; //  the broker died while it was being sent
    UT_hash_handle hh;
} disk_effect_t;

typedef struct {
    char name [ROW_TOPIC];
    int64_t seq;
    UT_hash_handle hh;
} disk_topic_t;

//  A message (voice.h), by key, with the row of its alert if it has one.
typedef struct disk_message disk_message_t;

struct disk_message {
    char key [96];
    row_alert_t alert;
    int64_t effect, asks, asked_ms, arrived, unmarked; //  unmarked: arrived, and not as a repeat
    bool unsure; //  it may have arrived; the answer is unknown
    //  Boot times at which it was last made ready, and last written so.  sets: of the wall clock.
    int64_t ready_ms, written_ms, sets;
    row_effect_state_t state;
    //  A bot's: state of the incident when it looked, and that it shows.  kept: 1 = its row names
    //  the message, -1 = the row says that it may have one.
    incident_state_t looked, shown;
    int kept, posts;
    disk_message_t *prev_alert, *next_alert; //  messages with an alert, oldest request first
    UT_hash_handle hh;
};

//  A model of the breaker: a plain count of incidents that failed.
typedef struct {
    bool open, closing;
    int64_t failures, openings;
} disk_model_t;

//  A worker in quarantine (returns.h).
typedef struct returns_worker returns_worker_t;

typedef struct {
    disk_incident_t *incidents;
    //  Incidents that are long over.  Nothing walks them, so steps stay cheap.
    disk_incident_t *over;
    disk_attempt_t *attempts;
    disk_event_t *events;
    disk_effect_t *effects; //  not yet done
    disk_effect_t *dead;    //  until retried or replaced
    disk_topic_t *topics;
    disk_message_t *messages, *alerts;
    row_breaker_t breaker;
    row_retention_t retention;
    int64_t ahead_ms;  //  boot time at which the clock was set ahead by more than a day, 0 = never
    int64_t record_ms; //  wall clock of the last record
    int64_t gone;      //  incidents that were removed
    int64_t gone_of_key [DISK_KEYS]; //  the highest number of them
    disk_model_t model;
    bool shows;        //  the default receiver is a bot
    int64_t threshold; //  of the breaker
    bool pause;        //  its mode
    int64_t number, effect, seq;
    int64_t open, live;
    int64_t open_of_key [DISK_KEYS];
    int64_t give_back_ms;        //  of the settings
    returns_worker_t *set_aside; //  workers in quarantine
    int64_t sets, sets_seen; //  how often the wall clock was set, and how often at the last load
    int64_t hard_ms;         //  longest life of an attempt
    int64_t slack_ms;        //  time that clock jumps may have added to deadlines
    int64_t set_back;        //  how often the wall clock was set back
    int64_t lease_ms;        //  life of a lease
    int64_t lease_floor_ms;  //  boot time until which a restart or a jump has extended all leases
    int64_t hard_floor_ms;   //  likewise for hard deadlines, by a restart or a hold
    char broken [256];       //  the first broken invariant; "" = none
} disk_t;

void
disk_fini (disk_t *self);
//  Report a broken invariant; only the first one is kept.
void
disk_break (disk_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
//  Apply one write and check it.
void
disk_apply (disk_t *self, const step_write_t *write, clk_now_t now);
//  Check the relations between rows, after the last write of a turn.
void
disk_check_turn (disk_t *self, const step_write_t *writes, size_t count);
//  A message of this attempt's worker has arrived.
void
disk_renewed (disk_t *self, const step_fence_t *fence, const char *identity, clk_now_t now);
//  The broker has restarted: durable deadlines are only as good as the wall clock.
void
disk_restarted (disk_t *self);
//  Check the deadlines of all live attempts; call it after each step_schedule.
void
disk_check_deadlines (disk_t *self, clk_now_t now);
//  Check all rows against each other; slow.
void
disk_check_all (disk_t *self);
//  Load all rows into a step.
void
disk_load (disk_t *self, step_t *step, clk_now_t now);
//  Forget the rows of an incident that is over; its events stay.
void
disk_forget (disk_t *self, disk_incident_t *incident);
//  Forget rows that are long over.
void
disk_tidy (disk_t *self, clk_now_t now);
//  Find a row; NULL: there is none.  Own: borrowed.
const disk_event_t *
disk_event (const disk_t *self, const char *source, const char *event_id);
disk_incident_t *
disk_incident (const disk_t *self, const char *id);
disk_attempt_t *
disk_attempt (const disk_t *self, const char *incident, int64_t number);
