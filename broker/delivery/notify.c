//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/notify.h"

#include "broker/delivery/slack.h"
#include "broker/disk/artifact_dir.h"
#include "broker/disk/artifact_sealed.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { S_STATUS_RATE = 429, S_ANSWER_BYTES = LIMIT_KIB (16) };

struct notify {
    http_t *http;             //  borrowed
    const storage_t *storage; //  borrowed
    store_reader_t *reader;   //  borrowed
    poison_t *poison;         //  borrowed
    http_transfer_t *transfer;
    row_effect_t effect; //  under way, or just ended; id 0 = none
    mail_effect_done_t end;
    bool ended;
    int status; //  of the answer; 0 = none yet
    int64_t retry_after_ms;
    atomic_llong posts, failed [NOTIFY_REASONS];
};

notify_t *
notify_new (http_t *http, const storage_t *storage, store_reader_t *reader, poison_t *poison)
{
    assert (http && storage && reader);
    notify_t *self = calloc (1, sizeof (notify_t));
    if (!self)
        return NULL;
    self->http = http;
    self->storage = storage;
    self->reader = reader;
    self->poison = poison;
    return self;
}

void
notify_destroy (notify_t **self_p)
{
    notify_t *self = *self_p;
    if (!self)
        return;
    http_cancel (self->http, &self->transfer);
    free (self);
    *self_p = NULL;
}


//  --- results

//  End the message with a result.  error: never contains the URL.
static void
s_end (notify_t *self, step_effect_result_t result, const char *error)
{
    self->transfer = NULL;
    self->end = (mail_effect_done_t){.id = self->effect.id, .result = result};
    if (result == STEP_EFFECT_RETRY)
        self->end.retry_after_ms = self->retry_after_ms;
    snprintf (self->end.error, sizeof self->end.error, "%s", error);
    self->ended = true;
    const bool permanent = result == STEP_EFFECT_PERMANENT;
    const char *incident = self->effect.incident.text;
    if (result == STEP_EFFECT_OK)
        log_info ("slack notification sent", kv ("message", self->effect.key),
                  kv ("incident_id", *incident ? incident : "-"),
                  kv ("repeat", self->effect.unsure));
    else
        log_warn ("slack notification failed", kv ("message", self->effect.key),
                  kv ("reason", self->end.error), kv ("permanent", permanent),
                  kv ("tries", self->effect.tries + 1));
}

static void
s_fail (notify_t *self, step_effect_result_t result, notify_reason_t reason, const char *error)
{
    atomic_fetch_add (&self->failed [reason], 1);
    s_end (self, result, error);
}

static bool
s_delivered (int status)
{
    return status >= 200 && status <= 299;
}

static void
s_judge_answer (notify_t *self)
{
    char text [64];
    snprintf (text, sizeof text, "the webhook answered %d", self->status);
    if (s_delivered (self->status))
        s_end (self, STEP_EFFECT_OK, "");
    else if (self->status == S_STATUS_RATE)
        s_fail (self, STEP_EFFECT_RETRY, NOTIFY_RATE_LIMITED, text);
    else if (self->status >= 500)
        s_fail (self, STEP_EFFECT_RETRY, NOTIFY_SERVER_ERROR, text);
    else if (self->status == 401 || self->status == 403)
        s_fail (self, STEP_EFFECT_PERMANENT, NOTIFY_AUTH_ERROR, text);
    else
        s_fail (self, STEP_EFFECT_PERMANENT, NOTIFY_CLIENT_ERROR, text);
}

static void
s_on_head (void *arg, http_transfer_t *transfer, int status)
{
    notify_t *self = arg;
    self->status = status;
    self->retry_after_ms = http_retry_after (transfer);
    if (self->retry_after_ms > LIMIT_EFFECT_RETRY_MAX_MS)
        self->retry_after_ms = LIMIT_EFFECT_RETRY_MAX_MS;
}

static void
s_on_done (void *arg, http_transfer_t *transfer, int rc, const char *reason)
{
    notify_t *self = arg;
    if (s_delivered (self->status))
        failpoint_after ("slack", "post");
    if (self->status) { //  the status counts, even if the body failed
        s_judge_answer (self);
        return;
    }
    step_effect_result_t result = http_sent (transfer) ? STEP_EFFECT_UNSURE : STEP_EFFECT_RETRY;
    s_fail (self, result, rc == -ETIMEDOUT ? NOTIFY_TIMEOUT : NOTIFY_OTHER, reason);
    self->end.unreached = result == STEP_EFFECT_RETRY;
}


//  --- the message

