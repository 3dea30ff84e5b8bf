//  notify_bot_error - what an error of Slack's Web API means, and what an operator can do.  Pure.
//  Src: docs.slack.dev/reference/methods, "Errors" of each method.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/notify_sender.h"
#include "common/base/json.h"

typedef enum {
    NOTIFY_BOT_ERROR_RETRY,  //  it did not happen, and may work later
    NOTIFY_BOT_ERROR_UNSURE, //  it may have happened
    NOTIFY_BOT_ERROR_FORM,   //  Slack does not take a message of this form
    NOTIFY_BOT_ERROR_GONE,   //  the message is gone, or may not be edited
    NOTIFY_BOT_ERROR_PLACE,  //  the channel cannot be used
    NOTIFY_BOT_ERROR_FINAL   //  an operator must put something right
} notify_bot_error_class_t;

typedef struct {
    notify_bot_error_class_t class;
    notify_reason_t reason;
    bool scope;                     //  the token lacks a scope
    char text [LIMIT_REASON_BYTES]; //  for an operator, in printable ASCII
} notify_bot_error_t;

//  Judge an answer with "ok": false to a call of this method.
void
notify_bot_error (const char *method, const json_t *answer, notify_bot_error_t *ret_error);
