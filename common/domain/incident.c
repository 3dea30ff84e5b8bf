//  incident - the state table of an incident, its names, and the page printed from it.
//  SPDX-License-Identifier: Apache-2.0
#include "common/domain/incident.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

//  One cell: the next state (NONE = stale, nothing changes) and the reason, for the printed page.
typedef struct {
    incident_state_t next;
    const char *action;
} cell_t;

//  REPORTED has no exit: a report is never replaced.
static const cell_t s_table [INCIDENT_STATES][INCIDENT_EVENTS] = {
    [INCIDENT_NONE] =
        {
            [INCIDENT_ON_ADMIT] = {INCIDENT_PENDING, "queue it"},
            [INCIDENT_ON_SUPPRESS] = {INCIDENT_SUPPRESSED, "record it with the reason"},
        },
    [INCIDENT_PENDING] =
        {
            [INCIDENT_ON_SUPPRESS] = {INCIDENT_SUPPRESSED, "dropped from a full queue"},
            [INCIDENT_ON_ASSIGN] = {INCIDENT_INVESTIGATING, "issue an attempt, start its lease"},
            [INCIDENT_ON_SUCCESS] = {INCIDENT_REPORTED, "late report of a superseded attempt wins"},
            [INCIDENT_ON_AGENT_END] = {INCIDENT_AGENT_FAILED,
                                       "attempts used up, given back too long, or no host left"},
            [INCIDENT_ON_LOST_END] = {INCIDENT_FAILED, "deliveries used up: dead letter"},
            [INCIDENT_ON_CANCEL] = {INCIDENT_CANCELLED, "take it out of the queue"},
        },
    [INCIDENT_INVESTIGATING] =
        {
            [INCIDENT_ON_REQUEUE] = {INCIDENT_PENDING, "queue it again at its old place"},
            [INCIDENT_ON_SUCCESS] = {INCIDENT_REPORTED,
                                     "publish the report, cancel other attempts"},
            [INCIDENT_ON_AGENT_END] = {INCIDENT_AGENT_FAILED,
                                       "attempts used up, or given back too long"},
            [INCIDENT_ON_LOST_END] = {INCIDENT_FAILED, "deliveries used up: dead letter"},
            [INCIDENT_ON_CANCEL] = {INCIDENT_CANCELLED, "cancel the attempt"},
        },
    [INCIDENT_AGENT_FAILED] =
        {
            [INCIDENT_ON_RETRY] = {INCIDENT_PENDING, "forget the failures, queue it again"},
        },
    [INCIDENT_FAILED] =
        {
            [INCIDENT_ON_RETRY] = {INCIDENT_PENDING, "forget the losses, queue it again"},
        },
    [INCIDENT_SUPPRESSED] =
        {
            [INCIDENT_ON_RETRY] = {INCIDENT_PENDING, "investigate it after all"},
        },
    [INCIDENT_CANCELLED] =
        {
            [INCIDENT_ON_RETRY] = {INCIDENT_PENDING, "queue it again"},
        },
};

static const char *const s_states [INCIDENT_STATES] = {
    [INCIDENT_NONE] = "",
    [INCIDENT_PENDING] = "pending",
    [INCIDENT_INVESTIGATING] = "investigating",
    [INCIDENT_REPORTED] = "reported",
    [INCIDENT_AGENT_FAILED] = "agent_failed",
    [INCIDENT_FAILED] = "failed",
    [INCIDENT_SUPPRESSED] = "suppressed",
    [INCIDENT_CANCELLED] = "cancelled",
};

//  Former names of states.  They are read, never written.
static const struct {
    const char *name;
    incident_state_t state;
} s_old_states [] = {{"resolved", INCIDENT_REPORTED}};

static const char *const s_events [INCIDENT_EVENTS] = {
    [INCIDENT_ON_ADMIT] = "admit",       [INCIDENT_ON_SUPPRESS] = "suppress",
    [INCIDENT_ON_ASSIGN] = "assign",     [INCIDENT_ON_REQUEUE] = "requeue",
    [INCIDENT_ON_SUCCESS] = "success",   [INCIDENT_ON_AGENT_END] = "agent_end",
    [INCIDENT_ON_LOST_END] = "lost_end", [INCIDENT_ON_CANCEL] = "cancel",
    [INCIDENT_ON_RETRY] = "retry",
};

