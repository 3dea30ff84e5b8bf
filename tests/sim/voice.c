//  SPDX-License-Identifier: Apache-2.0
#include "tests/sim/voice.h"

#include "tests/sim/bot.h"
#include "tests/sim/plan.h"
#include "tests/sim/revival.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static disk_message_t *
s_message (const disk_t *disk, const char *key)
{
    disk_message_t *message = NULL;
    HASH_FIND_STR (disk->messages, key, message);
    return message;
}

static disk_message_t *
s_message_new (disk_t *disk, const char *key)
{
    disk_message_t *message = s_message (disk, key);
    if (message)
        return message;
    message = calloc (1, sizeof *message);
    if (!message)
        abort ();
    snprintf (message->key, sizeof message->key, "%s", key);
    HASH_ADD_STR (disk->messages, key, message);
    return message;
}

//  Is this a message to the receiver that hears of each end?
static bool
s_ends (const row_effect_t *row)
{
    return row->channel == ROW_CHANNEL_MESSAGE && strcmp (row->receiver, PLAN_ENDS) == 0;
}

static bool
s_begins (const char *key, const char *kind)
{
    return strncmp (key, kind, strlen (kind)) == 0;
}

//  The "degraded" of a "recovered".
static const disk_message_t *
s_degraded (const disk_t *disk, const char *key)
{
    char name [96];
    snprintf (name, sizeof name, "degraded/%s", strchr (key, '/') + 1);
    return s_message (disk, name);
}

//  --- the breaker

void
voice_issued (const disk_t *disk, disk_attempt_t *attempt)
{
    attempt->after_opening = disk->model.open;
    attempt->opening = disk->model.open ? disk->model.openings : 0;
}

static void
s_reset (disk_model_t *model)
{
    model->open = false;
    model->failures = 0;
}

//  A restart may make a paused breaker forget the attempts that it issued while open; it then stays
//  open.  In that case the model follows its closing (voice_breaker) and checks the reason.
static void
s_reported (disk_t *disk, const disk_incident_t *incident)
{
    disk_model_t *model = &disk->model;
    const disk_attempt_t *winner = disk_attempt (disk, incident->id.text, incident->winner);
    if (model->closing && (!winner || !winner->after_opening))
        disk_break (disk, "I8 %s closed the breaker by an attempt of before", incident->id.text);
    if (!disk->pause || !model->open)
        s_reset (model);
    model->closing = false;
}

void
voice_ended (disk_t *disk, disk_incident_t *incident, incident_state_t state)
{
    if (state == INCIDENT_REPORTED)
        s_reported (disk, incident);
    else if (state == INCIDENT_AGENT_FAILED)
        voice_failed (disk, incident);
}

void
voice_failed (disk_t *disk, disk_incident_t *incident)
{
    disk_model_t *model = &disk->model;
    if (incident->counted)
        return;
    incident->counted = true;
    model->failures++;
    if (model->open || model->failures < disk->threshold)
        return;
    model->open = true;
    model->openings++;
}

void
voice_breaker (disk_t *disk, const row_breaker_t *row, clk_now_t now)
{
    if (disk->pause && disk->breaker.open && !row->open) {
        disk->model.closing = true;
        s_reset (&disk->model);
    }
    revival_breaker (disk, &disk->breaker, row);
    disk->breaker = *row;
}

void
voice_check (disk_t *disk)
{
    const disk_model_t *model = &disk->model;
    const row_breaker_t *row = &disk->breaker;
    if (model->open != row->open || model->failures != row->failures
        || model->openings != row->openings || model->closing)
        disk_break (disk,
                    "I8 the breaker is %d with %" PRId64 " failures, %" PRId64
                    " openings; a count gives %d, %" PRId64 ", %" PRId64,
                    row->open, row->failures, row->openings, model->open, model->failures,
                    model->openings);
}

//  --- messages

