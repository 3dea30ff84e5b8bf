//  step_load - rows back into the state, before the first turn and after a rollback.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/step_part.h"

#include "broker/core/attempt.h"
#include "broker/core/book.h"
#include "broker/core/fleet.h"
#include "broker/core/journal.h"
#include "broker/core/lease.h"
#include "broker/core/outbox.h"
#include "broker/core/overflow.h"
#include "broker/core/pack.h"
#include "broker/core/queue.h"
#include "broker/core/tally.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

void
step_clear (step_t *self)
{
    entry_t *entry, *next_entry;
    HASH_ITER (hh, self->entries, entry, next_entry)
        book_remove (self, entry);
    outbox_clear (self);
    overflow_clear (self);
    memset (&self->breaker, 0, sizeof self->breaker);
    journal_clear (self);
    queue_clear (self);
    assert (!self->open_count && !self->queued && !self->open_attempts);
}

static void
s_forget_kept (step_t *self)
{
    kept_t *kept, *next;
    HASH_ITER (hh, self->kept, kept, next) {
        HASH_DEL (self->kept, kept);
        free (kept);
    }
}

static bool
s_keep_one (step_t *self, const attempt_t *attempt)
{
    kept_t *kept = calloc (1, sizeof *kept);
    if (!kept)
        return false;
    snprintf (kept->fence, sizeof kept->fence, "%s/%lld", attempt->row.incident.text,
              (long long) attempt->row.number);
    kept->session = attempt->session;
    kept->accepted = attempt->accepted;
    kept->unreflected = attempt->unreflected;
    kept->probe = attempt->probe;
    kept->spared = attempt->spared;
    kept->order = attempt->order;
    kept->accept_ms = attempt->accept_ms;
    kept->lease_ms = attempt->lease_ms;
    kept->deadline_ms = attempt->deadline_ms;
    kept->superseded_ms = attempt->superseded_ms;
    HASH_ADD_STR (self->kept, fence, kept);
    return true;
}

//  Deadlines and sessions of what is under way; without memory for it the grace
//  of a restart applies.
static void
s_keep (step_t *self)
{
    //  Those that the lost turn has ended are live again afterwards, so all of them.
    for (const entry_t *entry = self->entries; entry; entry = entry->hh.next)
        for (const attempt_t *attempt = entry->attempts; attempt; attempt = attempt->next)
            if (!s_keep_one (self, attempt))
                return;
}

void
step_reload (step_t *self)
{
    s_forget_kept (self);
    s_keep (self);
    //  An effect handed out in the turn that was rolled back never left;
    //  a report on one comes again.
    memcpy (self->flight_id, self->flight_before, sizeof self->flight_id);
    memcpy (self->flight_again, self->again_before, sizeof self->flight_again);
    self->probe_ms = self->probe_before_ms;
    self->probe_backoff_ms = self->backoff_before_ms;
    self->stats = self->stats_before;
    tally_rollback (self);
    fleet_rollback (self);
    step_clear (self);
    self->write_count = self->out_count = 0;
    self->failed = false;
    self->loaded = false;
}

int
step_load_incident (step_t *self, const row_incident_t *row)
{
    if (book_find (self, row->id.text))
        return 0;
    //  Ages need `now`: step_loaded sets them; a row handed over later starts its stay now.
    clk_now_t now = {.boot_ms = self->asked_ms == INT64_MAX ? 0 : self->asked_ms};
    now.wall_ms = row->last_seen_ms;
    return book_add (self, row, now) ? 0 : -ENOMEM;
}

int
step_load_attempt (step_t *self, const row_attempt_t *row)
{
    entry_t *entry = book_find (self, row->incident.text);
    return entry ? lease_load (self, entry, row) : 0;
}

int
step_load_effect (step_t *self, const row_effect_t *row)
{
    return outbox_load (self, row);
}

int
step_load_breaker (step_t *self, const row_breaker_t *row)
{
    self->breaker = *row;
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
    return journal_load (self, topic, last_seq);
}

static void
s_arm_entry (step_t *self, entry_t *entry, clk_now_t now)
{
    row_incident_t row;
    pack_row (entry, &row);
    int64_t age = now.wall_ms - row.created_ms;
    int64_t unseen = now.wall_ms - row.last_seen_ms;
    int64_t wait = row.not_before_ms - now.wall_ms;
    if (wait > LIMIT_RELEASE_BACKOFF_MAX_MS)
        wait = LIMIT_RELEASE_BACKOFF_MAX_MS;
    entry->queued_ms = now.boot_ms - (age > 0 ? age : 0);
    entry->touched_ms = now.boot_ms - (unseen > 0 ? unseen : 0);
    entry->not_before_ms = wait > 0 ? now.boot_ms + wait : 0;
    attempt_t *attempt;
    DL_FOREACH (entry->attempts, attempt)
        if (attempt->row.state != ROW_ATTEMPT_ENDED)
            lease_arm (self, attempt, now);
    if (incident_terminal (entry->state) || lease_live (entry))
        return;
    if (entry->attempts)
        book_list (self, entry, ENTRY_WATCHED); //  settle decides in the first turn
    else
        queue_push (self, entry);
}

static int
s_by_touched (const entry_t *a, const entry_t *b)
{
    return (a->touched_ms > b->touched_ms) - (a->touched_ms < b->touched_ms);
}

static int
s_by_number (const entry_t *a, const entry_t *b)
{
    return (a->number > b->number) - (a->number < b->number);
}

void
step_loaded (step_t *self, int64_t last_number, int64_t last_effect, int64_t last_seq,
             clk_now_t now)
{
    if (!self->start_ms)
        self->start_ms = now.boot_ms;
    self->last_number = last_number;
    self->last_effect = last_effect;
    self->last_seq = last_seq;
    HASH_SRT (hh, self->entries, s_by_number);
    for (entry_t *entry = self->entries; entry; entry = entry->hh.next)
        s_arm_entry (self, entry, now);
    DL_SORT2 (self->closed, s_by_touched, lprev, lnext);
    outbox_arm (self, now);
    s_forget_kept (self);
    self->asked_ms = INT64_MAX;
    self->loaded = true;
}
