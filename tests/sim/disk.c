//  SPDX-License-Identifier: Apache-2.0
#include "tests/sim/retires.h"
#include "tests/sim/bot.h"
#include "tests/sim/returns.h"
#include "tests/sim/revival.h"
#include "tests/sim/voice.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LATE_MS = 2000, TIDY_MS = 900 * 1000 };

void
disk_break (disk_t *self, const char *format, ...)
{
    if (self->broken [0])
        return;
    va_list args;
    va_start (args, format);
    vsnprintf (self->broken, sizeof self->broken, format, args);
    va_end (args);
}

static void *
s_new (size_t size)
{
    void *item = calloc (1, size);
    if (!item)
        abort ();
    return item;
}

disk_incident_t *
disk_incident (const disk_t *self, const char *id)
{
    disk_incident_t *incident = NULL;
    HASH_FIND_STR (self->incidents, id, incident);
    if (!incident)
        HASH_FIND_STR (self->over, id, incident);
    return incident;
}

disk_attempt_t *
disk_attempt (const disk_t *self, const char *incident, int64_t number)
{
    char name [IDENT_SIZE + 24];
    snprintf (name, sizeof name, "%s/%" PRId64, incident, number);
    disk_attempt_t *attempt = NULL;
    HASH_FIND_STR (self->attempts, name, attempt);
    return attempt;
}

const disk_event_t *
disk_event (const disk_t *self, const char *source, const char *event_id)
{
    char name [ROW_SOURCE + LIMIT_EVENT_ID_BYTES + 2];
    snprintf (name, sizeof name, "%s|%s", source, event_id);
    disk_event_t *event = NULL;
    HASH_FIND_STR (self->events, name, event);
    return event;
}

//  Does an event of the state table lead from one state to the other?
static bool
s_leads (incident_state_t from, incident_state_t to)
{
    if (from == to)
        return true;
    for (int event = 0; event < INCIDENT_EVENTS; event++)
        if (incident_next (from, (incident_event_t) event) == to)
            return true;
    return false;
}

static void
s_check_winner (disk_t *self, const row_incident_t *row)
{
    const disk_attempt_t *won = disk_attempt (self, row->id.text, row->winner);
    if (row->state != INCIDENT_REPORTED)
        disk_break (self, "I2 %s has a winner but is not reported", row->id.text);
    else if (!won || won->row.outcome != VERDICT_SUCCESS || won->row.state != ROW_ATTEMPT_ENDED)
        disk_break (self, "I2 the winner of %s is no ended success", row->id.text);
    else if (strcmp (won->made_by, won->row.identity) != 0)
        disk_break (self, "I2 attempt %s won, but '%s' made its report, not '%s'", won->name,
                    won->made_by, won->row.identity);
}

//  Count the open incidents of a fault key: there is never more than one.
static void
s_count_open (disk_t *self, const row_incident_t *row, bool fresh, int64_t change)
{
    int64_t key = strtol (row->fault.key + strlen ("key-"), NULL, 10);
    if (key < 0 || key >= DISK_KEYS)
        abort ();
    if (fresh && self->open_of_key [key])
        disk_break (self, "I1 %s was made while %s has an open incident", row->id.text,
                    row->fault.key);
    self->open_of_key [key] += change;
    if (self->open_of_key [key] > 1)
        disk_break (self, "I1 %s has two open incidents", row->fault.key);
}

static void
s_move (disk_incident_t **from, disk_incident_t **to, disk_incident_t *incident)
{
    HASH_DEL (*from, incident);
    HASH_ADD_KEYPTR (hh, *to, incident->id.text, strlen (incident->id.text), incident);
}

