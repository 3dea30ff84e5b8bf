//  delivery - the thread that executes effects: it saves incidents and sends messages.
//
//  Ensures: each effect is answered with at most one EFFECT_DONE.  It is not answered if memory is
//  short, or if a stop cancels it; then it is executed again after a restart.  The core decides
//  about retries.
//  Each channel has one effect under way at a time.  Threads: an actor of its own.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/mail.h"
#include "broker/base/settings.h"
#include "broker/delivery/notify.h"
#include "broker/delivery/storage_probe.h"

typedef struct delivery delivery_t;

//  Start the thread.  Own: fresh; borrows settings and loop.  NULL: diag says why, nothing is left.
delivery_t *
delivery_new (const settings_t *settings, mailbox_t *loop, err_diag_t *diag);
//  Cancel what is under way and join the thread.
void
delivery_destroy (delivery_t **self_p);
//  The mailbox for EFFECT, CONFIG and _CHECK mails.  Own: borrowed.
mailbox_t *
delivery_inbox (delivery_t *self);
typedef struct {
    const char *storage; //  name of the backend in use, static
    storage_probe_stats_t probe;
    notify_stats_t notify;
} delivery_stats_t;

//  The figures.  Threads: any.
void
delivery_stats (const delivery_t *self, delivery_stats_t *ret_stats);
