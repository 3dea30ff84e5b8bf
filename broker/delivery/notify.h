//  notify - sends messages of the outbox to the Slack webhook, one at a time,
//  and judges the answers.
//
//  200 is delivered.  429, 5xx and a network that fails are tried again (by the outbox), 429
//  and 503 not before their Retry-After; anything else is permanent.  A request that left and got
//  no answer may have arrived: UNSURE.  The URL is a secret: it stands in no log, error or record.
//  Threads: delivery's; notify_stats any.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/storage.h"

typedef struct notify notify_t;

//  Why a POST failed, the reasons that Alertmanager counts by.
typedef enum {
    NOTIFY_CLIENT_ERROR,
    NOTIFY_AUTH_ERROR,
    NOTIFY_RATE_LIMITED,
    NOTIFY_SERVER_ERROR,
    NOTIFY_TIMEOUT,
    NOTIFY_OTHER,
    NOTIFY_REASONS
} notify_reason_t;

typedef struct {
    int64_t posts_total;
    int64_t failed_total [NOTIFY_REASONS];
} notify_stats_t;

//  storage: links to reports.  Own: borrows all; poison: of this thread, NULL = none.
notify_t *
notify_new (http_t *http, const storage_t *storage, store_reader_t *reader, poison_t *poison);
//  Cancels what is under way.
void
notify_destroy (notify_t **self_p);
//  Begin to send a message; none may be under way.  settings: borrowed for the call.
void
notify_begin (notify_t *self, const settings_t *settings, const row_effect_t *effect);
//  Has it ended?  Says so once.
bool
notify_ended (notify_t *self, mail_effect_done_t *ret_end);
//  Would notify_ended say so now?
bool
notify_waits (const notify_t *self);
void
notify_stats (const notify_t *self, notify_stats_t *ret_stats);
//  "clientError", "authError", "rateLimited", "serverError", "contextDeadlineExceeded", "other".
const char *
notify_reason_name (notify_reason_t reason);
