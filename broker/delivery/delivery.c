//  When to try again is the core's matter (outbox); this thread does
//  one thing a channel at a time and says how it went.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/delivery.h"

#include "broker/delivery/storage_fs.h"
#include "common/base/actor.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/path.h"
#include "common/net/http.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

enum { S_WAIT_MS = 60000 };

struct delivery {
    const settings_t *settings;
    conf_t *conf;   //  whose settings they are since a CONFIG; NULL before
    actor_t *actor; //  hands EFFECT_DONE to the loop; while one is unsent no other effect is begun
    store_reader_t *reader;
    http_t *http;
    notify_t *notify;
    poison_t *poison;
};

//  Tell the loop; without memory it is asked again after a restart.
static void
s_report (delivery_t *self, const notify_end_t *end)
{
    mail_t *done = mail_new (MAIL_EFFECT_DONE);
    if (!done)
        return;
    done->as.effect_done.id = end->id;
    done->as.effect_done.result = end->result;
    done->as.effect_done.unreached = end->unreached;
    done->as.effect_done.retry_after_ms = end->retry_after_ms;
    snprintf (done->as.effect_done.error, sizeof done->as.effect_done.error, "%s", end->error);
    actor_post (self->actor, &done);
}

//  Carry one effect out; a message only begins here.
static void
s_execute (delivery_t *self, const row_effect_t *effect)
{
    notify_end_t end = {.id = effect->id, .result = STEP_EFFECT_PERMANENT};
    int rc = failpoint_before ("effect", "run");
    if (rc < 0) {
        end.result = STEP_EFFECT_RETRY;
        snprintf (end.error, sizeof end.error, "%s", err_str (rc));
        s_report (self, &end);
        return;
    }
    switch (effect->channel) {
        case ROW_CHANNEL_STORAGE:
            end.result = storage_fs_save (self->reader, self->poison, self->settings,
                                          effect->incident.text, end.error);
            break;
        case ROW_CHANNEL_SLACK: notify_begin (self->notify, self->settings, effect); return;
        case ROW_CHANNELS: snprintf (end.error, sizeof end.error, "no such channel"); break;
    }
    failpoint_after ("effect", "run");
    s_report (self, &end);
}

static void
s_work (delivery_t *self)
{
    if (!actor_flush (self->actor))
        return;
    notify_end_t end;
    if (notify_ended (self->notify, &end)) {
        failpoint_after ("effect", "run");
        s_report (self, &end);
        return;
    }
    own (mail_destroy) mail_t *mail = actor_recv (self->actor);
    if (!mail)
        return;
    if (mail->kind == MAIL_CONFIG)
        self->settings = mail_take_config (mail, &self->conf);
    else if (mail->kind == MAIL_EFFECT)
        s_execute (self, &mail->as.effect.row);
}

static void
s_main (void *arg)
{
    delivery_t *self = arg;
    while (!actor_ends (self->actor)) {
        const int64_t wait_ms = notify_waits (self->notify) ? 0 : S_WAIT_MS;
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
    self->poison = poison_open (self->settings->state_path, "delivery");
    if (self->http)
        self->notify = notify_new (self->http, self->reader, self->poison);
    if (!self->actor || !self->notify)
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
    char path [PATH_MAX];
    log_info ("storage backend initialized", kv ("mode", "filesystem"),
              kv ("path", path_absolute (settings->workspace_root, path)));
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
    notify_destroy (&self->notify);
    poison_destroy (&self->poison);
    http_destroy (&self->http);
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
delivery_stats (const delivery_t *self, notify_stats_t *ret_stats)
{
    notify_stats (self->notify, ret_stats);
}
