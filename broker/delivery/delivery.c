//  The core (outbox) decides when an effect is retried; this thread executes it and reports back.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/delivery.h"

#include "broker/delivery/notify_check.h"
#include "broker/delivery/retire.h"
#include "broker/delivery/storage.h"
#include "broker/delivery/storage_fs.h"
#include "broker/delivery/storage_probe.h"
#include "common/base/actor.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/net/http.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { S_WAIT_MS = 60000 };

struct delivery {
    const settings_t *settings;
    conf_t *conf;   //  owns the settings after a CONFIG; NULL before the first
    actor_t *actor; //  sends EFFECT_DONE to the loop; while one is unsent no effect is begun
    store_reader_t *reader;
    http_t *http;
    clk_t *clk;
    storage_t *storage;
    storage_probe_t *probe;
    storage_link_t place; //  of the storage, as the log told it last
    retire_t *retire;
    notify_t *notify;
    notify_check_t *check;
    poison_t *poison;
};

//  Log where files are stored, if that is new and has worked.
static void
s_tell_place (delivery_t *self)
{
    storage_link_t place;
    if (!storage_probe_worked (self->probe))
        return;
    if (storage_link (self->storage, "", "", &place) < 0)
        place.text [0] = 0;
    if (strcmp (place.text, self->place.text) == 0)
        return;
    log_info ("storage backend initialized", kv ("mode", storage_name (self->storage)),
              kv ("path", place.text));
    self->place = place;
}

//  Send EFFECT_DONE to the loop.  Out of memory, the effect is executed again after a restart.
static void
s_done (delivery_t *self, const mail_effect_done_t *end)
{
    mail_t *done = mail_new (MAIL_EFFECT_DONE);
    if (!done)
        return;
    done->as.effect_done = *end;
    actor_post (self->actor, &done);
}

//  Begin an effect.
static void
s_execute (delivery_t *self, const row_effect_t *effect)
{
    mail_effect_done_t end = {.id = effect->id, .result = STEP_EFFECT_PERMANENT};
    int rc = failpoint_before ("effect", "run");
    if (rc < 0) {
        end.result = STEP_EFFECT_RETRY;
        snprintf (end.error, sizeof end.error, "%s", err_str (rc));
        s_done (self, &end);
        return;
    }
    switch (effect->channel) {
        case ROW_CHANNEL_STORAGE:
            storage_begin (self->storage, effect, storage_probe_trouble (self->probe));
            return;
        case ROW_CHANNEL_MESSAGE: notify_begin (self->notify, effect); return;
        case ROW_CHANNEL_RETIRE: retire_begin (self->retire, effect); return;
        case ROW_CHANNELS: snprintf (end.error, sizeof end.error, "no such channel"); break;
    }
    failpoint_after ("effect", "run");
    s_done (self, &end);
}

//  Does this end show that the storage works?  What stays in its folder says nothing of a storage
//  elsewhere.
static bool
s_shows_storage (const delivery_t *self, const mail_effect_done_t *end)
{
    const bool here = strcmp (storage_name (self->storage), storage_fs.name) == 0;
    return end->result == STEP_EFFECT_OK && (here || end->folder.uploaded);
}

//  Report an effect that has ended to the loop.  False: none has.
static bool
s_ended (delivery_t *self)
{
    mail_effect_done_t end;
    const bool stored = storage_ended (self->storage, &end);
    if (stored && (end.unreached || s_shows_storage (self, &end)))
        storage_probe_saved (self->probe, end.unreached);
    if (!stored && !notify_ended (self->notify, &end) && !retire_ended (self->retire, &end))
        return false;
    failpoint_after ("effect", "run");
    s_done (self, &end);
    return true;
}

//  Pass on what the checks have to say.  False: nothing.
static bool
s_probed (delivery_t *self)
{
    mail_t *mail = storage_probe_mail (self->probe);
    if (!mail)
        mail = notify_check_mail (self->check);
    if (!mail)
        return false;
    s_tell_place (self);
    actor_post (self->actor, &mail);
    return true;
}