static void
s_apply_incident (disk_t *self, const row_incident_t *row)
{
    disk_incident_t *incident = disk_incident (self, row->id.text);
    bool fresh = !incident;
    if (!fresh)
        retires_written (self, incident);
    if (fresh) {
        incident = s_new (sizeof *incident);
        incident->id = row->id;
        HASH_ADD_KEYPTR (hh, self->incidents, incident->id.text, strlen (incident->id.text),
                         incident);
        if (row->number != self->number + 1)
            disk_break (self, "I7 incident number %" PRId64 " after %" PRId64, row->number,
                        self->number);
        self->number = row->number;
        if (row->linked.text [0] && !disk_incident (self, row->linked.text))
            disk_break (self, "I7 %s is linked to nothing", row->id.text);
    }
    else if (!incident->row)
        s_move (&self->over, &self->incidents, incident);
    bool was_open =
        incident->state == INCIDENT_PENDING || incident->state == INCIDENT_INVESTIGATING;
    bool is_open = !incident_terminal (row->state);
    if (incident->winner && incident->winner != row->winner)
        disk_break (self, "I2 %s has a second winner", row->id.text);
    self->open += is_open - was_open;
    s_count_open (self, row, fresh, is_open - was_open);
    if (incident->row)
        revival_row (self, incident->row, row);
    incident->state = row->state;
    incident->winner = row->winner;
    if (!incident->row)
        incident->row = s_new (sizeof *row);
    *incident->row = *row;
}

static void
s_apply_attempt (disk_t *self, const row_attempt_t *row, clk_now_t now)
{
    disk_incident_t *incident = disk_incident (self, row->incident.text);
    if (!incident) {
        disk_break (self, "I7 attempt of no incident %s", row->incident.text);
        return;
    }
    disk_attempt_t *attempt = disk_attempt (self, row->incident.text, row->number);
    if (!attempt) {
        attempt = s_new (sizeof *attempt);
        snprintf (attempt->name, sizeof attempt->name, "%s/%" PRId64, row->incident.text,
                  row->number);
        HASH_ADD_STR (self->attempts, name, attempt);
        attempt->since_ms = now.boot_ms;
        attempt->slack_ms = self->slack_ms;
        attempt->set_back = self->set_back;
        attempt->renewed_ms = now.boot_ms;
        voice_issued (self, attempt);
        returns_issued (self, incident, row, now);
        if (!incident->row || row->number > incident->row->attempts)
            disk_break (self, "I7 attempt %s is not counted by its incident", attempt->name);
    }
    else if (strcmp (attempt->row.identity, row->identity) != 0)
        disk_break (self, "I2 attempt %s changed hands", attempt->name);
    else if (attempt->row.state == ROW_ATTEMPT_ENDED
             && (row->state != ROW_ATTEMPT_ENDED || attempt->row.outcome < VERDICT_LOST))
        disk_break (self, "I2 attempt %s changed after its end", attempt->name);
    if (row->state == ROW_ATTEMPT_ENDED && row->outcome == VERDICT_HOST && attempt->denied
        && !(attempt->said & 1U << row->outcome))
        disk_break (self, "I17 attempt %s is its host's failure, which was denied the prompt",
                    attempt->name);
    if (row->state == ROW_ATTEMPT_ENDED && row->outcome < VERDICT_LOST
        && !(attempt->said & 1U << row->outcome))
        disk_break (self, "I2 attempt %s ended as its worker has not said", attempt->name);
    if (row->state == ROW_ATTEMPT_ENDED && row->class != attempt->said_class
        && row->outcome < VERDICT_LOST)
        disk_break (self, "I2 attempt %s ended by a class that its worker has not said",
                    attempt->name);
    bool was_live = attempt->row.number && attempt->row.state == ROW_ATTEMPT_LIVE;
    bool is_live = row->state == ROW_ATTEMPT_LIVE;
    incident->live += is_live - was_live;
    self->live += is_live - was_live;
    attempt->row = *row;
}

static disk_effect_t *
s_effect (disk_effect_t *effects, int64_t id)
{
    disk_effect_t *effect = NULL;
    HASH_FIND (hh, effects, &id, sizeof id, effect);
    return effect;
}

//  Count uploads: one for each end of the incident.
static void
s_count_upload (disk_t *self, const row_effect_t *row)
{
    disk_incident_t *incident = disk_incident (self, row->incident.text);
    if (!incident)
        disk_break (self, "I7 effect of no incident %s", row->incident.text);
    else
        incident->effects++;
}

