//  intake - the thread that follows all MCP servers and sends their events to the loop.
//
//  Ensures: an event is kept in memory until the loop has committed it, or it is counted as lost.
//  Threads: an actor of its own, with one libcurl multi loop for all sessions.
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
    int64_t bad_messages_total;           //  malformed, or over a limit
    int64_t reopened_total;               //  of reconnects_total: only the stream was opened again
    int64_t last_event_ms, last_alive_ms; //  wall clock
    int64_t retry_ms;                     //  wall clock of the next attempt; 0 = it does not wait
} intake_source_t;

//  Start the thread.  Own: fresh; borrows loop until intake_destroy.
//  NULL on failure; diag says why, but for out of memory.
intake_t *
intake_new (const settings_t *settings, mailbox_t *loop, err_diag_t *diag);
//  Close the MCP sessions with DELETE, for at most 3 s, and join the thread.
void
intake_destroy (intake_t **self_p);
//  Copy the figures of at most max sources.  Returns the number of sources.  Threads: any.
size_t
intake_sources (intake_t *self, intake_source_t *ret_sources, size_t max);
//  The mailbox for REPLY and CONFIG mails.  Own: borrowed.
mailbox_t *
intake_inbox (intake_t *self);
