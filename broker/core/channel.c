//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

const char *
channel_name (const channel_t *self)
{
    return self->key + 1;
}

//  The kind is a part of the key: a row may name a receiver as another channel is named.
static channel_t *
s_find (channel_t *channels, row_channel_t kind, const char *name, char ret_key [ROW_NAME + 1])
{
    channel_t *channel = NULL;
    snprintf (ret_key, ROW_NAME + 1, "%c%s", '0' + (int) kind, name);
    HASH_FIND_STR (channels, ret_key, channel);
    return channel;
}

channel_t *
channel_get (channel_t **channels_p, const row_effect_t *row)
{
    char key [ROW_NAME + 1];
    channel_t *channel = s_find (*channels_p, row->channel, row_lane_name (row), key);
    if (channel)
        return channel;
    channel = calloc (1, sizeof *channel);
    if (!channel)
        return NULL;
    state_text (channel->key, key);
    channel->kind = row->channel;
    HASH_ADD_STR (*channels_p, key, channel);
    return channel;
}

channel_t *
channel_of (channel_t *channels, const char *receiver)
{
    char key [ROW_NAME + 1];
    return s_find (channels, ROW_CHANNEL_MESSAGE, receiver, key);
}

channel_run_t *
channel_edit (channel_t *self, uint64_t turn)
{
    if (self->turn != turn)
        self->before = self->run;
    self->turn = turn;
    return &self->run;
}

void
channel_rollback (channel_t *self, uint64_t turn)
{
    if (self->turn == turn)
        self->run = self->before;
}

bool
channel_in_flight (const effect_t *effect)
{
    return effect->channel->run.flight == effect->id;
}

bool
channel_is_message (const effect_t *effect)
{
    return effect->row.channel == ROW_CHANNEL_MESSAGE;
}

bool
channel_blocks (const effect_t *effect)
{
    return channel_in_flight (effect)
           || (channel_is_message (effect)
               && (effect->row.tries > 0 || effect->row.state == ROW_EFFECT_SENDING));
}

void
channel_put_queue (effect_t *effect)
{
    effect_t **head = &effect->channel->queue;
    effect_t *after = *head ? (*head)->prev : NULL;
    while (after && after != *head && after->id > effect->id)
        after = after->prev;
    effect->list = CHANNEL_QUEUE;
    if (!after)
        DL_APPEND (*head, effect);
    else if (after->id > effect->id && !channel_blocks (after))
        DL_PREPEND (*head, effect);
    else
        DL_APPEND_ELEM (*head, after, effect);
}

void
channel_put_later (effect_t *effect)
{
    DL_APPEND (effect->channel->later, effect);
    effect->list = CHANNEL_LATER;
}

//  Insert it by a time; new ones mostly come last.
static void
s_put_by (effect_t **head, effect_t *effect, size_t field)
{
    effect_t *after = *head ? (*head)->prev : NULL;
    int64_t time, other;
    memcpy (&time, (const char *) effect + field, sizeof time);
    while (after) {
        memcpy (&other, (const char *) after + field, sizeof other);
        if (other <= time)
            break;
        after = after == *head ? NULL : after->prev;
    }
    if (after)
        DL_APPEND_ELEM (*head, after, effect);
    else
        DL_PREPEND (*head, effect);
}

void
channel_put_delayed (effect_t *effect)
{
    s_put_by (&effect->channel->delayed, effect, offsetof (effect_t, next_ms));
    effect->list = CHANNEL_DELAYED;
}

void
channel_put_waiting (effect_t *effect)
{
    s_put_by (&effect->channel->waiting, effect, offsetof (effect_t, wait_ms));
    effect->list = CHANNEL_WAITING;
}

void
channel_leave (effect_t *effect)
{
    channel_t *channel = effect->channel;
    switch (effect->list) {
        case CHANNEL_QUEUE: DL_DELETE (channel->queue, effect); break;
        case CHANNEL_LATER: DL_DELETE (channel->later, effect); break;
        case CHANNEL_DELAYED: DL_DELETE (channel->delayed, effect); break;
        case CHANNEL_WAITING: DL_DELETE (channel->waiting, effect); break;
        case CHANNEL_NOWHERE: break;
    }
    effect->list = CHANNEL_NOWHERE;
}

