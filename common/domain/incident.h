//  incident - the state table of an incident: {state, event} -> next state.
//
//  The same table drives the broker and prints docs/states.md (`triagectl states`).
//  A missing cell is a stale event: nothing changes.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

typedef enum {
    INCIDENT_NONE,          //  not admitted yet
    INCIDENT_PENDING,       //  queued, or waiting for a retry or a worker
    INCIDENT_INVESTIGATING, //  an attempt is assigned
    INCIDENT_REPORTED,      //  terminal: a validated report; the fault may still stand
    INCIDENT_AGENT_FAILED,  //  terminal: the agent could not make one
    INCIDENT_FAILED,        //  terminal: dead letter, its workers kept vanishing
    INCIDENT_SUPPRESSED,    //  terminal: recorded, not investigated
    INCIDENT_CANCELLED,     //  terminal: by an operator
    INCIDENT_STATES
} incident_state_t;

typedef enum {
    INCIDENT_ON_ADMIT, //  a new fault enters the queue
    //  Recorded but not investigated, or dropped from the queue by overflow.
    INCIDENT_ON_SUPPRESS,
    INCIDENT_ON_ASSIGN,    //  an attempt was issued
    INCIDENT_ON_REQUEUE,   //  no live attempt is left and another is due
    INCIDENT_ON_SUCCESS,   //  first valid verdict
    INCIDENT_ON_AGENT_END, //  agent attempts used up
    INCIDENT_ON_LOST_END,  //  deliveries used up
    INCIDENT_ON_CANCEL,
    INCIDENT_ON_RETRY, //  triagectl incident retry
    INCIDENT_EVENTS
} incident_event_t;

typedef enum {
    INCIDENT_SUPPRESS_NONE,
    INCIDENT_SUPPRESS_BELOW_SEVERITY = 2, //  rows have these numbers; 1 was never set
    INCIDENT_SUPPRESS_FIRST = INCIDENT_SUPPRESS_BELOW_SEVERITY,
    INCIDENT_SUPPRESS_TRIAGE_DISABLED,
    INCIDENT_SUPPRESS_OVERFLOW,
    INCIDENT_SUPPRESS_UNPARSED,
    INCIDENT_SUPPRESS_REASONS
} incident_suppress_t;

//  Next state, or INCIDENT_STATES when the event has no meaning in this state.
incident_state_t
incident_next (incident_state_t state, incident_event_t event);
//  Does the incident end in this state?
bool
incident_terminal (incident_state_t state);
//  "pending", "investigating", "reported", "agent_failed", "failed", "suppressed",
//  "cancelled"; NONE is "".
const char *
incident_state_name (incident_state_t state);
//  Parse the name of a state, current or former.  False: no such name, *ret_state is untouched.
bool
incident_state_parse (const char *name, incident_state_t *ret_state);
//  "below_severity", "triage_disabled", "overflow", "unparsed"; NONE is "".
const char *
incident_suppress_name (incident_suppress_t reason);
//  False: no such name, *ret_reason is untouched.
bool
incident_suppress_parse (const char *name, incident_suppress_t *ret_reason);
//  Print docs/states.md to stdout.
void
incident_print (void);
