//  state - what the core holds: incidents packed, their indices, the lists of a turn.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/state.h"

#include "broker/core/journal.h"
#include "broker/core/lease.h"
#include "broker/core/outbox.h"
#include "broker/core/overflow.h"
#include "broker/core/queue.h"
#include "broker/core/source.h"
#include "broker/core/tally.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

//  Double the room of an array when it is full; false when memory runs out.
static bool
s_grow (void **items, size_t count, size_t *capacity, size_t item_bytes)
{
    if (count < *capacity)
        return true;
    size_t wanted = *capacity ? *capacity * 2 : 64;
    void *grown = realloc (*items, wanted * item_bytes);
    if (!grown)
        return false;
    *items = grown;
    *capacity = wanted;
    return true;
}

step_write_t *
state_write (step_t *self, step_write_kind_t kind)
{
    step_write_t *write = self->write_spare;
    void *items = self->writes;
    if (s_grow (&items, self->write_count, &self->write_capacity, sizeof *write)) {
        self->writes = items;
        write = &self->writes [self->write_count++];
    }
    else
        self->failed = true;
    write->kind = kind;
    return write;
}

step_write_t *
state_write_row (step_t *self, step_write_kind_t kind, written_t *written)
{
    if (written->turn == self->turn && written->at < self->write_count)
        return &self->writes [written->at];
    *written = (written_t){.turn = self->turn, .at = self->write_count};
    return state_write (self, kind);
}

step_out_t *
state_out (step_t *self, step_out_kind_t kind, const step_peer_t *peer)
{
    step_out_t *out = self->out_spare;
    void *items = self->outs;
    if (s_grow (&items, self->out_count, &self->out_capacity, sizeof *out)) {
        self->outs = items;
        out = &self->outs [self->out_count++];
    }
    else
        self->failed = true;
    memset (out, 0, sizeof *out);
    out->kind = kind;
    if (peer)
        out->peer = *peer;
    return out;
}

step_out_t *
state_out_worker (step_t *self, step_out_kind_t kind, const worker_t *worker)
{
    step_peer_t peer = {.session = worker->session};
    state_text (peer.identity, worker->identity);
    return state_out (self, kind, &peer);
}

//  Literal bytes end before zeros that are worth a pair.
static size_t
s_literal_end (const unsigned char *row, size_t at, size_t size)
{
    for (;; at++) {
        const unsigned char *zero = memchr (row + at, 0, size - at);
        if (!zero)
            return size;
        at = (size_t) (zero - row);
        if (at + 4 >= size || !(row [at + 1] || row [at + 2]))
            return at;
    }
}

static size_t
s_zeros_end (const unsigned char *row, size_t at, size_t size)
{
    static const unsigned char zeros [16];
    while (at + sizeof zeros <= size && memcmp (row + at, zeros, sizeof zeros) == 0)
        at += sizeof zeros;
    while (at < size && !row [at])
        at++;
    return at;
}

//  Rows are mostly zeros behind short texts: pairs of (literal bytes, zero bytes), 16 bits each.
static size_t
s_pack (const unsigned char *row, size_t size, unsigned char *ret_packed)
{
    size_t out = 0;
    for (size_t at = 0; at < size;) {
        const size_t start = at, zeros = s_literal_end (row, at, size);
        at = s_zeros_end (row, zeros, size);
        const uint16_t head [2] = {(uint16_t) (zeros - start), (uint16_t) (at - zeros)};
        memcpy (ret_packed + out, head, sizeof head);
        memcpy (ret_packed + out + sizeof head, row + start, head [0]);
        out += sizeof head + head [0];
    }
    return out;
}

void
state_row (const entry_t *entry, row_incident_t *ret_row)
{
    memset (ret_row, 0, sizeof *ret_row);
    unsigned char *row = (unsigned char *) ret_row;
    size_t at = 0;
    for (size_t in = 0; in < entry->packed_size;) {
        uint16_t head [2];
        memcpy (head, entry->packed + in, sizeof head);
        in += sizeof head;
        assert (at + head [0] + head [1] <= sizeof *ret_row);
        memcpy (row + at, entry->packed + in, head [0]);
        in += head [0];
        at += (size_t) head [0] + head [1];
    }
}

static bool
s_keep (entry_t *entry, const row_incident_t *row)
{
    static_assert (sizeof *row < UINT16_MAX, "lengths of a packed row are 16 bits");
    unsigned char packed [sizeof *row * 2]; //  a pair stands for three zeros, but at the end
    size_t size = s_pack ((const unsigned char *) row, sizeof *row, packed);
    assert (size <= sizeof packed);
    if (size != entry->packed_size) {
        unsigned char *room = realloc (entry->packed, size);
        if (!room)
            return false;
        entry->packed = room;
        entry->packed_size = size;
    }
    memcpy (entry->packed, packed, size);
    entry->number = row->number;
    entry->charged = row->charged;
    entry->lost = row->lost;
    entry->state = row->state;
    entry->suppress = row->suppress;
    entry->severity = row->fault.severity;
    return true;
}

static bool
s_open (incident_state_t state)
{
    return !incident_terminal (state);
}

entry_t *
state_find (const step_t *self, const char *incident)
{
    entry_t *entry = NULL;
    HASH_FIND_STR (self->entries, incident, entry);
    return entry;
}

entry_t *
state_find_key (const step_t *self, const char *key)
{
    entry_t *entry = NULL;
    HASH_FIND (hk, self->by_key, key, strlen (key), entry);
    return entry;
}

