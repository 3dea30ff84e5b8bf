//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/retain.h"

#include "broker/core/book.h"
#include "broker/core/outbox_place.h"
#include "broker/core/pack.h"
#include "broker/core/step_part.h"

static void
s_write (step_t *self, int64_t not_before_ms)
{
    self->retain.row = (row_retention_t){.id = 1, .not_before_ms = not_before_ms};
    state_write (&self->state, STEP_WRITE_RETENTION)->as.retention = self->retain.row;
}

static bool
s_begun (const step_t *self, clk_now_t now)
{
    return self->retain.row.id && now.wall_ms >= self->retain.row.not_before_ms;
}

void
retain_begin (step_t *self, clk_now_t now)
{
    retain_t *retain = &self->retain;
    const retain_clock_t clock = {.ahead_ms = now.wall_ms - now.boot_ms, .known = true};
    const int64_t set_ms = retain->clock.known ? clock.ahead_ms - retain->clock.ahead_ms : -1;
    const int64_t latest_ms = now.wall_ms + LIMIT_RETAIN_NOTICE_MS;
    const bool jumped = set_ms > LIMIT_RETAIN_NOTICE_MS;
    retain->before = retain->clock;
    if (jumped || set_ms < 0) //  else small steps ahead add up
        retain->clock = clock;
    if (retain->row.id && (jumped || retain->doubted || retain->row.not_before_ms > latest_ms))
        s_write (self, latest_ms);
    retain->doubted = false;
}

void
retain_rollback (step_t *self)
{
    self->retain.clock = self->retain.before;
}

bool
retain_busy (const step_t *self, const char *incident)
{
    return outbox_place_find_of (&self->outbox, "retire", incident) != NULL;
}

//  The later of an incident's end and its last event.
static int64_t
s_age_ms (const entry_t *entry)
{
    row_incident_t row;
    pack_row (entry, &row);
    return row.last_seen_ms > row.completed_ms ? row.last_seen_ms : row.completed_ms;
}

//  An incident that is not in memory has ended, and nothing happens to it.
static void
s_retire (step_t *self, const step_retire_t *retire, clk_now_t now)
{
    entry_t *entry = book_find (&self->book, retire->incident.text);
    if (outbox_waits (&self->outbox, retire->incident.text)
        || outbox_retiring (&self->outbox) >= LIMIT_RETIRING
        || (entry && (!incident_terminal (entry->state) || s_age_ms (entry) != retire->age_ms)))
        return;
    outbox_add_incident (&self->outbox, &self->state, ROW_CHANNEL_RETIRE, "retire",
                         &retire->incident, now);
    if (entry)
        book_remove (&self->book, entry);
}

void
retain (step_t *self, const step_in_t *in, clk_now_t now)
{
    if (!self->retain.row.id)
        s_write (self, now.wall_ms + LIMIT_RETAIN_NOTICE_MS);
    for (size_t i = 0; i < in->as.retire.count && s_begun (self, now); i++)
        s_retire (self, &in->as.retire.incidents [i], now);
}

void
retain_now (step_t *self, clk_now_t now, const char **ret_text)
{
    *ret_text = s_begun (self, now) ? "nothing waits: what is due is removed at once"
                                    : "what is due is removed from now on";
    if (!s_begun (self, now))
        s_write (self, now.wall_ms);
}

void
retain_load (step_t *self, const row_retention_t *row)
{
    self->retain.row = *row;
}

void
retain_newest (step_t *self, int64_t at_ms, clk_now_t now)
{
    self->retain.doubted =
        at_ms > 0 && now.wall_ms - at_ms > LIMIT_RETAIN_QUIET_MS && s_begun (self, now);
}

void
retain_loaded (step_t *self, const row_effect_t *effect)
{
    entry_t *entry = effect->channel == ROW_CHANNEL_RETIRE
                         ? book_find (&self->book, effect->incident.text)
                         : NULL;
    if (entry && incident_terminal (entry->state))
        book_remove (&self->book, entry);
}

void
retain_clear (step_t *self)
{
    self->retain.row = (row_retention_t){.id = 0};
    self->retain.doubted = false;
}

void
retain_figures (const step_t *self, clk_now_t now, step_retention_t *figures)
{
    figures->not_before_ms = self->retain.row.not_before_ms;
    figures->begun = s_begun (self, now);
    figures->retiring = outbox_retiring (&self->outbox);
}
