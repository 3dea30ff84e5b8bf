//  Message bodies: whatever comes in, they hold all that the contract names, and nothing forbidden.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/delivery/slack.h"
#include "common/base/json.h"
#include "common/base/own.h"
#include "common/base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLACK_TEXT = 3000, SLACK_HEADER = 150, SLACK_BLOCKS = 50 };

typedef struct {
    row_incident_t incident;
    report_t report;
    slack_incident_t message;
} case_t;

static void
s_case (case_t *self)
{
    memset (self, 0, sizeof *self);
    fault_t *fault = &self->incident.fault;
    snprintf (self->incident.id.text, IDENT_SIZE, "019b76da-a800-7102-8304-05060708090a");
    snprintf (fault->cluster, sizeof fault->cluster, "prod-us-east-1");
    snprintf (fault->namespace_, sizeof fault->namespace_, "shop");
    snprintf (fault->kind, sizeof fault->kind, "Pod");
    snprintf (fault->name, sizeof fault->name, "checkout-0");
    snprintf (fault->fault_type, sizeof fault->fault_type, "CrashLoop");
    self->incident.started_ms = 1767225600000;
    self->incident.completed_ms = self->incident.started_ms + 133000;
    snprintf (self->report.root_cause, sizeof self->report.root_cause, "The limit is too low.");
    self->report.confidence = REPORT_HIGH;
    self->message = (slack_incident_t){.incident = &self->incident,
                                       .report = &self->report,
                                       .path = "./incidents/019b/output/investigation.md",
                                       .external_url = ""};
}

static row_alert_t
s_alert (void)
{
    row_alert_t alert = {.count = 3, .first_ms = 1767225600000, .last_ms = 1767225723000};
    snprintf (alert.cluster, sizeof alert.cluster, "prod");
    for (int i = 0; i < ROW_REASONS; i++)
        snprintf (alert.reasons [i], LIMIT_REASON_BYTES, "reason %d", i + 1);
    return alert;
}

//  --- reading a message

//  Visit each text of the message; returns its number of blocks.
static size_t
s_visit (const json_t *value, void (*visit) (const char *type, const char *text))
{
    size_t blocks = 0, index;
    const char *key;
    json_t *item;
    union {
        const json_t *from;
        json_t *to;
    } object = {.from = value};
    json_array_foreach (value, index, item) blocks += s_visit (item, visit);
    json_object_foreach (object.to, key, item)
    {
        if (strcmp (key, "blocks") == 0)
            blocks += json_array_size (item);
        if (json_is_string (item) && strcmp (key, "text") == 0)
            visit (json_member_text (value, "type", "top"), json_string_value (item));
        blocks += s_visit (item, visit);
    }
    return blocks;
}

static char s_all [65536]; //  all texts of a message, each followed by a line end

static void
s_collect (const char *type, const char *text)
{
    size_t used = strlen (s_all);
    snprintf (s_all + used, sizeof s_all - used, "%s\n", text);
}

static void
s_check_limits (const char *type, const char *text)
{
    assert_true (strlen (text) < SLACK_TEXT);
    assert_true (json_utf8_valid (text, strlen (text)));
    if (strcmp (type, "plain_text") == 0)
        assert_true (strlen (text) <= SLACK_HEADER);
}

//  No markup except ours: no bare < or >, & only in escapes, and no mentions.
static void
s_check_forged (const char *type, const char *text)
{
    static const char *const words [] = {"@channel", "@here", "@everyone", "@group", "@U0",
                                         "<!",       "<@",    "<#",        "```"};
    for (size_t i = 0; i < sizeof words / sizeof words [0]; i++)
        assert_null (strcasestr (text, words [i]));
    for (const char *at = text; *at; at++) {
        if (*at == '&')
            assert_true (strncmp (at, "&amp;", 5) == 0 || strncmp (at, "&lt;", 4) == 0
                         || strncmp (at, "&gt;", 4) == 0);
        assert_true (*at != '<' && *at != '>');
        assert_true ((unsigned char) *at >= ' ' || *at == '\n');
    }
}

//  Parse, check the rules for every message; its texts are then in s_all.
static json_t *
s_read (char *text)
{
    json_t *message = NULL;
    assert_non_null (text);
    assert_int_equal (json_parse (text, strlen (text), &message, NULL), 0);
    free (text);
    assert_true (json_member_text (message, "text", "") [0] != 0);
    s_all [0] = 0;
    size_t blocks = s_visit (message, s_collect);
    assert_in_range (blocks, 1, SLACK_BLOCKS);
    s_visit (message, s_check_limits);
    return message;
}

