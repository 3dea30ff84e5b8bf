//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/returned.h"

#include "common/base/least.h"

#include <utlist.h>

//  A wait that doubles each time from the first one on.
static int64_t
s_doubled (int64_t first_ms, int64_t times, int64_t most_ms)
{
    while (--times > 0 && first_ms < most_ms)
        first_ms *= 2;
    return least (first_ms, most_ms);
}

static int64_t
s_wait (const run_class_rule_t *rule, int64_t retry_ms, int64_t times)
{
    const int64_t wait = retry_ms > 0 ? retry_ms : rule->wait_ms;
    const int64_t at_least = rule->backoff
                                 ? s_doubled (LIMIT_GIVE_BACK_MS, times, LIMIT_GIVE_BACK_BACKOFF_MS)
                                 : s_doubled (LIMIT_GIVE_BACK_MIN_MS, times, LIMIT_GIVE_BACK_MS);
    return least (wait > at_least ? wait : at_least, LIMIT_GIVE_BACK_MAX_MS);
}

void
returned_give (returned_t *self, state_t *state, entry_t *entry, row_incident_t *row,
               const run_class_rule_t *rule, int64_t retry_ms, clk_now_t now)
{
    row->given_back++;
    state->stats.given_back_total++;
    if (!entry->returned) {
        row->given_back_ms = now.wall_ms;
        entry->returned_ms = now.boot_ms;
        returned_add (self, entry);
    }
    if (rule->given_back)
        entry->not_before_ms = now.boot_ms + s_wait (rule, retry_ms, row->given_back);
}

bool
returned_over (const state_t *state, const entry_t *entry, clk_now_t now)
{
    return entry->returned && now.boot_ms >= entry->returned_ms + state->settings.give_back_ms;
}

//  Does only time separate it from its end?
static bool
s_waits (const entry_t *entry)
{
    return entry->state == INCIDENT_PENDING && !entry->held_until_ms;
}

entry_t *
returned_due (const returned_t *self, const state_t *state, clk_now_t now)
{
    entry_t *entry = self->entries;
    while (entry && !s_waits (entry))
        entry = entry->rnext;
    return entry && returned_over (state, entry, now) ? entry : NULL;
}

int64_t
returned_wake (const returned_t *self, const state_t *state)
{
    const entry_t *entry = self->entries;
    while (entry && !s_waits (entry))
        entry = entry->rnext;
    return entry ? entry->returned_ms + state->settings.give_back_ms : INT64_MAX;
}

void
returned_add (returned_t *self, entry_t *entry)
{
    DL_APPEND2 (self->entries, entry, rprev, rnext);
    entry->returned = true;
    self->count++;
}

void
returned_remove (returned_t *self, entry_t *entry)
{
    if (!entry->returned)
        return;
    DL_DELETE2 (self->entries, entry, rprev, rnext);
    entry->returned = false;
    self->count--;
}

static int
s_by_returned (const entry_t *a, const entry_t *b)
{
    return (a->returned_ms > b->returned_ms) - (a->returned_ms < b->returned_ms);
}

void
returned_sort (returned_t *self)
{
    DL_SORT2 (self->entries, s_by_returned, rprev, rnext);
}

void
returned_figures (const returned_t *self, step_stats_t *ret_stats)
{
    ret_stats->given_back = self->count;
}
