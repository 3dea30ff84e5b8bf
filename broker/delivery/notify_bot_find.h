//  notify_bot_find - finds a bot's own messages in answers of conversations.history and .replies.
//
//  A message carries its name as metadata: the incident or alert it is about, and the part it is.
//  Pure.  Src: docs.slack.dev/messaging/message-metadata.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/row.h"
#include "common/base/json.h"

enum { NOTIFY_BOT_FIND_CURSOR = 256 };

//  What a message is about.  Own: borrowed.
typedef struct {
    const char *incident; //  "" for an alert
    const char *alert;    //  key of the alert, for an incident ""
    int64_t since_ms;     //  of an alert: other brokers count theirs, too
} notify_bot_find_t;

//  The metadata of a part: "message", "detail".  Own: fresh; NULL when out of memory.
json_t *
notify_bot_find_metadata (const notify_bot_find_t *about, const char *part);
//  Find the message in a page of the channel's history.  False: it is not there.
bool
notify_bot_find_message (const notify_bot_find_t *about, const json_t *answer,
                         char ret_ts [ROW_NAME]);
//  The parts in a page of its thread, enum row_part.  file: the name of the report's file.
int64_t
notify_bot_find_parts (const notify_bot_find_t *about, const json_t *answer, const char *file);
//  The cursor of the next page.  False: this was the last one.
bool
notify_bot_find_next (const json_t *answer, char ret_cursor [NOTIFY_BOT_FIND_CURSOR]);
//  Is it a ts as Slack makes them: "1503435956.000247"?
bool
notify_bot_find_ts (const char *text);
