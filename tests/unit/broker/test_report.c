//  What is read from reports, as models write them and as nobody should.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/io/report.h"
#include "common/base/buf.h"
#include "common/base/json.h"

#include <stdio.h>
#include <string.h>

#define NOTHING "See investigation report for details"

typedef struct {
    const char *shape, *markdown, *cause;
    report_confidence_t confidence;
} shape_t;

static const shape_t s_headings [] = {
    {"plain heading",
     "# Report\n\n## Root Cause\n\nThe limit is too low.\n\n**Confidence:** HIGH\n",
     "The limit is too low.", REPORT_HIGH},
    {"analysis", "## Root Cause Analysis\n\nThe limit is too low.\n", "The limit is too low.",
     REPORT_UNKNOWN},
    {"numbered", "## 3. Root Cause Analysis\n\nDisk full.\n\nConfidence: medium\n", "Disk full.",
     REPORT_MEDIUM},
    {"numbered twice", "### 3.1) root cause\nDisk full.\n", "Disk full.", REPORT_UNKNOWN},
    {"roman", "# IV. ROOT CAUSE\n\nDisk full. Confidence is LOW.\n",
     "Disk full. Confidence is LOW.", REPORT_LOW},
    {"level six, capitals", "###### ROOT CAUSE ANALYSIS ######\n\nDisk full.\n", "Disk full.",
     REPORT_UNKNOWN},
    {"underlined", "Root Cause\n==========\n\nDisk full.\n", "Disk full.", REPORT_UNKNOWN},
    {"emphasised heading", "## **2. Root Cause:**\n\nDisk full.\n", "Disk full.", REPORT_UNKNOWN},
    {"emoji", "## \xf0\x9f\x94\x8d Root Cause\n\nDisk full.\n", "Disk full.", REPORT_UNKNOWN},
    {"colon and confidence in the heading", "## Root Cause (HIGH confidence)\n\nDisk full.\n",
     "Disk full.", REPORT_HIGH},
    {"capitals in brackets", "## Root Cause [MEDIUM]\n\nDisk full.\n", "Disk full.", REPORT_MEDIUM},
    {"most likely", "## Most Likely Root Cause\n\nDisk full.\n", "Disk full.", REPORT_UNKNOWN},
    {"all in the heading", "## Root Cause: the disk is full\n\n## Evidence\n\nNone.\n",
     "the disk is full", REPORT_UNKNOWN},
    {"numbered by a letter", "## A. Root Cause\n\nDisk full.\n", "Disk full.", REPORT_UNKNOWN},
    {"numbered by a phase", "## Phase 2 - Root Cause Analysis\n\nDisk full.\n", "Disk full.",
     REPORT_UNKNOWN},
    {"with a word before it", "## Identified Root Cause\n\nDisk full.\n", "Disk full.",
     REPORT_UNKNOWN},
    {"behind another", "## Diagnosis / Root Cause\n\nDisk full.\n", "Disk full.", REPORT_UNKNOWN},
    {"together with another", "## Summary and Root Cause\n\nDisk full.\n", "Disk full.",
     REPORT_UNKNOWN},
    {"about it, not it",
     "## Why DNS is not the root cause\n\nIt answers.\n\n## Evidence for the root cause\n\nLogs.\n",
     NOTHING, REPORT_UNKNOWN},
    {"first section empty",
     "# Root Cause\n\n# Evidence\n\nLogs.\n\n# 4. Root Cause\n\nDisk full.\n", "Disk full.",
     REPORT_UNKNOWN},
    {"not another word", "## Root Causeway\n\nA road.\n\n## Root Causes Ruled Out\n\nDNS.\n",
     NOTHING, REPORT_UNKNOWN},
    {"byte order mark, CRLF", "\xef\xbb\xbf## Root Cause\r\n\r\nDisk\r\nfull.\r\n", "Disk full.",
     REPORT_UNKNOWN},
};

