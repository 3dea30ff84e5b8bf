//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/notify_sender.h"

#include "common/base/clk.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { S_STATUS_RATE = 429, S_MS_US = 1000, S_SAID = 81, S_SECRET = 8 };

notify_sender_t *
notify_sender_new (const notify_env_t *env, const char *receiver)
{
    assert (env && receiver);
    notify_sender_t *self = calloc (1, sizeof (notify_sender_t));
    if (!self)
        return NULL;
    self->env = env;
    snprintf (self->receiver, sizeof self->receiver, "%s", receiver);
    self->answer.body = buf_init (0);
    return self;
}

//  Free the data of the message that has ended.
static void
s_clear (notify_sender_t *self)
{
    if (self->state && self->kind->clear)
        self->kind->clear (self);
    free (self->state);
    self->state = NULL;
    free (self->url);
    self->url = NULL;
    buf_fini (&self->answer.body);
    self->answer = (notify_answer_t){.body = buf_init (0)};
    self->answered = false;
    self->due_us = 0;
}

void
notify_sender_destroy (notify_sender_t **self_p)
{
    notify_sender_t *self = *self_p;
    if (!self)
        return;
    http_cancel (self->env->http, &self->transfer);
    s_clear (self);
    free (self);
    *self_p = NULL;
}


//  --- the end

void
notify_sender_end (notify_sender_t *self, step_effect_result_t result, const char *error)
{
    assert (self->state && !self->transfer && !self->ended);
    self->end = (mail_effect_done_t){.id = self->effect.id, .result = result};
    self->end.message = self->message;
    if (result == STEP_EFFECT_RETRY || result == STEP_EFFECT_UNSURE) {
        self->end.retry_after_ms = self->answer.retry_after_ms;
        const bool again = result == STEP_EFFECT_RETRY || self->kind->finds;
        self->end.unreached = again && self->answer.rc && !self->answer.status;
        self->end.down = again && self->answer.down;
    }
    snprintf (self->end.error, sizeof self->end.error, "%s", error);
    self->ended = true;
    const char *incident = self->effect.incident.text;
    const bool slack = self->target.kind != SETTINGS_TARGET_SIGNED;
    if (result == STEP_EFFECT_OK && !self->called)
        log_debug ("nothing to send, it shows this already", kv ("message", self->effect.key));
    else if (result == STEP_EFFECT_OK)
        log_info (slack ? "slack notification sent" : "webhook notification sent",
                  kv ("message", self->effect.key), kv ("incident_id", *incident ? incident : "-"),
                  kv ("receiver", self->receiver), kv ("repeat", self->effect.unsure));
    else
        log_warn (slack ? "slack notification failed" : "webhook notification failed",
                  kv ("message", self->effect.key), kv ("receiver", self->receiver),
                  kv ("reason", self->end.error), kv ("permanent", result == STEP_EFFECT_PERMANENT),
                  kv ("tries", self->effect.tries + 1));
}

void
notify_sender_fail (notify_sender_t *self, step_effect_result_t result, notify_reason_t reason,
                    const char *error)
{
    atomic_fetch_add (&self->env->counts->failed [reason], 1);
    notify_sender_end (self, result, error);
}

void
notify_sender_fail_rc (notify_sender_t *self, int rc)
{
    const bool gone = rc == ERR_NONE || rc == -ENOENT || rc == -EINVAL;
    notify_sender_fail (self, gone ? STEP_EFFECT_PERMANENT : STEP_EFFECT_RETRY, NOTIFY_OTHER,
                        err_str (rc));
}

bool
notify_sender_delivered (int status)
{
    return status >= 200 && status <= 299;
}

//  Does the text repeat a part of the URL?  A server may answer with the path, which is a secret.
static bool
s_tells_url (const notify_sender_t *self, const char *text)
{
    const size_t size = strlen (text);
    const char *scheme = self->url ? strstr (self->url, "://") : NULL;
    const char *rest = scheme ? scheme + 3 : "";
    for (size_t i = 0; i + S_SECRET <= size; i++)
        if (!*rest || memmem (rest, strlen (rest), text + i, S_SECRET))
            return true;
    return false;
}

