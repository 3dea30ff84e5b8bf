//  notify_webhook - an incoming webhook of Slack: a message is one POST, and stands as it was sent.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/notify_sender.h"

extern const notify_kind_t notify_webhook;
