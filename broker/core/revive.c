//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/revive.h"

#include "broker/core/book.h"
#include "broker/core/breaker.h"
#include "broker/core/queue.h"
#include "broker/core/settle.h"
#include "broker/core/step_part.h"

#include <errno.h>

void
revive_begin (step_t *self)
{
    self->revive.before = self->revive.cursor;
}

void
revive_rollback (step_t *self)
{
    self->revive.cursor = self->revive.before;
}

//  Where the search has come to; the breaker may have begun with another streak.
static revive_cursor_t
s_cursor (const step_t *self)
{
    const row_breaker_t *row = &self->breaker.row;
    const bool probes = !row->reviving;
    const int64_t first = probes ? row->streak : row->reviving;
    if (self->revive.cursor.first == first && self->revive.cursor.probes == probes)
        return self->revive.cursor;
    return (revive_cursor_t){.probes = probes, .first = first, .streak = first};
}

//  Would the breaker try an incident, and there is none?
static bool
s_lacks_probe (const step_t *self, clk_now_t now)
{
    return breaker_wake (self) != INT64_MAX && self->breaker.row.streak && !self->queue.queued
           && !self->state.drained && !self->state.held && fleet_free (&self->fleet, now) > 0;
}

step_revive_t
revive_wanted (const step_t *self, clk_now_t now)
{
    if (now.boot_ms < revive_wake (self, now))
        return (step_revive_t){.streak = 0};
    const revive_cursor_t cursor = s_cursor (self);
    return (step_revive_t){.streak = cursor.streak, .after = cursor.after};
}

//  All of a streak have been looked at.  After the last streak: if some were left for later, look
//  again then.
static void
s_looked (step_t *self, clk_now_t now)
{
    revive_cursor_t *cursor = &self->revive.cursor;
    *cursor = s_cursor (self);
    if (cursor->probes)
        *cursor = (revive_cursor_t){.probes = true,
                                    .first = cursor->first,
                                    .streak = cursor->first,
                                    .not_before_ms = now.boot_ms + LIMIT_REVIVE_WAIT_MS};
    else if (cursor->streak + 1 < self->breaker.row.streak) {
        cursor->streak++;
        cursor->after = 0;
    }
    else if (cursor->passed)
        *cursor = (revive_cursor_t){.first = cursor->first,
                                    .streak = cursor->first,
                                    .not_before_ms = now.boot_ms + LIMIT_REVIVE_AGAIN_MS};
    else
        breaker_revived (self);
}

//  Is it one that cannot be put back now, or ever?
static bool
s_left (step_t *self, const row_incident_t *row)
{
    const bool open = !incident_terminal (row->state);
    if (!open && !retain_busy (self, row->id.text))
        return false;
    self->revive.cursor = s_cursor (self);
    self->revive.cursor.after = row->number;
    self->revive.cursor.passed |= open; //  the other one goes
    return true;
}

//  Is there no room for any incident?
static bool
s_full (const step_t *self)
{
    return book_full (&self->book) || queue_full (&self->queue, &self->state, NULL);
}

int
revive_next (step_t *self, const row_incident_t *row, clk_now_t now)
{
    if (!row) {
        s_looked (self, now);
        return 0;
    }
    if (s_left (self, row))
        return 0;
    entry_t *known = book_find (&self->book, row->id.text);
    entry_t *entry = known ? known : book_add (&self->book, &self->state, row, now);
    if (!entry)
        return -ENOMEM;
    self->revive.cursor = s_cursor (self);
    const char *text;
    const bool probe = self->revive.cursor.probes;
    const int rc =
        settle_retry (self, entry, probe ? SETTLE_RETRY_PROBE : SETTLE_RETRY_REVIVED, now, &text);
    if (!known && incident_terminal (entry->state))
        book_remove (&self->book, entry);
    if (rc == ERR_FULL && s_full (self))
        self->revive.cursor.not_before_ms = now.boot_ms + LIMIT_REVIVE_WAIT_MS;
    else {
        self->revive.cursor.after = row->number;
        self->revive.cursor.passed |= rc == ERR_FULL;
    }
    self->state.stats.revived_total += rc == 0 && !probe;
    return 0;
}

int64_t
revive_wake (const step_t *self, clk_now_t now)
{
    const bool probes = !self->breaker.row.reviving;
    if (!self->state.settings.revive || (probes && !s_lacks_probe (self, now)))
        return INT64_MAX;
    int64_t at = s_cursor (self).not_before_ms;
    if (probes && breaker_wake (self) > at)
        at = breaker_wake (self);
    return at > now.boot_ms ? at : now.boot_ms; //  one from before now is no jump of the clock
}
