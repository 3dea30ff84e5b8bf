//  asked - who waits for the answer to an input of this turn.
//
//  Each asker gets one answer, and only after the commit, unless it is refused.  What nobody has
//  answered at the end of the turn is refused.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/loop_part.h"

//  What is said to an asker; the texts are borrowed.
typedef struct {
    const char *refused;      //  NULL, or why nothing was committed: ask again
    int64_t retry_ms;         //  refused: after this
    step_event_t disposition; //  of an event
    const ident_t *incident;  //  of an event
    int rc;                   //  of a command
    const char *text;         //  of a command
} asked_answer_t;

//  The asker's own way to be answered.
typedef void (asked_answer_fn) (loop_t *self, const asked_t *asked, const asked_answer_t *answer);

struct asked {
    asked_answer_fn *answer;
    bool answered;
    bool looks;                               //  at the figures, once it has its answer
    link_route_t route;                       //  of a publisher
    uint64_t seq;                             //  of a publisher's EVENT
    char event_id [LIMIT_EVENT_ID_BYTES + 1]; //  of a publisher's EVENT
    mailbox_t *reply;                         //  of a thread
    uint64_t cookie;                          //  of a thread: the sender's own
};

//  Remember an asker for this turn.  Own: borrowed, until the turn's end.
asked_t *
asked_add (loop_t *self, const asked_t *asked);
//  The number by which the core names it; never 0.
uint64_t
asked_cookie (const loop_t *self, const asked_t *asked);
//  Answer the asker that the core names.
void
asked_answer (loop_t *self, uint64_t cookie, const asked_answer_t *answer);
//  Nothing was committed for those that have no answer yet: they are to ask again.
void
asked_refuse_rest (loop_t *self, const char *reason);
//  Does one of them look at the figures, once it has its answer?
bool
asked_looks (const loop_t *self);
//  Step one event; the asker is answered after the commit, or refused.
void
asked_event (loop_t *self, row_event_t *row, const fault_t *fault, bool triage_enabled,
             const asked_t *asked);
