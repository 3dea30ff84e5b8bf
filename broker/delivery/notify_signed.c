//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/notify_signed.h"

#include "broker/delivery/notify_about.h"
#include "common/base/clk.h"
#include "common/base/digest.h"
#include "common/base/json.h"
#include "common/base/own.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { S_VERSION = 1, S_ANSWER_BYTES = LIMIT_KIB (16), S_HEADER = 512, S_ID = 384, S_HEADERS = 5 };

static const char s_test [] = "test";

//  What has happened; NULL: nothing to send.
static const char *
s_event (const row_incident_t *row)
{
    switch (row->state) {
        case INCIDENT_REPORTED: return "incident.reported";
        case INCIDENT_AGENT_FAILED:
        case INCIDENT_FAILED: return "incident.failed";
        case INCIDENT_CANCELLED: return "incident.cancelled";
        case INCIDENT_NONE:
        case INCIDENT_PENDING:
        case INCIDENT_INVESTIGATING:
        case INCIDENT_SUPPRESSED:
        case INCIDENT_STATES: break;
    }
    return NULL;
}

//  --- the body

static json_t *
s_labels (const notify_env_t *env, const char *cluster)
{
    json_t *object = json_object ();
    const conf_table_t *labels = settings_labels (env->settings, cluster);
    const conf_pair_t *pairs = labels ? labels->items : NULL;
    for (size_t i = 0; labels && i < labels->count; i++)
        json_object_set_new (object, pairs [i].key, json_any (pairs [i].value));
    return object;
}

static json_t *
s_incident (const notify_env_t *env, const row_incident_t *row)
{
    const fault_t *fault = &row->fault;
    json_t *resource = json_pack ("{s:o,s:o,s:o,s:o}", "api_version", json_any (fault->api_version),
                                  "kind", json_any (fault->kind), "namespace",
                                  json_any (fault->namespace_), "name", json_any (fault->name));
    return json_pack (
        "{s:o,s:I,s:s,s:o,s:o,s:o,s:o,s:o,s:s,s:o,s:I,s:o,s:o,s:o,s:o,s:I,s:o}", "id",
        json_any (row->id.text), "number", (json_int_t) row->number, "state",
        incident_state_name (row->state), "cluster", json_any (fault->cluster), "labels",
        s_labels (env, fault->cluster), "namespace", json_any (fault->namespace_), "resource",
        resource, "fault_type", json_any (fault->fault_type), "severity",
        fault_severity_name (fault->severity), "summary", json_any (fault->summary), "occurrences",
        (json_int_t) row->occurrences, "first_seen_at", json_time (row->first_seen_ms),
        "last_seen_at", json_time (row->last_seen_ms), "created_at", json_time (row->created_ms),
        "completed_at", json_time (row->completed_ms), "attempts", (json_int_t) row->attempts,
        "reason", json_any_or_null (row->reason));
}

//  The report; null when there is none.
static json_t *
s_report (const notify_about_t *about)
{
    const usage_t *usage = about->attempt ? &about->attempt->usage : NULL;
    const char *agent = usage ? usage->agent : "", *model = usage ? usage->model : "";
    if (!about->reported)
        return json_null ();
    return json_pack ("{s:o,s:s,s:b,s:s,s:o,s:o}", "root_cause",
                      json_any (about->report.root_cause), "confidence",
                      report_confidence_name (about->report.confidence), "partial",
                      about->row.state != INCIDENT_REPORTED, "from",
                      strcmp (agent, "playbook") == 0 ? "rules" : "model", "agent",
                      json_any_or_null (agent), "model", json_any_or_null (model));
}

//  Where to read on.
static json_t *
s_link (const notify_about_t *about)
{
    const link_way_t *way = &about->way;
    return json_pack ("{s:o,s:o,s:o}", "url", json_any_or_null (way->url), "expires_at",
                      json_time (way->expires_ms), "path",
                      json_any_or_null (way->expires_ms ? "" : way->path));
}

//  The key of a receiver's message and the end that it is about.
static void
s_id (const notify_sender_t *sender, const row_incident_t *row, char ret_id [S_ID])
{
    snprintf (ret_id, S_ID, "%s/%s/%" PRId64, sender->effect.key, incident_state_name (row->state),
              row->completed_ms);
}

