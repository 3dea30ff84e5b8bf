//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/breaker.h"

#include "broker/core/book.h"
#include "broker/core/journal.h"
#include "broker/core/outbox.h"
#include "broker/core/step_part.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
breaker_begin (step_t *self)
{
    self->breaker.pace_before = self->breaker.pace;
}

void
breaker_rollback (step_t *self)
{
    self->breaker.pace = self->breaker.pace_before;
}

void
breaker_save (step_t *self)
{
    self->breaker.row.id = 1;
    state_write (&self->state, STEP_WRITE_BREAKER)->as.breaker = self->breaker.row;
}

//  Take out a reason: those behind it move up.  Returns its count.
static int64_t
s_take_out (row_breaker_t *row, size_t at)
{
    const int64_t count = row->counts [at];
    for (; at + 1 < ROW_REASONS; at++) {
        memcpy (row->reasons [at], row->reasons [at + 1], sizeof row->reasons [at]);
        row->counts [at] = row->counts [at + 1];
    }
    row->reasons [ROW_REASONS - 1][0] = 0;
    row->counts [ROW_REASONS - 1] = 0;
    return count;
}

//  Count a reason, and make it the newest.  A new one replaces the oldest.
static void
s_remember (row_breaker_t *row, const char *reason)
{
    char text [sizeof row->reasons [0]];
    state_text (text, *reason ? reason : "no reason was given");
    size_t at = 0, known = 0;
    while (known < ROW_REASONS && strcmp (row->reasons [known], text) != 0)
        known++;
    int64_t count = 1;
    if (known < ROW_REASONS)
        count += s_take_out (row, known);
    else if (row->reasons [ROW_REASONS - 1][0])
        (void) s_take_out (row, 0);
    while (row->reasons [at][0])
        at++;
    memcpy (row->reasons [at], text, sizeof text);
    row->counts [at] = count;
}

//  Ask for the "degraded" of the present opening, or for its newest form.
static void
s_announce (step_t *self, clk_now_t now)
{
    const row_breaker_t *row = &self->breaker.row;
    row_alert_t alert = {.at_ms = now.wall_ms,
                         .count = row->failures,
                         .first_ms = row->first_ms,
                         .last_ms = row->last_ms,
                         .revives = self->state.settings.revive};
    snprintf (alert.key, sizeof alert.key, "degraded/%" PRId64, row->openings);
    memcpy (alert.reasons, row->reasons, sizeof alert.reasons);
    memcpy (alert.counts, row->counts, sizeof alert.counts);
    outbox_alert (&self->outbox, &self->state, &alert, now);
}

static void
s_open (step_t *self, const char *reason, clk_now_t now)
{
    row_breaker_t *row = &self->breaker.row;
    row->open = true;
    row->openings++;
    row->opened_ms = now.wall_ms;
    row->announced = self->state.settings.slack && self->state.settings.notify_failures;
    row->probe_attempt = 0;
    self->breaker.pace.backoff_ms = LIMIT_PROBE_MIN_MS;
    self->breaker.pace.probe_ms = now.boot_ms + LIMIT_PROBE_MIN_MS;
    self->state.stats.breaker_total [STEP_BREAKER_OPEN]++;
    journal_breaker (&self->journal, &self->state, "opened", self->breaker.row.failures, reason,
                     now);
    if (self->state.settings.slack && !row->announced)
        self->state.stats.untold_total [STEP_UNTOLD_DISABLED]++;
    if (row->announced)
        s_announce (self, now);
}

//  The streak that is under way.
static int64_t
s_streak (row_breaker_t *row)
{
    if (!row->streak) //  of an earlier version, or the first
        row->streak = 1;
    return row->streak;
}

void
breaker_failed (step_t *self, row_incident_t *incident, clk_now_t now)
{
    row_breaker_t *row = &self->breaker.row;
    if (incident->counted)
        return;
    incident->counted = true;
    incident->streak = s_streak (row);
    if (row->failures++ == 0)
        row->first_ms = now.wall_ms;
    row->last_ms = now.wall_ms;
    s_remember (row, incident->reason);
    if (!row->open && row->failures >= self->state.settings.failure_threshold)
        s_open (self, incident->reason, now);
    else if (row->open && row->announced && self->state.settings.slack_shows)
        s_announce (self, now); //  the message counts on
    breaker_save (self);
}