static const shape_t s_bodies [] = {
    {"Markdown becomes text",
     "## Root Cause\n\nThe **`web-0`** pod was [OOM-killed](https://evil.example/x) at *128 Mi* "
     "&amp; ~~never~~ ![restarted](y.png).\n",
     "The web-0 pod was OOM-killed at 128 Mi & never restarted.", REPORT_UNKNOWN},
    {"code first", "## Root Cause\n\n```\nLast State: OOMKilled\n```\n\nOut of memory.\n",
     "Out of memory.", REPORT_UNKNOWN},
    {"code with a heading in it",
     "```\n## Root Cause\n\nNot this.\nConfidence: HIGH\n```\n\n## Root Cause\n\nThis.\n", "This.",
     REPORT_UNKNOWN},
    {"indented code first", "## Root Cause\n\n    $ kubectl get pod\n\nOut of memory.\n",
     "Out of memory.", REPORT_UNKNOWN},
    {"only code", "## Root Cause\n\n```\nOOMKilled\n```\n", NOTHING, REPORT_UNKNOWN},
    {"confidence on the next line, no blank",
     "## Root Cause\nThe pod ran out\nof memory.\n**Confidence:** HIGH\n",
     "The pod ran out of memory.", REPORT_HIGH},
    {"confidence first", "## Root Cause\n\n**Confidence: LOW**\n\nPerhaps the network.\n",
     "Perhaps the network.", REPORT_LOW},
    {"list",
     "## Root Cause\n\n- **Cause:** no memory\n- **Evidence:** exit 137\n- **Confidence:** "
     "HIGH\n",
     "Cause: no memory", REPORT_HIGH},
    {"loose numbered list with hypotheses",
     "## Root Cause\n\n1. No memory.\n\n2. The network, high confidence.\n", "No memory.",
     REPORT_UNKNOWN},
    {"lead-in and list",
     "## Root Cause\n\nTwo things came together:\n\n- a low limit\n- a leak\n\nConfidence: "
     "MEDIUM\n",
     "Two things came together: a low limit; a leak", REPORT_MEDIUM},
    {"quote", "## Root Cause\n\n> Out of memory.\n", "Out of memory.", REPORT_UNKNOWN},
    {"table first, then text",
     "## Root Cause\n\n| Metric | Value |\n|---|---|\n| memory | HIGH |\n\nOut of memory.\n",
     "Out of memory.", REPORT_UNKNOWN},
    {"only a table",
     "## Root Cause\n\n| # | Hypothesis | Confidence |\n|---|---|---|\n| 1 | Out of memory | "
     "Medium "
     "|\n"
     "| 2 | Network | High |\n",
     "Out of memory", REPORT_MEDIUM},
    {"table of names and values",
     "# Triage card\n\n| Field | Value |\n|---|---|\n| Severity | high |\n| Root cause | Out of "
     "memory "
     "|\n",
     "Out of memory", REPORT_UNKNOWN},
    {"label without a heading",
     "# Report\n\n**Severity:** high\n**Root Cause:** the limit\nis too low\n**Confidence:** LOW\n",
     "the limit is too low", REPORT_LOW},
    {"label over its text", "**Root cause analysis**\n\nThe limit is too low.\n",
     "The limit is too low.", REPORT_UNKNOWN},
    {"formatting tags go, names in angle brackets stay",
     "## Root Cause\n\n<b>Node</b> is <none><br/>for <pod>. <!-- hidden -->\n",
     "Node is <none> for <pod>.", REPORT_UNKNOWN},
    {"HTML around it",
     "<details>\n<summary>More</summary>\n\n## Root Cause\n\nDisk full.\n\n</details>",
     "Disk full.", REPORT_UNKNOWN},
    {"hostile mrkdwn is text like any other",
     "## Root Cause\n\n<!channel> <@U012AB3CD> <https://evil.example|here> @channel *x* `</`\n",
     "<!channel> <@U012AB3CD> https://evil.example|here @channel x </", REPORT_UNKNOWN},
    {"ends in the middle", "## Root Cause\n\nDisk **fu", "Disk **fu", REPORT_UNKNOWN},
    {"no heading at all", "Everything is broken. Confidence: HIGH.\n", NOTHING, REPORT_UNKNOWN},
    {"nothing at all", "", NOTHING, REPORT_UNKNOWN},
};

