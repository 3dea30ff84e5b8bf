//  fuzz_render - the files of an incident, made from a hostile event.
//
//  Input: the text of a failure reason, a line feed, the event's body.  A short body that begins
//  with '*' makes a prompt only: what follows is repeated until it passes the limit of event text.
//  Holds: JSON files parse and say whose they are; the prompt is clean text within its limit,
//  and its fence stands around the event once; nothing of the event's fields is lost in event.json.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "broker/disk/render.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/json_scan.h"
#include "common/base/own.h"
#include "common/base/utf8.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { LARGE_PART_BYTES = 24 }; //  each such input costs as much as a hundred others

//  What nobody in the cluster knows beforehand: an id that depends on the bytes.
static ident_t
s_ident (const uint8_t *data, size_t size)
{
    uint8_t random [10];
    fuzz_chance_t chance = fuzz_chance (data, size);
    for (size_t i = 0; i < sizeof random; i++)
        random [i] = (uint8_t) fuzz_below (&chance, 256);
    return ident_make (1767225600000, random);
}

static json_t *
s_parse (const char *text)
{
    json_t *doc = NULL;
    assert (text);
    assert (json_parse (text, strlen (text), &doc, NULL) == 0 && json_is_object (doc));
    return doc;
}

//  The keys and values of an object that are not `incidentId`, in order.
static void
s_rest (const char *bytes, size_t size, buf_t *out)
{
    const json_scan_style_t style = {.drop = "incidentId"};
    int rc = json_write (bytes, size, &style, out, NULL);
    assert (rc == 0);
    (void) rc;
}

static bool
s_is_object (const char *bytes, size_t size)
{
    json_scan_t scan;
    json_scan_token_t token = {.type = JSON_SCAN_NULL};
    json_scan_start (&scan, bytes, size);
    int rc = json_scan_next (&scan, &token, NULL);
    const bool object = rc == 1 && token.type == JSON_SCAN_OBJECT;
    while (rc == 1)
        rc = json_scan_next (&scan, &token, NULL);
    return rc == 0 && object;
}

//  event.json: all the members that were received, and the id.  A tree holds what it can.
static void
s_event (const row_incident_t *incident, const char *body, size_t size)
{
    own (own_mem) char *text = render_event (incident, body, size);
    assert (text && s_is_object (text, strlen (text)) && strstr (text, incident->id.text));
    own (json_drop) json_t *doc = NULL;
    if (json_parse (text, strlen (text), &doc, NULL) == 0)
        assert (strcmp (json_member_text (doc, "incidentId", ""), incident->id.text) == 0);
    if (!s_is_object (body, size)) {
        assert (json_is_string (json_object_get (doc, "raw")));
        return;
    }
    own (buf_fini) buf_t received = buf_init (size * 4 + 100);
    own (buf_fini) buf_t written = buf_init (size * 4 + 100);
    s_rest (body, size, &received);
    s_rest (text, strlen (text), &written);
    assert (received.size == written.size
            && memcmp (received.data, written.data, written.size) == 0);
}

static void
s_incident (const row_incident_t *incident, const row_attempt_t *attempts, size_t count,
            const char *body, size_t size)
{
    own (own_mem) char *text = render_incident (incident, attempts, count, NULL, body, size);
    own (json_drop) json_t *doc = s_parse (text);
    assert (strcmp (json_member_text (doc, "incidentId", ""), incident->id.text) == 0);
    assert (json_array_size (json_object_get (doc, "attempts")) == count);
}

//  result.json, with the event in the place of the agent's report.
static void
s_result (const row_incident_t *incident, const row_attempt_t *attempts, size_t count,
          const char *body, size_t size)
{
    report_t report;
    assert (report_read (body, size, &report) == 0);
    own (own_mem) char *text = render_result (incident, attempts, count, &report, NULL);
    own (json_drop) json_t *doc = s_parse (text);
    assert (strcmp (json_member_text (doc, "incident_id", ""), incident->id.text) == 0);
    assert (strcmp (json_member_text (doc, "root_cause", ""), report.root_cause) == 0);
}

static size_t
s_count (const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr (text, part)); text += strlen (part))
        count++;
    return count;
}

static void
s_prompt (const row_incident_t *incident, const char *body, size_t size)
{
    own (own_mem) char *text = render_prompt (incident, NULL, body, size);
    assert (text);
    size_t length = strlen (text);
    assert (length <= LIMIT_PROMPT_BYTES && !strchr (text, '@'));
    for (size_t at = 0; at < length;) {
        uint32_t code = 0;
        size_t step = utf8_next (text + at, length - at, &code);
        assert (step > 0);
        assert (code >= ' ' || code == '\n' || code == '\t');
        assert (code != 0x7f && (code < 0x80 || code > 0x9f));
        at += step;
    }
    char marker [128];
    snprintf (marker, sizeof marker, "-----BEGIN UNTRUSTED EVENT %s-----\n", incident->id.text);
    assert (s_count (text, marker) == 1);
    snprintf (marker, sizeof marker, "\n-----END UNTRUSTED EVENT %s-----\n", incident->id.text);
    assert (s_count (text, marker) == 1);
}

static row_incident_t
s_row (ident_t id, const char *reason, const char *body, size_t size)
{
    row_incident_t incident = {.id = id,
                               .state = INCIDENT_REPORTED,
                               .created_ms = 1767225600000,
                               .first_seen_ms = 1767225600000,
                               .last_seen_ms = 1767225660000,
                               .occurrences = 3,
                               .exit_code = 7,
                               .winner = 1};
    fault_read (body, size, "", &incident.fault);
    snprintf (incident.reason, sizeof incident.reason, "%s", reason);
    snprintf (incident.event_id, sizeof incident.event_id, "%s", reason);
    return incident;
}

static void
s_all (ident_t id, const char *reason, const char *body, size_t size)
{
    row_incident_t incident = s_row (id, reason, body, size);
    row_attempt_t attempt = {.number = 1,
                             .state = ROW_ATTEMPT_ENDED,
                             .outcome = VERDICT_AGENT,
                             .assigned_ms = 1767225600000,
                             .exit_code = 7};
    snprintf (attempt.reason, sizeof attempt.reason, "%s", reason);
    snprintf (attempt.worker, sizeof attempt.worker, "%s", reason);
    s_event (&incident, body, size);
    s_incident (&incident, &attempt, 1, body, size);
    s_result (&incident, &attempt, 1, body, size);
    s_prompt (&incident, body, size);
}

static void
s_large (ident_t id, const char *reason, const char *part, size_t size)
{
    own (buf_fini) buf_t body = buf_init (LIMIT_MIB (1));
    while (body.size <= LIMIT_PROMPT_EVENT_BYTES)
        assert (buf_append (&body, part, size) == 0);
    row_incident_t incident = s_row (id, reason, body.data, body.size);
    s_prompt (&incident, body.data, body.size);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const uint8_t *line_end = size ? memchr (data, '\n', size) : NULL;
    size_t reason_size = line_end ? (size_t) (line_end - data) : 0;
    own (own_mem) char *reason = strndup ((const char *) data, reason_size);
    const char *body = line_end ? (const char *) line_end + 1 : (const char *) data;
    size_t body_size = line_end ? size - reason_size - 1 : size;
    ident_t id = s_ident (data, size);
    if (body_size > 1 && body_size <= LARGE_PART_BYTES && body [0] == '*')
        s_large (id, reason, body + 1, body_size - 1);
    else
        s_all (id, reason, body, body_size);
    return 0;
}
