//  fuzz_slack - the messages to Slack, made from a hostile event, report and failure reasons.
//
//  Input: parts up to the byte 0x1E: the event, the report, the report's path,
//  three failure reasons.
//  Holds: Slack takes every message; no text is over its limit, names anybody, carries a link that
//  is not ours or formatting that is not ours; each value is one line.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "broker/slack/slack_alert.h"
#include "broker/slack/slack_incident.h"
#include "broker/slack/slack_text.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/own.h"
#include "common/base/utf8.h"
#include "tools/slack_view.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define URL "http://127.0.0.1:5580"
#define ID "019b76da-a800-7102-8304-05060708090a"

//  Drop the one thing of ours that a value must not have.
static void
s_drop (char *text, const char *ours)
{
    char *found = strstr (text, ours);
    if (found)
        memset (found, ' ', strlen (ours));
}

static bool
s_is_word (char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z')
           || (byte >= '0' && byte <= '9');
}

//  "@here" and the like, or "@name" that is no part of an address.
static void
s_check_mentions (const char *text)
{
    static const char *const all [] = {"@channel", "@here", "@everyone", "@group"};
    for (size_t i = 0; i < sizeof all / sizeof all [0]; i++)
        assert (!strcasestr (text, all [i]));
    for (const char *at = strchr (text, '@'); at; at = strchr (at + 1, '@'))
        assert ((at > text && (s_is_word (at [-1]) || at [-1] == '_')) || !s_is_word (at [1]));
}

static void
s_check_escapes (const char *text)
{
    assert (!strpbrk (text, "<>`~"));
    for (const char *at = strchr (text, '&'); at; at = strchr (at + 1, '&'))
        assert (strncmp (at, "&amp;", 5) == 0 || strncmp (at, "&lt;", 4) == 0
                || strncmp (at, "&gt;", 4) == 0);
}

static void
s_check_characters (const char *text)
{
    for (size_t left = strlen (text); left > 0;) {
        uint32_t code = 0;
        size_t length = utf8_next (text, left, &code);
        assert (length > 0);
        assert (code >= ' ' || code == '\n');
        assert (code < 0x7f || code > 0x9f);
        assert (code < 0x2028 || code > 0x202e);
        assert (code < 0x2066 || code > 0x2069);
        text += length;
        left -= length;
    }
}

static const char *const commands [] = {"`triagectl incidents retry --reason overflow`",
                                        "`triagectl incidents retry --state agent_failed`",
                                        "`triagectl incidents retry 14`",
                                        "`triagectl incidents show 14`",
                                        "`triagectl incidents list --state agent_failed`",
                                        "`triagectl breaker probe`",
                                        "`pause`",
                                        "*What to do:*",
                                        "\nTry again:",
                                        "\nTo mend it:"};

//  Does the text begin with a label of ours that has no colon?
static bool
s_is_ours (const char *text)
{
    static const char *const labels [] = {"*Investigating*", "*Waiting*", "*Seen again*",
                                          "*No report.*"};
    for (size_t i = 0; i < sizeof labels / sizeof labels [0]; i++)
        if (strncmp (text, labels [i], strlen (labels [i])) == 0)
            return true;
    return false;
}

//  A text of a message: at most one label of ours, "*...:*" and its line end in front.
static void
s_check_text (const char *text, bool brief)
{
    own (own_mem) char *copy = strdup (text);
    assert (copy && *copy && slack_text_units (copy) < 3000);
    for (size_t i = 0; i < sizeof commands / sizeof commands [0]; i++)
        s_drop (copy, commands [i]);
    s_check_mentions (copy);
    s_check_escapes (copy);
    s_check_characters (copy);
    const char *label = *copy == '*' ? strchr (copy + 1, '*') : NULL;
    assert (!brief || !label);
    const char *value = label ? label + 1 : copy;
    assert (!label || label [-1] == ':' || s_is_ours (copy));
    assert (!strchr (value, '*'));
    bool bullets = strncmp (copy, "*Sample", 7) == 0;
    for (const char *end = strchr (value, '\n'); end; end = strchr (end + 1, '\n'))
        assert (label && (end == value || bullets));
}

