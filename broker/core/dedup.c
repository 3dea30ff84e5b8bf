//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/dedup.h"

#include "broker/core/book.h"
#include "broker/core/journal.h"
#include "broker/core/message.h"
#include "broker/core/overflow.h"
#include "broker/core/pack.h"
#include "broker/core/queue.h"
#include "broker/core/settle.h"
#include "broker/core/step_part.h"
#include "broker/core/tally.h"

#include <string.h>

enum { OVERLOAD_RETRY_MS = 5000 };

static void
s_ack (step_t *self, const step_in_t *in, step_event_t disposition, const ident_t *incident)
{
    step_out_t *out = state_out (&self->state, STEP_OUT_EVENT_ACK, &in->peer);
    out->as.ack.cookie = in->as.event.cookie;
    out->as.ack.disposition = disposition;
    out->as.ack.incident = *incident;
}

static void
s_write_event (step_t *self, const step_in_t *in, const ident_t *incident, clk_now_t now)
{
    row_event_t *row = &state_write (&self->state, STEP_WRITE_EVENT)->as.event;
    *row = in->as.event.row;
    row->incident = *incident;
    if (!row->received_ms)
        row->received_ms = now.wall_ms;
}

static incident_suppress_t
s_suppressed (const step_t *self, const step_in_t *in)
{
    if (!in->as.event.fault->parsed)
        return INCIDENT_SUPPRESS_UNPARSED;
    if (!in->as.event.triage_enabled)
        return INCIDENT_SUPPRESS_TRIAGE_DISABLED;
    if (in->as.event.fault->severity < self->state.settings.severity_threshold)
        return INCIDENT_SUPPRESS_BELOW_SEVERITY;
    return INCIDENT_SUPPRESS_NONE;
}

static void
s_count (step_t *self, const step_in_t *in, entry_t *entry, clk_now_t now)
{
    row_incident_t row;
    pack_row (entry, &row);
    row.occurrences++;
    if (row.last_seen_ms < now.wall_ms)
        row.last_seen_ms = now.wall_ms;
    book_save (&self->book, &self->state, entry, &row);
    book_touch (&self->book, entry, now);
    s_write_event (self, in, &entry->id, now);
    journal_incident (&self->journal, &self->state, &row, "counted", now);
    message_recurred (self, entry, &row, now);
    self->state.stats.events_counted++;
    s_ack (self, in, STEP_EVENT_COUNTED, &entry->id);
}

//  Is this event counted on the known incident?  suppress: the reason that a new one would have.
static bool
s_absorbs (const step_t *self, const entry_t *entry, incident_suppress_t suppress, clk_now_t now)
{
    if (!incident_terminal (entry->state))
        return true;
    if (!self->state.settings.dedup_window_ms
        || now.boot_ms - entry->touched_ms >= self->state.settings.dedup_window_ms)
        return false;
    if (suppress != INCIDENT_SUPPRESS_NONE)
        return true;
    if (entry->state == INCIDENT_SUPPRESSED)
        return false;
    row_incident_t row;
    pack_row (entry, &row);
    return now.wall_ms - row.completed_ms < self->state.settings.reinvestigate_after_ms;
}

//  Make room in one of the two queues, as queue_overflow_policy says.
static bool
s_make_room (step_t *self, const fault_t *fault, const char *cluster, const char *source,
             clk_now_t now)
{
    if (!queue_full (&self->queue, &self->state, cluster))
        return true;
    entry_t *victim = self->state.settings.overflow_reject
                          ? NULL
                          : queue_victim (&self->queue, cluster, source, fault->severity);
    if (!victim)
        return false;
    settle_suppress (self, victim, INCIDENT_SUPPRESS_OVERFLOW, now);
    return true;
}

static ident_t
s_ident (step_t *self, clk_now_t now)
{
    uint64_t random [2] = {state_random (&self->state), state_random (&self->state)};
    uint8_t bytes [10];
    memcpy (bytes, random, sizeof bytes);
    return ident_make (now.wall_ms, bytes);
}

static void
s_admit (step_t *self, const step_in_t *in, incident_suppress_t suppress, const entry_t *linked,
         clk_now_t now)
{
    const fault_t *fault = in->as.event.fault;
    row_incident_t row = {.id = s_ident (self, now),
                          .suppress = suppress,
                          .fault = *fault,
                          .created_ms = now.wall_ms,
                          .first_seen_ms = now.wall_ms,
                          .last_seen_ms = now.wall_ms,
                          .occurrences = 1,
                          .exit_code = -1};
    state_text (row.source, in->as.event.row.source);
    state_text (row.event_id, in->as.event.row.event_id);
    if (linked)
        row.linked = linked->id;
    book_move (&row, suppress ? INCIDENT_ON_SUPPRESS : INCIDENT_ON_ADMIT);
    if (suppress)
        row.completed_ms = now.wall_ms;
    entry_t *entry = book_admit (&self->book, &self->state, &row, now);
    if (!entry)
        return;
    s_write_event (self, in, &row.id, now);
    journal_incident (&self->journal, &self->state, &row, incident_state_name (row.state), now);
    if (suppress)
        tally_suppressed (entry->tally, &self->state, suppress);
    else
        queue_push (&self->queue, &self->state, entry);
    s_ack (self, in, suppress ? STEP_EVENT_SUPPRESSED : STEP_EVENT_NEW, &row.id);
}

void
dedup_event (step_t *self, const step_in_t *in, clk_now_t now)
{
    self->state.stats.events_total++;
    if (in->as.event.row.incident.text [0]) { //  this very event is known: answer again
        self->state.stats.events_repeat++;
        s_ack (self, in, STEP_EVENT_REPEAT, &in->as.event.row.incident);
        return;
    }
    tally_event (&self->tallies, &self->state, in->as.event.fault, in->as.event.row.source, now);
    self->state.stats.events_shortened += in->as.event.fault->shortened;
    const fault_t *fault = in->as.event.fault;
    incident_suppress_t suppress = s_suppressed (self, in);
    entry_t *known = book_find_key (&self->book, fault->key);
    if (known && s_absorbs (self, known, suppress, now)) {
        s_count (self, in, known, now);
        return;
    }
    //  Linked only within the window: after it, the same fault key is another fault.
    bool recent = known && self->state.settings.dedup_window_ms
                  && now.boot_ms - known->touched_ms < self->state.settings.dedup_window_ms;
    if (!suppress && book_full (&self->book)) {
        step_out_t *out = state_out (&self->state, STEP_OUT_EVENT_NACK, &in->peer);
        out->as.nack.cookie = in->as.event.cookie;
        out->as.nack.retry_ms = OVERLOAD_RETRY_MS;
        out->as.nack.reason = "overload";
        return;
    }
    if (!suppress
        && !(s_make_room (self, fault, fault->cluster, in->as.event.row.source, now)
             && s_make_room (self, fault, NULL, in->as.event.row.source, now)))
        suppress = INCIDENT_SUPPRESS_OVERFLOW;
    if (suppress == INCIDENT_SUPPRESS_OVERFLOW && recent
        && known->suppress == INCIDENT_SUPPRESS_OVERFLOW)
        s_count (self, in, known, now); //  still no room: one row for the fault key is enough
    else
        s_admit (self, in, suppress, recent ? known : NULL, now);
    if (suppress == INCIDENT_SUPPRESS_OVERFLOW)
        overflow_announce (self, fault->cluster, in->as.event.row.source, now);
}
