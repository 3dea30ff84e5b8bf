//  delivery - thread: executes effects of the outbox with retries; storage now, Slack and Azure later.
//
//  One channel is one queue in commit order with one request in flight.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/io/mail.h"
#include "broker/io/settings.h"

typedef struct delivery delivery_t;

delivery_t *
delivery_new (const settings_t *settings, mailbox_t *loop, err_diag_t *diag);
void
delivery_destroy (delivery_t **self_p);
mailbox_t *
delivery_inbox (delivery_t *self); //  EFFECT and CONFIG mails; borrowed
