//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/message.h"

#include "broker/core/outbox.h"
#include "broker/core/route.h"
#include "broker/core/step_part.h"

typedef bool (s_wants_fn) (const route_target_t *target);

static bool
s_shows (const route_target_t *target)
{
    return target->shows;
}

static bool
s_hears_ends (const route_target_t *target)
{
    return target->shows || target->ends;
}

static bool
s_any (const route_target_t *target)
{
    return true;
}

//  Tell those receivers of the incident that want to know.
static void
s_tell (step_t *self, const row_incident_t *row, s_wants_fn *wants, clk_now_t now)
{
    route_target_t targets [LIMIT_RECEIVERS];
    const size_t count = route_match (&self->state.settings, &row->fault, targets, LIMIT_RECEIVERS);
    for (size_t i = 0; i < count; i++)
        if (wants (&targets [i]))
            outbox_add_message (&self->outbox, &self->state, targets [i].receiver, &row->id, now);
}

void
message_started (step_t *self, const row_incident_t *row, clk_now_t now)
{
    s_tell (self, row, s_shows, now);
}

void
message_ended (step_t *self, const row_incident_t *row, clk_now_t now)
{
    if (row->state != INCIDENT_SUPPRESSED)
        s_tell (self, row, row->state == INCIDENT_REPORTED ? s_any : s_hears_ends, now);
}

void
message_recurred (step_t *self, entry_t *entry, const row_incident_t *row, clk_now_t now)
{
    if (!incident_terminal (row->state) || row->state == INCIDENT_SUPPRESSED)
        return;
    route_target_t targets [LIMIT_RECEIVERS];
    const size_t count = route_match (&self->state.settings, &row->fault, targets, LIMIT_RECEIVERS);
    const bool soon =
        !entry->recurred_ms || now.boot_ms - entry->recurred_ms >= LIMIT_MESSAGE_RECURRED_MS;
    for (size_t i = 0; i < count; i++)
        if (targets [i].shows)
            outbox_add_later (&self->outbox, &self->state, targets [i].receiver, &row->id,
                              soon ? 0 : LIMIT_MESSAGE_RECURRED_MS, now);
    if (soon)
        entry->recurred_ms = now.boot_ms;
}

void
message_uploaded (step_t *self, const row_incident_t *row, clk_now_t now)
{
    if (row->state != INCIDENT_SUPPRESSED)
        s_tell (self, row, s_shows, now);
}
