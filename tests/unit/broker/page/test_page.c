//  The page of an incident as a whole, and a sample of it in tests/golden/render.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/page/page.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char s_event [] =
    "{\"cluster\":\"own\",\"resource\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":"
    "\"checkout-7d9f6c5b8-x2kqp\",\"namespace\":\"shop\"},\"faultType\":\"CrashLoop\","
    "\"severity\":\"critical\",\"context\":\"Back-off <restarting> failed container.\"}";

static const char s_report [] =
    "# Triage report\n\n## Root Cause\n\nPostgreSQL at `10.96.14.7:5432` refuses connections.\n\n"
    "**Confidence:** HIGH\n\n## Evidence\n\n| Fact | Source |\n|---|---|\n| refused | "
    "`kubectl logs` |\n\n```\ndial tcp 10.96.14.7:5432: connect: connection refused\n```\n\n"
    "See [the runbook](https://wiki.example.com/pg).\n";

typedef struct {
    row_incident_t incident;
    row_attempt_t attempts [2];
    conf_pair_t labels [2];
    conf_table_t table;
    page_t page;
} sample_t;

static row_attempt_t
s_attempt (int64_t number, verdict_outcome_t outcome, run_class_t class)
{
    row_attempt_t row = {.number = number,
                         .state = ROW_ATTEMPT_ENDED,
                         .worker = "w1",
                         .assigned_ms = 1767225660000 + 100000 * number,
                         .started_ms = 1767225661000 + 100000 * number,
                         .ended_ms = 1767225700000 + 100000 * number,
                         .outcome = outcome,
                         .class = class,
                         .usage = usage_none ()};
    snprintf (row.usage.agent, sizeof row.usage.agent, "claude");
    snprintf (row.usage.version, sizeof row.usage.version, "2.1.330");
    snprintf (row.usage.model, sizeof row.usage.model, "sonnet");
    row.usage.cost_micro_usd = 205000;
    return row;
}

static void
s_sample (sample_t *self)
{
    *self = (sample_t){.labels = {{"env", "prod"}, {"region", "eu"}}};
    row_incident_t *incident = &self->incident;
    fault_read (s_event, sizeof s_event - 1, "prod-us-east-1", &incident->fault);
    snprintf (incident->id.text, sizeof incident->id.text, "019b76da-a800-7102-8304-05060708090a");
    incident->number = 14;
    incident->state = INCIDENT_REPORTED;
    incident->winner = 2;
    incident->occurrences = 42;
    incident->first_seen_ms = incident->created_ms = 1767225600000;
    incident->started_ms = 1767225761000;
    incident->completed_ms = 1767225900000;
    incident->last_seen_ms = 1767225890000;
    self->attempts [0] = s_attempt (1, VERDICT_AGENT, RUN_CLASS_OVERLOADED);
    snprintf (self->attempts [0].reason, LIMIT_REASON_BYTES,
              "agent exited with non-zero code: 1: 529 overloaded");
    self->attempts [1] = s_attempt (2, VERDICT_SUCCESS, RUN_CLASS_SUCCESS);
    self->table = (conf_table_t){.items = self->labels, .count = 2};
    self->page = (page_t){.card = {.incident = incident,
                                   .attempts = self->attempts,
                                   .count = 2,
                                   .deciding = &self->attempts [1],
                                   .labels = &self->table,
                                   .cause = "PostgreSQL at 10.96.14.7:5432 refuses connections.",
                                   .confidence = "HIGH"},
                          .event = s_event,
                          .event_size = sizeof s_event - 1,
                          .report = s_report,
                          .report_size = sizeof s_report - 1};
}

static char *
s_html (const page_t *document)
{
    buf_t out = buf_init (LIMIT_PAGE_BYTES);
    assert_int_equal (page (&out, document), 0);
    return buf_take (&out);
}

static void
s_has (const char *html, const char *part)
{
    if (!strstr (html, part))
        print_error ("not there: %s\n", part);
    assert_non_null (strstr (html, part));
}

//  Compare with a file of tests/golden; TRIAGE_GOLDEN=write rewrites it.
static void
s_golden (const char *name, const char *text)
{
    char path [512];
    snprintf (path, sizeof path, "%s/%s", TRIAGE_GOLDEN_DIR, name);
    const char *mode = getenv ("TRIAGE_GOLDEN");
    if (mode && strcmp (mode, "write") == 0) {
        FILE *out = fopen (path, "w");
        assert_non_null (out);
        fputs (text, out);
        fclose (out);
    }
    buf_t expected = buf_init (LIMIT_PAGE_BYTES);
    assert_int_equal (buf_read_file (&expected, path), 0);
    assert_string_equal (text, expected.data);
    buf_fini (&expected);
}

static void
test_a_report_has_its_page (void **state)
{
    sample_t sample;
    s_sample (&sample);
    own (own_mem) char *html = s_html (&sample.page);
    s_golden ("investigation.html", html);
}

static void
test_the_card_says_how_bad_where_how_often_and_why (void **state)
{
    sample_t sample;
    s_sample (&sample);
    own (own_mem) char *html = s_html (&sample.page);
    static const char *const parts [] = {
        "<title>CRITICAL: CrashLoop, Pod shop/checkout-7d9f6c5b8-x2kqp, prod-us-east-1</title>",
        "class=\"severity\">CRITICAL<",
        "<h1>Pod shop/checkout-7d9f6c5b8-x2kqp</h1>",
        "<b>prod-us-east-1</b>",
        "env=prod",
        "<b>42 times</b>, first <time datetime=\"2026-01-01T00:00:00.000Z\">",
        "last <time datetime=\"2026-01-01T00:04:50.000Z\">2026-01-01 00:04:50 UTC</time>",
        "PostgreSQL at 10.96.14.7:5432 refuses",
        "<span class=\"mark\">HIGH</span>",
        "By the <span class=\"mark\">model</span> sonnet.",
        "<dt>Attempts</dt><dd>2</dd>",
        "claude 2.1.330",
        "<dt>Duration</dt><dd>39 s</dd>",
        "<dd>$0.41</dd>",
        "529 overloaded",
        "Back-off &lt;restarting&gt; failed container.",
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts [0]; i++)
        s_has (html, parts [i]);
}

