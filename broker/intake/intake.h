//  intake - thread: one libcurl multi loop for all MCP sessions; events become EVENT mails.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/mail.h"
#include "broker/base/settings.h"

typedef struct intake intake_t;

typedef struct {
    char cluster [ROW_CLUSTER];
    char state [24]; //  connecting, active, reopening, unsupported, wedged, ...
    char last_error [LIMIT_REASON_BYTES];
    int64_t events_total, gaps_total, reconnects_total, dropped_total;
    int64_t bad_messages_total; //  over a limit, or they made no sense
    int64_t reopened_total;     //  of reconnects_total: the session was kept, its stream not
    int64_t last_event_ms, last_alive_ms; //  wall clock
    int64_t retry_ms;                     //  wall clock: when it tries again, 0 = it does not wait
} intake_source_t;

intake_t *
intake_new (const settings_t *settings, mailbox_t *loop, err_diag_t *diag);
//  Stop: DELETE the sessions (3 s at most), join.
void
intake_destroy (intake_t **self_p);
//  Returns the number of sources; fills at most max.  Any thread.
size_t
intake_sources (intake_t *self, intake_source_t *ret_sources, size_t max);
mailbox_t *
intake_inbox (intake_t *self); //  REPLY and CONFIG mails; borrowed