static void
s_configure (delivery_t *self, mail_t *mail)
{
    self->settings = mail_take_config (mail, &self->conf);
    storage_configure (self->storage, self->settings);
    storage_probe_configure (self->probe, self->settings);
    retire_configure (self->retire, self->settings);
    notify_configure (self->notify, self->settings);
    notify_check_configure (self->check, self->settings);
}

static void
s_work (delivery_t *self)
{
    storage_probe_go_on (self->probe);
    notify_check_go_on (self->check);
    if (!actor_flush (self->actor) || s_ended (self) || s_probed (self))
        return;
    own (mail_destroy) mail_t *mail = actor_recv (self->actor);
    if (!mail)
        return;
    if (mail->kind == MAIL_CONFIG)
        s_configure (self, mail);
    else if (mail->kind == MAIL_STORAGE_CHECK)
        storage_probe_ask (self->probe, mail);
    else if (mail->kind == MAIL_SLACK_CHECK || mail->kind == MAIL_SLACK_SEND)
        notify_check_ask (self->check, mail);
    else if (mail->kind == MAIL_EFFECT) {
        s_execute (self, &mail->as.effect.row);
        (void) s_ended (self);
    }
}

static void
s_main (void *arg)
{
    delivery_t *self = arg;
    while (!actor_ends (self->actor)) {
        int64_t wait_ms =
            storage_waits (self->storage) || retire_waits (self->retire) ? 0 : S_WAIT_MS;
        wait_ms = storage_probe_wait_ms (self->probe, wait_ms);
        wait_ms = notify_wait_ms (self->notify, wait_ms);
        wait_ms = notify_check_wait_ms (self->check, wait_ms);
        http_poll (self->http, actor_fd (self->actor), actor_wait_ms (self->actor, wait_ms));
        s_work (self);
    }
}

static int
s_open (delivery_t *self, mailbox_t *loop, err_diag_t *diag)
{
    int rc = store_reader_open (self->settings->state_path, &self->reader, diag);
    if (rc < 0)
        return rc;
    self->actor = actor_new (LIMIT_MAILBOX, mail_item_destroy, loop);
    self->http = http_new ();
    self->clk = clk_new ();
    self->poison = poison_open (self->settings->state_path, "delivery");
    const storage_env_t env = {.settings = self->settings, .http = self->http, .clk = self->clk};
    if (self->http && self->clk)
        self->storage = storage_new (storage_backends, &env, self->reader, self->poison);
    self->retire = retire_new (storage_backends, &env);
    if (self->storage)
        self->probe = storage_probe_new (storage_backends, &env);
    if (self->probe)
        self->notify =
            notify_new (self->settings, self->http, self->storage, self->reader, self->poison);
    if (self->notify)
        self->check = notify_check_new (self->settings, self->http);
    if (!self->actor || !self->retire || !self->check)
        return -ENOMEM;
    return actor_start (self->actor, s_main, self);
}

delivery_t *
delivery_new (const settings_t *settings, mailbox_t *loop, err_diag_t *diag)
{
    assert (settings && loop);
    delivery_t *self = calloc (1, sizeof (delivery_t));
    if (!self)
        return NULL;
    self->settings = settings;
    int rc = s_open (self, loop, diag);
    if (rc < 0) {
        delivery_destroy (&self);
        return NULL;
    }
    return self;
}

void
delivery_destroy (delivery_t **self_p)
{
    assert (self_p);
    delivery_t *self = *self_p;
    if (!self)
        return;
    actor_destroy (&self->actor);
    conf_destroy (&self->conf);
    notify_check_destroy (&self->check);
    notify_destroy (&self->notify);
    storage_probe_destroy (&self->probe);
    retire_destroy (&self->retire);
    storage_destroy (&self->storage);
    poison_destroy (&self->poison);
    http_destroy (&self->http);
    clk_destroy (&self->clk);
    store_reader_destroy (&self->reader);
    free (self);
    *self_p = NULL;
}

mailbox_t *
delivery_inbox (delivery_t *self)
{
    return actor_inbox (self->actor);
}

void
delivery_stats (const delivery_t *self, delivery_stats_t *ret_stats)
{
    ret_stats->storage = storage_name (self->storage);
    storage_probe_stats (self->probe, &ret_stats->probe);
    notify_stats (self->notify, &ret_stats->notify);
}