static void
test_it_asks_for_nothing (void **state)
{
    sample_t sample;
    s_sample (&sample);
    own (own_mem) char *html = s_html (&sample.page);
    s_has (html, "default-src 'none'; style-src 'sha256-");
    static const char *const absent [] = {"<script", "<link", "<img",    "<iframe",
                                          " src=",   "url(",  "@import", "unsafe",
                                          " style=", "<form", "<base"};
    for (size_t i = 0; i < sizeof absent / sizeof absent [0]; i++)
        assert_null (strstr (html, absent [i]));
}

static void
test_rules_and_models_do_not_look_alike (void **state)
{
    sample_t sample;
    s_sample (&sample);
    snprintf (sample.attempts [1].usage.agent, USAGE_NAME, "playbook");
    sample.attempts [1].usage.model [0] = 0;
    own (own_mem) char *rules = s_html (&sample.page);
    s_has (rules, "By <span class=\"mark\">fixed rules</span>, without a model");
    snprintf (sample.attempts [1].usage.agent, USAGE_NAME, "custom");
    own (own_mem) char *custom = s_html (&sample.page);
    s_has (custom, "By the <span class=\"mark\">agent</span> custom, whose model is not known");
    sample.attempts [1].usage = usage_none ();
    own (own_mem) char *unknown = s_html (&sample.page);
    s_has (unknown, "It is not known which agent wrote it");
}

static void
test_a_partial_report_is_marked (void **state)
{
    sample_t sample;
    s_sample (&sample);
    sample.incident.state = INCIDENT_AGENT_FAILED;
    sample.incident.winner = 0;
    sample.incident.partial = 2;
    sample.page.card.partial = true;
    snprintf (sample.incident.reason, LIMIT_REASON_BYTES, "agent timed out after 300 s");
    own (own_mem) char *html = s_html (&sample.page);
    s_has (html, "<span class=\"end\">Partial report</span>");
    s_has (html, "This report is partial.</strong> The run ended before the report was finished: "
                 "agent timed out after 300 s");
}

static void
test_an_incident_without_a_report_says_what_failed_why_and_what_to_do (void **state)
{
    sample_t sample;
    s_sample (&sample);
    sample.incident.state = INCIDENT_AGENT_FAILED;
    sample.incident.winner = 0;
    sample.attempts [1].class = RUN_CLASS_QUOTA;
    sample.attempts [1].outcome = VERDICT_AGENT;
    sample.page.card.cause = NULL;
    sample.page.report = NULL;
    snprintf (sample.incident.reason, LIMIT_REASON_BYTES, "credit <is> used up");
    own (own_mem) char *html = s_html (&sample.page);
    s_has (html, "<span class=\"end\">No report</span>");
    s_has (html, "The agent ran and made no valid report.");
    s_has (html, "Reason: credit &lt;is&gt; used up");
    s_has (html, "at the worker w1: give the account credit");
    s_has (html, "triagectl incidents retry 14");
    s_has (html, "<details open><summary>Attempts");
    assert_null (strstr (html, "class=\"report\""));
    sample.incident.state = INCIDENT_CANCELLED;
    own (own_mem) char *cancelled = s_html (&sample.page);
    s_has (cancelled, "An operator ended the investigation.");
    sample.incident.state = INCIDENT_FAILED;
    sample.page.card.count = 0;
    sample.page.card.deciding = NULL;
    sample.page.event = NULL;
    own (own_mem) char *failed = s_html (&sample.page);
    s_has (failed, "No worker could finish an attempt.");
}

static void
test_an_event_without_anything_has_a_page_too (void **state)
{
    sample_t sample;
    s_sample (&sample);
    sample.incident.occurrences = 1;
    fault_read ("\xff<x>", 4, "", &sample.incident.fault);
    sample.page.event = "\xff<x>";
    sample.page.event_size = 4;
    own (own_mem) char *html = s_html (&sample.page);
    s_has (html, "<h1>Unparsed</h1>");
    s_has (html, "Seen <b>once</b>");
    s_has (html, "\xef\xbf\xbd&lt;x&gt;");
}

static void
test_a_report_that_is_not_shown_is_named (void **state)
{
    sample_t sample;
    s_sample (&sample);
    sample.page.report = NULL;
    sample.page.unread = "it could not be read";
    own (own_mem) char *html = s_html (&sample.page);
    s_has (html, "The report is not shown: it could not be read.");
    char bare [PAGE_BARE_BYTES];
    page_bare (&sample.incident, bare);
    s_has (bare, "triagectl incidents show 14");
    s_has (bare, "</html>");
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_report_has_its_page),
        cmocka_unit_test (test_the_card_says_how_bad_where_how_often_and_why),
        cmocka_unit_test (test_it_asks_for_nothing),
        cmocka_unit_test (test_rules_and_models_do_not_look_alike),
        cmocka_unit_test (test_a_partial_report_is_marked),
        cmocka_unit_test (test_an_incident_without_a_report_says_what_failed_why_and_what_to_do),
        cmocka_unit_test (test_an_event_without_anything_has_a_page_too),
        cmocka_unit_test (test_a_report_that_is_not_shown_is_named),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
