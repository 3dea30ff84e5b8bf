//  outbox_place - the outbox's effects, by id and by key, and the lists that they belong into.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/outbox.h"

//  Find an effect that is not yet done: by its id, by its key, by "<kind>/<incident>".  NULL: none.
effect_t *
outbox_place_find (const outbox_t *self, int64_t id);
effect_t *
outbox_place_find_key (const outbox_t *self, const char *key);
effect_t *
outbox_place_find_of (const outbox_t *self, const char *kind, const char *incident);
//  The message about an incident in this channel; NULL: none.
effect_t *
outbox_place_message (const outbox_t *self, const channel_t *channel, const char *incident);
//  The key of the message about an incident to this receiver.
void
outbox_place_key (char ret_key [ROW_ALERT], const char *receiver, const char *incident);
//  Is it a bot's message about an incident?  Only such a one may be less urgent than others.
bool
outbox_place_shows (const state_t *state, const effect_t *effect);
//  Does a message wait for its upload?  One that was tried does not.
bool
outbox_place_must_wait (const outbox_t *self, const state_t *state, const effect_t *effect,
                        clk_now_t now);
//  Put an effect, which is in no list, among those that wait or into the queue.
void
outbox_place (outbox_t *self, const state_t *state, effect_t *effect, clk_now_t now);
//  Put the messages of an incident where they belong, after a change of its upload.
void
outbox_place_messages (outbox_t *self, const state_t *state, const char *incident, clk_now_t now);
//  Take a row into memory; it is in no list.  NULL: no memory.
effect_t *
outbox_place_hold (outbox_t *self, const row_effect_t *row);
void
outbox_place_forget (outbox_t *self, effect_t *effect);
