//  asked - the senders that wait for the answer to their input of this turn.
//
//  Ensures: each asker gets exactly one answer.  A positive answer leaves after the commit only.
//  An asker without an answer at the end of the turn is refused.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/loop_part.h"

//  An answer.  Own: the texts are borrowed.
typedef struct {
    const char *refused;      //  NULL, or why nothing was committed; the asker asks again
    int64_t retry_ms;         //  refused: ask again after this time
    step_event_t disposition; //  answer to an event
    const ident_t *incident;  //  answer to an event
    int rc;                   //  answer to a command
    const char *text;         //  answer to a command
} asked_answer_t;

//  Deliver an answer; each kind of asker has its own function.
typedef void (asked_answer_fn) (loop_t *self, const asked_t *asked, const asked_answer_t *answer);

struct asked {
    asked_answer_fn *answer;
    bool answered;
    bool looks;                               //  it reads the snapshot after its answer
    link_route_t route;                       //  of a publisher
    uint64_t seq;                             //  of a publisher's EVENT
    char event_id [LIMIT_EVENT_ID_BYTES + 1]; //  of a publisher's EVENT
    mailbox_t *reply;                         //  of a thread
    uint64_t cookie;                          //  of a thread: the sender's own
};

//  Copy an asker into this turn's list.  Own: the result is borrowed until the end of the turn.
asked_t *
asked_add (loop_t *self, const asked_t *asked);
//  The number that the core uses for this asker; never 0.
uint64_t
asked_cookie (const loop_t *self, const asked_t *asked);
//  Answer the asker with this number.
void
asked_answer (loop_t *self, uint64_t cookie, const asked_answer_t *answer);
//  Refuse all askers that have no answer yet: nothing was committed for them.
void
asked_refuse_rest (loop_t *self, const char *reason);
//  Does an asker of this turn read the snapshot after its answer?
bool
asked_looks (const loop_t *self);
//  Step one event.  The asker is answered after the commit, or refused.
//  A failed read of the store goes to self->failed.
void
asked_event (loop_t *self, row_event_t *row, const fault_t *fault, bool triage_enabled,
             const asked_t *asked);
