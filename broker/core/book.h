//  book - the incidents that are held: all open ones, and those that ended and may be seen again.
//
//  An open incident is found by its fault key; so is the newest of those that ended.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/entry.h"

entry_t *
book_find (const step_t *self, const char *incident);
entry_t *
book_find_key (const step_t *self, const char *key);
//  The attempt a fence names; NULL when it is not held.
attempt_t *
book_attempt (const step_t *self, const step_fence_t *fence);
//  Hold a row; no write.  NULL when out of memory.
entry_t *
book_add (step_t *self, const row_incident_t *row, clk_now_t now);
void
book_remove (step_t *self, entry_t *entry);
//  Keep the row and write it.
void
book_save (step_t *self, entry_t *entry, const row_incident_t *row);
//  Apply an event of the state table; the caller knows that the cell exists.
void
book_move (row_incident_t *row, incident_event_t event);
void
book_list (step_t *self, entry_t *entry, entry_list_t list);
//  Seen now: the youngest of the closed.
void
book_touch (step_t *self, entry_t *entry, clk_now_t now);
//  Forget closed incidents whose window has passed.
void
book_expire (step_t *self, clk_now_t now);