static const shape_t s_confidences [] = {
    {"primary hypothesis, not the last one",
     "## Root Cause\n\n### H1: memory (HIGH)\n\nOut of memory.\n\n### H2: network (LOW)\n\nPackets "
     "lost.\n\nConfidence: LOW\n",
     "Out of memory.", REPORT_HIGH},
    {"the second one alone has a level",
     "## Root Cause\n\nOut of memory.\n\n### Hypothesis 2\n\nNetwork. Confidence: LOW\n",
     "Out of memory.", REPORT_UNKNOWN},
    {"alternatives in a paragraph",
     "## Root Cause\n\nOut of memory.\n\nAlternative: the network, with low confidence.\n",
     "Out of memory.", REPORT_UNKNOWN},
    {"title over the text",
     "## Root Cause\n\n**Primary hypothesis (MEDIUM confidence)**\n\nOut of memory.\n",
     "Out of memory.", REPORT_MEDIUM},
    {"hypothesis on a line of its own",
     "## Root Cause\n\n**Primary hypothesis:** the limit is too low\n\nThe log shows exit code "
     "137.\n",
     "Primary hypothesis: the limit is too low", REPORT_UNKNOWN},
    {"first of two mentions",
     "## Root Cause\n\nHigh confidence that memory ran out; low confidence in the network.\n",
     "High confidence that memory ran out; low confidence in the network.", REPORT_HIGH},
    {"far behind the word",
     "## Root Cause\n\nOut of memory. My confidence in this is rather high.\n",
     "Out of memory. My confidence in this is rather high.", REPORT_HIGH},
    {"impact before a label", "## Root Cause\n\nDisk full (Impact: HIGH, Confidence: LOW).\n",
     "Disk full (Impact: HIGH, Confidence: LOW).", REPORT_LOW},
    {"whole words only",
     "## Root Cause\n\nConfidence is highlighted below; the slow disk follows.\n",
     "Confidence is highlighted below; the slow disk follows.", REPORT_UNKNOWN},
    {"high, but not of confidence", "## Root Cause\n\nHIGH memory use on a LOW priority node.\n",
     "HIGH memory use on a LOW priority node.", REPORT_UNKNOWN},
    {"denied", "## Root Cause\n\nDisk full. Confidence is not high.\n",
     "Disk full. Confidence is not high.", REPORT_UNKNOWN},
    {"percentage alone", "## Root Cause\n\nDisk full.\n\nConfidence: 85%\n", "Disk full.",
     REPORT_UNKNOWN},
    {"percentage and word", "## Root Cause\n\nDisk full.\n\nConfidence: 85% (HIGH)\n", "Disk full.",
     REPORT_HIGH},
    {"heading of its own",
     "## Root Cause\n\nDisk full.\n\n## Confidence\n\n**Medium** - one log line.\n\n## Next\n",
     "Disk full.", REPORT_MEDIUM},
    {"sub-heading behind others",
     "## Root Cause\n\nDisk full.\n\n### Evidence\n\nConfidence: LOW\n\n### Confidence: HIGH\n",
     "Disk full.", REPORT_HIGH},
    {"card at the top",
     "# Card\n\n- Severity: high\n- Overall confidence: MEDIUM\n\n# Root Cause\n\nDisk full.\n",
     "Disk full.", REPORT_MEDIUM},
    {"of another section", "# Root Cause\n\nDisk full.\n\n# Forecast\n\nConfidence: HIGH\n",
     "Disk full.", REPORT_UNKNOWN},
};

