//  slack_bodies - random and hostile reports, through the report's parser and the makers of bodies.
//
//      slack_bodies COUNT SEED
//      slack_bodies report SEED
//
//  Writes the bodies of COUNT reports, one line of JSON each: the message in one of its states; of
//  some the thread's detail, and of some an alert.  Same numbers, same bodies.
//  The second form writes one such report, in a whole file that is long enough to pass.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/slack/slack_alert.h"
#include "broker/slack/slack_incident.h"
#include "common/base/buf.h"
#include "common/base/own.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL "https://reports.example/a%2Fb?sig=x&se=1"

enum { REPORT_BYTES = LIMIT_KIB (64), PIECES = 60, BIG = 50, NOISE = 40 };

static uint64_t s_state;

//  A number below max.  Src: splitmix64.
static size_t
s_below (size_t max)
{
    uint64_t value = (s_state += UINT64_C (0x9e3779b97f4a7c15));
    value = (value ^ (value >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C (0x94d049bb133111eb);
    return (size_t) ((value ^ (value >> 31)) % max);
}

static const char *const s_pieces [] = {
    //  mentions and links, plain and in disguise
    "<!channel>", "<!here|x>", "<!everyone>", "<!subteam^S1>", "<@U012AB3CD>", "<#C012AB3CD>",
    "<!date^1^{date}^https://evil.example|x>", "@channel", "@here", "x@here", "@everyone", "@group",
    "@U012", "@\xe2\x80\x8bhere", "x@he\xe2\x80\x8dre", "x@h\xcd\217ere", "\xef\xbc\xa0here",
    "x\xef\xbc\240channel", "x@\xef\xbd\x88\xef\xbd\x85\xef\xbd\x92\xef\xbd\x85",
    "\xef\xbc\x9c!here\xef\xbc\x9e", "\xef\xb9\xa4!here\xef\xb9\xa5", "x@ch\xe3\x85\244annel",
    "x@\xef\xb8\217channel", "<https://evil.example|View Report>", "https://evil.example/x",
    "<javascript:x>", "<mailto:a@evil.example|x>", "mailto:a@evil.example", "www.evil.example",
    "[x](https://evil.example)", "[x](javascript:x)", "![x](http://evil.example/x.png)",
    "<http://evil.example>", "slack://channel?id=C1", "evil.example",
    //  escapes, in part and twice
    "&", "&lt;!here&gt;", "&amp;lt;!here&amp;gt;", "&#60;!here&#62;", "&lt", "<", ">", "<<", "|>",
    //  formatting, code and fences
    "*bold*", "_it_", "~gone~", "`code`", "``", "```", "~~~", "```\nfence\n```", "> quote",
    "&gt; q", "*Root Cause (HIGH confidence):*", ":fire:", ":white_check_mark:", "\n\n", "\n",
    "\r\n", "\t", "- item\n", "1. item\n", "| a | b |\n|---|---|\n| c | d |\n", "# ", "## ",
    "---\n", "\\*", "\\<", "<script>alert(1)</script>", "<b>x</b>", "<!-- x -->", "&nbsp;",
    "&zwnj;",
    //  control, direction, joined and broken characters
    "\x1b[31m", "\x1b]0;x\x07", "\x07", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xae", "\xe2\x81\xa6",
    "\xef\xbb\xbf", "\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xf0\x9f",
    "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x94\xa7", "e\xcc\x81", "\xf3\xa0\x81\x81", "\xe4\xb8\xad",
    "\xf0\x9f\x94\xa5\xf0\x9f\x94\xa5\xf0\x9f\x94\xa5", "\xe3\x80\x82", "a\xcc\x81\xcc\x81\xcc\x81",
    //  words
    "The limit is too low. ", "PostgreSQL at 10.96.14.7:5432 refuses connections. ", "at 12:30:00 ",
    "nginx@sha256:0123 ", "HIGH ", "confidence: LOW ", "(MEDIUM confidence) ",
    "not the root cause ", "Root Cause: ", "**Root cause:** ",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", " "};

static const char *const s_heads [] = {
    "# Report\n\n## Root Cause\n\n",
    "## 3. Root Cause Analysis (HIGH confidence)\n\n",
    "### Root cause\n\n**Confidence:** MEDIUM\n\n",
    "**Root cause (LOW confidence):** ",
    "Root Cause: ",
    "## Root Cause\n\n- ",
    "## Root Cause\n\n```\nkubectl\n```\n\n",
    "## Root Cause\n\n| Hypothesis | Confidence |\n|---|---|\n| ",
    ""};

#define COUNT(list) (sizeof (list) / sizeof (list) [0])

//  Append up to most pieces; rarely one of them many times, random bytes or random characters.
static void
s_hostile (buf_t *out, size_t most)
{
    for (size_t left = s_below (most + 1); left > 0; left--) {
        const char *piece = s_pieces [s_below (COUNT (s_pieces))];
        const size_t kind = s_below (NOISE);
        size_t times = kind == 0 ? s_below (400) : 1;
        for (; kind > 1 || times > 1; times--) {
            buf_text (out, piece);
            if (times <= 1)
                break;
        }
        for (size_t i = 0; kind == 1 && i < 20; i++) {
            const char byte = (char) (1 + s_below (255));
            buf_append (out, &byte, 1);
        }
        if (s_below (3) == 0)
            buf_text (out, " ");
    }
}

//  Fill a field as a row has it: cut anywhere.
static void
s_field (char *field, size_t size, size_t most)
{
    own (buf_fini) buf_t text = buf_init (REPORT_BYTES);
    s_hostile (&text, most);
    snprintf (field, size, "%s", text.data);
}

static void
s_write (char *body)
{
    assert (body);
    puts (body);
    free (body);
}

static void
s_row (row_incident_t *row)
{
    *row = (row_incident_t){.id = {"019b76da-a800-7102-8304-05060708090a"},
                            .number = (int64_t) s_below (100000),
                            .occurrences = (int64_t) s_below (1000),
                            .ended_occurrences = (int64_t) s_below (500),
                            .attempts = (int64_t) s_below (3),
                            .started_ms = 1767225600000,
                            .completed_ms = 1767225600000 + (int64_t) s_below (1000000),
                            .first_seen_ms = 1767225600000,
                            .last_seen_ms = 1767225600000 + (int64_t) s_below (2000000)};
    fault_t *fault = &row->fault;
    fault->severity = (enum fault_severity) s_below (FAULT_SEVERITIES);
    row->suppress = (incident_suppress_t) s_below (INCIDENT_SUPPRESS_REASONS);
    //  most messages are about a report
    row->state = s_below (3)
                     ? INCIDENT_REPORTED
                     : (incident_state_t) (INCIDENT_PENDING + s_below (INCIDENT_STATES - 1));
    s_field (fault->cluster, sizeof fault->cluster, 3);
    s_field (fault->namespace_, sizeof fault->namespace_, 2);
    s_field (fault->kind, sizeof fault->kind, 2);
    s_field (fault->name, sizeof fault->name, 4);
    s_field (fault->fault_type, sizeof fault->fault_type, 2);
    s_field (fault->summary, sizeof fault->summary, 10);
    s_field (row->reason, sizeof row->reason, 6);
}

static void
s_report (buf_t *out)
{
    buf_text (out, s_heads [s_below (COUNT (s_heads))]);
    s_hostile (out, s_below (BIG) ? PIECES : 10 * PIECES);
}

static void
s_incident (bool detailed)
{
    row_incident_t row;
    row_attempt_t attempt = {.usage = usage_none (), .class = (run_class_t) s_below (RUN_CLASSES)};
    report_t report;
    char text [512], key [64];
    own (buf_fini) buf_t markdown = buf_init (REPORT_BYTES);
    s_report (&markdown);
    int rc = report_read (markdown.data, markdown.size, &report);
    assert (rc == 0);
    s_row (&row);
    s_field (attempt.worker, sizeof attempt.worker, 2);
    s_field (attempt.usage.agent, sizeof attempt.usage.agent, 1);
    s_field (attempt.usage.model, sizeof attempt.usage.model, 1);
    s_field (text, sizeof text, 6);
    s_field (key, sizeof key, 2);
    conf_pair_t pair = {.key = key, .value = text};
    const conf_table_t labels = {.items = &pair, .count = s_below (2)};
    const slack_incident_t message = {
        .incident = &row,
        .report = row.state == INCIDENT_REPORTED || s_below (2) ? &report : NULL,
        .attempt = s_below (4) ? &attempt : NULL,
        .labels = &labels,
        .link = {.url = s_below (2) ? URL : "", .path = text, .expires_ms = 1767830400000},
        .threaded = s_below (2)};
    s_write (slack_incident (&message, s_below (2)));
    if (detailed)
        s_write (slack_incident_detail (&message));
}

static void
s_alert (void)
{
    row_alert_t alert = {.count = (int64_t) s_below (1000),
                         .first_ms = 1767225600000,
                         .last_ms = 1767225600000 + (int64_t) s_below (1000000),
                         .revives = s_below (2)};
    s_field (alert.cluster, sizeof alert.cluster, 3);
    for (int i = 0; i < ROW_REASONS; i++) {
        s_field (alert.reasons [i], sizeof alert.reasons [i], 6);
        alert.counts [i] = (int64_t) s_below (5);
    }
    const bool repeated = s_below (2);
    s_write (slack_alert_degraded (&alert, repeated));
    s_write (slack_alert_recovered (&alert, repeated));
    s_write (slack_alert_overflow (&alert, repeated));
}

static void
s_write_report (void)
{
    own (buf_fini) buf_t markdown = buf_init (REPORT_BYTES);
    buf_text (&markdown, "# Report\n\n");
    for (int i = 0; i < 10; i++)
        buf_text (&markdown, "The pod was looked at. ");
    buf_text (&markdown, "\n\n");
    s_report (&markdown);
    fwrite (markdown.data, 1, markdown.size, stdout);
}

int
main (int argc, char **argv)
{
    if (argc != 3) {
        fprintf (stderr, "usage: slack_bodies COUNT|report SEED\n");
        return 2;
    }
    s_state = strtoull (argv [2], NULL, 0);
    if (strcmp (argv [1], "report") == 0)
        s_write_report ();
    for (unsigned long i = 0, count = strtoul (argv [1], NULL, 10); i < count; i++) {
        s_incident (i % 4 == 0);
        if (i % 20 == 0)
            s_alert ();
    }
    return fflush (stdout) == 0 ? 0 : 1;
}
