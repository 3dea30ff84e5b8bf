//  step_load - loads rows into the state, before the first turn and after a rollback.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/step_part.h"

#include "broker/core/attempt.h"
#include "broker/core/book.h"
#include "broker/core/breaker.h"
#include "broker/core/fleet.h"
#include "broker/core/journal.h"
#include "broker/core/lease.h"
#include "broker/core/outbox.h"
#include "broker/core/overflow.h"
#include "broker/core/queue.h"
#include "broker/core/tally.h"

#include <assert.h>
#include <errno.h>
#include <utlist.h>

void
step_clear (step_t *self)
{
    book_clear (&self->book);
    outbox_clear (&self->outbox);
    overflow_clear (self);
    retain_clear (self);
    breaker_clear (self);
    journal_clear (&self->journal);
    queue_clear (&self->queue);
    assert (!self->book.open_count && !self->queue.queued && !self->attempts.open);
}

void
step_reload (step_t *self)
{
    lease_rollback (self);
    outbox_rollback (&self->outbox);
    breaker_rollback (self);
    revive_rollback (self);
    retain_rollback (self);
    tally_rollback (&self->tallies, &self->state);
    fleet_rollback (&self->fleet, &self->state);
    step_clear (self);
    state_rollback (&self->state);
    self->loaded = false;
}

int
step_load_incident (step_t *self, const row_incident_t *row)
{
    if (book_find (&self->book, row->id.text))
        return 0;
    //  book_arm sets the times, which need `now`.  A row loaded after it begins its stay now.
    clk_now_t now = {.boot_ms = self->asked_ms == INT64_MAX ? 0 : self->asked_ms};
    now.wall_ms = row->last_seen_ms;
    return book_add (&self->book, &self->state, row, now) ? 0 : -ENOMEM;
}

int
step_load_attempt (step_t *self, const row_attempt_t *row)
{
    entry_t *entry = book_find (&self->book, row->incident.text);
    return entry ? lease_load (self, entry, row) : 0;
}

int
step_load_effect (step_t *self, const row_effect_t *row)
{
    const int rc = outbox_load (&self->outbox, row);
    if (rc == 0)
        retain_loaded (self, row);
    return rc;
}

int
step_load_breaker (step_t *self, const row_breaker_t *row)
{
    breaker_load (self, row);
    return 0;
}

int
step_load_alert (step_t *self, const row_alert_t *row)
{
    return overflow_load (self, row);
}

int
step_load_topic (step_t *self, const char *topic, int64_t last_seq)
{
    return journal_load (&self->journal, topic, last_seq);
}

void
step_load_retention (step_t *self, const row_retention_t *row)
{
    retain_load (self, row);
}

void
step_load_newest (step_t *self, int64_t at_ms, clk_now_t now)
{
    retain_newest (self, at_ms, now);
}

static void
s_arm_entry (step_t *self, entry_t *entry, clk_now_t now)
{
    attempt_t *attempt;
    DL_FOREACH (entry->attempts, attempt)
        if (attempt->row.state != ROW_ATTEMPT_ENDED)
            lease_arm (self, attempt, now);
    if (incident_terminal (entry->state) || lease_live (entry))
        return;
    if (entry->attempts)
        book_list (&self->book, entry, ENTRY_WATCHED); //  settle decides in the first turn
    else
        queue_push (&self->queue, &self->state, entry);
}

//  The message of a report that is not to be sent was sent before; later ones repeat it.
static void
s_arm_noticed (step_t *self)
{
    for (entry_t *entry = self->book.entries; entry; entry = entry->hh.next)
        entry->noticed =
            entry->state == INCIDENT_REPORTED && !outbox_waits (&self->outbox, entry->id.text);
}

void
step_loaded (step_t *self, int64_t last_number, int64_t last_effect, int64_t last_seq,
             clk_now_t now)
{
    if (!self->state.start_ms)
        self->state.start_ms = now.boot_ms;
    book_arm (&self->book, last_number, now);
    for (entry_t *entry = self->book.entries; entry; entry = entry->hh.next)
        s_arm_entry (self, entry, now);
    outbox_arm (&self->outbox, &self->state, last_effect, now);
    s_arm_noticed (self);
    journal_arm (&self->journal, last_seq);
    lease_loaded (self);
    self->asked_ms = INT64_MAX;
    self->loaded = true;
}