//  Found in what agents wrote.
static const shape_t s_agents [] = {
    {"bold lines for headings",
     "**What happened**\n\nIt crashed.\n\n**Root Cause**\n\nDisk full.\n\n**Confidence:** "
     "HIGH\n\n**Evidence**\n",
     "Disk full.", REPORT_HIGH},
    {"front matter",
     "---\ntitle: Incident\nroot_cause: DNS\nconfidence: low\n---\n\n## Root Cause\n\nDisk "
     "full.\n\n**Confidence:** HIGH\n",
     "Disk full.", REPORT_HIGH},
    {"the whole wrapped in a fence",
     "```markdown\n# Report\n\n## Root Cause\n\nDisk full.\n\n```\ndf -h\n```\n\n**Confidence:** "
     "HIGH\n```\n",
     "Disk full.", REPORT_HIGH},
    {"a fenced example first",
     "```md\n## Root Cause\n\nNot this.\n```\n\n## Root Cause\n\nDisk full.\n", "Disk full.",
     REPORT_UNKNOWN},
    {"HTML headings and paragraphs",
     "<h2>Report</h2>\n\n## Root Cause\n\n<p>Disk <code>full</code>.</p>\n\n<p>Confidence: "
     "HIGH</p>\n",
     "Disk full.", REPORT_HIGH},
    {"an image first",
     "## Root Cause\n\n![graph of the disk](g.png)\n\nDisk full.\n\nConfidence: LOW\n",
     "Disk full.", REPORT_LOW},
    {"a rule right under the text",
     "## Root Cause\n\nDisk full.\n**Confidence:** HIGH\n---\n\n## Evidence\n\nLogs.\n",
     "Disk full.", REPORT_HIGH},
    {"a rule right under a sentence", "## Root Cause.\n\nDisk full.\n---\n\n## Evidence\n\nLogs.\n",
     "Disk full.", REPORT_UNKNOWN},
    {"lead-in and table",
     "## Root Cause\n\nTwo hypotheses:\n\n| # | Hypothesis | Confidence |\n|---|---|---|\n| 1 | "
     "Disk full | HIGH |\n| 2 | Leak | LOW |\n",
     "Two hypotheses: Disk full", REPORT_HIGH},
    {"the level on a line of its own",
     "## Root Cause\n\n**\xf0\x9f\x9f\xa2 HIGH confidence**\n\nDisk full.\n", "Disk full.",
     REPORT_HIGH},
    {"the level under its label", "## Root Cause\n\nDisk full.\n\n**Confidence:**\nMEDIUM\n",
     "Disk full.", REPORT_MEDIUM},
    {"the level in a list under its label",
     "## Root Cause\n\nDisk full.\n\n**Confidence level:**\n\n- HIGH: df says so\n", "Disk full.",
     REPORT_HIGH},
    {"a scale in the label",
     "## Root Cause\n\nDisk full.\n\n**Confidence (High/Medium/Low):** Medium\n", "Disk full.",
     REPORT_MEDIUM},
    {"a scale behind the level",
     "## Root Cause\n\nDisk full.\n\nConfidence: LOW (one of HIGH, MEDIUM or LOW)\n", "Disk full.",
     REPORT_LOW},
    {"a form that nobody filled in",
     "## Root Cause\n\nDisk full.\n\n**Confidence:** HIGH | MEDIUM | LOW\n\n## Confidence\n\n"
     "\xe2\x98\x90 HIGH \xe2\x98\x90 MEDIUM \xe2\x98\x90 LOW\n",
     "Disk full.", REPORT_UNKNOWN},
    {"a form in the heading", "## Root Cause [HIGH/MEDIUM/LOW confidence]\n\nDisk full. (MEDIUM)\n",
     "Disk full. (MEDIUM)", REPORT_MEDIUM},
    {"severity beside it",
     "## Root Cause\n\nDisk full.\n\n**Severity:** HIGH | **Confidence:** LOW\n", "Disk full.",
     REPORT_LOW},
    {"in a quote with an ornament",
     "## \xf0\x9f\x8e\xaf Root Cause\n\n\xe2\x9d\x8c Disk full.\n\n> \xf0\x9f\x94\xb4 "
     "**Confidence:** LOW\n",
     "\xe2\x9d\x8c Disk full.", REPORT_LOW},
};

static void
s_check (const shape_t *shapes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        report_t report;
        assert_int_equal (report_read (shapes [i].markdown, strlen (shapes [i].markdown), &report),
                          0);
        if (strcmp (report.root_cause, shapes [i].cause) != 0
            || report.confidence != shapes [i].confidence)
            fail_msg ("%s: '%s', %s", shapes [i].shape, report.root_cause,
                      report_confidence_name (report.confidence));
    }
}

