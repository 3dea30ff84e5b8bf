//  notify_body - makes the bodies of messages from the store and the files of an incident.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/notify_sender.h"

//  The message of the sender's effect: about an incident or an alert.  repeated: it may have
//  arrived before, and says so.  Own: *ret_body is fresh.
//  Err: ERR_NONE: there is no such row, or no such message; -errno, ERR_STORE, -ENOMEM.
int
notify_body (const notify_sender_t *sender, bool repeated, char **ret_body) must_check;
