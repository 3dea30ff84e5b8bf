//  returned - the open incidents that were given back: a run ended by a class that charges nothing.
//
//  A provider that is busy or fails makes its incident wait.  A key or quota that fails does not:
//  another worker may run it.  Neither goes on for longer than give_back_ms after the first time.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/entry.h"

typedef struct {
    entry_t *entries; //  first given back first
    int64_t count;
} returned_t;

//  Give the incident back after a run with this rule: count it in the row, and set when it may be
//  assigned again.  retry_ms: the provider's Retry-After, 0 = none.  The caller saves the row.
void
returned_give (returned_t *self, state_t *state, entry_t *entry, row_incident_t *row,
               const run_class_rule_t *rule, int64_t retry_ms, clk_now_t now);
//  Has it been given back for so long that no other run follows?
bool
returned_over (const state_t *state, const entry_t *entry, clk_now_t now);
//  The first one whose time is over.  NULL: there is none.  One that is being investigated or is
//  held is left out: its end is settled otherwise.
entry_t *
returned_due (const returned_t *self, const state_t *state, clk_now_t now);
//  Boot time of the next call of returned_due; INT64_MAX: none.
int64_t
returned_wake (const returned_t *self, const state_t *state);

//  Add one whose returned_ms is set, at the end.
void
returned_add (returned_t *self, entry_t *entry);
//  Remove one.  Does nothing if it is not there.
void
returned_remove (returned_t *self, entry_t *entry);
//  All are added: sort them.
void
returned_sort (returned_t *self);
//  Fill in their number.
void
returned_figures (const returned_t *self, step_stats_t *ret_stats);