#define CHECK(shapes) s_check (shapes, sizeof (shapes) / sizeof (shapes) [0])

static void
test_the_heading_is_found_at_any_level_case_and_number (void **state)
{
    CHECK (s_headings);
}

static void
test_the_first_paragraph_is_reduced_to_text (void **state)
{
    CHECK (s_bodies);
}

static void
test_the_confidence_is_that_of_the_primary_hypothesis (void **state)
{
    CHECK (s_confidences);
}

static void
test_what_agents_write_is_understood (void **state)
{
    CHECK (s_agents);
}

static void
test_a_long_paragraph_is_cut_at_a_sentence (void **state)
{
    buf_t text = buf_init (LIMIT_MIB (1));
    buf_text (&text, "## Root Cause\n\n");
    for (int i = 0; text.size < 10240; i++)
        buf_printf (&text, "Sentence %d says that the disk is full. ", i);
    report_t report;
    assert_int_equal (report_read (text.data, text.size, &report), 0);
    size_t size = strlen (report.root_cause);
    assert_in_range (size, LIMIT_ROOT_CAUSE_BYTES / 2, LIMIT_ROOT_CAUSE_BYTES - 1);
    assert_string_equal (report.root_cause + size - 6, " full.");
    buf_fini (&text);
}

//  Bytes that are no text, and texts that try to be more than text.
static void
test_what_comes_out_is_one_line_of_valid_text (void **state)
{
    static const char bytes [] = "## Root Cause\n\nA\xff\xc3( \x1b[31mred\x07 \xe2\x80\xae"
                                 "backwards &#x202e;&#0;&#7;&#99999999; \x00 end.\x1f\n";
    report_t report;
    assert_int_equal (report_read (bytes, sizeof bytes - 1, &report), 0);
    assert_true (json_utf8_valid (report.root_cause, strlen (report.root_cause)));
    for (const char *at = report.root_cause; *at; at++)
        assert_true ((unsigned char) *at >= ' ');
    assert_null (strstr (report.root_cause, "\xe2\x80\xae"));
    assert_non_null (strstr (report.root_cause, "backwards"));
    assert_non_null (strstr (report.root_cause, "end."));
}

//  Each of these made some Markdown parser slow or large; the test's own time limit is the judge.
static void
test_hostile_megabytes_are_read_in_bounded_time_and_memory (void **state)
{
    static const char *const units [] = {"[",           "![",
                                         "*a_",         "**",
                                         "`",           "<",
                                         "<a ",         "> ",
                                         "- ",          "|a",
                                         "|\n|-\n",     "#\n",
                                         "\\",          "&#1;",
                                         "[a](b",       "[a]: b\n",
                                         "a\n\n",       "_a ",
                                         "* * *\n",     "- - ",
                                         "confidence ", "# Root Cause\n",
                                         "|\n",         "~~~\n",
                                         "<!-- ",       "\xff"};
    for (size_t i = 0; i < sizeof units / sizeof units [0]; i++) {
        buf_t text = buf_init (LIMIT_REPORT_PARSE_BYTES + LIMIT_KIB (1));
        buf_text (&text, "# Root Cause\n\nDisk full.\n\n");
        while (text.size < LIMIT_REPORT_PARSE_BYTES)
            buf_text (&text, units [i]);
        report_t report;
        assert_int_equal (report_read (text.data, text.size, &report), 0);
        assert_true (strncmp (report.root_cause, "Disk full.", 10) == 0);
        buf_fini (&text);
    }
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_the_heading_is_found_at_any_level_case_and_number),
        cmocka_unit_test (test_the_first_paragraph_is_reduced_to_text),
        cmocka_unit_test (test_the_confidence_is_that_of_the_primary_hypothesis),
        cmocka_unit_test (test_what_agents_write_is_understood),
        cmocka_unit_test (test_a_long_paragraph_is_cut_at_a_sentence),
        cmocka_unit_test (test_what_comes_out_is_one_line_of_valid_text),
        cmocka_unit_test (test_hostile_megabytes_are_read_in_bounded_time_and_memory),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
