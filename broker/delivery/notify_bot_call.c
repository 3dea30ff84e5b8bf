//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/notify_bot_call.h"

#include "common/base/failpoint.h"
#include "common/base/own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { S_URL_BYTES = 2048, S_FORM_BYTES = LIMIT_KIB (64) };

static const char s_place [] = "bot";

//  Append a text, percent-encoded.
static void
s_encode (buf_t *out, const char *text)
{
    static const char plain [] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text; text++) {
        if (strchr (plain, *text))
            buf_append (out, text, 1);
        else
            buf_printf (out, "%%%02X", (unsigned char) *text);
    }
}

static char *
s_form (json_t *args)
{
    const char *key = NULL;
    json_t *value = NULL;
    own (buf_fini) buf_t out = buf_init (S_FORM_BYTES);
    json_object_foreach (args, key, value)
    {
        buf_text (&out, out.size ? "&" : "");
        s_encode (&out, key);
        buf_text (&out, "=");
        s_encode (&out, json_is_string (value) ? json_string_value (value) : "");
    }
    return out.failed ? NULL : buf_take (&out);
}

int
notify_bot_call (notify_sender_t *sender, const notify_bot_call_t *call, json_t *args)
{
    char url [S_URL_BYTES], token [LIMIT_SECRET_BYTES + 32];
    const char *base = sender->target.api_url;
    size_t size = strlen (base);
    size -= size > 0 && base [size - 1] == '/';
    const int url_size = snprintf (url, sizeof url, "%.*s/%s", (int) size, base, call->method);
    const int token_size =
        snprintf (token, sizeof token, "Authorization: Bearer %s", sender->target.token);
    if (url_size >= (int) sizeof url || token_size >= (int) sizeof token)
        return -EINVAL;
    own (own_mem) char *body = call->form ? s_form (args) : json_line (args);
    if (!body)
        return -ENOMEM;
    const char *const headers [] = {token, call->form
                                               ? "Content-Type: application/x-www-form-urlencoded"
                                               : "Content-Type: application/json; charset=utf-8"};
    const http_request_t request = {
        .method = "POST",
        .url = url,
        .headers = headers,
        .header_count = 2,
        .body = body,
        .body_size = strlen (body),
        .fresh = call->once,
        .total_ms = failpoint_number ("TRIAGE_SLACK_POST_MS", LIMIT_SLACK_POST_MS),
        .response_max_bytes = call->answer_bytes};
    return notify_sender_call (sender, &request, s_place, call->action);
}

int
notify_bot_call_upload (notify_sender_t *sender, const char *url, const buf_t *bytes,
                        const char *action)
{
    static const char *const headers [] = {"Content-Type: application/octet-stream"};
    const bool plain = strncmp (sender->target.api_url, "http://", 7) == 0;
    if (strncmp (url, "https://", 8) != 0 && !(plain && strncmp (url, "http://", 7) == 0))
        return -EINVAL;
    const http_request_t request = {.method = "POST",
                                    .url = url,
                                    .headers = headers,
                                    .header_count = 1,
                                    .body = bytes->data,
                                    .body_size = bytes->size,
                                    .body_stays = true,
                                    .total_ms = LIMIT_SLACK_UPLOAD_MS,
                                    .response_max_bytes = LIMIT_SLACK_ANSWER_BYTES};
    return notify_sender_call (sender, &request, s_place, action);
}
