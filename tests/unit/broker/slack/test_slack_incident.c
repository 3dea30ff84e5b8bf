//  The message about an incident: whatever comes in, each state says what the contract names.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/slack/slack_block.h"
#include "broker/slack/slack_incident.h"
#include "common/base/own.h"
#include "tests/unit/broker/slack/bodies.h"

#include <stdio.h>
#include <string.h>

#define ID "019b76da-a800-7102-8304-05060708090a"
#define URL "https://triage.example.com/x?sig=a%2Fb&se=1"

typedef struct {
    row_incident_t incident;
    report_t report;
    row_attempt_t attempt;
    conf_pair_t pairs [2];
    conf_table_t labels;
    slack_incident_t message;
} case_t;

static void
s_case (case_t *self)
{
    memset (self, 0, sizeof *self);
    row_incident_t *row = &self->incident;
    fault_t *fault = &row->fault;
    row->id = (ident_t){ID};
    row->number = 14;
    row->state = INCIDENT_REPORTED;
    row->occurrences = row->attempts = 1;
    snprintf (fault->cluster, sizeof fault->cluster, "prod-us-east-1");
    snprintf (fault->namespace_, sizeof fault->namespace_, "shop");
    snprintf (fault->kind, sizeof fault->kind, "Pod");
    snprintf (fault->name, sizeof fault->name, "checkout-0");
    snprintf (fault->fault_type, sizeof fault->fault_type, "CrashLoop");
    snprintf (fault->summary, sizeof fault->summary, "dial tcp 10.96.14.7:5432: refused");
    fault->severity = FAULT_CRITICAL;
    row->first_seen_ms = row->last_seen_ms = row->created_ms = row->started_ms = 1767225600000;
    row->completed_ms = row->started_ms + 133000;
    snprintf (self->report.root_cause, sizeof self->report.root_cause, "The limit is too low.");
    self->report.confidence = REPORT_HIGH;
    self->attempt = (row_attempt_t){.number = 1, .started_ms = row->started_ms};
    self->attempt.usage = usage_none ();
    self->message =
        (slack_incident_t){.incident = row,
                           .report = &self->report,
                           .attempt = &self->attempt,
                           .link = {.path = "/var/incidents/output/x.md", .host = "triage-1"}};
}

static void
s_agent (case_t *self, const char *agent, const char *model, const char *worker)
{
    snprintf (self->attempt.usage.agent, sizeof self->attempt.usage.agent, "%s", agent);
    snprintf (self->attempt.usage.model, sizeof self->attempt.usage.model, "%s", model);
    snprintf (self->attempt.worker, sizeof self->attempt.worker, "%s", worker);
}

static const char *
s_color (const json_t *message)
{
    const json_t *attachment = json_array_get (json_object_get (message, "attachments"), 0);
    return json_member_text (attachment, "color", "");
}