static void
s_uploaded (disk_t *self, const row_effect_t *row, bool uploaded)
{
    disk_incident_t *incident = disk_incident (self, row->incident.text);
    if (incident && row->channel == ROW_CHANNEL_STORAGE)
        incident->uploaded = uploaded;
}

//  Add an effect: a new one, or one that an operator has retried.
static disk_effect_t *
s_effect_begin (disk_t *self, const row_effect_t *row)
{
    disk_effect_t *effect = NULL, *next = NULL;
    HASH_ITER (hh, self->effects, effect, next)
        if (strcmp (effect->row.key, row->key) == 0)
            disk_break (self, "I3 two effects of %s at once", row->key);
    effect = s_effect (self->dead, row->id);
    if (effect) {
        HASH_DEL (self->dead, effect);
        HASH_ADD (hh, self->effects, id, sizeof effect->id, effect);
        s_uploaded (self, row, false);
        return effect;
    }
    HASH_ITER (hh, self->dead, effect, next)
        if (strcmp (effect->row.key, row->key) == 0) { //  the store keeps one row for a key
            HASH_DEL (self->dead, effect);
            free (effect);
        }
    effect = s_new (sizeof *effect);
    effect->id = row->id;
    HASH_ADD (hh, self->effects, id, sizeof effect->id, effect);
    if (row->id != self->effect + 1)
        disk_break (self, "I7 effect id %" PRId64 " after %" PRId64, row->id, self->effect);
    self->effect = row->id;
    if (row->channel == ROW_CHANNEL_STORAGE)
        s_count_upload (self, row);
    return effect;
}

static void
s_apply_effect (disk_t *self, const row_effect_t *row, clk_now_t now)
{
    disk_effect_t *effect = s_effect (self->effects, row->id);
    if (row->channel == ROW_CHANNEL_MESSAGE)
        voice_effect (self, row, now);
    if (bot_is (row))
        bot_effect (self, row);
    const bool fresh = !effect;
    if (fresh)
        effect = s_effect_begin (self, row);
    effect->row = *row;
    if (fresh && row->channel == ROW_CHANNEL_RETIRE)
        retires_begin (self, row, now);
    if (row->state == ROW_EFFECT_READY || row->state == ROW_EFFECT_SENDING)
        return;
    if (row->channel == ROW_CHANNEL_RETIRE)
        retires_end (self, row);
    s_uploaded (self, row, true);
    HASH_DEL (self->effects, effect);
    if (row->state == ROW_EFFECT_DEAD)
        HASH_ADD (hh, self->dead, id, sizeof effect->id, effect);
    else
        free (effect);
}

static void
s_apply_event (disk_t *self, const row_event_t *row)
{
    disk_incident_t *incident = disk_incident (self, row->incident.text);
    if (incident)
        incident->events++;
    else
        disk_break (self, "I7 event of no incident %s", row->incident.text);
    if (disk_event (self, row->source, row->event_id))
        disk_break (self, "I1 event %s twice", row->event_id);
    disk_event_t *event = s_new (sizeof *event);
    snprintf (event->name, sizeof event->name, "%s|%s", row->source, row->event_id);
    event->incident = row->incident;
    HASH_ADD_STR (self->events, name, event);
}

//  Follow the state of an incident by its records.  A row shows only the state at the end of a
//  turn; the records show each step.
static void
s_tell (disk_t *self, disk_incident_t *incident, incident_state_t state, clk_now_t now)
{
    bool was_open = incident->told == INCIDENT_PENDING || incident->told == INCIDENT_INVESTIGATING;
    if (!s_leads (incident->told, state))
        disk_break (self, "I2 %s went from %s to %s", incident->id.text,
                    incident_state_name (incident->told), incident_state_name (state));
    if (incident_terminal (incident->told) && !incident_terminal (state)) { //  a retry
        incident->counted = incident->row && incident->row->counted;        //  as a probe
        if (incident->counted && !(self->breaker.open && self->pause))
            disk_break (self, "I22 %s is a probe of a breaker that holds nothing",
                        incident->id.text);
        incident->given_ms = incident->wait_ms = 0;
    }
    incident->told = state;
    if (!was_open || !incident_terminal (state))
        return;
    incident->ends++;
    incident->uploaded = false;
    incident->closed_ms = now.boot_ms;
    voice_ended (self, incident, state);
}

