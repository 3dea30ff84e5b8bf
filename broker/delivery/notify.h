//  notify - sends messages of the outbox to the Slack webhook, one at a time.
//
//  The result of a message: OK for a 2xx answer.  RETRY for 429, 5xx and network errors; after 429
//  and 503 not before their Retry-After.  UNSURE for a request that was sent but not answered: it
//  may have arrived.  PERMANENT for anything else.
//  The URL is a secret: no log, error or record contains it.
//  Threads: delivery's; notify_stats any.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/storage.h"

typedef struct notify notify_t;

//  Why a POST failed; the reasons are those of Alertmanager's metrics.
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

//  storage: makes the links to reports; poison: of this thread, may be NULL.
//  Own: fresh; borrows all; NULL when out of memory.
notify_t *
notify_new (http_t *http, const storage_t *storage, store_reader_t *reader, poison_t *poison);
//  Cancel the message under way.
void
notify_destroy (notify_t **self_p);
//  Begin to send a message; none may be under way.  settings: borrowed for the call.
void
notify_begin (notify_t *self, const settings_t *settings, const row_effect_t *effect);
//  Has the message ended?  Returns true once, with the result.
bool
notify_ended (notify_t *self, mail_effect_done_t *ret_end);
//  Would notify_ended return true now?
bool
notify_waits (const notify_t *self);
//  The figures.  Threads: any.
void
notify_stats (const notify_t *self, notify_stats_t *ret_stats);
//  "clientError", "authError", "rateLimited", "serverError", "contextDeadlineExceeded", "other".
const char *
notify_reason_name (notify_reason_t reason);
