//  book - the incidents in memory: all open ones, and ended ones that may occur again.
//
//  An incident is found by its id.  A fault key leads to its open incident, or else to its newest
//  ended one.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/attempt.h"
#include "broker/core/queue.h"
#include "broker/core/returned.h"

typedef struct {
    entry_t *entries, *by_key; //  owned
    entry_t *closed;           //  least recently seen first
    entry_t *watched;          //  held, or failed on a host
    bool recheck;              //  one of these may be due before its time
    int64_t open_count, closed_count;
    int64_t last_number;
    //  Borrowed.
    queue_t *queue;
    returned_t *returned;
    attempts_t *attempts;
    tallies_t *tallies;
    sources_t *sources;
} book_t;

//  Find an incident by its id, or by its fault key.  NULL: it is not in memory.
entry_t *
book_find (const book_t *self, const char *incident);
entry_t *
book_find_key (const book_t *self, const char *key);
//  The attempt that a fence names; NULL: it is not in memory.
attempt_t *
book_attempt (const book_t *self, const step_fence_t *fence);
//  Take a row into memory; no write.  NULL: no memory; nothing has changed, and `failed` is set.
entry_t *
book_add (book_t *self, state_t *state, const row_incident_t *row, clk_now_t now);
//  Take in a new incident and write it.  The row gets the next number.  NULL: as for book_add.
entry_t *
book_admit (book_t *self, state_t *state, row_incident_t *row, clk_now_t now);
//  Are there LIMIT_OPEN_INCIDENTS open ones?
bool
book_full (const book_t *self);
//  Forget an incident and its attempts; no write.
void
book_remove (book_t *self, entry_t *entry);
//  Keep the row and write it.  An incident that ends leaves the queue and is closed; one that opens
//  again is in no list.  No memory: `failed` is set.
void
book_save (book_t *self, state_t *state, entry_t *entry, const row_incident_t *row);
//  Apply an event of the state table; the caller knows that the cell exists.
void
book_move (row_incident_t *row, incident_event_t event);
//  Move an incident to the end of this list.
void
book_list (book_t *self, entry_t *entry, entry_list_t list);
//  Note that a watched incident may be due before its time.
void
book_recheck (book_t *self);
//  Was that noted since the last call?
bool
book_take_recheck (book_t *self);
//  The number of watched incidents.
int
book_watched_count (const book_t *self);
//  The first watched incident, which moves to the end of its list.  NULL: none is watched.
entry_t *
book_watched_next (book_t *self);
//  Note that it was seen now: a closed incident is then forgotten last.
void
book_touch (book_t *self, entry_t *entry, clk_now_t now);
//  Forget closed incidents whose window has passed, and those beyond LIMIT_CLOSED_INCIDENTS.
void
book_expire (book_t *self, const state_t *state, clk_now_t now);
//  All rows are loaded: sort the incidents, and set how long each has waited and was unseen.
//  last_number: the highest that was ever used.
void
book_arm (book_t *self, int64_t last_number, clk_now_t now);
//  Forget all incidents.
void
book_clear (book_t *self);