static void
test_a_report_has_its_header_fields_cause_context_and_footer (void **state)
{
    case_t self;
    s_case (&self);
    own (json_drop) json_t *message = bodies_read (slack_incident (&self.message, false));
    assert_string_equal (s_color (message), "#E01E5A");
    bodies_expect ("Kubernetes Incident Triage: CRITICAL\n");
    const json_t *fields = json_object_get (bodies_block (message, 1), "fields");
    static const char *const expected [] = {"*Cluster:*\nprod-us-east-1", "*Namespace:*\nshop",
                                            "*Resource:*\nPod/checkout-0", "*Reason:*\nCrashLoop",
                                            "*Seen:*\nonce, at 2026-01-01T00:00:00Z"};
    assert_int_equal (json_array_size (fields), 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal (json_member_text (json_array_get (fields, i), "text", ""),
                             expected [i]);
    bodies_expect ("*Root Cause (HIGH confidence):*\nThe limit is too low.\n");
    bodies_expect ("Incident: " ID " (#14)  |  Duration: 2m 13s\n");
    bodies_expect ("Report: triage-1:/var/incidents/output/x.md\n");
    bodies_expect ("CRITICAL: CrashLoop of Pod/checkout-0 in prod-us-east-1 (HIGH confidence): "
                   "The limit is too low.\n");
    for (size_t i = 0; i < json_array_size (json_object_get (message, "blocks")); i++)
        assert_string_not_equal (json_member_text (bodies_block (message, i), "type", ""),
                                 "actions");
    bodies_expect_not ("repeat");
}

//  A rule's cause does not say which service; the event's own message does.
static void
test_a_report_has_a_line_of_the_event (void **state)
{
    case_t self;
    s_case (&self);
    fault_t *fault = &self.incident.fault;
    bodies_show (slack_incident (&self.message, false));
    bodies_expect ("*Event:* dial tcp 10.96.14.7:5432: refused\n");
    snprintf (fault->summary, sizeof fault->summary,
              "CrashLoopBackOff, waiting message: back-off, last exit code: 1, termination "
              "message: <!here> *no*\nroute");
    bodies_show (slack_incident (&self.message, false));
    bodies_expect ("*Event:* &lt;!here&gt; \xe2\x88\x97no\xe2\x88\x97 route\n");
    snprintf (fault->summary, sizeof fault->summary, "ends with message: ");
    bodies_show (slack_incident (&self.message, false));
    bodies_expect ("*Event:* ends with message:");
    bodies_fill (fault->summary, sizeof fault->summary, "word ");
    bodies_show (slack_incident (&self.message, false));
    bodies_expect ("*Event:* word word");
    assert_in_range (strcspn (strstr (bodies_all, "*Event:*"), "\n"), 200, 309 + 2);
    //  the cause says it already
    snprintf (fault->summary, sizeof fault->summary, "limit is too low");
    bodies_show (slack_incident (&self.message, false));
    bodies_expect_not ("*Event:*");
    fault->summary [0] = 0;
    bodies_show (slack_incident (&self.message, false));
    bodies_expect_not ("*Event:*");
}

static void
test_the_header_names_severity_and_rules (void **state)
{
    static const char *const words [] = {"INFO", "WARNING", "CRITICAL"};
    static const char *const colors [] = {"#2EB67D", "#ECB22E", "#E01E5A"};
    for (int i = 0; i < FAULT_SEVERITIES; i++) {
        case_t self;
        char title [64];
        s_case (&self);
        s_agent (&self, "playbook", "", "w1");
        self.incident.fault.severity = (enum fault_severity) i;
        own (json_drop) json_t *message = bodies_read (slack_incident (&self.message, false));
        snprintf (title, sizeof title, "Kubernetes Incident Triage: %s (rules)\n", words [i]);
        bodies_expect (title);
        bodies_expect ("(HIGH confidence, by rules)");
        assert_string_equal (s_color (message), colors [i]);
    }
}

static void
test_fields_name_labels_and_how_often_it_was_seen (void **state)
{
    case_t self;
    s_case (&self);
    self.pairs [0] = (conf_pair_t){"env", "prod"};
    self.pairs [1] = (conf_pair_t){"team", "shop"};
    self.labels = (conf_table_t){.items = self.pairs, .count = 2};
    self.message.labels = &self.labels;
    self.incident.occurrences = 42;
    self.incident.last_seen_ms += 60000;
    bodies_show (slack_incident (&self.message, false));
    bodies_expect ("*Cluster:*\nprod-us-east-1 (env=prod, team=shop)\n");
    bodies_expect ("*Seen:*\n42 times since 2026-01-01T00:00:00Z, last 2026-01-01T00:01:00Z\n");
}

static void
test_what_an_event_lacks_leaves_no_hole (void **state)
{
    case_t self;
    s_case (&self);
    fault_t *fault = &self.incident.fault;
    fault->name [0] = 0;
    bodies_show (slack_incident (&self.message, false));
    bodies_expect ("*Resource:*\nPod\n");
    bodies_expect ("CRITICAL: CrashLoop of Pod in prod-us-east-1 (HIGH");
    fault->kind [0] = fault->fault_type [0] = fault->namespace_ [0] = 0;
    self.message.attempt = NULL;
    self.message.link.path = NULL;
    bodies_show (slack_incident (&self.message, false));
    bodies_expect ("*Namespace:*\n-\n");
    bodies_expect ("*Resource:*\n-\n");
    bodies_expect ("*Reason:*\n-\n");
    bodies_expect ("CRITICAL: fault in prod-us-east-1 (HIGH");
}

static void
test_a_url_is_a_button_and_a_path_is_none (void **state)
{
    case_t self;
    s_case (&self);
    self.message.link = (slack_link_t){.url = URL, .expires_ms = 1767830400000};
    own (json_drop) json_t *message = bodies_read (slack_incident (&self.message, false));
    const json_t *actions = bodies_block (message, 4);
    assert_string_equal (json_member_text (actions, "type", ""), "actions");
    const json_t *button = json_array_get (json_object_get (actions, "elements"), 0);
    assert_string_equal (json_member_text (button, "url", ""), URL);
    bodies_expect ("View Report\n");
    bodies_expect ("The link works until 2026-01-08T00:00:00Z\n");
    bodies_expect ("Report: URL (see button above)\n");
}

static void
test_no_button_opens_what_is_no_whole_url (void **state)
{
    static const char *const urls [] = {"/x",         "file:///x",   "javascript:x", "http://",
                                        "https:///x", "https://x y", "https://x\">", "https://x\n"};
    char big [3100] = "https://";
    bodies_fill (big + 8, sizeof big - 8, "x");
    assert_false (slack_block_url (big));
    assert_false (slack_block_url (NULL) || slack_block_url (""));
    assert_true (slack_block_url (URL) && slack_block_url ("http://127.0.0.1:8080/a/b"));
    for (size_t i = 0; i < sizeof urls / sizeof urls [0]; i++) {
        case_t self;
        s_case (&self);
        self.message.link.url = urls [i];
        bodies_show (slack_incident (&self.message, false));
        bodies_expect ("Report: triage-1:/var/incidents/output/x.md\n");
        bodies_expect_not ("View Report");
    }
}

static void
test_who_worked_on_it_is_told (void **state)
{
    case_t self;
    s_case (&self);
    s_agent (&self, "claude", "sonnet", "w2");
    bodies_show (slack_incident (&self.message, false));
    bodies_expect ("  |  Duration: 2m 13s  |  Agent: claude/sonnet on w2\n");
    s_agent (&self, "", "", "w2");
    bodies_show (slack_incident (&self.message, false));
    bodies_expect ("  |  Agent: worker w2\n");
    self.message.agent = "gemini";
    bodies_show (slack_incident (&self.message, false));
    bodies_expect ("  |  Agent: gemini on w2\n");
}

static void
test_a_run_tells_worker_agent_and_since_when (void **state)
{
    case_t self;
    s_case (&self);
    self.incident.state = INCIDENT_INVESTIGATING;
    self.incident.completed_ms = 0;
    self.message.report = NULL;
    self.message.agent = "claude";
    s_agent (&self, "", "", "w2");
    bodies_show (slack_incident (&self.message, false));
    bodies_expect ("Kubernetes Incident Triage: CRITICAL\n");
    bodies_expect ("*Event:*\ndial tcp 10.96.14.7:5432: refused\n");
    bodies_expect ("*Investigating* since 2026-01-01T00:00:00Z: attempt 1, claude on w2\n");
    bodies_expect ("CRITICAL: CrashLoop of Pod/checkout-0 in prod-us-east-1 is being investigated");
    bodies_expect_not ("Root Cause");
    bodies_expect_not ("Report: ");
    bodies_expect_not ("Duration");
    self.incident.state = INCIDENT_PENDING;
    snprintf (self.incident.reason, sizeof self.incident.reason, "529 overloaded");
    bodies_show (slack_incident (&self.message, false));
    bodies_expect ("*Waiting* for another attempt. The last one: 529 overloaded\n");
    self.incident.attempts = 0;
    self.incident.reason [0] = 0;
    bodies_show (slack_incident (&self.message, false));
    bodies_expect ("*Waiting* for its first attempt.\n");
    bodies_expect (" waits for its first attempt\n");
}

static void
test_no_report_says_why_and_how_to_try_again (void **state)
{
    static const struct {
        incident_state_t state;
        const char *words;
    } ends [] = {{INCIDENT_AGENT_FAILED, "*No report:* the agent made none. exit 1\n"},
                 {INCIDENT_FAILED, "*No report:* its workers were lost. exit 1\n"},
                 {INCIDENT_CANCELLED, "*No report:* cancelled. exit 1\n"},
                 {INCIDENT_SUPPRESSED, "*Not investigated:* overflow\n"}};
    for (size_t i = 0; i < sizeof ends / sizeof ends [0]; i++) {
        case_t self;
        s_case (&self);
        self.message.report = NULL;
        self.incident.state = ends [i].state;
        self.incident.suppress = INCIDENT_SUPPRESS_OVERFLOW;
        snprintf (self.incident.reason, sizeof self.incident.reason, "exit 1");
        bodies_show (slack_incident (&self.message, false));
        bodies_expect (ends [i].words);
        bodies_expect ("Try again: `triagectl incidents retry 14`\n");
        bodies_expect (" has no report: ");
        bodies_expect ("*Event:*\ndial tcp 10.96.14.7:5432: refused\n");
        bodies_expect_not ("Root Cause");
        bodies_expect_not ("To mend it");
    }
}

static void
test_what_an_operator_must_mend_is_told (void **state)
{
    case_t self;
    s_case (&self);
    self.message.report = NULL;
    self.incident.state = INCIDENT_AGENT_FAILED;
    self.attempt.class = RUN_CLASS_AUTH;
    bodies_show (slack_incident (&self.message, false));
    bodies_expect ("To mend it: ");
}

static void
test_a_partial_report_is_told_as_one (void **state)
{
    case_t self;
    s_case (&self);
    self.incident.state = INCIDENT_AGENT_FAILED;
    snprintf (self.incident.reason, sizeof self.incident.reason, "agent timed out after 3 s");
    bodies_show (slack_incident (&self.message, false));
    bodies_expect ("*Root Cause (HIGH confidence, partial report):*\nThe limit is too low.\n");
    bodies_expect ("*The agent did not finish:* agent timed out after 3 s\n");
    bodies_expect ("Try again: `triagectl incidents retry 14`\n");
    bodies_expect ("Report: triage-1:/var/incidents/output/x.md\n");
    bodies_expect ("(HIGH confidence, partial report): ");
}

static void
test_a_fault_that_comes_back_is_told (void **state)
{
    case_t self;
    s_case (&self);
    self.incident.last_seen_ms = self.incident.completed_ms + 60000;
    bodies_show (slack_incident (&self.message, false));
    bodies_expect ("*Seen again* since the report, last 2026-01-01T00:03:13Z\n");
    bodies_expect (" in prod-us-east-1, seen again (HIGH");
    bodies_expect ("*Root Cause (HIGH confidence):*");
    self.incident.occurrences = 8;
    self.incident.ended_occurrences = 5;
    bodies_show (slack_incident (&self.message, false));
    bodies_expect ("*Seen again* 3 times since the report, last 2026-01-01T00:03:13Z\n");
    self.message.report = NULL;
    self.incident.state = INCIDENT_AGENT_FAILED;
    self.incident.ended_occurrences = 7;
    bodies_show (slack_incident (&self.message, false));
    bodies_expect ("*Seen again* 1 time since the end, last ");
}

static void
test_a_message_with_a_thread_is_brief_and_the_thread_has_it_all (void **state)
{
    case_t self;
    s_case (&self);
    bodies_fill (self.report.root_cause, sizeof self.report.root_cause, "The disk is full. ");
    s_agent (&self, "claude", "sonnet", "w2");
    self.attempt.usage.cost_micro_usd = 412345;
    self.message.threaded = true;
    own (json_drop) json_t *message = bodies_read (slack_incident (&self.message, false));
    const json_t *cause = json_object_get (bodies_block (message, 2), "text");
    assert_in_range (strlen (json_member_text (cause, "text", "")), 600, 760);
    own (json_drop) json_t *detail = bodies_read (slack_incident_detail (&self.message));
    cause = json_object_get (bodies_block (detail, 0), "text");
    assert_in_range (strlen (json_member_text (cause, "text", "")), 2500, 2910);
    bodies_expect ("*Event:*\ndial tcp 10.96.14.7:5432: refused\n");
    bodies_expect ("*Agent:*\nclaude/sonnet on w2\n");
    bodies_expect ("*Attempts:*\n1\n");
    bodies_expect ("*Duration:*\n2m 13s\n");
    bodies_expect ("*Cost:*\n$0.41\n");
    bodies_expect ("`triagectl incidents show 14`");
    bodies_expect ("Started: 2026-01-01T00:00:00Z  |  Ended: 2026-01-01T00:02:13Z");
}

static void
test_the_thread_of_an_incident_without_report_says_why (void **state)
{
    case_t self;
    s_case (&self);
    self.message.report = NULL;
    self.message.attempt = NULL;
    self.incident.state = INCIDENT_AGENT_FAILED;
    snprintf (self.incident.reason, sizeof self.incident.reason, "exit 1");
    bodies_show (slack_incident_detail (&self.message));
    bodies_expect ("Details of incident #14\n");
    bodies_expect ("*No report:* the agent made none. exit 1\n");
    bodies_expect ("*Agent:*\n-\n");
    bodies_expect_not ("Cost");
}

static void
test_a_repeat_says_so_at_the_top_and_in_its_context (void **state)
{
    case_t self;
    s_case (&self);
    own (json_drop) json_t *message = bodies_read (slack_incident (&self.message, true));
    assert_true (strncmp (json_member_text (message, "text", ""), "(may be a repeat) ", 18) == 0);
    bodies_expect ("This may be a repeat");
}

static void
test_no_value_can_forge_markup_or_a_mention (void **state)
{
    for (size_t i = 0; bodies_hostile [i]; i++) {
        case_t self;
        s_case (&self);
        fault_t *fault = &self.incident.fault;
        bodies_fill (fault->cluster, sizeof fault->cluster, bodies_hostile [i]);
        bodies_fill (fault->namespace_, sizeof fault->namespace_, bodies_hostile [i]);
        bodies_fill (fault->kind, sizeof fault->kind, bodies_hostile [i]);
        bodies_fill (fault->name, sizeof fault->name, bodies_hostile [i]);
        bodies_fill (fault->fault_type, sizeof fault->fault_type, bodies_hostile [i]);
        bodies_fill (fault->summary, sizeof fault->summary, bodies_hostile [i]);
        bodies_fill (self.report.root_cause, sizeof self.report.root_cause, bodies_hostile [i]);
        bodies_fill (self.incident.reason, sizeof self.incident.reason, bodies_hostile [i]);
        s_agent (&self, bodies_hostile [i], bodies_hostile [i], bodies_hostile [i]);
        self.pairs [0] = (conf_pair_t){bodies_hostile [i], bodies_hostile [i]};
        self.labels = (conf_table_t){.items = self.pairs, .count = 1};
        self.message.labels = &self.labels;
        self.message.link = (slack_link_t){.url = bodies_hostile [i], .path = bodies_hostile [i]};
        for (int at = INCIDENT_PENDING; at < INCIDENT_STATES; at++) {
            self.incident.state = (incident_state_t) at;
            self.message.report = at % 2 ? NULL : &self.report;
            bodies_show (slack_incident (&self.message, true));
            bodies_show (slack_incident_detail (&self.message));
        }
    }
}

static void
test_a_value_stays_on_its_line (void **state)
{
    case_t self;
    s_case (&self);
    snprintf (self.report.root_cause, sizeof self.report.root_cause,
              "One.\nReport: elsewhere\xe2\x80\xa8*Cluster:*\nother");
    bodies_show (slack_incident (&self.message, false));
    bodies_expect ("*Root Cause (HIGH confidence):*\nOne. Report: elsewhere "
                   "\xe2\x88\x97"
                   "Cluster:\xe2\x88\x97 other\n");
}

//  Sentences, one word, characters that grow fivefold: the text is cut at a good place.
static void
test_long_causes_are_cut_at_a_sentence_below_the_limit (void **state)
{
    static const char *const units [] = {"The disk is full and nobody knows why. ", "x", "&",
                                         "<&> is told. ", "\xff"};
    for (size_t i = 0; i < sizeof units / sizeof units [0]; i++) {
        case_t self;
        s_case (&self);
        bodies_fill (self.report.root_cause, sizeof self.report.root_cause, units [i]);
        own (json_drop) json_t *message = bodies_read (slack_incident (&self.message, false));
        const char *cause =
            json_member_text (json_object_get (bodies_block (message, 2), "text"), "text", "");
        assert_in_range (strlen (cause), SLACK_BLOCK_TEXT / 3, 3 * SLACK_BLOCK_TEXT);
        const char *end = strrchr (cause, ' ');
        assert_string_equal (end, " \xe2\x80\xa6");
        if (units [i][strlen (units [i]) - 1] == ' ')
            assert_true (end [-1] == '.');
    }
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_report_has_its_header_fields_cause_context_and_footer),
        cmocka_unit_test (test_a_report_has_a_line_of_the_event),
        cmocka_unit_test (test_the_header_names_severity_and_rules),
        cmocka_unit_test (test_fields_name_labels_and_how_often_it_was_seen),
        cmocka_unit_test (test_what_an_event_lacks_leaves_no_hole),
        cmocka_unit_test (test_a_url_is_a_button_and_a_path_is_none),
        cmocka_unit_test (test_no_button_opens_what_is_no_whole_url),
        cmocka_unit_test (test_who_worked_on_it_is_told),
        cmocka_unit_test (test_a_run_tells_worker_agent_and_since_when),
        cmocka_unit_test (test_no_report_says_why_and_how_to_try_again),
        cmocka_unit_test (test_what_an_operator_must_mend_is_told),
        cmocka_unit_test (test_a_partial_report_is_told_as_one),
        cmocka_unit_test (test_a_fault_that_comes_back_is_told),
        cmocka_unit_test (test_a_message_with_a_thread_is_brief_and_the_thread_has_it_all),
        cmocka_unit_test (test_the_thread_of_an_incident_without_report_says_why),
        cmocka_unit_test (test_a_repeat_says_so_at_the_top_and_in_its_context),
        cmocka_unit_test (test_no_value_can_forge_markup_or_a_mention),
        cmocka_unit_test (test_a_value_stays_on_its_line),
        cmocka_unit_test (test_long_causes_are_cut_at_a_sentence_below_the_limit),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
