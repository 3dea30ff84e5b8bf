//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/book.h"

#include "broker/core/attempt.h"
#include "broker/core/pack.h"
#include "broker/core/queue.h"
#include "broker/core/source.h"
#include "broker/core/tally.h"

#include "common/base/least.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static bool
s_open (incident_state_t state)
{
    return !incident_terminal (state);
}

entry_t *
book_find (const book_t *self, const char *incident)
{
    entry_t *entry = NULL;
    HASH_FIND_STR (self->entries, incident, entry);
    return entry;
}

entry_t *
book_find_key (const book_t *self, const char *key)
{
    entry_t *entry = NULL;
    HASH_FIND (hk, self->by_key, key, strlen (key), entry);
    return entry;
}

attempt_t *
book_attempt (const book_t *self, const step_fence_t *fence)
{
    const entry_t *entry = book_find (self, fence->incident.text);
    attempt_t *attempt = NULL;
    if (entry)
        DL_FOREACH (entry->attempts, attempt)
            if (attempt->row.number == fence->attempt)
                break;
    return attempt;
}

//  Events of a fault key are counted on its newest incident, or on the open one if there is one.
static void
s_index (book_t *self, entry_t *entry)
{
    entry_t *other = book_find_key (self, entry->key);
    if (other && (s_open (other->state) || other->number > entry->number) && !s_open (entry->state))
        return;
    if (other) {
        HASH_DELETE (hk, self->by_key, other);
        other->keyed = false;
    }
    HASH_ADD_KEYPTR (hk, self->by_key, entry->key, strlen (entry->key), entry);
    entry->keyed = true;
}

void
book_list (book_t *self, entry_t *entry, entry_list_t list)
{
    if (entry->list == ENTRY_CLOSED) {
        DL_DELETE2 (self->closed, entry, lprev, lnext);
        self->closed_count--;
    }
    else if (entry->list == ENTRY_WATCHED)
        DL_DELETE2 (self->watched, entry, lprev, lnext);
    entry->list = list;
    if (list == ENTRY_CLOSED) {
        DL_APPEND2 (self->closed, entry, lprev, lnext);
        self->closed_count++;
    }
    else if (list == ENTRY_WATCHED) {
        DL_APPEND2 (self->watched, entry, lprev, lnext);
        self->recheck = true;
    }
}

//  Set the times of an entry.  The row has them by the wall clock.
static void
s_set_times (entry_t *entry, const row_incident_t *row, clk_now_t now)
{
    const int64_t age = now.wall_ms - row->created_ms;
    const int64_t unseen = now.wall_ms - row->last_seen_ms;
    const int64_t wait = least (row->not_before_ms - now.wall_ms, LIMIT_GIVE_BACK_MAX_MS);
    const int64_t returned = now.wall_ms - row->given_back_ms;
    entry->queued_ms = now.boot_ms - (age > 0 ? age : 0);
    entry->touched_ms = now.boot_ms - (unseen > 0 ? unseen : 0);
    entry->not_before_ms = row->state == INCIDENT_PENDING && wait > 0 ? now.boot_ms + wait : 0;
    entry->returned_ms = now.boot_ms - (returned > 0 ? returned : 0);
}

entry_t *
book_add (book_t *self, state_t *state, const row_incident_t *row, clk_now_t now)
{
    const size_t size = strlen (row->fault.cluster) + 1;
    entry_t *entry = calloc (1, sizeof *entry + size);
    source_t *source = source_hold (self->sources, row->source);
    if (!entry || !source || !pack_keep (entry, row)) {
        source_release (self->sources, &source);
        free (entry);
        state->failed = true;
        return NULL;
    }
    entry->id = row->id;
    entry->source = source;
    state_text (entry->key, row->fault.key);
    memcpy (entry->cluster, row->fault.cluster, size);
    s_set_times (entry, row, now);
    entry->tally = tally_get (self->tallies, state, entry->cluster, source);
    tally_moved (entry->tally, INCIDENT_NONE, entry->state);
    HASH_ADD_KEYPTR (hh, self->entries, entry->id.text, strlen (entry->id.text), entry);
    s_index (self, entry);
    if (!s_open (entry->state))
        book_list (self, entry, ENTRY_CLOSED);
    else {
        self->open_count++;
        if (row->given_back_ms)
            returned_add (self->returned, entry);
    }
    return entry;
}