void
breaker_probed (step_t *self, const attempt_t *attempt, row_incident_t *incident)
{
    if (attempt->term.probe && self->breaker.row.open)
        incident->streak = s_streak (&self->breaker.row);
}

static void
s_close (step_t *self, clk_now_t now)
{
    row_breaker_t *row = &self->breaker.row;
    self->state.stats.breaker_total [STEP_BREAKER_CLOSED]++;
    journal_breaker (&self->journal, &self->state, "closed", self->breaker.row.failures, "", now);
    if (row->announced && self->state.settings.slack && self->state.settings.notify_failures) {
        row_alert_t alert = {.at_ms = now.wall_ms,
                             .count = row->failures,
                             .first_ms = row->opened_ms,
                             .last_ms = now.wall_ms,
                             .revives = self->state.settings.revive};
        memcpy (alert.reasons, row->reasons, sizeof alert.reasons);
        memcpy (alert.counts, row->counts, sizeof alert.counts);
        snprintf (alert.key, sizeof alert.key, "recovered/%" PRId64, row->openings);
        outbox_alert (&self->outbox, &self->state, &alert, now);
    }
    else if (self->state.settings.slack)
        self->state.stats
            .untold_total [self->state.settings.notify_failures ? STEP_UNTOLD_UNOPENED
                                                                : STEP_UNTOLD_DISABLED]++;
    if (!self->state.settings.revive)
        row->reviving = 0;
    else if (!row->reviving) //  else this streak joins
        row->reviving = s_streak (row);
    row->open = row->announced = false;
    row->opened_ms = 0;
    row->probe_attempt = 0;
}

void
breaker_succeeded (step_t *self, const attempt_t *attempt, clk_now_t now)
{
    row_breaker_t *row = &self->breaker.row;
    if (!row->failures || (row->open && self->state.settings.breaker_pause && !attempt->term.probe))
        return;
    const bool ends = row->open || !row->reviving;
    if (row->open)
        s_close (self, now);
    row->failures = row->first_ms = row->last_ms = 0;
    memset (row->reasons, 0, sizeof row->reasons);
    memset (row->counts, 0, sizeof row->counts);
    if (ends)
        row->streak = s_streak (row) + 1;
    breaker_save (self);
}

void
breaker_revived (step_t *self)
{
    row_breaker_t *row = &self->breaker.row;
    row->reviving = 0;
    if (!row->failures) //  a report has ended what bears the present number
        row->streak++;
    breaker_save (self);
}

bool
breaker_paused (const step_t *self)
{
    return self->breaker.row.open && self->state.settings.breaker_pause;
}

//  End a probe that left the breaker open: the next one waits longer.
static void
s_probe_over (step_t *self, clk_now_t now)
{
    self->breaker.row.probe_attempt = 0;
    breaker_save (self);
    self->breaker.pace.backoff_ms *= 2;
    if (self->breaker.pace.backoff_ms < LIMIT_PROBE_MIN_MS)
        self->breaker.pace.backoff_ms = LIMIT_PROBE_MIN_MS; //  of an earlier run
    if (self->breaker.pace.backoff_ms > LIMIT_PROBE_MAX_MS)
        self->breaker.pace.backoff_ms = LIMIT_PROBE_MAX_MS;
    self->breaker.pace.probe_ms = now.boot_ms + self->breaker.pace.backoff_ms;
}

//  Is a probe under way?  Note the end of one that no longer is.
static bool
s_probing (step_t *self, clk_now_t now)
{
    const row_breaker_t *row = &self->breaker.row;
    if (!row->probe_attempt)
        return false;
    const step_fence_t fence = {.incident = row->probe, .attempt = row->probe_attempt};
    const attempt_t *attempt = book_attempt (&self->book, &fence);
    if (attempt && attempt->row.state == ROW_ATTEMPT_LIVE)
        return true;
    s_probe_over (self, now);
    return false;
}