static bool
s_due (const effect_t *effect, clk_now_t now)
{
    return effect && effect->next_ms <= now.boot_ms;
}

//  The next message.  One that is handed out is in the queue, where it blocks the others.
static effect_t *
s_next_message (channel_t *self, clk_now_t now)
{
    effect_t *effect;
    while ((effect = self->waiting) && effect->wait_ms <= now.boot_ms) {
        channel_leave (effect);
        channel_put_queue (effect);
    }
    while ((effect = self->delayed) && s_due (effect, now)) {
        channel_leave (effect);
        channel_put_later (effect);
    }
    effect = self->later;
    if (!self->queue && effect) {
        channel_leave (effect);
        channel_put_queue (effect);
    }
    return s_due (self->queue, now) ? self->queue : NULL;
}

effect_t *
channel_next (channel_t *self, uint64_t turn, clk_now_t now)
{
    if (self->run.flight || self->run.not_before_ms > now.boot_ms)
        return NULL;
    if (self->kind == ROW_CHANNEL_MESSAGE)
        return s_next_message (self, now);
    effect_t *fresh = s_due (self->queue, now) ? self->queue : NULL;
    effect_t *again = s_due (self->delayed, now) ? self->delayed : NULL;
    if (!fresh && !again)
        return NULL;
    channel_run_t *run = channel_edit (self, turn);
    const bool take_fresh = fresh && (!again || run->fresh_next);
    run->fresh_next = !take_fresh;
    return take_fresh ? fresh : again;
}

static int64_t
s_earlier (const effect_t *effect, int64_t wake)
{
    return effect && effect->next_ms < wake ? effect->next_ms : wake;
}

int64_t
channel_wake (const channel_t *self)
{
    int64_t wake = INT64_MAX;
    if (self->run.flight)
        return wake;
    if (self->waiting)
        wake = self->waiting->wait_ms;
    wake = s_earlier (self->queue, wake);
    wake = s_earlier (self->delayed, wake);
    if (!self->queue)
        wake = s_earlier (self->later, wake);
    return wake < self->run.not_before_ms ? self->run.not_before_ms : wake;
}

static int64_t
s_failing (const effect_t *list)
{
    int64_t count = 0;
    const effect_t *effect;
    DL_FOREACH (list, effect)
        count += effect->failing_ms != 0;
    return count;
}

void
channel_figures (const channel_t *self, clk_now_t now, step_lane_t *ret_lane)
{
    const bool message = self->kind == ROW_CHANNEL_MESSAGE;
    const effect_t *head = message ? self->queue : self->delayed;
    state_text (ret_lane->name, channel_name (self));
    ret_lane->channel = self->kind;
    ret_lane->effects = self->effects;
    ret_lane->ok_ms = self->run.ok_ms;
    ret_lane->failing = s_failing (self->queue) + s_failing (self->delayed);
    if (!head || !head->failing_ms)
        return;
    if (message) {
        const effect_t *effect;
        DL_COUNT (self->queue, effect, ret_lane->behind);
        ret_lane->behind--;
    }
    const int64_t since = self->run.failing_ms ? self->run.failing_ms : head->failing_ms;
    ret_lane->blocked_ms = now.boot_ms > since ? now.boot_ms - since : 1;
    ret_lane->id = head->id;
    ret_lane->tries = head->row.tries;
    state_text (ret_lane->key, head->row.key);
    state_text (ret_lane->error, head->row.error);
    const int64_t next_ms =
        head->next_ms > self->run.not_before_ms ? head->next_ms : self->run.not_before_ms;
    if (!channel_in_flight (head) && next_ms > now.boot_ms)
        ret_lane->next_ms = next_ms - now.boot_ms;
}
