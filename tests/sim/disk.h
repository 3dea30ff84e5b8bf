//  disk - the simulator's store: committed rows, and the invariants I1-I7 checked on each
//  write (voice.h: the others).
//
//  I1 what is acknowledged is on disk: an event with its incident, a verdict; a condition has one
//  open incident, which counts its events; no good report is thrown away.  I2 at most one winner,
//  and it made that report; an attempt ends as its own worker said.  I3 a report and its one effect
//  are committed together; keys are unique.  I4 at most one live attempt, none past its lease
//  or its deadline + 2 s.  I5 seq without holes, prev unbroken.  I6 bounded lists.
//  I7 references hold; memory holds what the disk does.  I15 an incident pays for what had begun
//  and was lost, and for what failed: for nothing that a worker refused.  I17 no host is blamed
//  for what the artifacts' disk denied it.
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
    //  how often the clock had been set back; what restarts since may add
    int64_t set_back, extra_ms;
    unsigned said;               //  ends that its worker has told: 1 << outcome
    char made_by [ROW_IDENTITY]; //  the worker that finished a good report, "" = none
    bool after_opening;          //  issued while the breaker was open
    bool told_lost;              //  by a record
    bool denied;                 //  its worker gave it back for want of the prompt, in a hold
    UT_hash_handle hh;
} disk_attempt_t;

typedef struct {
    ident_t id;
    row_incident_t *row; //  NULL: long over
    incident_state_t state;
    incident_state_t told; //  by its last record; a turn may pass through several
    int64_t winner, live;
    int64_t ends, effects, executed, ambiguous;
    int64_t events;
    bool uploaded;     //  since its last end, or given up, and not asked for again
    int64_t closed_ms; //  boot time
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
    bool held; //  it was being sent when the broker died
    UT_hash_handle hh;
} disk_effect_t;

typedef struct {
    char name [ROW_TOPIC];
    int64_t seq;
    UT_hash_handle hh;
} disk_topic_t;

//  A message of the voice, by key; the alert's row where it has one.
typedef struct disk_message disk_message_t;

struct disk_message {
    char key [96];
    row_alert_t alert;
    int64_t effect, asked_ms, arrived;
    bool unsure;                             //  it may have arrived unseen
    disk_message_t *prev_alert, *next_alert; //  those with an alert, in the order asked for
    UT_hash_handle hh;
};

//  The breaker as a count of ended incidents gives it.
typedef struct {
    bool open, closing;
    int64_t failures, openings;
} disk_model_t;

typedef struct {
    disk_incident_t *incidents;
    //  those that are long over: nothing walks them, so that steps stay cheap
    disk_incident_t *over;
    disk_attempt_t *attempts;
    disk_event_t *events;
    disk_effect_t *effects; //  to be done
    disk_effect_t *dead;    //  until retried or replaced
    disk_topic_t *topics;
    disk_message_t *messages, *alerts;
    row_breaker_t breaker;
    disk_model_t model;
    int64_t threshold; //  of the breaker
    bool pause;        //  its mode
    int64_t number, effect, seq;
    int64_t open, live;
    int64_t open_of_key [DISK_KEYS];
    int64_t hard_ms;        //  longest life of an attempt
    int64_t slack_ms;       //  what clock jumps may have added to deadlines so far
    int64_t set_back;       //  how often the wall clock was set back
    int64_t lease_ms;       //  life of a lease
    int64_t lease_floor_ms; //  boot time until which a restart or a jump has extended all leases
    int64_t hard_floor_ms;  //  the same of hard deadlines, by a restart or by a hold
    char broken [256];      //  the first broken invariant, "" = none
} disk_t;

void
disk_fini (disk_t *self);
//  Say what is broken; the first one counts.
void
disk_break (disk_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
void
disk_apply (disk_t *self, const step_write_t *write, clk_now_t now);
//  After the last write of a turn: what must be true between rows.
void
disk_check_turn (disk_t *self, const step_write_t *writes, size_t count);
//  The worker of this attempt was heard.
void
disk_renewed (disk_t *self, const step_fence_t *fence, const char *identity, clk_now_t now);
//  The broker was started again: durable deadlines are as good as the wall clock.
void
disk_restarted (disk_t *self);
//  Each live attempt; call after each schedule.
void
disk_check_deadlines (disk_t *self, clk_now_t now);
//  Everything against everything; slow.
void
disk_check_all (disk_t *self);
void
disk_load (disk_t *self, step_t *step, clk_now_t now);
//  Forget what is long over.
void
disk_tidy (disk_t *self, clk_now_t now);
const disk_event_t *
disk_event (const disk_t *self, const char *source, const char *event_id);
disk_incident_t *
disk_incident (const disk_t *self, const char *id);
disk_attempt_t *
disk_attempt (const disk_t *self, const char *incident, int64_t number);
