//  Values read from reports, as models write them.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/disk/report.h"
#include "common/base/buf.h"

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
     "The web-0 pod was OOM-killed at 128 Mi & restarted.", REPORT_UNKNOWN},
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
     "## Root Cause\n\n- **Cause:** no memory\n- "
     "**Evidence:** exit 137\n- **Confidence:** HIGH\n",
     "Cause: no memory", REPORT_HIGH},
    {"loose numbered list with hypotheses",
     "## Root Cause\n\n1. No memory.\n\n2. The network, high confidence.\n", "No memory.",
     REPORT_UNKNOWN},
    {"lead-in and list",
     "## Root Cause\n\nTwo things came together:\n\n- a low "
     "limit\n- a leak\n\nConfidence: MEDIUM\n",
     "Two things came together: a low limit; a leak", REPORT_MEDIUM},
    {"quote", "## Root Cause\n\n> Out of memory.\n", "Out of memory.", REPORT_UNKNOWN},
    {"table first, then text",
     "## Root Cause\n\n| Metric | Value |\n|---|---|\n| memory | HIGH |\n\nOut of memory.\n",
     "Out of memory.", REPORT_UNKNOWN},
    {"only a table",
     "## Root Cause\n\n| # | Hypothesis | Confidence |\n|---|---|---|\n"
     "| 1 | Out of memory | Medium |\n"
     "| 2 | Network | High |\n",
     "Out of memory", REPORT_MEDIUM},
    {"table of names and values",
     "# Triage card\n\n| Field | Value |\n|---|---|\n"
     "| Severity | high |\n| Root cause | Out of memory |\n",
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
     "## Root Cause\n\n**Primary hypothesis:** the limit is too "
     "low\n\nThe log shows exit code 137.\n",
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
     REPORT_HIGH},
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

