//  notify_error - what an error of Slack's means, and what an operator can do.  Pure.
//  Src: docs.slack.dev/reference/methods, "Errors" of each method;
//  docs.slack.dev/messaging/sending-messages-using-incoming-webhooks.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/notify_sender.h"
#include "common/base/json.h"

typedef enum {
    NOTIFY_ERROR_DOWN,   //  it did not happen: nothing works for now
    NOTIFY_ERROR_RETRY,  //  it did not happen, and may work later
    NOTIFY_ERROR_UNSURE, //  it may have happened
    NOTIFY_ERROR_FORM,   //  Slack does not take a message of this form
    NOTIFY_ERROR_GONE,   //  the message is gone, or may not be edited
    NOTIFY_ERROR_PLACE,  //  the channel cannot be used
    NOTIFY_ERROR_FINAL   //  an operator must put something right
} notify_error_class_t;

typedef struct {
    notify_error_class_t class;
    notify_reason_t reason;
    bool scope;                     //  the token lacks a scope
    char text [LIMIT_REASON_BYTES]; //  for an operator, in printable ASCII
} notify_error_t;

//  Judge an answer with "ok": false to a call of this method.
void
notify_error (const char *method, const json_t *answer, notify_error_t *ret_error);
//  What to do when a webhook answers with this word.  Own: static; NULL: the word is not known.
const char *
notify_error_advice (const char *word);
