//  delivery - see delivery.h.  When to try again is the core's matter (outbox); this thread does
//  one thing a channel at a time and says how it went.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/delivery.h"

#include "broker/delivery/storage_fs.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/path.h"
#include "common/net/http.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { S_UNSENT_MS = 5, S_WAIT_MS = 60000 }; //  the loop's mailbox is full: look again after this

struct delivery {
    const settings_t *settings;
    conf_t *conf; //  whose settings they are since a CONFIG; NULL before
    mailbox_t *loop, *inbox;
    store_reader_t *reader;
    http_t *http;
    notify_t *notify;
    poison_t *poison;
    mail_t *unsent; //  the loop's mailbox was full: no other effect is begun, none is reported
    atomic_bool stop;
    pthread_t thread;
    bool running;
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
    if (mailbox_send (self->loop, &done) < 0)
        self->unsent = done;
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
    if (self->unsent && mailbox_send (self->loop, &self->unsent) < 0)
        return;
    notify_end_t end;
    if (notify_ended (self->notify, &end)) {
        failpoint_after ("effect", "run");
        s_report (self, &end);
        return;
    }
    own (mail_destroy) mail_t *mail = mailbox_recv (self->inbox);
    if (!mail)
        return;
    if (mail->kind == MAIL_CONFIG)
        self->settings = mail_take_config (mail, &self->conf);
    else if (mail->kind == MAIL_EFFECT)
        s_execute (self, &mail->as.effect.row);
}

static void *
s_main (void *arg)
{
    delivery_t *self = arg;
    while (!atomic_load (&self->stop)) {
        bool full = self->unsent != NULL;
        http_poll (self->http, full ? -1 : mailbox_fd (self->inbox),
                   full                          ? S_UNSENT_MS
                   : notify_waits (self->notify) ? 0
                                                 : S_WAIT_MS);
        s_work (self);
    }
    return NULL;
}

static int
s_open (delivery_t *self, err_diag_t *diag)
{
    int rc = store_reader_open (self->settings->state_path, &self->reader, diag);
    if (rc < 0)
        return rc;
    self->inbox = mailbox_new (LIMIT_MAILBOX, mail_item_destroy);
    self->http = http_new ();
    self->poison = poison_open (self->settings->state_path, "delivery");
    if (self->http)
        self->notify = notify_new (self->http, self->reader, self->poison);
    if (!self->inbox || !self->notify)
        return -ENOMEM;
    rc = pthread_create (&self->thread, NULL, s_main, self);
    self->running = rc == 0;
    return -rc;
}

delivery_t *
delivery_new (const settings_t *settings, mailbox_t *loop, err_diag_t *diag)
{
    assert (settings && loop);
    delivery_t *self = calloc (1, sizeof (delivery_t));
    if (!self)
        return NULL;
    self->settings = settings;
    self->loop = loop;
    int rc = s_open (self, diag);
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
    if (self->running) {
        atomic_store (&self->stop, true);
        http_wake (self->http);
        pthread_join (self->thread, NULL);
    }
    mail_destroy (&self->unsent);
    conf_destroy (&self->conf);
    notify_destroy (&self->notify);
    poison_destroy (&self->poison);
    http_destroy (&self->http);
    store_reader_destroy (&self->reader);
    mailbox_destroy (&self->inbox);
    free (self);
    *self_p = NULL;
}

mailbox_t *
delivery_inbox (delivery_t *self)
{
    return self->inbox;
}

void
delivery_stats (const delivery_t *self, notify_stats_t *ret_stats)
{
    notify_stats (self->notify, ret_stats);
}