void
voice_alert (disk_t *disk, const row_alert_t *row, clk_now_t now)
{
    disk_message_t *message = s_message_new (disk, row->key);
    const bool overflow = s_begins (row->key, "overflow/"); //  a clock set back repeats an hour
    if (message->asks++ && !overflow && !(disk->shows && s_begins (row->key, "degraded/")))
        disk_break (disk, "I9 %s was asked for twice", row->key);
    if (overflow)
        message->effect = 0;
    if (!message->alert.key [0])
        DL_APPEND2 (disk->alerts, message, prev_alert, next_alert);
    message->alert = *row;
    message->asked_ms = now.wall_ms;
    if (s_begins (row->key, "recovered/") && !s_degraded (disk, row->key))
        disk_break (disk, "I9 %s without its degraded", row->key);
    if (s_begins (row->key, "degraded/") && row->count < disk->threshold)
        disk_break (disk, "I9 %s after %" PRId64 " failures", row->key, row->count);
}

void
voice_effect (disk_t *disk, const row_effect_t *row, clk_now_t now)
{
    disk_message_t *message = s_message (disk, row->key);
    const disk_incident_t *incident = disk_incident (disk, row->incident.text);
    if (s_begins (row->key, "incident/")) {
        if (!incident || (incident->state != INCIDENT_REPORTED && !bot_is (row) && !s_ends (row)))
            disk_break (disk, "I9 %s, which is not reported", row->key);
        message = s_message_new (disk, row->key);
    }
    else if (!message) {
        disk_break (disk, "I9 %s has no alert", row->key);
        return;
    }
    const bool pending = message->state == ROW_EFFECT_READY || message->state == ROW_EFFECT_SENDING;
    if (message->effect && message->effect != row->id
        && (pending || (!bot_is (row) && !s_ends (row))))
        disk_break (disk, "I9 %s has two effects", row->key);
    if (row->state == ROW_EFFECT_READY) {
        if (message->effect != row->id || message->state != ROW_EFFECT_READY) {
            message->ready_ms = now.boot_ms;
            message->sets = disk->sets;
        }
        message->written_ms = now.boot_ms;
    }
    message->effect = row->id;
    message->state = row->state;
}

//  The upload of a message's incident; NULL: none is to be done.
static const row_effect_t *
s_upload (const disk_t *disk, const row_effect_t *row)
{
    for (const disk_effect_t *item = disk->effects; item; item = item->hh.next)
        if (item->row.channel == ROW_CHANNEL_STORAGE
            && strcmp (item->row.incident.text, row->incident.text) == 0)
            return &item->row;
    return NULL;
}

//  Does a message wait for its upload?  One that was tried does not.
//  sure: certainly; else perhaps.  After a restart its time is counted by the wall clock.
static bool
s_waits (const disk_t *disk, const row_effect_t *row, bool sure, clk_now_t now)
{
    const disk_incident_t *incident = disk_incident (disk, row->incident.text);
    const disk_message_t *message = s_message (disk, row->key);
    if (!incident || !message || incident->uploaded || row->tries > 0 || row->unsure)
        return false;
    const row_effect_t *upload = s_upload (disk, row);
    if ((bot_is (row) || s_ends (row)) && !upload)
        return false;
    if (bot_is (row) && message->shown == incident->state) //  it only came again
        return !sure;
    if (message->sets != disk->sets || (bot_is (row) && (upload->tries > 0 || upload->error [0])))
        return !sure;
    return now.boot_ms < (sure ? message->ready_ms : message->written_ms) + LIMIT_MESSAGE_WAIT_MS;
}

static void
s_check_order (disk_t *disk, const row_effect_t *row, bool held, clk_now_t now)
{
    for (const disk_effect_t *item = disk->effects; item; item = item->hh.next) {
        const disk_message_t *message = s_message (disk, item->row.key);
        const bool blocks = item->row.tries > 0 || item->row.state == ROW_EFFECT_SENDING;
        if (!blocks && item->row.incident.text [0] && message && message->sets != disk->sets)
            continue; //  by the wall clock it may wait longer for its upload
        if (!blocks && bot_is (&item->row))
            continue; //  it may be one that is not urgent
        if (strcmp (row_lane_name (&item->row), row_lane_name (row)) != 0 || item->id == row->id
            || s_waits (disk, &item->row, false, now))
            continue;
        if (item->row.tries > 0)
            disk_break (disk, "I9 %s overtakes %s, which is tried again", row->key, item->row.key);
        if (item->id < row->id && row->tries == 0 && !held)
            disk_break (disk, "I9 %s overtakes %s", row->key, item->row.key);
    }
}

