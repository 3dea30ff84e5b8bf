//  notify_bot_call - one call of Slack's Web API.
//
//  The token goes into a header, and with no request to another address than slack_api_url.
//  Src: docs.slack.dev/apis/web-api/using-the-slack-web-api.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/notify_sender.h"
#include "common/base/json.h"

typedef struct {
    const char *method; //  "chat.postMessage"
    const char *action; //  its failpoints are "<program>.bot.<action>"; NULL: none
    bool form;          //  takes its arguments as a form, not as JSON
    bool once;          //  doing it again would do harm: libcurl must not
    size_t answer_bytes;
} notify_bot_call_t;

//  Call a method.  args: an object; for a form all values are texts.
//  Err: -EINVAL: the token or slack_api_url cannot be sent; -ENOMEM; a failpoint's.
int
notify_bot_call (notify_sender_t *sender, const notify_bot_call_t *call, json_t *args) must_check;
//  Send the bytes of a file to the URL that Slack has given for it.  Own: bytes must stay until the
//  answer.  Err: -EINVAL: not an https URL, or http where slack_api_url is http; as above.
int
notify_bot_call_upload (notify_sender_t *sender, const char *url, const buf_t *bytes,
                        const char *action) must_check;