//  The newest incident of a condition is the one its events are counted on; an open one always is.
static void
s_index (step_t *self, entry_t *entry)
{
    entry_t *other = state_find_key (self, entry->key);
    if (other && (s_open (other->state) || other->number > entry->number) && !s_open (entry->state))
        return;
    if (other) {
        HASH_DELETE (hk, self->by_key, other);
        other->keyed = false;
    }
    HASH_ADD_KEYPTR (hk, self->by_key, entry->key, strlen (entry->key), entry);
    entry->keyed = true;
}

entry_t *
state_add (step_t *self, const row_incident_t *row, clk_now_t now)
{
    const size_t size = strlen (row->fault.cluster) + 1;
    entry_t *entry = calloc (1, sizeof *entry + size);
    source_t *source = source_hold (self, row->source);
    if (!entry || !source || !s_keep (entry, row)) {
        source_release (self, &source);
        free (entry);
        self->failed = true;
        return NULL;
    }
    entry->id = row->id;
    entry->source = source;
    state_text (entry->key, row->fault.key);
    memcpy (entry->cluster, row->fault.cluster, size);
    int64_t age = now.wall_ms - row->created_ms;
    entry->queued_ms = now.boot_ms - (age > 0 ? age : 0);
    int64_t unseen = now.wall_ms - row->last_seen_ms;
    entry->touched_ms = now.boot_ms - (unseen > 0 ? unseen : 0);
    int64_t wait = row->not_before_ms - now.wall_ms;
    if (row->state == INCIDENT_PENDING && wait > 0)
        entry->not_before_ms =
            now.boot_ms
            + (wait < LIMIT_RELEASE_BACKOFF_MAX_MS ? wait : LIMIT_RELEASE_BACKOFF_MAX_MS);
    entry->tally = tally_get (self, entry->cluster, source);
    tally_moved (self, entry->tally, INCIDENT_NONE, entry->state);
    HASH_ADD_KEYPTR (hh, self->entries, entry->id.text, strlen (entry->id.text), entry);
    s_index (self, entry);
    if (s_open (entry->state))
        self->open_count++;
    else
        state_list (self, entry, ENTRY_CLOSED);
    return entry;
}

void
state_remove (step_t *self, entry_t *entry)
{
    queue_remove (self, entry);
    while (entry->attempts)
        lease_forget (self, entry->attempts);
    state_list (self, entry, ENTRY_NOWHERE);
    tally_moved (self, entry->tally, entry->state, INCIDENT_NONE);
    source_release (self, &entry->source);
    if (s_open (entry->state))
        self->open_count--;
    if (entry->keyed)
        HASH_DELETE (hk, self->by_key, entry);
    HASH_DELETE (hh, self->entries, entry);
    free (entry->packed);
    free (entry);
}

void
state_save (step_t *self, entry_t *entry, const row_incident_t *row)
{
    bool was_open = s_open (entry->state);
    incident_state_t was = entry->state;
    if (!s_keep (entry, row))
        self->failed = true;
    tally_moved (self, entry->tally, was, entry->state);
    state_write_row (self, STEP_WRITE_INCIDENT, &entry->written)->as.incident = *row;
    bool is_open = s_open (row->state);
    self->open_count += is_open - was_open;
    if (was_open && !is_open) {
        queue_remove (self, entry);
        state_list (self, entry, ENTRY_CLOSED);
    }
    else if (!was_open && is_open) {
        state_list (self, entry, ENTRY_NOWHERE);
        s_index (self, entry);
    }
}

void
state_move (row_incident_t *row, incident_event_t event)
{
    incident_state_t next = incident_next (row->state, event);
    assert (next != INCIDENT_STATES);
    row->state = next;
}

void
state_list (step_t *self, entry_t *entry, entry_list_t list)
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
        self->watch_dirty = true;
    }
}

void
state_touch (step_t *self, entry_t *entry, clk_now_t now)
{
    entry->touched_ms = now.boot_ms;
    if (entry->list == ENTRY_CLOSED)
        state_list (self, entry, ENTRY_CLOSED);
}

void
state_expire (step_t *self, clk_now_t now)
{
    int64_t keep = self->settings.dedup_window_ms;
    if (keep < LIMIT_CLOSED_KEEP_MS)
        keep = LIMIT_CLOSED_KEEP_MS;
    while (self->closed
           && (self->closed_count > LIMIT_CLOSED_INCIDENTS
               || now.boot_ms - self->closed->touched_ms > keep))
        state_remove (self, self->closed);
}

void
state_clear (step_t *self)
{
    entry_t *entry, *next_entry;
    HASH_ITER (hh, self->entries, entry, next_entry)
        state_remove (self, entry);
    outbox_clear (self);
    overflow_clear (self);
    memset (&self->breaker, 0, sizeof self->breaker);
    journal_clear (self);
    queue_clear (self);
    assert (!self->open_count && !self->queued && !self->open_attempts);
}

uint64_t
state_random (step_t *self)
{
    uint64_t z = (self->random += 0x9e3779b97f4a7c15u); //  splitmix64
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int64_t
state_random_below (step_t *self, int64_t limit)
{
    return limit > 0 ? (int64_t) (state_random (self) % (uint64_t) limit) : 0;
}

void
state_copy (char *ret_field, size_t size, const char *text)
{
    const size_t length = strnlen (text, size - 1);
    memcpy (ret_field, text, length);
    ret_field [length] = '\0';
}
