//  delivery - thread: executes effects of the outbox, uploads to the filesystem
//  and messages to Slack.
//
//  One channel is one queue in commit order with one request in flight.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/mail.h"
#include "broker/base/settings.h"
#include "broker/delivery/notify.h"

typedef struct delivery delivery_t;

delivery_t *
delivery_new (const settings_t *settings, mailbox_t *loop, err_diag_t *diag);
void
delivery_destroy (delivery_t **self_p);
mailbox_t *
delivery_inbox (delivery_t *self); //  EFFECT and CONFIG mails; borrowed
typedef struct {
    const char *storage; //  the name of the backend in use, static
    notify_stats_t notify;
} delivery_stats_t;

//  Threads: any.
void
delivery_stats (const delivery_t *self, delivery_stats_t *ret_stats);