void
voice_handed (disk_t *disk, const row_effect_t *row, clk_now_t now)
{
    disk_effect_t *effect = NULL;
    HASH_FIND (hh, disk->effects, &row->id, sizeof row->id, effect);
    const disk_message_t *message = s_message (disk, row->key);
    if (!effect || !message) {
        disk_break (disk, "I10 %s is sent and not on disk", row->key);
        return;
    }
    if (effect->row.state != ROW_EFFECT_SENDING)
        disk_break (disk, "I10 %s is sent, on disk it is not", row->key);
    if (row->unsure && !message->unsure)
        disk_break (disk, "I10 %s is marked as a repeat without a reason", row->key);
    if (s_waits (disk, row, true, now))
        disk_break (disk, "I9 %s is sent before its upload", row->key);
    s_check_order (disk, row, effect->held, now);
}

void
voice_arrived (disk_t *disk, const row_effect_t *row)
{
    disk_message_t *message = s_message (disk, row->key);
    if (!message)
        return;
    const disk_incident_t *incident = disk_incident (disk, row->incident.text);
    message->unmarked += !row->unsure;
    if (s_ends (row) || s_begins (row->key, "overflow/")) {
        const int64_t most = !s_ends (row) ? message->asks : incident ? incident->ends : INT64_MAX;
        if (message->unmarked > most)
            disk_break (disk, "I9 %s arrived more often than it was asked for", row->key);
    }
    else if (message->arrived && !row->unsure)
        disk_break (disk, "I10 %s arrived twice, the second one not marked", row->key);
    message->arrived++;
    if (!s_begins (row->key, "recovered/"))
        return;
    const disk_message_t *degraded = s_degraded (disk, row->key);
    if (!degraded || !degraded->arrived)
        disk_break (disk, "I9 %s arrived, its degraded did not", row->key);
}

void
voice_check_end (disk_t *disk, const disk_incident_t *incident)
{
    char key [ROW_ALERT];
    if (!incident || !incident_terminal (incident->state) || incident->state == INCIDENT_SUPPRESSED)
        return;
    snprintf (key, sizeof key, "incident/%s@" PLAN_ENDS, incident->id.text);
    if (!s_message (disk, key))
        disk_break (disk, "I9 nobody was told that %s is %s", incident->id.text,
                    incident_state_name (incident->state));
}

void
voice_unsure (disk_t *disk, const char *key)
{
    disk_message_t *message = s_message (disk, key);
    if (message)
        message->unsure = true;
}

void
voice_died (disk_t *disk)
{
    for (disk_effect_t *item = disk->effects; item; item = item->hh.next) {
        item->held = item->row.state == ROW_EFFECT_SENDING;
        if (item->held)
            voice_unsure (disk, item->row.key);
    }
}

static void
s_must (int rc)
{
    if (rc)
        abort ();
}

void
voice_load (const disk_t *disk, step_t *step, clk_now_t now)
{
    if (disk->breaker.id)
        s_must (step_load_breaker (step, &disk->breaker));
    for (const disk_message_t *item = disk->alerts; item; item = item->next_alert)
        if (item->asked_ms > now.wall_ms - LIMIT_OVERFLOW_MS)
            s_must (step_load_alert (step, &item->alert));
}

void
voice_report (const disk_t *disk)
{
    int64_t asked = 0, arrived = 0, repeated = 0;
    for (const disk_message_t *item = disk->messages; item; item = item->hh.next) {
        asked++;
        arrived += item->arrived > 0;
        repeated += item->arrived > 1;
    }
    printf ("messages %" PRId64 " arrived %" PRId64 " repeated %" PRId64 " openings %" PRId64 "\n",
            asked, arrived, repeated, disk->model.openings);
}

void
voice_fini (disk_t *disk)
{
    disk_message_t *message, *next;
    HASH_ITER (hh, disk->messages, message, next) {
        HASH_DEL (disk->messages, message);
        free (message);
    }
}