//  Seen in reports of real agents.
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
     "```markdown\n# Report\n\n## Root Cause\n\nDisk "
     "full.\n\n```\ndf -h\n```\n\n**Confidence:** HIGH\n```\n",
     "Disk full.", REPORT_HIGH},
    {"a fenced example first",
     "```md\n## Root Cause\n\nNot this.\n```\n\n## Root Cause\n\nDisk full.\n", "Disk full.",
     REPORT_UNKNOWN},
    {"HTML headings and paragraphs",
     "<h2>Report</h2>\n\n## Root Cause\n\n<p>Disk "
     "<code>full</code>.</p>\n\n<p>Confidence: HIGH</p>\n",
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

//  After the label, each with its own value.
static const shape_t s_values [] = {
    {"denied, with a degree",
     "## Root Cause\n\nDisk full.\n\n**Confidence:** not very high - node logs are missing\n",
     "Disk full.", REPORT_UNKNOWN},
    {"denied for another", "## Root Cause\n\nDisk full.\n\n**Confidence:** not high but medium\n",
     "Disk full.", REPORT_MEDIUM},
    {"neither of two", "## Root Cause\n\nDisk full.\n\n**Confidence:** neither high nor low\n",
     "Disk full.", REPORT_UNKNOWN},
    {"less than", "## Root Cause\n\nDisk full.\n\n**Confidence:** less than high\n", "Disk full.",
     REPORT_UNKNOWN},
    {"percentage, high in its reason",
     "## Root Cause\n\nDisk full.\n\n**Confidence:** 40% - high memory use\n", "Disk full.",
     REPORT_LOW},
    {"percentage, low in its reason",
     "## Root Cause\n\nDisk full.\n\n**Confidence:** 92% \xe2\x80\x94 low doubt\n", "Disk full.",
     REPORT_HIGH},
    {"just HIGH", "## Root Cause\n\nDisk full.\n\n**Confidence:** 80%\n", "Disk full.",
     REPORT_HIGH},
    {"just MEDIUM", "## Root Cause\n\nDisk full.\n\n**Confidence:** 79%\n", "Disk full.",
     REPORT_MEDIUM},
    {"half", "## Root Cause\n\nDisk full.\n\n**Confidence:** 50 %\n", "Disk full.", REPORT_MEDIUM},
    {"less than half", "## Root Cause\n\nDisk full.\n\n**Confidence:** <50%\n", "Disk full.",
     REPORT_LOW},
    {"about", "## Root Cause\n\nDisk full.\n\n**Confidence:** ~85%\n", "Disk full.", REPORT_HIGH},
    {"range", "## Root Cause\n\nDisk full.\n\n**Confidence:** 70-90%\n", "Disk full.",
     REPORT_MEDIUM},
    {"in words", "## Root Cause\n\nDisk full.\n\n**Confidence:** 85 percent\n", "Disk full.",
     REPORT_HIGH},
    {"a decimal percentage", "## Root Cause\n\nDisk full.\n\n**Confidence:** 79.9%\n", "Disk full.",
     REPORT_MEDIUM},
    {"three of five", "## Root Cause\n\nDisk full.\n\n**Confidence:** 3/5\n", "Disk full.",
     REPORT_MEDIUM},
    {"eight of ten", "## Root Cause\n\nDisk full.\n\n**Confidence:** 8 / 10\n", "Disk full.",
     REPORT_HIGH},
    {"four out of five", "## Root Cause\n\nDisk full.\n\n**Confidence:** 4 out of 5\n",
     "Disk full.", REPORT_HIGH},
    {"one of five", "## Root Cause\n\nDisk full.\n\n**Confidence:** 1/5\n", "Disk full.",
     REPORT_LOW},
    {"a share", "## Root Cause\n\nDisk full.\n\n**Confidence:** 0.85\n", "Disk full.", REPORT_HIGH},
    {"a small share", "## Root Cause\n\nDisk full.\n\n**Confidence:** 0.3\n", "Disk full.",
     REPORT_LOW},
    {"a number of nothing", "## Root Cause\n\nDisk full.\n\n**Confidence:** 3\n", "Disk full.",
     REPORT_UNKNOWN},
    {"over the whole", "## Root Cause\n\nDisk full.\n\n**Confidence:** 7/5\n", "Disk full.",
     REPORT_UNKNOWN},
    {"level and percentage", "## Root Cause\n\nDisk full.\n\n**Confidence:** High (90%)\n",
     "Disk full.", REPORT_HIGH},
    {"percentage and level", "## Root Cause\n\nDisk full.\n\n**Confidence:** 85% (HIGH)\n",
     "Disk full.", REPORT_HIGH},
    {"very", "## Root Cause\n\nDisk full.\n\n**Confidence:** Very high\n", "Disk full.",
     REPORT_HIGH},
    {"moderate", "## Root Cause\n\nDisk full.\n\n**Confidence:** Moderate\n", "Disk full.",
     REPORT_MEDIUM},
    {"two levels", "## Root Cause\n\nDisk full.\n\n**Confidence:** Medium to High\n", "Disk full.",
     REPORT_MEDIUM},
    {"two joined", "## Root Cause\n\nDisk full.\n\n**Confidence:** medium-high\n", "Disk full.",
     REPORT_MEDIUM},
    {"low to medium", "## Root Cause\n\nDisk full.\n\n**Confidence:** LOW/MEDIUM\n", "Disk full.",
     REPORT_LOW},
    {"high, with a reason",
     "## Root Cause\n\nDisk full.\n\n**Confidence:** HIGH because df says so\n", "Disk full.",
     REPORT_HIGH},
    {"high, low behind a bracket",
     "## Root Cause\n\nDisk full.\n\n**Confidence:** HIGH (low risk)\n", "Disk full.", REPORT_HIGH},
    {"of a thing", "## Root Cause\n\nDisk full.\n\n**Confidence:** high restart count seen\n",
     "Disk full.", REPORT_UNKNOWN},
    {"nothing stated", "## Root Cause\n\nDisk full.\n\n**Confidence:** cannot be stated\n",
     "Disk full.", REPORT_UNKNOWN},
    {"dash first", "## Root Cause\n\nDisk full.\n\n**Confidence:** - HIGH\n", "Disk full.",
     REPORT_HIGH},
    {"in brackets only", "## Root Cause\n\nDisk full.\n\n**Confidence:** (LOW)\n", "Disk full.",
     REPORT_LOW},
    {"in square brackets", "## Root Cause\n\nDisk full.\n\n**Confidence:** [MEDIUM]\n",
     "Disk full.", REPORT_MEDIUM},
    {"emphasised", "## Root Cause\n\nDisk full.\n\n**Confidence:** ***low***\n", "Disk full.",
     REPORT_LOW},
    {"in code", "## Root Cause\n\nDisk full.\n\n**Confidence:** `HIGH`\n", "Disk full.",
     REPORT_HIGH},
    {"an ornament", "## Root Cause\n\nDisk full.\n\n**Confidence:** \xf0\x9f\x9f\xa1 Medium\n",
     "Disk full.", REPORT_MEDIUM},
    {"struck out", "## Root Cause\n\nDisk full.\n\n**Confidence:** ~~Low~~ **High**\n",
     "Disk full.", REPORT_HIGH},
    {"struck out alone", "## Root Cause\n\nDisk full.\n\n**Confidence:** ~~High~~\n", "Disk full.",
     REPORT_UNKNOWN},
    {"lower case, full stop", "## Root Cause\n\nDisk full.\n\n**Confidence:** high.\n",
     "Disk full.", REPORT_HIGH},
    {"unsure", "## Root Cause\n\nDisk full.\n\n**Confidence:** unsure, memory may be high\n",
     "Disk full.", REPORT_UNKNOWN},
};

//  A bound, a condition or a value that is not reached is no value.
static const shape_t s_bounded [] = {
    {"anything but high", "## Root Cause\n\nDisk full.\n\n**Confidence:** anything but high\n",
     "Disk full.", REPORT_UNKNOWN},
    {"almost high", "## Root Cause\n\nDisk full.\n\n**Confidence:** almost high\n", "Disk full.",
     REPORT_UNKNOWN},
    {"nowhere near high", "## Root Cause\n\nDisk full.\n\n**Confidence:** nowhere near high\n",
     "Disk full.", REPORT_UNKNOWN},
    {"at most high", "## Root Cause\n\nDisk full.\n\n**Confidence:** at most high\n", "Disk full.",
     REPORT_UNKNOWN},
    {"up to 90%", "## Root Cause\n\nDisk full.\n\n**Confidence:** up to 90%\n", "Disk full.",
     REPORT_UNKNOWN},
    {"at most 90%", "## Root Cause\n\nDisk full.\n\n**Confidence:** \xe2\x89\xa4 90%\n",
     "Disk full.", REPORT_UNKNOWN},
    {"pending: HIGH if confirmed",
     "## Root Cause\n\nDisk full.\n\n**Confidence:** pending: HIGH if confirmed\n", "Disk full.",
     REPORT_UNKNOWN},
    {"couldn't be high", "## Root Cause\n\nDisk full.\n\n**Confidence:** couldn't be high\n",
     "Disk full.", REPORT_UNKNOWN},
    {"wont be high", "## Root Cause\n\nDisk full.\n\n**Confidence:** won\xe2\x80\x99t be high\n",
     "Disk full.", REPORT_UNKNOWN},
    {"doesn't reach high, so LOW",
     "## Root Cause\n\nDisk full.\n\n**Confidence:** doesn't reach high, so LOW\n", "Disk full.",
     REPORT_LOW},
    {"up to 90%, for now MEDIUM",
     "## Root Cause\n\nDisk full.\n\n**Confidence:** up to 90%, for now MEDIUM\n", "Disk full.",
     REPORT_MEDIUM},
    {"HIGH if anything", "## Root Cause\n\nDisk full.\n\n**Confidence:** HIGH if anything\n",
     "Disk full.", REPORT_HIGH},
};

static const shape_t s_sayings [] = {
    {"high of a thing, medium of confidence",
     "## Root Cause\n\nThe pod has a high restart count, confidence is medium.\n",
     "The pod has a high restart count, confidence is medium.", REPORT_MEDIUM},
    {"a mark that is none",
     "## Root Cause\n\nMemory pressure (HIGH) on the node.\n\n**Confidence:** LOW\n",
     "Memory pressure (HIGH) on the node.", REPORT_LOW},
    {"a mark in a sentence", "## Root Cause\n\nMemory pressure (HIGH) on the node.\n",
     "Memory pressure (HIGH) on the node.", REPORT_UNKNOWN},
    {"a level of another label",
     "## Root Cause\n\nDisk full. Severity: HIGH Confidence: see below\n",
     "Disk full. Severity: HIGH Confidence: see below", REPORT_UNKNOWN},
    {"at most percent", "## Root Cause\n\nDisk full. I have at most 90% confidence in it.\n",
     "Disk full. I have at most 90% confidence in it.", REPORT_UNKNOWN},
    {"near a limit", "## Root Cause\n\nThe node is near its limit, with high confidence.\n",
     "The node is near its limit, with high confidence.", REPORT_HIGH},
    {"percent confident", "## Root Cause\n\nDisk full. I am 90% confident in this.\n",
     "Disk full. I am 90% confident in this.", REPORT_HIGH},
    {"not confident", "## Root Cause\n\nDisk full. I do not have high confidence.\n",
     "Disk full. I do not have high confidence.", REPORT_UNKNOWN},
    {"joined by a hyphen", "## Root Cause\n\nDisk full, a low-confidence guess.\n",
     "Disk full, a low-confidence guess.", REPORT_LOW},
    {"a degree of it", "## Root Cause\n\nDisk full, with a high degree of confidence.\n",
     "Disk full, with a high degree of confidence.", REPORT_HIGH},
    {"a bracket without an end near it",
     "## Root Cause\n\nDisk full.\n\nConfidence (which is, as this "
     "team has agreed to say in all of its "
     "reports since May, one of three): HIGH\n",
     "Disk full.", REPORT_UNKNOWN},
    {"a scale of numbers", "## Root Cause\n\nDisk full.\n\nConfidence (0-1): 0.85\n", "Disk full.",
     REPORT_HIGH},
    {"a cell with a reason",
     "## Root Cause\n\n| Hypothesis | Confidence |\n|---|---|\n| Disk full | 40% - high use |\n",
     "Disk full", REPORT_LOW},
    {"columns the other way round",
     "## Root Cause\n\n| Confidence | Cause |\n|---|---|\n| moderate | Disk full |\n", "Disk full",
     REPORT_MEDIUM},
    {"in a list", "## Root Cause\n\nDisk full.\n\n* Impact: high\n* Confidence - Low\n",
     "Disk full.", REPORT_LOW},
    {"under a heading of its own",
     "## Root Cause\n\nDisk full.\n\n## Confidence Level\n\n85% - high use was seen\n",
     "Disk full.", REPORT_HIGH},
};

static const shape_t s_labels [] = {
    {"heading: Detailed Root Cause Analysis",
     "## Detailed Root Cause Analysis\n\nDisk full.\n\nConfidence: HIGH\n", "Disk full.",
     REPORT_HIGH},
    {"heading: Contributing Factors and Root Cause",
     "## Contributing Factors and Root Cause\n\nDisk full.\n\nConfidence: HIGH\n", "Disk full.",
     REPORT_HIGH},
    {"heading: CrashLoopBackOff Root Cause",
     "## CrashLoopBackOff Root Cause\n\nDisk full.\n\nConfidence: HIGH\n", "Disk full.",
     REPORT_HIGH},
    {"heading: Step 4: Determine Root Cause",
     "## Step 4: Determine Root Cause\n\nDisk full.\n\nConfidence: HIGH\n", "Disk full.",
     REPORT_HIGH},
    {"heading: Root Cause of the crash",
     "## Root Cause of the crash\n\nDisk full.\n\nConfidence: HIGH\n", "Disk full.", REPORT_HIGH},
    {"heading: Our Root Cause", "## Our Root Cause\n\nDisk full.\n\nConfidence: HIGH\n",
     "Disk full.", REPORT_HIGH},
    {"heading: Root Cause Found", "## Root Cause Found\n\nDisk full.\n\nConfidence: HIGH\n",
     "Disk full.", REPORT_HIGH},
    {"heading: Probable root-cause", "## Probable root-cause\n\nDisk full.\n\nConfidence: HIGH\n",
     "Disk full.", REPORT_HIGH},
    {"heading: Conclusion: Root Cause",
     "## Conclusion: Root Cause\n\nDisk full.\n\nConfidence: HIGH\n", "Disk full.", REPORT_HIGH},
    {"label: Root Cause Identified:",
     "# Report\n\n**Root Cause Identified:** Disk full.\n\n**Confidence:** HIGH\n", "Disk full.",
     REPORT_HIGH},
    {"label: Root cause of the crash:",
     "# Report\n\n**Root cause of the crash:** Disk full.\n\n**Confidence:** HIGH\n", "Disk full.",
     REPORT_HIGH},
    {"label: Likely root cause:",
     "# Report\n\n**Likely root cause:** Disk full.\n\n**Confidence:** HIGH\n", "Disk full.",
     REPORT_HIGH},
    {"label: Root Cause (final):",
     "# Report\n\n**Root Cause (final):** Disk full.\n\n**Confidence:** HIGH\n", "Disk full.",
     REPORT_HIGH},
    {"label: The root cause is:",
     "# Report\n\n**The root cause is:** Disk full.\n\n**Confidence:** HIGH\n", "Disk full.",
     REPORT_HIGH},
    {"label: Root Cause Statement:",
     "# Report\n\n**Root Cause Statement:** Disk full.\n\n**Confidence:** HIGH\n", "Disk full.",
     REPORT_HIGH},
    {"no label", "# Report\n\nThe search for the root cause took long.\n", NOTHING, REPORT_UNKNOWN},
    {"a fence without a language", "```\n## Root Cause\n\nDisk full.\n\nConfidence: LOW\n```\n",
     "Disk full.", REPORT_LOW},
    {"a fence of waves", "\n~~~markdown\n## Root Cause\n\nDisk full.\n~~~\n", "Disk full.",
     REPORT_UNKNOWN},
};

static void
s_check (const shape_t *shapes, size_t count)
{
    int wrong = 0;
    for (size_t i = 0; i < count; i++) {
        report_t report;
        assert_int_equal (report_read (shapes [i].markdown, strlen (shapes [i].markdown), &report),
                          0);
        if (strcmp (report.root_cause, shapes [i].cause) != 0
            || report.confidence != shapes [i].confidence) {
            print_error ("%s: '%s', %s\n", shapes [i].shape, report.root_cause,
                         report_confidence_name (report.confidence));
            wrong++;
        }
    }
    assert_int_equal (wrong, 0);
}

//  In doubt UNKNOWN, and never higher than written.
static const struct {
    const char *value;
    report_confidence_t level;
} s_odd [] = {
    {"<90%", REPORT_UNKNOWN},
    {"< 90 %", REPORT_UNKNOWN},
    {"<= 90%", REPORT_UNKNOWN},
    {"=< 90%", REPORT_UNKNOWN},
    {"<30%", REPORT_LOW},
    {"less than 90%", REPORT_UNKNOWN},
    {"95% unsure", REPORT_UNKNOWN},
    {"under 95 %", REPORT_UNKNOWN},
    {"at most 90%", REPORT_UNKNOWN},
    {"at best 90%", REPORT_UNKNOWN},
    {"not 90%", REPORT_UNKNOWN},
    {"no more than 90%", REPORT_UNKNOWN},
    {"capped at 90%", REPORT_UNKNOWN},
    {"shy of 90%", REPORT_UNKNOWN},
    {"sub-90%", REPORT_UNKNOWN},
    {"90% or less", REPORT_UNKNOWN},
    {"90% at most", REPORT_UNKNOWN},
    {"90% max", REPORT_UNKNOWN},
    {"90% uncertain", REPORT_UNKNOWN},
    {"90% doubt", REPORT_UNKNOWN},
    {"95% sure this is not it", REPORT_UNKNOWN},
    {"90% chance that this is wrong", REPORT_UNKNOWN},
    {"HIGH?", REPORT_UNKNOWN},
    {"90%?", REPORT_UNKNOWN},
    {"high-ish", REPORT_UNKNOWN},
    {"non-high", REPORT_UNKNOWN},
    {"<HIGH", REPORT_UNKNOWN},
    {"could be high", REPORT_UNKNOWN},
    {"high if the logs are right", REPORT_UNKNOWN},
    {"was high, now low", REPORT_LOW},
    {"High (40%)", REPORT_LOW},
    {"high, 60%", REPORT_MEDIUM},
    {"40 to 90%", REPORT_LOW},
    {"between 60 and 90%", REPORT_MEDIUM},
    {"90%-10%", REPORT_LOW},
    {"60\xe2\x80\x93"
     "90%",
     REPORT_MEDIUM},
    {"90% to 60%", REPORT_MEDIUM},
    {"High (not verified)", REPORT_UNKNOWN},
    {"HIGH [unverified]", REPORT_UNKNOWN},
    {"high - not verified", REPORT_UNKNOWN},
    {"high; 40 %", REPORT_LOW},
    {"high; not verified", REPORT_UNKNOWN},
    {"High - 40%", REPORT_LOW},
    {"HIGH \xe2\x80\x93 40 %", REPORT_LOW},
    {"high: 40%", REPORT_LOW},
    {"High (about 40%)", REPORT_LOW},
    {"High (unlikely)", REPORT_UNKNOWN},
    {"High (medium at best)", REPORT_MEDIUM},
    {"HIGH (the pod is not ready)", REPORT_HIGH},
    {"HIGH (no other cause fits)", REPORT_HIGH},
    {"High - the probe does not answer", REPORT_HIGH},
    {"High; the node is not ready", REPORT_HIGH},
    {"High (90%)", REPORT_HIGH},
    {"90% - 3 of 4 pods fail", REPORT_HIGH},
    {"HIGH because the pod was not ready", REPORT_HIGH},
    {"High, no doubt", REPORT_HIGH},
    {"High. It is not the network.", REPORT_HIGH},
    {"85% given that no probe passed", REPORT_HIGH},
    {"~90%", REPORT_HIGH},
    {">= 80%", REPORT_HIGH},
    {"High; 2 of 3 pods fail", REPORT_HIGH},
    {"80 to 95%", REPORT_HIGH},
};

static void
test_odd_values_read_no_higher_than_they_are_written (void **state)
{
    static const char *const forms [] = {"**Confidence:** ", "| Confidence |\n|---|\n| ",
                                         "The confidence is "};
    int wrong = 0;
    for (size_t i = 0; i < sizeof s_odd / sizeof s_odd [0]; i++)
        for (size_t k = 0; k < sizeof forms / sizeof forms [0]; k++) {
            char markdown [256];
            report_t report;
            snprintf (markdown, sizeof markdown, "## Root Cause\n\nDisk full.\n\n%s%s\n", forms [k],
                      s_odd [i].value);
            assert_int_equal (report_read (markdown, strlen (markdown), &report), 0);
            if (report.confidence != s_odd [i].level) {
                print_error ("%s%s: %s\n", forms [k], s_odd [i].value,
                             report_confidence_name (report.confidence));
                wrong++;
            }
        }
    assert_int_equal (wrong, 0);
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
test_the_value_belongs_to_the_word_confidence (void **state)
{
    CHECK (s_values);
    CHECK (s_sayings);
}

static void
test_a_value_that_is_not_reached_is_none (void **state)
{
    CHECK (s_bounded);
}

static void
test_any_heading_or_label_may_hold_the_words_root_cause (void **state)
{
    CHECK (s_labels);
}

//  Reports that were misread once, with the right values.
static void
test_reports_of_the_field_are_read_right (void **state)
{
    static const struct {
        const char *file, *cause;
        unsigned levels; //  any of these
    } cases [] = {
        {"05-confidence/q01.md", "The kubelet",
         1U << REPORT_UNKNOWN | 1U << REPORT_LOW | 1U << REPORT_MEDIUM},
        {"05-confidence/q03.md", "The pod has", 1U << REPORT_MEDIUM},
        {"05-confidence/q06.md", "The kubelet", 1U << REPORT_UNKNOWN | 1U << REPORT_HIGH},
        {"05-confidence/q09.md", "The kubelet", 1U << REPORT_MEDIUM},
        {"05-confidence/q15.md", "The rollout", 1U << REPORT_HIGH},
        {"05-confidence/r12-pct-high-word.md", "The pod is",
         1U << REPORT_UNKNOWN | 1U << REPORT_LOW | 1U << REPORT_MEDIUM},
        {"05-confidence/r14-HIGH-in-brackets.md", "The node", 1U << REPORT_LOW},
        {"06-root-cause/q29.md", "Misconfigured liveness probe.", 1U << REPORT_HIGH},
        {"06-root-cause/r02-rootcause-identified.md", "The ConfigMap app-config lacks",
         1U << REPORT_HIGH},
        {"06-root-cause/r04-detailed.md", "The image tag v2.3 does not exist", 1U << REPORT_HIGH},
        {"06-root-cause/r05-contributing.md", "The node ran out of inodes", 1U << REPORT_LOW},
        {"06-root-cause/r06-pod-root-cause.md", "The liveness probe asks port 8081",
         1U << REPORT_HIGH},
        {"06-root-cause/r09-plain-fence.md", "DNS lookups of the api", 1U << REPORT_MEDIUM},
        {"06-root-cause/r18-moderate.md", "The image cannot be pulled", 1U << REPORT_MEDIUM},
        {"06-root-cause/r31-label-of.md", "The HPA scaled to zero", 1U << REPORT_HIGH},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases [0]; i++) {
        char path [512];
        snprintf (path, sizeof path, "%s/../cases/%s", TRIAGE_GOLDEN_DIR, cases [i].file);
        buf_t text = buf_init (LIMIT_MIB (1));
        report_t report;
        assert_int_equal (buf_read_file (&text, path), 0);
        assert_int_equal (report_read (text.data, text.size, &report), 0);
        if (strncmp (report.root_cause, cases [i].cause, strlen (cases [i].cause)) != 0
            || !(cases [i].levels & 1U << report.confidence))
            fail_msg ("%s: '%s', %s", cases [i].file, report.root_cause,
                      report_confidence_name (report.confidence));
        buf_fini (&text);
    }
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

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_the_heading_is_found_at_any_level_case_and_number),
        cmocka_unit_test (test_the_first_paragraph_is_reduced_to_text),
        cmocka_unit_test (test_the_confidence_is_that_of_the_primary_hypothesis),
        cmocka_unit_test (test_what_agents_write_is_understood),
        cmocka_unit_test (test_the_value_belongs_to_the_word_confidence),
        cmocka_unit_test (test_odd_values_read_no_higher_than_they_are_written),
        cmocka_unit_test (test_a_value_that_is_not_reached_is_none),
        cmocka_unit_test (test_any_heading_or_label_may_hold_the_words_root_cause),
        cmocka_unit_test (test_reports_of_the_field_are_read_right),
        cmocka_unit_test (test_a_long_paragraph_is_cut_at_a_sentence),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