static void
s_apply_record (disk_t *self, const row_record_t *row, clk_now_t now)
{
    disk_incident_t *incident = disk_incident (self, row->incident.text);
    incident_state_t state;
    if (incident && strcmp (row->kind, "incident") == 0
        && incident_state_parse (row->change, &state))
        s_tell (self, incident, state, now);
    disk_attempt_t *attempt = disk_attempt (self, row->incident.text, row->attempt);
    if (attempt && strcmp (row->kind, "attempt") == 0 && strcmp (row->change, "lost") == 0)
        attempt->told_lost = true;
    if (incident && attempt && strcmp (row->kind, "attempt") == 0
        && strcmp (row->change, "ended") == 0 && attempt->row.outcome == VERDICT_AGENT
        && !attempt->told_lost) {
        voice_failed (self, incident);
        returns_ended (self, incident, attempt, now);
    }
    if (strcmp (row->kind, "worker") == 0)
        returns_worker (self, row, now);
    char name [ROW_TOPIC];
    snprintf (name, sizeof name, "%s/%s/", row->kind, row->cluster);
    disk_topic_t *topic = NULL;
    HASH_FIND_STR (self->topics, name, topic);
    if (!topic) {
        topic = s_new (sizeof *topic);
        snprintf (topic->name, sizeof topic->name, "%s", name);
        HASH_ADD_STR (self->topics, name, topic);
    }
    if (row->seq != self->seq + 1)
        disk_break (self, "I5 seq %" PRId64 " after %" PRId64, row->seq, self->seq);
    if (row->prev != topic->seq)
        disk_break (self, "I5 prev %" PRId64 " of %s, expected %" PRId64, row->prev, name,
                    topic->seq);
    self->seq = topic->seq = row->seq;
    self->record_ms = row->at_ms;
}

//  Forget the dead effects of incidents without rows.
static void
s_forget_dead (disk_t *self)
{
    disk_effect_t *effect, *next;
    HASH_ITER (hh, self->dead, effect, next) {
        const disk_incident_t *incident = disk_incident (self, effect->row.incident.text);
        if (incident && !incident->row) {
            HASH_DEL (self->dead, effect);
            free (effect);
        }
    }
}

void
disk_apply (disk_t *self, const step_write_t *write, clk_now_t now)
{
    switch (write->kind) {
        case STEP_WRITE_EVENT: s_apply_event (self, &write->as.event); break;
        case STEP_WRITE_INCIDENT: s_apply_incident (self, &write->as.incident); break;
        case STEP_WRITE_ATTEMPT: s_apply_attempt (self, &write->as.attempt, now); break;
        case STEP_WRITE_EFFECT: s_apply_effect (self, &write->as.effect, now); break;
        case STEP_WRITE_BREAKER: voice_breaker (self, &write->as.breaker, now); break;
        case STEP_WRITE_ALERT: voice_alert (self, &write->as.alert, now); break;
        case STEP_WRITE_RECORD: s_apply_record (self, &write->as.record, now); break;
        case STEP_WRITE_MESSAGE: bot_kept (self, &write->as.message); break;
        case STEP_WRITE_FOLDER: break;
        case STEP_WRITE_RETENTION: retires_notice (self, &write->as.retention, now); break;
        case STEP_WRITE_RETIRE:
            retires_apply (self, &write->as.retire);
            s_forget_dead (self);
            break;
    }
}