//  The first line of the answer's body in printable ASCII; "" = none that may be shown.
static void
s_said (const notify_sender_t *self, char ret_said [S_SAID])
{
    size_t size = 0;
    const buf_t *body = &self->answer.body;
    while (size < body->size && size + 1 < S_SAID && !strchr ("\r\n", body->data [size])) {
        const char byte = body->data [size];
        ret_said [size++] = byte >= ' ' && byte <= '~' ? byte : '?';
    }
    ret_said [size] = 0;
    if (ret_said [0] == '<' || s_tells_url (self, ret_said))
        ret_said [0] = 0;
}

void
notify_sender_refusal (const notify_sender_t *self, const char *what, notify_advice_fn *advice,
                       char ret_text [LIMIT_REASON_BYTES])
{
    const notify_answer_t *answer = &self->answer;
    char said [S_SAID];
    s_said (self, said);
    const char *mend = advice ? advice (said) : NULL;
    if (!answer->status)
        snprintf (ret_text, LIMIT_REASON_BYTES, "%s", answer->reason);
    else
        snprintf (ret_text, LIMIT_REASON_BYTES, "%s answered %d%s%s%s%s", what, answer->status,
                  *said ? ": " : "", said, mend ? ": " : "", mend ? mend : "");
}

void
notify_sender_judge (notify_sender_t *self, const char *what, notify_advice_fn *advice)
{
    const notify_answer_t *answer = &self->answer;
    char text [LIMIT_REASON_BYTES];
    notify_sender_refusal (self, what, advice, text);
    if (!answer->status)
        notify_sender_fail (self, answer->sent ? STEP_EFFECT_UNSURE : STEP_EFFECT_RETRY,
                            answer->rc == -ETIMEDOUT ? NOTIFY_TIMEOUT : NOTIFY_OTHER, text);
    else if (notify_sender_delivered (answer->status)) //  even if the body failed
        notify_sender_end (self, STEP_EFFECT_OK, "");
    else if (answer->status == S_STATUS_RATE)
        notify_sender_fail (self, STEP_EFFECT_RETRY, NOTIFY_RATE_LIMITED, text);
    else if (answer->status >= 500)
        notify_sender_fail (self, STEP_EFFECT_RETRY, NOTIFY_SERVER_ERROR, text);
    else if (answer->status == 401 || answer->status == 403)
        notify_sender_fail (self, STEP_EFFECT_PERMANENT, NOTIFY_AUTH_ERROR, text);
    else
        notify_sender_fail (self, STEP_EFFECT_PERMANENT, NOTIFY_CLIENT_ERROR, text);
}


//  --- a call

static void
s_on_head (void *arg, http_transfer_t *transfer, int status)
{
    notify_sender_t *self = arg;
    self->answer.status = status;
    self->answer.down = status == S_STATUS_RATE || status >= 500;
    self->answer.retry_after_ms = http_retry_after (transfer);
    if (self->answer.retry_after_ms > LIMIT_EFFECT_RETRY_MAX_MS)
        self->answer.retry_after_ms = LIMIT_EFFECT_RETRY_MAX_MS;
}

static void
s_on_body (void *arg, http_transfer_t *transfer, const char *bytes, size_t size)
{
    notify_sender_t *self = arg;
    buf_append (&self->answer.body, bytes, size);
}

static void
s_on_done (void *arg, http_transfer_t *transfer, int rc, const char *reason)
{
    notify_sender_t *self = arg;
    if (self->action && notify_sender_delivered (self->answer.status))
        failpoint_after (self->place, self->action);
    self->transfer = NULL;
    self->answer.rc = rc ? rc : self->answer.body.failed;
    self->answer.sent = http_sent (transfer);
    snprintf (self->answer.reason, sizeof self->answer.reason, "%s", reason);
    self->answered = true;
}

