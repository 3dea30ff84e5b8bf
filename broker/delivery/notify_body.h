//  notify_body - makes the bodies of messages from the store and the files of an incident.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/notify_sender.h"

typedef struct {
    char *text;       //  one line of JSON; owned
    bool reported;    //  about an incident with a report
    int64_t since_ms; //  what it is about began then; it was not sent earlier
} notify_body_t;

//  Make the message of the sender's effect, about an incident or an alert.  repeated: it may have
//  arrived before, and says so.  Own: *ret_body is fresh, and empty on failure.
//  Err: ERR_NONE: there is no such row, or no such message; -errno, ERR_STORE, -ENOMEM.
int
notify_body_make (const notify_sender_t *sender, bool repeated, notify_body_t *ret_body) must_check;
void
notify_body_fini (notify_body_t *self);
//  Make the reply in the thread of the message about a reported incident.  Own: *ret_text is fresh.
//  Err: as notify_body_make.
int
notify_body_detail (const notify_sender_t *sender, char **ret_text) must_check;
//  Read the whole report of the sender's incident.  Own: *ret_text is fresh, and empty on failure.
//  Err: as notify_body_make; ERR_LIMIT.
int
notify_body_report (const notify_sender_t *sender, buf_t *ret_text) must_check;