//  Own: fresh; NULL when out of memory.
static char *
s_body (const notify_sender_t *sender, const notify_about_t *about, const char *id, int64_t now_ms)
{
    own (json_drop) json_t *doc = json_pack (
        "{s:i,s:s,s:o,s:o,s:b,s:o,s:o,s:o}", "version", S_VERSION, "event", s_event (&about->row),
        "id", json_any (id), "sent_at", json_time (now_ms), "repeat", sender->effect.unsure,
        "incident", s_incident (sender->env, &about->row), "report", s_report (about), "link",
        s_link (about));
    return doc ? json_line (doc) : NULL;
}

//  --- the signature

//  "X-Triage-Signature: v1=<hex>".  Err: -ENOMEM.
static int
s_sign (const char *secret, int64_t now_s, const char *body, char ret_header [S_HEADER])
{
    uint8_t hash [DIGEST_BYTES];
    own (buf_fini) buf_t text = buf_init (strlen (body) + 32);
    (void) buf_printf (&text, "%" PRId64 ".%s", now_s, body);
    if (text.failed)
        return -ENOMEM;
    digest_hmac (secret, strlen (secret), text.data, text.size, hash);
    int size = snprintf (ret_header, S_HEADER, "X-Triage-Signature: v1=");
    for (size_t i = 0; i < sizeof hash; i++)
        size += snprintf (ret_header + size, S_HEADER - (size_t) size, "%02x", hash [i]);
    return 0;
}

static int
s_post (notify_sender_t *sender, const char *event, const char *id, const char *body,
        int64_t now_ms)
{
    char lines [S_HEADERS - 1][S_HEADER];
    const char *const headers [S_HEADERS] = {"Content-Type: application/json; charset=utf-8",
                                             lines [0], lines [1], lines [2], lines [3]};
    const http_request_t request = {.method = "POST",
                                    .url = sender->target.url,
                                    .headers = headers,
                                    .header_count = S_HEADERS,
                                    .body = body,
                                    .body_size = strlen (body),
                                    .total_ms = LIMIT_SLACK_POST_MS,
                                    .response_max_bytes = S_ANSWER_BYTES,
                                    .fresh = true};
    snprintf (lines [0], S_HEADER, "X-Triage-Timestamp: %" PRId64, now_ms / 1000);
    snprintf (lines [1], S_HEADER, "X-Triage-Event: %s", event);
    snprintf (lines [2], S_HEADER, "X-Triage-Delivery: %s", id);
    const int rc = s_sign (sender->target.secret, now_ms / 1000, body, lines [3]);
    return rc < 0 ? rc : notify_sender_call (sender, &request, "webhook", "post");
}

int
notify_signed_test (notify_sender_t *sender, int64_t now_ms)
{
    char id [S_ID];
    snprintf (id, sizeof id, "test/%s/%" PRId64, sender->receiver, now_ms);
    own (json_drop) json_t *doc =
        json_pack ("{s:i,s:s,s:o,s:o,s:b,s:n,s:n,s:n}", "version", S_VERSION, "event", s_test, "id",
                   json_any (id), "sent_at", json_time (now_ms), "repeat", false, "incident",
                   "report", "link");
    own (own_mem) char *body = doc ? json_line (doc) : NULL;
    return body ? s_post (sender, s_test, id, body, now_ms) : -ENOMEM;
}

//  --- the kind

static int
s_send (notify_sender_t *sender, const notify_about_t *about)
{
    char id [S_ID];
    own (clk_destroy) clk_t *clk = clk_new ();
    const int64_t now_ms = clk ? clk_now (clk).wall_ms : 0;
    s_id (sender, &about->row, id);
    own (own_mem) char *body = clk ? s_body (sender, about, id, now_ms) : NULL;
    if (!body)
        return -ENOMEM;
    atomic_fetch_add (&sender->env->counts->posts, 1);
    return s_post (sender, s_event (&about->row), id, body, now_ms);
}

static void
s_begin (notify_sender_t *sender)
{
    own (own_mem) notify_about_t *about = calloc (1, sizeof *about);
    int rc = about ? notify_about_load (sender->env, sender->effect.incident.text, about) : -ENOMEM;
    if (rc == 0 && !s_event (&about->row)) {
        notify_sender_end (sender, STEP_EFFECT_OK, "");
        return;
    }
    if (rc == 0)
        rc = s_send (sender, about);
    if (rc < 0)
        notify_sender_fail_rc (sender, rc);
}

static void
s_go_on (notify_sender_t *sender)
{
    notify_sender_judge (sender, "the webhook", NULL);
}

const notify_kind_t notify_signed = {
    .name = "signed", .finds = true, .judges = true, .begin = s_begin, .go_on = s_go_on};