int
notify_sender_call (notify_sender_t *self, const http_request_t *request, const char *place,
                    const char *action)
{
    static const http_hooks_t hooks = {.head = s_on_head, .body = s_on_body, .done = s_on_done};
    assert (self->state && !self->transfer && request->response_max_bytes);
    buf_fini (&self->answer.body);
    self->answer = (notify_answer_t){.body = buf_init (request->response_max_bytes)};
    free (self->url);
    self->url = strdup (request->url);
    self->called = true;
    self->place = place;
    self->action = action;
    int rc = 0;
    if (action)
        rc = failpoint_before (place, action);
    return rc < 0 ? rc : http_start (self->env->http, request, &hooks, self, &self->transfer);
}

void
notify_sender_pause (notify_sender_t *self, int64_t ms)
{
    self->due_us = clk_us () + ms * S_MS_US;
}

int64_t
notify_sender_paced_ms (const notify_sender_t *self, notify_pace_t pace)
{
    const int64_t wait_us = self->paced_us [pace] - clk_us ();
    return wait_us > 0 ? (wait_us + S_MS_US - 1) / S_MS_US : 0;
}

void
notify_sender_pace (notify_sender_t *self, notify_pace_t pace)
{
    static const int64_t paces [NOTIFY_PACES] = {[NOTIFY_PACE_POST] = LIMIT_SLACK_POST_PACE_MS,
                                                 [NOTIFY_PACE_EDIT] = LIMIT_SLACK_EDIT_PACE_MS,
                                                 [NOTIFY_PACE_SHARE] = LIMIT_SLACK_SHARE_PACE_MS};
    if (pace != NOTIFY_PACE_NONE)
        self->paced_us [pace] =
            clk_us () + failpoint_number ("TRIAGE_MESSAGE_PACE_MS", paces [pace]) * S_MS_US;
}


//  --- the message under way

//  Look the receiver up: the configuration may have changed.
static void
s_look_up (notify_sender_t *self, bool begins)
{
    const settings_target_kind_t kind = self->target.kind;
    self->gone [0] = 0;
    self->changed = false;
    if (!settings_target (self->env->settings, self->receiver, &self->target))
        snprintf (self->gone, sizeof self->gone, "receiver %s is not configured", self->receiver);
    else if (!begins && kind != self->target.kind) {
        self->changed = true;
        snprintf (self->gone, sizeof self->gone, "the receiver is of another kind now");
    }
}

bool
notify_sender_gone (notify_sender_t *self)
{
    if (!self->gone [0])
        return false;
    notify_sender_end (self, self->changed ? STEP_EFFECT_RETRY : STEP_EFFECT_PERMANENT, self->gone);
    return true;
}

void
notify_sender_begin (notify_sender_t *self, const notify_kind_t *kind, const row_effect_t *effect)
{
    assert (!self->state && !self->ended);
    self->effect = *effect;
    self->message = (row_message_t){.key = ""};
    self->kind = kind;
    self->called = false;
    self->state = calloc (1, kind->state_bytes ? kind->state_bytes : 1);
    if (!self->state) {
        self->end = (mail_effect_done_t){.id = effect->id, .result = STEP_EFFECT_RETRY};
        self->ended = true;
        return;
    }
    s_look_up (self, true);
    if (!notify_sender_gone (self))
        kind->begin (self);
}

void
notify_sender_turn (notify_sender_t *self)
{
    const bool due = self->due_us && clk_us () >= self->due_us;
    if (self->ended || (!self->answered && !due))
        return;
    self->answered = false;
    self->due_us = 0;
    if (!self->kind->judges)
        s_look_up (self, false);
    self->kind->go_on (self);
}

bool
notify_sender_ended (notify_sender_t *self, mail_effect_done_t *ret_end)
{
    if (!self->ended)
        return false;
    *ret_end = self->end;
    self->ended = false;
    s_clear (self);
    return true;
}

bool
notify_sender_busy (const notify_sender_t *self)
{
    return self->state || self->ended;
}

int64_t
notify_sender_wait_ms (const notify_sender_t *self, int64_t max_ms)
{
    if (self->ended || self->answered)
        return 0;
    if (!self->due_us)
        return max_ms;
    const int64_t wait_us = self->due_us - clk_us ();
    const int64_t wait_ms = wait_us > 0 ? (wait_us + S_MS_US - 1) / S_MS_US : 0;
    return wait_ms < max_ms ? wait_ms : max_ms;
}
