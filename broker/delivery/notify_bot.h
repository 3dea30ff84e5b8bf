//  notify_bot - a channel of Slack by its Web API: one message per incident, edited as it changes.
//
//  The message's ts, what it shows and what stands in its thread are a row (row_message_t), so each
//  try goes on where the last one ended.  After a crash or a lost answer the channel's history is
//  asked first: a message carries its incident as metadata.  Thus nothing is posted twice.
//  A reported incident has its detail and the whole report in the message's thread.
//  A message that is gone or cannot be edited is posted anew.  One whose form Slack does not take
//  is sent as plain text.
//  Src: docs.slack.dev/reference/methods, docs.slack.dev/messaging/working-with-files.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/notify_sender.h"

extern const notify_kind_t notify_bot;