entry_t *
book_admit (book_t *self, state_t *state, row_incident_t *row, clk_now_t now)
{
    row->number = self->last_number + 1;
    entry_t *entry = book_add (self, state, row, now);
    if (!entry)
        return NULL;
    self->last_number++;
    state_write_row (state, STEP_WRITE_INCIDENT, &entry->written)->as.incident = *row;
    return entry;
}

bool
book_full (const book_t *self)
{
    return self->open_count >= LIMIT_OPEN_INCIDENTS;
}

void
book_remove (book_t *self, entry_t *entry)
{
    queue_remove (self->queue, entry);
    returned_remove (self->returned, entry);
    while (entry->attempts)
        attempt_forget (self->attempts, entry->attempts);
    book_list (self, entry, ENTRY_NOWHERE);
    tally_moved (entry->tally, entry->state, INCIDENT_NONE);
    source_release (self->sources, &entry->source);
    if (s_open (entry->state))
        self->open_count--;
    if (entry->keyed)
        HASH_DELETE (hk, self->by_key, entry);
    HASH_DELETE (hh, self->entries, entry);
    free (entry->packed);
    free (entry);
}

void
book_save (book_t *self, state_t *state, entry_t *entry, const row_incident_t *row)
{
    bool was_open = s_open (entry->state);
    incident_state_t was = entry->state;
    if (!pack_keep (entry, row))
        state->failed = true;
    tally_moved (entry->tally, was, entry->state);
    state_write_row (state, STEP_WRITE_INCIDENT, &entry->written)->as.incident = *row;
    bool is_open = s_open (row->state);
    self->open_count += is_open - was_open;
    if (was_open && !is_open) {
        queue_remove (self->queue, entry);
        returned_remove (self->returned, entry);
        book_list (self, entry, ENTRY_CLOSED);
    }
    else if (!was_open && is_open) {
        book_list (self, entry, ENTRY_NOWHERE);
        s_index (self, entry);
    }
}

void
book_move (row_incident_t *row, incident_event_t event)
{
    incident_state_t next = incident_next (row->state, event);
    assert (next != INCIDENT_STATES);
    row->state = next;
}

void
book_recheck (book_t *self)
{
    self->recheck = true;
}

bool
book_take_recheck (book_t *self)
{
    const bool recheck = self->recheck;
    self->recheck = false;
    return recheck;
}

int
book_watched_count (const book_t *self)
{
    int count = 0;
    const entry_t *entry;
    DL_COUNT2 (self->watched, entry, count, lnext);
    return count;
}

entry_t *
book_watched_next (book_t *self)
{
    entry_t *entry = self->watched;
    if (!entry)
        return NULL;
    DL_DELETE2 (self->watched, entry, lprev, lnext);
    DL_APPEND2 (self->watched, entry, lprev, lnext);
    return entry;
}

void
book_touch (book_t *self, entry_t *entry, clk_now_t now)
{
    entry->touched_ms = now.boot_ms;
    if (entry->list == ENTRY_CLOSED)
        book_list (self, entry, ENTRY_CLOSED);
}

void
book_expire (book_t *self, const state_t *state, clk_now_t now)
{
    int64_t keep = state->settings.dedup_window_ms;
    if (keep < LIMIT_CLOSED_KEEP_MS)
        keep = LIMIT_CLOSED_KEEP_MS;
    while (self->closed
           && (self->closed_count > LIMIT_CLOSED_INCIDENTS
               || now.boot_ms - self->closed->touched_ms > keep))
        book_remove (self, self->closed);
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
book_arm (book_t *self, int64_t last_number, clk_now_t now)
{
    self->last_number = last_number;
    HASH_SRT (hh, self->entries, s_by_number);
    for (entry_t *entry = self->entries; entry; entry = entry->hh.next) {
        row_incident_t row;
        pack_row (entry, &row);
        s_set_times (entry, &row, now);
    }
    DL_SORT2 (self->closed, s_by_touched, lprev, lnext);
    returned_sort (self->returned);
}

void
book_clear (book_t *self)
{
    entry_t *entry, *next;
    HASH_ITER (hh, self->entries, entry, next)
        book_remove (self, entry);
}