//  Check the charges of an incident since it was last forgiven.
static void
s_check_charges (disk_t *self, const row_incident_t *row)
{
    int64_t lost = 0, failed = 0;
    for (int64_t i = row->forgiven + 1; i <= row->attempts; i++) {
        const disk_attempt_t *attempt = disk_attempt (self, row->id.text, i);
        lost += attempt && attempt->told_lost && attempt->row.started;
        failed += attempt && run_class_rule_of (attempt->row.class, attempt->row.outcome)->charged;
    }
    if (row->lost > lost || row->charged > failed)
        disk_break (self,
                    "I15 %s pays for %" PRId64 " lost and %" PRId64 " failed attempts, and had"
                    " %" PRId64 " and %" PRId64,
                    row->id.text, row->lost, row->charged, lost, failed);
}

static void
s_check_incident (disk_t *self, disk_incident_t *incident)
{
    if (incident->live > 1)
        disk_break (self, "I4 %s has %" PRId64 " live attempts", incident->id.text, incident->live);
    if ((incident->live == 1) != (incident->state == INCIDENT_INVESTIGATING))
        disk_break (self, "I4 %s is %s with %" PRId64 " live attempts", incident->id.text,
                    incident_state_name (incident->state), incident->live);
    if (incident->told != incident->state)
        disk_break (self, "I2 %s is %s and was told as %s", incident->id.text,
                    incident_state_name (incident->state), incident_state_name (incident->told));
    if (incident->effects > incident->ends)
        disk_break (self, "I3 %s ended %" PRId64 " times but has %" PRId64 " effects",
                    incident->id.text, incident->ends, incident->effects);
    if (incident->state == INCIDENT_REPORTED && !incident->effects)
        disk_break (self, "I3 %s is reported without an effect", incident->id.text);
    if (incident->row && incident->row->occurrences != incident->events)
        disk_break (self, "I1 %s counts %" PRId64 " of %" PRId64 " events", incident->id.text,
                    incident->row->occurrences, incident->events);
    if (incident->row)
        s_check_charges (self, incident->row);
    if (incident->row && incident->row->winner)
        s_check_winner (self, incident->row);
}

void
disk_check_turn (disk_t *self, const step_write_t *writes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (writes [i].kind == STEP_WRITE_INCIDENT)
            s_check_incident (self, disk_incident (self, writes [i].as.incident.id.text));
        else if (writes [i].kind == STEP_WRITE_ATTEMPT)
            s_check_incident (self, disk_incident (self, writes [i].as.attempt.incident.text));
    for (size_t i = 0; i < count; i++)
        if (writes [i].kind == STEP_WRITE_INCIDENT) {
            bot_check (self, disk_incident (self, writes [i].as.incident.id.text));
            voice_check_end (self, disk_incident (self, writes [i].as.incident.id.text));
        }
        else if (writes [i].kind == STEP_WRITE_EFFECT)
            bot_check (self, disk_incident (self, writes [i].as.effect.incident.text));
    voice_check (self);
}

void
disk_renewed (disk_t *self, const step_fence_t *fence, const char *identity, clk_now_t now)
{
    disk_attempt_t *attempt = disk_attempt (self, fence->incident.text, fence->attempt);
    if (attempt && strcmp (attempt->row.identity, identity) == 0)
        attempt->renewed_ms = now.boot_ms;
}

void
disk_restarted (disk_t *self)
{
    for (disk_attempt_t *attempt = self->attempts; attempt; attempt = attempt->hh.next)
        if (attempt->set_back != self->set_back) //  its term may begin again
            attempt->extra_ms += self->hard_ms;
}

void
disk_check_deadlines (disk_t *self, clk_now_t now)
{
    for (const disk_attempt_t *attempt = self->attempts; attempt; attempt = attempt->hh.next) {
        if (attempt->row.state != ROW_ATTEMPT_LIVE)
            continue;
        int64_t end = attempt->since_ms + self->hard_ms + attempt->extra_ms + self->slack_ms
                      - attempt->slack_ms;
        if (end < self->hard_floor_ms)
            end = self->hard_floor_ms;
        if (now.boot_ms > end + LATE_MS)
            disk_break (self, "I4 attempt %s lives %" PRId64 " ms past its deadline", attempt->name,
                        now.boot_ms - end);
        end = attempt->renewed_ms + self->lease_ms;
        if (end < self->lease_floor_ms)
            end = self->lease_floor_ms;
        if (now.boot_ms > end + LATE_MS)
            disk_break (self, "I4 attempt %s lives %" PRId64 " ms past its lease", attempt->name,
                        now.boot_ms - end);
    }
}

