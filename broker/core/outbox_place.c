//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/outbox_place.h"

#include "broker/core/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

effect_t *
outbox_place_find (const outbox_t *self, int64_t id)
{
    effect_t *effect = NULL;
    HASH_FIND (hh, self->effects, &id, sizeof id, effect);
    return effect;
}

effect_t *
outbox_place_find_key (const outbox_t *self, const char *key)
{
    effect_t *effect = NULL;
    HASH_FIND (hk, self->by_key, key, strlen (key), effect);
    return effect;
}

effect_t *
outbox_place_find_of (const outbox_t *self, const char *kind, const char *incident)
{
    char key [ROW_ALERT];
    snprintf (key, sizeof key, "%s/%s", kind, incident);
    return outbox_place_find_key (self, key);
}

void
outbox_place_key (char ret_key [ROW_ALERT], const char *receiver, const char *incident)
{
    if (strcmp (receiver, row_default_receiver) == 0)
        snprintf (ret_key, ROW_ALERT, "incident/%s", incident);
    else
        snprintf (ret_key, ROW_ALERT, "incident/%s@%s", incident, receiver);
}

effect_t *
outbox_place_message (const outbox_t *self, const channel_t *channel, const char *incident)
{
    char key [ROW_ALERT];
    if (channel->kind != ROW_CHANNEL_MESSAGE)
        return NULL;
    outbox_place_key (key, channel_name (channel), incident);
    return outbox_place_find_key (self, key);
}

bool
outbox_place_shows (const state_t *state, const effect_t *effect)
{
    route_target_t target;
    return channel_is_message (effect) && effect->row.incident.text [0]
           && route_receiver (&state->settings, channel_name (effect->channel), &target)
           && target.shows;
}

bool
outbox_place_must_wait (const outbox_t *self, const state_t *state, const effect_t *effect,
                        clk_now_t now)
{
    if (!channel_is_message (effect) || !effect->row.incident.text [0] || effect->row.unsure
        || channel_blocks (effect) || effect->wait_ms <= now.boot_ms)
        return false;
    const effect_t *upload = outbox_place_find_of (self, "storage", effect->row.incident.text);
    return upload && !(upload->failing_ms && outbox_place_shows (state, effect));
}

void
outbox_place (outbox_t *self, const state_t *state, effect_t *effect, clk_now_t now)
{
    if (outbox_place_must_wait (self, state, effect, now))
        channel_put_waiting (effect);
    else
        channel_put_queue (effect);
}

void
outbox_place_messages (outbox_t *self, const state_t *state, const char *incident, clk_now_t now)
{
    for (channel_t *channel = self->channels; channel; channel = channel->hh.next) {
        effect_t *message = outbox_place_message (self, channel, incident);
        if (!message || channel_blocks (message)
            || outbox_place_must_wait (self, state, message, now)
                   == (message->list == CHANNEL_WAITING))
            continue;
        channel_leave (message);
        outbox_place (self, state, message, now);
    }
}

effect_t *
outbox_place_hold (outbox_t *self, const row_effect_t *row)
{
    channel_t *channel = channel_get (&self->channels, row);
    effect_t *effect = channel ? calloc (1, sizeof *effect) : NULL;
    if (!effect)
        return NULL;
    effect->id = row->id;
    effect->row = *row;
    effect->channel = channel;
    channel->effects++;
    HASH_ADD (hh, self->effects, id, sizeof effect->id, effect);
    HASH_ADD_KEYPTR (hk, self->by_key, effect->row.key, strlen (effect->row.key), effect);
    return effect;
}

void
outbox_place_forget (outbox_t *self, effect_t *effect)
{
    channel_leave (effect);
    if (--effect->channel->effects == 0)
        self->sweep = true;
    HASH_DELETE (hk, self->by_key, effect);
    HASH_DELETE (hh, self->effects, effect);
    free (effect);
}