//  As above, when only the texts matter.
static void
s_show (char *text)
{
    json_decref (s_read (text));
}

static void
s_expect (const char *part)
{
    if (!strstr (s_all, part))
        fail_msg ("no '%s' in:\n%s", part, s_all);
}

static const json_t *
s_block (const json_t *message, size_t index)
{
    return json_array_get (json_object_get (message, "blocks"), index);
}

//  --- contents that the contract names

static void
test_an_incident_has_its_header_fields_cause_context_and_footer (void **state)
{
    case_t self;
    s_case (&self);
    own (json_drop) json_t *message = s_read (slack_incident (&self.message, false));
    assert_null (json_object_get (message, "attachments"));
    s_expect ("Kubernetes Incident Triage :white_check_mark:\n");
    const json_t *fields = json_object_get (s_block (message, 1), "fields");
    static const char *const expected [] = {"*Cluster:*\nprod-us-east-1", "*Namespace:*\nshop",
                                            "*Resource:*\nPod/checkout-0", "*Reason:*\nCrashLoop"};
    assert_int_equal (json_array_size (fields), 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal (json_member_text (json_array_get (fields, i), "text", ""),
                             expected [i]);
    s_expect ("*Root Cause (HIGH confidence):*\nThe limit is too low.\n");
    s_expect ("Incident: 019b76da-a800-7102-8304-05060708090a  |  Duration: 2m 13s\n");
    s_expect ("Report: ./incidents/019b/output/investigation.md\n");
    for (size_t i = 0; i < json_array_size (json_object_get (message, "blocks")); i++)
        assert_string_not_equal (json_member_text (s_block (message, i), "type", ""), "actions");
    assert_null (strstr (s_all, "repeat"));
}

static void
test_what_an_event_lacks_leaves_no_hole (void **state)
{
    case_t self;
    s_case (&self);
    fault_t *fault = &self.incident.fault;
    fault->name [0] = 0;
    s_show (slack_incident (&self.message, false));
    s_expect ("*Resource:*\nPod\n");
    s_expect ("Kubernetes incident triaged: CrashLoop of Pod in prod-us-east-1 (HIGH");
    fault->kind [0] = fault->fault_type [0] = fault->namespace_ [0] = 0;
    s_show (slack_incident (&self.message, false));
    s_expect ("*Namespace:*\n-\n");
    s_expect ("*Resource:*\n-\n");
    s_expect ("*Reason:*\n-\n");
    s_expect ("Kubernetes incident triaged: fault in prod-us-east-1 (HIGH");
}

static void
test_an_external_url_makes_the_incident_a_link (void **state)
{
    case_t self;
    s_case (&self);
    self.message.external_url = "https://triage.example.com/";
    s_show (slack_incident (&self.message, false));
    s_expect ("<https://triage.example.com/api/v1/incidents/019b76da-a800-7102-8304-05060708090a|"
              "019b76da-a800-7102-8304-05060708090a>");
}

static void
test_a_repeat_says_so_at_the_top_and_in_its_context (void **state)
{
    case_t self;
    s_case (&self);
    own (json_drop) json_t *message = s_read (slack_incident (&self.message, true));
    assert_true (strncmp (json_member_text (message, "text", ""), "(may be a repeat) ", 18) == 0);
    s_expect ("This may be a repeat");
}

static void
test_degraded_has_count_window_and_the_last_reasons (void **state)
{
    row_alert_t alert = s_alert ();
    own (json_drop) json_t *message = s_read (slack_degraded (&alert, false));
    const json_t *attachment = json_array_get (json_object_get (message, "attachments"), 0);
    assert_string_equal (json_member_text (attachment, "color", ""), "warning");
    s_expect ("AI Agent System Degraded\n");
    s_expect ("*Failure Count:*\n3\n");
    s_expect ("*Time Window:*\n2m 3s\n");
    s_expect ("*Sample Failure Reasons (last 3):*\n\xe2\x80\xa2 reason 1\n\xe2\x80\xa2 reason "
              "2\n\xe2\x80\xa2 reason 3\n");
    s_expect ("First failure: 2026-01-01T00:00:00.000Z  |  Last failure: 2026-01-01T00:02:03.000Z");
}

static void
test_degraded_without_reasons_says_so (void **state)
{
    row_alert_t alert = s_alert ();
    memset (alert.reasons, 0, sizeof alert.reasons);
    s_show (slack_degraded (&alert, false));
    s_expect ("*Sample Failure Reasons (last 3):*\nNo failure details available\n");
}

static void
test_recovered_has_downtime_and_failures (void **state)
{
    row_alert_t alert = s_alert ();
    alert.last_ms = alert.first_ms + 3723000;
    own (json_drop) json_t *message = s_read (slack_recovered (&alert, false));
    const json_t *attachment = json_array_get (json_object_get (message, "attachments"), 0);
    assert_string_equal (json_member_text (attachment, "color", ""), "good");
    s_expect ("AI Agent System Recovered\n");
    s_expect ("*Total Downtime:*\n1h 2m 3s\n");
    s_expect ("*Total Failures:*\n3\n");
}

static void
test_overflow_names_the_cluster_and_the_way_back (void **state)
{
    row_alert_t alert = s_alert ();
    s_show (slack_overflow (&alert, false));
    s_expect ("*Cluster:*\nprod\n");
    s_expect ("--reason overflow");
}

//  --- hostile texts

static const char *const s_hostile [] = {
    "<!channel> <!here> <!everyone> <!subteam^S0123|x>",
    "<@U012AB3CD> <#C012AB3CD> <https://evil.example|View Report>",
    "@channel @here @everyone @group @CHANNEL x@here @U0123456",
    "& &amp; &lt;!channel&gt; <b>",
    "*Root Cause (HIGH confidence):* ~gone~ `code` ```block``` _it_",
    "line one\nReport: elsewhere\r\n> quote\t\x1b[31m",
    "\xff\xfe\x80 cut \xe2\x82",
    "\xe2\x80\xae\xe2\x80\x8b\xef\xbb\xbf@\xe2\x80\213channel",
    "@@channel @<!here> <<!here>>",
    "x@\xe2\x80\x8b"
    "channel x@he\xe2\x80\xaere x@\xef\xbb\xbf@\xc2\xad"
    "everyone x@gro\xf3\xa0\x81\x81up",
};

static void
s_fill (char *field, size_t size, const char *unit)
{
    size_t length = strlen (unit);
    for (size_t i = 0; i + 1 < size; i++)
        field [i] = unit [i % length];
    field [size - 1] = 0;
}

static void
test_no_value_can_forge_markup_or_a_mention (void **state)
{
    for (size_t i = 0; i < sizeof s_hostile / sizeof s_hostile [0]; i++) {
        case_t self;
        s_case (&self);
        fault_t *fault = &self.incident.fault;
        s_fill (fault->cluster, sizeof fault->cluster, s_hostile [i]);
        s_fill (fault->namespace_, sizeof fault->namespace_, s_hostile [i]);
        s_fill (fault->kind, sizeof fault->kind, s_hostile [i]);
        s_fill (fault->name, sizeof fault->name, s_hostile [i]);
        s_fill (fault->fault_type, sizeof fault->fault_type, s_hostile [i]);
        s_fill (self.report.root_cause, sizeof self.report.root_cause, s_hostile [i]);
        self.message.path = s_hostile [i];
        own (json_drop) json_t *incident = s_read (slack_incident (&self.message, true));
        s_visit (incident, s_check_forged);
        row_alert_t alert = s_alert ();
        s_fill (alert.cluster, sizeof alert.cluster, s_hostile [i]);
        for (int k = 0; k < ROW_REASONS; k++)
            s_fill (alert.reasons [k], LIMIT_REASON_BYTES, s_hostile [i]);
        own (json_drop) json_t *degraded = s_read (slack_degraded (&alert, true));
        s_visit (degraded, s_check_forged);
        own (json_drop) json_t *overflow = s_read (slack_overflow (&alert, true));
        s_visit (overflow, s_check_forged);
    }
}

static void
test_a_value_stays_on_its_line (void **state)
{
    case_t self;
    s_case (&self);
    snprintf (self.report.root_cause, sizeof self.report.root_cause,
              "One.\nReport: elsewhere\xe2\x80\xa8*Cluster:*\nother");
    s_show (slack_incident (&self.message, false));
    s_expect ("*Root Cause (HIGH confidence):*\nOne. Report: elsewhere "
              "\xe2\x88\x97"
              "Cluster:\xe2\x88\x97 other\n");
}

static void
test_an_address_and_a_digest_keep_their_sign (void **state)
{
    case_t self;
    s_case (&self);
    snprintf (self.report.root_cause, sizeof self.report.root_cause,
              "nginx@sha256:0123 was pulled by me@example.com.");
    s_show (slack_incident (&self.message, false));
    s_expect ("nginx@sha256:0123 was pulled by me@example.com.\n");
}

//  Sentences, one word, characters that grow fivefold: each text stays below its limit and is cut
//  at a good place.
static void
test_control_text_goes_and_joined_characters_stay (void **state)
{
    case_t self;
    s_case (&self);
    snprintf (self.report.root_cause, sizeof self.report.root_cause, "%s",
              "\x1b[1;31mDisk\x1b[0m \x1b]0;title\x07"
              "full :rotating_light: at 12:34:56 :100: "
              "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x94\xa7.");
    own (own_mem) char *text = slack_incident (&self.message, false);
    assert_null (strstr (text, "[1;31m"));
    assert_null (strstr (text, "title"));
    assert_null (strstr (text, "x1b"));
    assert_null (strstr (text, "u001"));
    assert_null (strstr (text, ":rotating_light:"));
    assert_null (strstr (text, ":100:"));
    assert_non_null (strstr (text, "Disk full :\xe2\x80\x8brotating_light"));
    assert_non_null (strstr (text, "12:34:56"));
    assert_non_null (strstr (text, "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x94\xa7."));
}

//  A cut inside a joined character moves before it.
static void
test_no_cut_goes_through_what_is_seen_as_one_character (void **state)
{
    static const char text [] = "aaa\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x94\xa7"
                                "e\xcc\x81z";
    for (size_t max = 4; max < 14; max++)
        assert_int_equal (utf8_sentence (text, sizeof text - 1, max), 3);
    assert_int_equal (utf8_sentence (text, sizeof text - 1, 15), 14);
    static const uint32_t unseen [] = {0xad,   0x61c,  0x180e, 0x200b, 0x200e,
                                       0x200f, 0x202e, 0x2069, 0xfeff, 0xe0041};
    for (size_t i = 0; i < sizeof unseen / sizeof unseen [0]; i++)
        assert_true (utf8_unseen (unseen [i]) && !utf8_shows (unseen [i]));
    assert_false (utf8_unseen ('a') || utf8_unseen (0x20ac) || utf8_unseen (0x1f527));
    for (uint32_t code = 0; code <= 0x10ffff; code++) //  one list is a part of the other
        assert_false (utf8_unseen (code) && utf8_shows (code));
}

static void
test_long_causes_are_cut_at_a_sentence_below_the_limit (void **state)
{
    static const char *const units [] = {"The disk is full and nobody knows why. ",
                                         "x",
                                         "&",
                                         "<&> is told. ",
                                         "\xf0\x9f\x94\xa5",
                                         "\xff"};
    for (size_t i = 0; i < sizeof units / sizeof units [0]; i++) {
        case_t self;
        s_case (&self);
        s_fill (self.report.root_cause, sizeof self.report.root_cause, units [i]);
        own (json_drop) json_t *message = s_read (slack_incident (&self.message, false));
        const char *cause =
            json_member_text (json_object_get (s_block (message, 2), "text"), "text", "");
        assert_in_range (strlen (cause), LIMIT_SLACK_TEXT_BYTES / 3, LIMIT_SLACK_TEXT_BYTES);
        const char *end = strrchr (cause, ' ');
        assert_string_equal (end, " \xe2\x80\xa6");
        if (units [i][strlen (units [i]) - 1] == ' ')
            assert_true (end [-1] == '.');
    }
}

static void
test_an_unset_name_is_a_dash (void **state)
{
    case_t self;
    s_case (&self);
    self.incident.fault.namespace_ [0] = 0;
    s_show (slack_incident (&self.message, false));
    s_expect ("*Namespace:*\n-\n");
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_an_incident_has_its_header_fields_cause_context_and_footer),
        cmocka_unit_test (test_what_an_event_lacks_leaves_no_hole),
        cmocka_unit_test (test_an_external_url_makes_the_incident_a_link),
        cmocka_unit_test (test_a_repeat_says_so_at_the_top_and_in_its_context),
        cmocka_unit_test (test_degraded_has_count_window_and_the_last_reasons),
        cmocka_unit_test (test_degraded_without_reasons_says_so),
        cmocka_unit_test (test_recovered_has_downtime_and_failures),
        cmocka_unit_test (test_overflow_names_the_cluster_and_the_way_back),
        cmocka_unit_test (test_no_value_can_forge_markup_or_a_mention),
        cmocka_unit_test (test_a_value_stays_on_its_line),
        cmocka_unit_test (test_an_address_and_a_digest_keep_their_sign),
        cmocka_unit_test (test_control_text_goes_and_joined_characters_stay),
        cmocka_unit_test (test_no_cut_goes_through_what_is_seen_as_one_character),
        cmocka_unit_test (test_long_causes_are_cut_at_a_sentence_below_the_limit),
        cmocka_unit_test (test_an_unset_name_is_a_dash),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