void
disk_check_all (disk_t *self)
{
    int64_t open = 0;
    for (disk_incident_t *incident = self->incidents; incident; incident = incident->hh.next) {
        s_check_incident (self, incident);
        open += !incident_terminal (incident->state);
    }
    if (open != self->open)
        disk_break (self, "I1 %" PRId64 " open incidents, counted %" PRId64, open, self->open);
}

static void
s_must (int rc)
{
    if (rc)
        abort ();
}

void
disk_load (disk_t *self, step_t *step, clk_now_t now)
{
    for (const disk_incident_t *item = self->incidents; item; item = item->hh.next)
        if (!incident_terminal (item->state) || now.boot_ms - item->closed_ms < 120000)
            s_must (step_load_incident (step, item->row));
    for (const disk_attempt_t *item = self->attempts; item; item = item->hh.next) {
        const disk_incident_t *of = disk_incident (self, item->row.incident.text);
        if (of && !incident_terminal (of->state))
            s_must (step_load_attempt (step, &item->row));
    }
    for (const disk_effect_t *item = self->effects; item; item = item->hh.next)
        s_must (step_load_effect (step, &item->row));
    voice_load (self, step, now);
    returns_loaded (self);
    if (self->retention.id)
        step_load_retention (step, &self->retention);
    step_load_newest (step, self->record_ms, now);
    for (const disk_topic_t *item = self->topics; item; item = item->hh.next)
        s_must (step_load_topic (step, item->name, item->seq));
    step_loaded (step, self->number, self->effect, self->seq, now);
}

void
disk_forget (disk_t *self, disk_incident_t *incident)
{
    for (int64_t i = 1; incident->row && i <= incident->row->attempts; i++) {
        disk_attempt_t *attempt = disk_attempt (self, incident->id.text, i);
        if (attempt) {
            HASH_DEL (self->attempts, attempt);
            free (attempt);
        }
    }
    if (incident->row)
        s_move (&self->incidents, &self->over, incident);
    free (incident->row);
    incident->row = NULL;
}

void
disk_tidy (disk_t *self, clk_now_t now)
{
    disk_incident_t *incident, *next;
    HASH_ITER (hh, self->incidents, incident, next) {
        if (!incident_terminal (incident->state) || now.boot_ms - incident->closed_ms < TIDY_MS
            || revival_awaits (self, incident->row))
            continue;
        disk_forget (self, incident);
    }
    s_forget_dead (self);
}

static void
s_incidents_free (disk_incident_t **incidents_p)
{
    disk_incident_t *incident, *next;
    HASH_ITER (hh, *incidents_p, incident, next) {
        HASH_DEL (*incidents_p, incident);
        free (incident->row);
        free (incident);
    }
}

void
disk_fini (disk_t *self)
{
    voice_fini (self);
    returns_forget (self);
    s_incidents_free (&self->incidents);
    s_incidents_free (&self->over);
    disk_attempt_t *attempt, *next_attempt;
    HASH_ITER (hh, self->attempts, attempt, next_attempt) {
        HASH_DEL (self->attempts, attempt);
        free (attempt);
    }
    disk_event_t *event, *next_event;
    HASH_ITER (hh, self->events, event, next_event) {
        HASH_DEL (self->events, event);
        free (event);
    }
    disk_effect_t *effect, *next_effect;
    HASH_ITER (hh, self->effects, effect, next_effect) {
        HASH_DEL (self->effects, effect);
        free (effect);
    }
    HASH_ITER (hh, self->dead, effect, next_effect) {
        HASH_DEL (self->dead, effect);
        free (effect);
    }
    disk_topic_t *topic, *next_topic;
    HASH_ITER (hh, self->topics, topic, next_topic) {
        HASH_DEL (self->topics, topic);
        free (topic);
    }
}
