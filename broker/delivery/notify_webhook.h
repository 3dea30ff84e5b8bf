//  notify_webhook - an incoming webhook of Slack: a message is one POST, and stands as it was sent.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/notify_sender.h"

//  Post a body, a line of JSON.  Err: as notify_sender_call.
int
notify_webhook_post (notify_sender_t *sender, const char *body) must_check;
extern const notify_kind_t notify_webhook;
