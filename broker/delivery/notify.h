//  notify - sends messages of the outbox: one at a time to each receiver.
//
//  Each receiver has a sender (notify_sender.h).  A receiver that the configuration lacks gets
//  nothing: its message ends as PERMANENT.
//  Threads: delivery's; notify_stats any.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/notify_sender.h"

typedef struct notify notify_t;

typedef struct {
    int64_t posts_total;
    int64_t failed_total [NOTIFY_REASONS];
} notify_stats_t;

//  storage: makes the links to reports; poison: of this thread, may be NULL.
//  Own: fresh; borrows all; NULL when out of memory.
notify_t *
notify_new (const settings_t *settings, http_t *http, const storage_t *storage,
            store_reader_t *reader, poison_t *poison);
//  Cancel the messages under way.
void
notify_destroy (notify_t **self_p);
//  Use a new configuration from now on.
void
notify_configure (notify_t *self, const settings_t *settings);
//  Begin to send a message; none to its receiver may be under way.
void
notify_begin (notify_t *self, const row_effect_t *effect);
//  Go on with the messages under way.  Has one ended?  Never call it in a hook of http.
//  Returns true once for each, with the result.
bool
notify_ended (notify_t *self, mail_effect_done_t *ret_end);
//  Time until notify_ended has something to do or to return.  Units: ms, at most max_ms.
int64_t
notify_wait_ms (const notify_t *self, int64_t max_ms);
//  The figures.  Threads: any.
void
notify_stats (const notify_t *self, notify_stats_t *ret_stats);
//  "clientError", "authError", "rateLimited", "serverError", "contextDeadlineExceeded", "other".
const char *
notify_reason_name (notify_reason_t reason);
