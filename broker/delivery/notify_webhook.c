//  A message that may have arrived, because the broker died or heard no answer, is sent again and
//  says so: a webhook cannot be asked.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/notify_webhook.h"

#include "broker/delivery/notify_body.h"
#include "broker/delivery/notify_error.h"
#include "common/base/own.h"

#include <string.h>

enum { S_ANSWER_BYTES = LIMIT_KIB (16) };

int
notify_webhook_post (notify_sender_t *sender, const char *body)
{
    static const char *const headers [] = {"Content-Type: application/json; charset=utf-8"};
    const http_request_t request = {.method = "POST",
                                    .url = sender->target.url,
                                    .headers = headers,
                                    .header_count = 1,
                                    .body = body,
                                    .body_size = strlen (body),
                                    .fresh = true, //  libcurl does not send it again
                                    .total_ms = LIMIT_SLACK_POST_MS,
                                    .response_max_bytes = S_ANSWER_BYTES};
    return notify_sender_call (sender, &request, "slack", "post");
}

static void
s_begin (notify_sender_t *sender)
{
    own (notify_body_fini) notify_body_t body = {0};
    int rc = notify_body_make (sender, sender->effect.unsure, &body);
    if (rc == 0) {
        atomic_fetch_add (&sender->env->counts->posts, 1);
        rc = notify_webhook_post (sender, body.text);
    }
    if (rc < 0)
        notify_sender_fail_rc (sender, rc);
}

static void
s_go_on (notify_sender_t *sender)
{
    notify_sender_judge (sender, "the webhook", notify_error_advice);
}

const notify_kind_t notify_webhook = {
    .name = "webhook", .judges = true, .begin = s_begin, .go_on = s_go_on};