int64_t
breaker_room (step_t *self, clk_now_t now)
{
    if (!breaker_paused (self))
        return INT64_MAX;
    return !s_probing (self, now) && now.boot_ms >= self->breaker.pace.probe_ms;
}

int
breaker_probe (step_t *self, clk_now_t now, const char **ret_text)
{
    if (!self->breaker.row.open)
        *ret_text = "the breaker is closed: nothing is held";
    else if (!breaker_paused (self))
        *ret_text = "breaker_mode is alert: the open breaker holds nothing";
    else if (s_probing (self, now))
        *ret_text = "a probe is under way already";
    else {
        if (self->breaker.pace.probe_ms > now.boot_ms)
            self->breaker.pace.probe_ms = now.boot_ms;
        *ret_text = self->queue.queued ? "one incident is tried as soon as a worker is free"
                                       : "nothing waits: the next incident is tried at once, or "
                                         "one that has failed if retry_after_recovery is on";
        return 0;
    }
    return ERR_STALE;
}

int64_t
breaker_wake (const step_t *self)
{
    return breaker_paused (self) && !self->breaker.row.probe_attempt ? self->breaker.pace.probe_ms
                                                                     : INT64_MAX;
}

void
breaker_issued (step_t *self, attempt_t *attempt, clk_now_t now)
{
    attempt->term.probe = self->breaker.row.open;
    if (!breaker_paused (self))
        return;
    self->breaker.row.probe = attempt->row.incident;
    self->breaker.row.probe_attempt = attempt->row.number;
    self->state.stats.breaker_total [STEP_BREAKER_HALF_OPEN]++;
    journal_breaker (&self->journal, &self->state, "probed", self->breaker.row.failures, "", now);
    breaker_save (self);
}

bool
breaker_is_probe (const step_t *self, const row_attempt_t *row)
{
    return self->breaker.row.open && self->breaker.row.probe_attempt == row->number
           && strcmp (self->breaker.row.probe.text, row->incident.text) == 0;
}

void
breaker_effect (step_t *self, const outbox_end_t *effect)
{
    static const char prefix [] = "degraded/";
    if (effect->state == ROW_EFFECT_DONE || strncmp (effect->key, prefix, sizeof prefix - 1) != 0)
        return;
    if (effect->posted) //  only an edit has failed
        return;
    const int64_t opening = strtoll (effect->key + sizeof prefix - 1, NULL, 10);
    const bool announced = effect->state == ROW_EFFECT_READY;
    if (self->breaker.row.open && self->breaker.row.openings == opening) {
        self->breaker.row.announced = announced;
        breaker_save (self);
    }
    if (announced)
        return;
    char key [ROW_ALERT];
    snprintf (key, sizeof key, "recovered/%" PRId64, opening);
    outbox_drop (&self->outbox, &self->state, key, "its degraded alert was never delivered");
}

void
breaker_load (step_t *self, const row_breaker_t *row)
{
    self->breaker.row = *row;
}

void
breaker_clear (step_t *self)
{
    memset (&self->breaker.row, 0, sizeof self->breaker.row);
}

void
breaker_figures (const step_t *self, clk_now_t now, step_stats_t *ret_stats)
{
    const row_breaker_t *row = &self->breaker.row;
    const int64_t wake_ms = breaker_wake (self);
    ret_stats->breaker = !row->open                                    ? STEP_BREAKER_CLOSED
                         : breaker_paused (self) && row->probe_attempt ? STEP_BREAKER_HALF_OPEN
                                                                       : STEP_BREAKER_OPEN;
    ret_stats->breaker_failures = row->failures;
    ret_stats->breaker_opened_ms = row->opened_ms;
    ret_stats->breaker_paused = breaker_paused (self);
    ret_stats->breaker_probe_ms = wake_ms == INT64_MAX     ? -1
                                  : wake_ms <= now.boot_ms ? 0
                                                           : wake_ms - now.boot_ms;
}
