//  book - the incidents that are held: all open ones, and those that ended and may be seen again.
//
//  An open incident is found by its fault key; so is the newest of those that ended.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/attempt.h"
#include "broker/core/queue.h"

typedef struct {
    entry_t *entries, *by_key;
    entry_t *closed;  //  oldest first
    entry_t *watched; //  held, or failed on a host
    bool watch_dirty; //  one of these may be due before its time
    int64_t open_count, closed_count;
    int64_t last_number;
    //  Borrowed.
    queue_t *queue;
    attempts_t *attempts;
    tallies_t *tallies;
    sources_t *sources;
} book_t;

entry_t *
book_find (const book_t *self, const char *incident);
entry_t *
book_find_key (const book_t *self, const char *key);
//  The attempt a fence names; NULL when it is not held.
attempt_t *
book_attempt (const book_t *self, const step_fence_t *fence);
//  Hold a row; no write.  NULL when out of memory.
entry_t *
book_add (book_t *self, state_t *state, const row_incident_t *row, clk_now_t now);
void
book_remove (book_t *self, entry_t *entry);
//  Keep the row and write it.
void
book_save (book_t *self, state_t *state, entry_t *entry, const row_incident_t *row);
//  Apply an event of the state table; the caller knows that the cell exists.
void
book_move (row_incident_t *row, incident_event_t event);
void
book_list (book_t *self, entry_t *entry, entry_list_t list);
//  Seen now: the youngest of the closed.
void
book_touch (book_t *self, entry_t *entry, clk_now_t now);
//  Forget closed incidents whose window has passed.
void
book_expire (book_t *self, const state_t *state, clk_now_t now);
void
book_clear (book_t *self);