//  Every text of a message, wherever it stands.
static void
s_check_texts (const json_t *value)
{
    const char *type = json_member_text (value, "type", "");
    if (strcmp (type, "mrkdwn") == 0) {
        assert (json_is_true (json_object_get (value, "verbatim")));
        s_check_text (json_member_text (value, "text", ""), false);
    }
    for (size_t i = 0; i < json_array_size (value); i++)
        s_check_texts (json_array_get (value, i));
    static const char *const inside [] = {"blocks", "attachments", "fields", "elements", "text"};
    for (size_t i = 0; i < sizeof inside / sizeof inside [0]; i++)
        if (json_object_get (value, inside [i]))
            s_check_texts (json_object_get (value, inside [i]));
}

//  Takes the message.
static void
s_check (char *message, bool repeated)
{
    own (own_mem) char *text = message;
    own (json_drop) json_t *doc = NULL;
    own (buf_fini) buf_t shown = buf_init (LIMIT_MIB (1));
    assert (text && json_parse (text, strlen (text), &doc, NULL) == 0);
    const char *refusal = slack_view (doc, false, &shown);
    assert (!refusal && shown.size > 0);
    const char *brief = json_member_text (doc, "text", "");
    s_check_text (brief, true);
    s_check_texts (doc);
    assert (repeated == (strncmp (brief, "(may be a repeat) ", 18) == 0));
}

//  The message in each of its states, and its thread.
static void
s_incident (const char *const parts [3], const size_t sizes [3], bool repeated)
{
    row_incident_t row = {.id = {ID}, .number = 14, .completed_ms = 61000, .last_seen_ms = 62000};
    row_attempt_t attempt = {.class = RUN_CLASS_AUTH, .usage = usage_none ()};
    report_t report;
    own (own_mem) char *path = strndup (parts [2], sizes [2]);
    fault_read (parts [0], sizes [0], "", &row.fault);
    assert (report_read (parts [1], sizes [1], &report) == 0);
    conf_pair_t pair = {.key = path, .value = path};
    const conf_table_t labels = {.items = &pair, .count = 1};
    utf8_copy (row.reason, sizeof row.reason, path);
    utf8_copy (attempt.worker, sizeof attempt.worker, path);
    for (int state = INCIDENT_PENDING; state < INCIDENT_STATES; state++) {
        row.state = (incident_state_t) state;
        const slack_incident_t message = {.incident = &row,
                                          .report = state % 2 ? &report : NULL,
                                          .attempt = &attempt,
                                          .labels = &labels,
                                          .link = {.url = repeated ? URL : path, .path = path},
                                          .threaded = repeated};
        s_check (slack_incident (&message, repeated), repeated);
        s_check (slack_incident_detail (&message), false);
    }
}

static void
s_alerts (const char *const reasons [3], const size_t sizes [3], const char *cluster, bool repeated)
{
    row_alert_t alert = {.count = 3, .first_ms = 1767225600000, .last_ms = 1767225660000};
    snprintf (alert.cluster, sizeof alert.cluster, "%s", cluster);
    for (int i = 0; i < 3; i++)
        snprintf (alert.reasons [i], sizeof alert.reasons [i], "%.*s",
                  (int) (sizes [i] < 4096 ? sizes [i] : 4096), reasons [i]);
    alert.revives = repeated;
    s_check (slack_alert_degraded (&alert, repeated), repeated);
    s_check (slack_alert_recovered (&alert, repeated), repeated);
    s_check (slack_alert_overflow (&alert, repeated), repeated);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    enum { PARTS = 6 };
    const char *parts [PARTS] = {"", "", "", "", "", ""};
    size_t sizes [PARTS] = {0};
    for (int i = 0; i < PARTS && size > 0; i++) {
        const uint8_t *end = memchr (data, FUZZ_STEP_END, size);
        parts [i] = (const char *) data;
        sizes [i] = end ? (size_t) (end - data) : size;
        data += sizes [i] + (end != NULL);
        size -= sizes [i] + (end != NULL);
    }
    own (own_mem) char *cluster = strndup (parts [2], sizes [2]);
    bool repeated = sizes [5] % 2;
    s_incident (parts, sizes, repeated);
    s_alerts (parts + 3, sizes + 3, cluster, repeated);
    return 0;
}
