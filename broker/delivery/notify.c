//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/notify.h"

#include "broker/delivery/notify_bot.h"
#include "broker/delivery/notify_signed.h"
#include "broker/delivery/notify_webhook.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const notify_kind_t *const s_kinds [SETTINGS_TARGETS] = {
    [SETTINGS_TARGET_WEBHOOK] = &notify_webhook,
    [SETTINGS_TARGET_BOT] = &notify_bot,
    [SETTINGS_TARGET_SIGNED] = &notify_signed,
};

struct notify {
    notify_env_t env;
    notify_counts_t counts;
    notify_sender_t *senders [LIMIT_RECEIVERS]; //  owned; NULL = a free place
    //  An effect that found no sender has ended at once.
    mail_effect_done_t end;
    bool ended;
};

notify_t *
notify_new (const settings_t *settings, http_t *http, const storage_t *storage,
            store_reader_t *reader, poison_t *poison)
{
    assert (settings && http && storage && reader);
    notify_t *self = calloc (1, sizeof (notify_t));
    if (!self)
        return NULL;
    self->env = (notify_env_t){.settings = settings,
                               .http = http,
                               .storage = storage,
                               .reader = reader,
                               .poison = poison,
                               .counts = &self->counts};
    return self;
}

void
notify_destroy (notify_t **self_p)
{
    notify_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < LIMIT_RECEIVERS; i++)
        notify_sender_destroy (&self->senders [i]);
    free (self);
    *self_p = NULL;
}

void
notify_configure (notify_t *self, const settings_t *settings)
{
    self->env.settings = settings;
}

//  The sender of a receiver, a new one if it has none; NULL: no memory.  Those of receivers that
//  are no longer configured are freed.
static notify_sender_t *
s_sender (notify_t *self, const char *receiver)
{
    settings_target_t target;
    notify_sender_t **free_p = NULL;
    for (size_t i = 0; i < LIMIT_RECEIVERS; i++) {
        notify_sender_t **sender_p = &self->senders [i];
        if (*sender_p && strcmp ((*sender_p)->receiver, receiver) == 0)
            return *sender_p;
        if (*sender_p && !notify_sender_busy (*sender_p)
            && !settings_target (self->env.settings, (*sender_p)->receiver, &target))
            notify_sender_destroy (sender_p);
        if (!*sender_p)
            free_p = sender_p;
    }
    if (free_p)
        *free_p = notify_sender_new (&self->env, receiver);
    return free_p ? *free_p : NULL;
}

void
notify_begin (notify_t *self, const row_effect_t *effect)
{
    assert (!self->ended);
    settings_target_t target = {0};
    //  With an unknown receiver any kind will do: it does not begin.
    const bool known = settings_target (self->env.settings, effect->receiver, &target);
    notify_sender_t *sender = s_sender (self, effect->receiver);
    if (sender) {
        notify_sender_begin (sender, s_kinds [known ? target.kind : SETTINGS_TARGET_WEBHOOK],
                             effect);
        return;
    }
    self->end = (mail_effect_done_t){.id = effect->id, .result = STEP_EFFECT_RETRY};
    snprintf (self->end.error, sizeof self->end.error, "no memory for another receiver");
    self->ended = true;
}

bool
notify_ended (notify_t *self, mail_effect_done_t *ret_end)
{
    if (self->ended) {
        *ret_end = self->end;
        self->ended = false;
        return true;
    }
    for (size_t i = 0; i < LIMIT_RECEIVERS; i++) {
        if (!self->senders [i])
            continue;
        notify_sender_turn (self->senders [i]);
        if (notify_sender_ended (self->senders [i], ret_end))
            return true;
    }
    return false;
}

int64_t
notify_wait_ms (const notify_t *self, int64_t max_ms)
{
    int64_t wait_ms = self->ended ? 0 : max_ms;
    for (size_t i = 0; i < LIMIT_RECEIVERS; i++)
        if (self->senders [i])
            wait_ms = notify_sender_wait_ms (self->senders [i], wait_ms);
    return wait_ms;
}

void
notify_stats (const notify_t *self, notify_stats_t *ret_stats)
{
    ret_stats->posts_total = atomic_load (&self->counts.posts);
    for (int i = 0; i < NOTIFY_REASONS; i++)
        ret_stats->failed_total [i] = atomic_load (&self->counts.failed [i]);
}

const char *
notify_reason_name (notify_reason_t reason)
{
    static const char *const names [NOTIFY_REASONS] = {
        [NOTIFY_CLIENT_ERROR] = "clientError",        [NOTIFY_AUTH_ERROR] = "authError",
        [NOTIFY_RATE_LIMITED] = "rateLimited",        [NOTIFY_SERVER_ERROR] = "serverError",
        [NOTIFY_TIMEOUT] = "contextDeadlineExceeded", [NOTIFY_OTHER] = "other"};
    return names [reason];
}