//  Read the report of an incident, and make a link to it.
static int
s_report (notify_t *self, const settings_t *settings, const row_incident_t *row,
          report_t *ret_report, storage_link_t *ret_link)
{
    char path [LIMIT_PATH_BYTES] = "output/investigation.md";
    own (own_fd) int fd = artifact_dir_open (settings->workspace_root, row->id.text, false);
    if (fd < 0)
        return fd;
    own (own_fd) int file = artifact_dir_file (fd, path, O_RDONLY, NULL);
    if (file < 0) //  the upload was given up
        snprintf (path, sizeof path, "attempts/%" PRId64 "/output/investigation.md", row->winner);
    int rc = storage_link (self->storage, row->id.text, path, ret_link);
    if (rc < 0)
        return rc;
    return artifact_sealed_report (fd, self->poison, row->id.text, row->winner, ret_report);
}

static int
s_incident (notify_t *self, const settings_t *settings, char **ret_body)
{
    row_incident_t row;
    report_t report;
    storage_link_t link;
    int rc = store_reader_incident (self->reader, self->effect.incident.text, &row);
    if (rc == 0)
        rc = s_report (self, settings, &row, &report, &link);
    if (rc < 0)
        return rc;
    const slack_incident_t message = {.incident = &row,
                                      .report = &report,
                                      .path = link.text,
                                      .external_url = settings->external_url};
    *ret_body = slack_incident (&message, self->effect.unsure);
    return *ret_body ? 0 : -ENOMEM;
}

static int
s_alert (notify_t *self, char **ret_body)
{
    typedef char *(make_fn) (const row_alert_t *alert, bool repeated);
    static const struct {
        const char *kind;
        make_fn *make;
    } kinds [] = {{"degraded/", slack_degraded},
                  {"recovered/", slack_recovered},
                  {"overflow/", slack_overflow}};
    row_alert_t alert;
    int rc = store_reader_alert (self->reader, self->effect.key, &alert);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds [0]; i++)
        if (strncmp (self->effect.key, kinds [i].kind, strlen (kinds [i].kind)) == 0) {
            *ret_body = kinds [i].make (&alert, self->effect.unsure);
            return *ret_body ? 0 : -ENOMEM;
        }
    return ERR_NONE;
}

static int
s_post (notify_t *self, const settings_t *settings, const char *body)
{
    static const char *const headers [] = {"Content-Type: application/json; charset=utf-8"};
    static const http_hooks_t hooks = {.head = s_on_head, .done = s_on_done};
    const http_request_t request = {.method = "POST",
                                    .url = settings->slack_webhook_url,
                                    .headers = headers,
                                    .header_count = 1,
                                    .body = body,
                                    .body_size = strlen (body),
                                    .total_ms = LIMIT_SLACK_POST_MS,
                                    .response_max_bytes = S_ANSWER_BYTES};
    int rc = failpoint_before ("slack", "post");
    return rc < 0 ? rc : http_start (self->http, &request, &hooks, self, &self->transfer);
}

void
notify_begin (notify_t *self, const settings_t *settings, const row_effect_t *effect)
{
    assert (!self->transfer && !self->ended);
    self->effect = *effect;
    self->status = 0;
    self->retry_after_ms = 0;
    if (!settings->slack_webhook_url [0]) {
        s_end (self, STEP_EFFECT_PERMANENT, "slack_webhook_url is not set");
        return;
    }
    own (own_mem) char *body = NULL;
    int rc = effect->incident.text [0] ? s_incident (self, settings, &body) : s_alert (self, &body);
    if (rc == 0) {
        atomic_fetch_add (&self->posts, 1);
        rc = s_post (self, settings, body);
        if (rc == 0)
            return;
        atomic_fetch_add (&self->failed [NOTIFY_OTHER], 1);
    }
    bool gone = rc == ERR_NONE || rc == -ENOENT || rc == -EINVAL;
    s_end (self, gone ? STEP_EFFECT_PERMANENT : STEP_EFFECT_RETRY, err_str (rc));
}

bool
notify_ended (notify_t *self, mail_effect_done_t *ret_end)
{
    if (!self->ended)
        return false;
    *ret_end = self->end;
    self->ended = false;
    self->effect.id = 0;
    return true;
}

bool
notify_waits (const notify_t *self)
{
    return self->ended;
}

void
notify_stats (const notify_t *self, notify_stats_t *ret_stats)
{
    ret_stats->posts_total = atomic_load (&self->posts);
    for (int i = 0; i < NOTIFY_REASONS; i++)
        ret_stats->failed_total [i] = atomic_load (&self->failed [i]);
}

const char *
notify_reason_name (notify_reason_t reason)
{
    static const char *const names [NOTIFY_REASONS] = {
        [NOTIFY_CLIENT_ERROR] = "clientError",        [NOTIFY_AUTH_ERROR] = "authError",
        [NOTIFY_RATE_LIMITED] = "rateLimited",        [NOTIFY_SERVER_ERROR] = "serverError",
        [NOTIFY_TIMEOUT] = "contextDeadlineExceeded", [NOTIFY_OTHER] = "other"};
    return names [reason];
}
