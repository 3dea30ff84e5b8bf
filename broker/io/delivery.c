//  delivery - see delivery.h.  When to try again is the core's matter (outbox); this thread does one
//  thing at a time and says how it went.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/io/delivery.h"

#include "broker/io/storage_fs.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>

enum { S_UNSENT_MS = 5 }; //  the loop's mailbox is full: look again after this

struct delivery {
    const settings_t *settings;
    conf_t *conf; //  whose settings they are since a CONFIG; NULL before
    mailbox_t *loop, *inbox;
    store_reader_t *reader;
    mail_t *unsent; //  the loop's mailbox was full: no other effect is begun
    int stop_fd;    //  eventfd: end the thread
    pthread_t thread;
    bool running;
};

//  Carry one effect out; the mail to the loop, NULL when out of memory (asked again after a restart).
static mail_t *
s_execute (delivery_t *self, const row_effect_t *effect)
{
    mail_t *done = mail_new (MAIL_EFFECT_DONE);
    if (!done)
        return NULL;
    done->as.effect_done.id = effect->id;
    done->as.effect_done.result = STEP_EFFECT_PERMANENT;
    char *error = done->as.effect_done.error;
    int rc = failpoint_before ("effect", "run");
    if (rc < 0) {
        done->as.effect_done.result = STEP_EFFECT_RETRY;
        snprintf (error, LIMIT_REASON_BYTES, "%s", err_str (rc));
        return done;
    }
    switch (effect->channel) {
        case ROW_CHANNEL_STORAGE:
            done->as.effect_done.result = storage_fs_save (
                self->reader, self->settings->workspace_root, effect->incident.text,
                self->settings->upload_failed_investigations, error);
            break;
        case ROW_CHANNEL_SLACK:
        case ROW_CHANNELS: snprintf (error, LIMIT_REASON_BYTES, "no such channel"); break;
    }
    failpoint_after ("effect", "run");
    return done;
}

//  Returns false when told to stop.
static bool
s_work (delivery_t *self)
{
    if (self->unsent && mailbox_send (self->loop, &self->unsent) < 0)
        return true;
    own (mail_destroy) mail_t *mail = mailbox_recv (self->inbox);
    if (mail && mail->kind == MAIL_CONFIG)
        self->settings = mail_take_config (mail, &self->conf);
    if (!mail || mail->kind != MAIL_EFFECT)
        return !mail || mail->kind != MAIL_STOP;
    mail_t *done = s_execute (self, &mail->as.effect.row);
    if (done && mailbox_send (self->loop, &done) < 0)
        self->unsent = done;
    return true;
}

static void *
s_main (void *arg)
{
    delivery_t *self = arg;
    bool stop = false;
    while (!stop) {
        struct pollfd fds [] = {{.fd = self->stop_fd, .events = POLLIN},
                                {.fd = mailbox_fd (self->inbox), .events = POLLIN}};
        poll (fds, self->unsent ? 1 : 2, self->unsent ? S_UNSENT_MS : -1);
        stop = fds [0].revents != 0 || !s_work (self);
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
    self->stop_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!self->inbox || self->stop_fd < 0)
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
    self->stop_fd = -1;
    int rc = s_open (self, diag);
    if (rc < 0) {
        delivery_destroy (&self);
        return NULL;
    }
    log_info ("storage backend initialized", kv ("mode", "filesystem"),
              kv ("path", settings->workspace_root));
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
        eventfd_write (self->stop_fd, 1);
        pthread_join (self->thread, NULL);
    }
    mail_destroy (&self->unsent);
    conf_destroy (&self->conf);
    store_reader_destroy (&self->reader);
    mailbox_destroy (&self->inbox);
    own_fd (&self->stop_fd);
    free (self);
    *self_p = NULL;
}

mailbox_t *
delivery_inbox (delivery_t *self)
{
    return self->inbox;
}