static const char *const s_reasons [INCIDENT_SUPPRESS_REASONS] = {
    [INCIDENT_SUPPRESS_NONE] = "",
    [INCIDENT_SUPPRESS_BELOW_SEVERITY] = "below_severity",
    [INCIDENT_SUPPRESS_TRIAGE_DISABLED] = "triage_disabled",
    [INCIDENT_SUPPRESS_OVERFLOW] = "overflow",
    [INCIDENT_SUPPRESS_UNPARSED] = "unparsed",
};

incident_state_t
incident_next (incident_state_t state, incident_event_t event)
{
    assert (state < INCIDENT_STATES && event < INCIDENT_EVENTS);
    const cell_t *cell = &s_table [state][event];
    return cell->action ? cell->next : INCIDENT_STATES;
}

bool
incident_terminal (incident_state_t state)
{
    return state == INCIDENT_REPORTED || state == INCIDENT_AGENT_FAILED || state == INCIDENT_FAILED
           || state == INCIDENT_SUPPRESSED || state == INCIDENT_CANCELLED;
}

const char *
incident_state_name (incident_state_t state)
{
    assert (state < INCIDENT_STATES);
    return s_states [state];
}

bool
incident_state_parse (const char *name, incident_state_t *ret_state)
{
    for (size_t i = INCIDENT_PENDING; i < INCIDENT_STATES; i++)
        if (strcmp (name, s_states [i]) == 0) {
            *ret_state = (incident_state_t) i;
            return true;
        }
    for (size_t i = 0; i < sizeof s_old_states / sizeof s_old_states [0]; i++)
        if (strcmp (name, s_old_states [i].name) == 0) {
            *ret_state = s_old_states [i].state;
            return true;
        }
    return false;
}

const char *
incident_suppress_name (incident_suppress_t reason)
{
    assert (reason < INCIDENT_SUPPRESS_REASONS);
    return s_reasons [reason] ? s_reasons [reason] : "";
}

bool
incident_suppress_parse (const char *name, incident_suppress_t *ret_reason)
{
    for (size_t i = INCIDENT_SUPPRESS_FIRST; i < INCIDENT_SUPPRESS_REASONS; i++)
        if (strcmp (name, s_reasons [i]) == 0) {
            *ret_reason = (incident_suppress_t) i;
            return true;
        }
    return false;
}

static const char *
s_shown (size_t state)
{
    return state == INCIDENT_NONE ? "(new)" : s_states [state];
}

void
incident_print (void)
{
    puts ("# States of an incident\n\n"
          "Printed by `triagectl states` from the table in `common/domain/incident.c`; the broker\n"
          "runs the same table. What is not listed is stale: nothing changes.\n\n"
          "| state | event | next | what happens |\n|---|---|---|---|");
    for (size_t state = 0; state < INCIDENT_STATES; state++)
        for (size_t event = 0; event < INCIDENT_EVENTS; event++) {
            const cell_t *cell = &s_table [state][event];
            if (cell->action)
                printf ("| %s | %s | %s | %s |\n", s_shown (state), s_events [event],
                        s_states [cell->next], cell->action);
        }
    fputs ("\nTerminal:", stdout);
    const char *comma = "";
    for (size_t state = 0; state < INCIDENT_STATES; state++)
        if (incident_terminal ((incident_state_t) state)) {
            printf ("%s `%s`", comma, s_states [state]);
            comma = ",";
        }
    fputs (".\n`reported` means that a report exists. Whether the fault still stands is another "
           "matter.\n",
           stdout);
    for (size_t i = 0; i < sizeof s_old_states / sizeof s_old_states [0]; i++)
        printf (
            "`%s` is the old name of `%s`. It is still understood where a state is asked for.\n",
            s_old_states [i].name, s_states [s_old_states [i].state]);
    fputs ("Reasons of `suppressed`:", stdout);
    comma = "";
    for (size_t i = INCIDENT_SUPPRESS_FIRST; i < INCIDENT_SUPPRESS_REASONS; i++) {
        printf ("%s `%s`", comma, s_reasons [i]);
        comma = ",";
    }
    puts (".");
}
