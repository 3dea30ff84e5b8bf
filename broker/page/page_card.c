//  SPDX-License-Identifier: Apache-2.0
#include "broker/page/page_card.h"

#include "broker/page/page_html.h"
#include "broker/page/page_story.h"

#include <inttypes.h>
#include <string.h>


//  --- names

const char *
page_card_severity (const row_incident_t *incident)
{
    switch (incident->fault.severity) {
        case FAULT_CRITICAL: return "CRITICAL";
        case FAULT_WARNING: return "WARNING";
        case FAULT_INFO:
        case FAULT_SEVERITIES: break;
    }
    return "INFO";
}

const char *
page_card_tone (const row_incident_t *incident)
{
    switch (incident->fault.severity) {
        case FAULT_CRITICAL: return "critical";
        case FAULT_WARNING: return "warning";
        case FAULT_INFO:
        case FAULT_SEVERITIES: break;
    }
    return "info";
}

void
page_card_resource (buf_t *out, const row_incident_t *incident)
{
    const fault_t *fault = &incident->fault;
    const char *type = fault->fault_type [0] ? fault->fault_type : "Event";
    page_html_text (out, fault->kind [0] ? fault->kind : fault->name [0] ? "" : type);
    if (fault->name [0]) {
        buf_text (out, fault->kind [0] ? " " : "");
        page_html_text (out, fault->namespace_);
        buf_text (out, fault->namespace_ [0] ? "/" : "");
        page_html_text (out, fault->name);
    }
}

//  How the incident ended, in a few words.
static const char *
s_end (const page_card_t *card)
{
    switch (card->incident->state) {
        case INCIDENT_SUPPRESSED: return "Not investigated";
        case INCIDENT_CANCELLED: return card->cause ? "Cancelled, partial report" : "Cancelled";
        case INCIDENT_NONE:
        case INCIDENT_PENDING:
        case INCIDENT_INVESTIGATING:
        case INCIDENT_REPORTED:
        case INCIDENT_AGENT_FAILED:
        case INCIDENT_FAILED:
        case INCIDENT_STATES: break;
    }
    return card->partial ? "Partial report" : card->cause ? "Report" : "No report";
}


//  --- the head

static void
s_labels (buf_t *out, const conf_table_t *labels)
{
    const conf_pair_t *pairs = labels ? labels->items : NULL;
    for (size_t i = 0; labels && i < labels->count; i++) {
        buf_text (out, " <span class=\"label\">");
        page_html_text (out, pairs [i].key);
        buf_text (out, "=");
        page_html_text (out, pairs [i].value);
        buf_text (out, "</span>");
    }
}

static void
s_seen (buf_t *out, const row_incident_t *incident)
{
    if (incident->occurrences > 1) {
        buf_printf (out, "<p class=\"seen\">Seen <b>%" PRId64 " times</b>, first ",
                    incident->occurrences);
        page_html_time (out, incident->first_seen_ms);
        buf_text (out, ", last ");
        page_html_time (out, incident->last_seen_ms);
    }
    else {
        buf_text (out, "<p class=\"seen\">Seen <b>once</b>, ");
        page_html_time (out, incident->first_seen_ms);
    }
    buf_text (out, ".</p>\n");
}

static void
s_head (buf_t *out, const page_card_t *card)
{
    const row_incident_t *incident = card->incident;
    buf_printf (out, "<p class=\"top\"><span class=\"severity\">%s</span> <span class=\"kind\">",
                page_card_severity (incident));
    page_html_text (out, incident->fault.fault_type [0] ? incident->fault.fault_type : "Event");
    buf_printf (out, "</span> <span class=\"end\">%s</span></p>\n<h1>", s_end (card));
    page_card_resource (out, incident);
    buf_text (out, "</h1>\n<p class=\"where\"><b>");
    page_html_text (out, incident->fault.cluster);
    buf_text (out, "</b>");
    s_labels (out, card->labels);
    buf_text (out, "</p>\n");
    s_seen (out, incident);
}


//  --- the cause

//  The author: a model, an agent, or the fixed rules of the playbook.
static void
s_author (buf_t *out, const row_attempt_t *deciding)
{
    const usage_t *usage = deciding ? &deciding->usage : NULL;
    if (usage && strcmp (usage->agent, "playbook") == 0) {
        buf_text (out, "By <span class=\"mark\">fixed rules</span>, without a model");
        return;
    }
    if (!usage || (!usage->model [0] && !usage->agent [0])) {
        buf_text (out, "It is not known which agent wrote it");
        return;
    }
    buf_text (out, usage->model [0] ? "By the <span class=\"mark\">model</span> "
                                    : "By the <span class=\"mark\">agent</span> ");
    page_html_text (out, usage->model [0] ? usage->model : usage->agent);
    if (!usage->model [0])
        buf_text (out, ", whose model is not known");
}

static void
s_cause (buf_t *out, const page_card_t *card)
{
    if (card->partial) {
        buf_text (out,
                  "<p class=\"partial\"><strong>This report is partial.</strong> The run ended "
                  "before the report was finished");
        buf_text (out, card->incident->reason [0] ? ": " : "");
        page_html_text (out, card->incident->reason);
        buf_text (out, ".</p>\n");
    }
    buf_text (out, "<div class=\"cause\"><h2>Root cause</h2>\n<p class=\"what\">");
    page_html_text (out, card->cause);
    buf_text (out, "</p>\n<p class=\"sure\">Confidence: <span class=\"mark\">");
    page_html_text (out, card->confidence ? card->confidence : "UNKNOWN");
    buf_text (out, "</span>. ");
    s_author (out, card->deciding);
    buf_text (out, ".</p></div>\n");
}


//  --- without a report

static const char *
s_suppressed (incident_suppress_t why)
{
    switch (why) {
        case INCIDENT_SUPPRESS_BELOW_SEVERITY: return "Its severity is below severity_threshold.";
        case INCIDENT_SUPPRESS_TRIAGE_DISABLED: return "Triage is off for this cluster.";
        case INCIDENT_SUPPRESS_OVERFLOW: return "The queue was full.";
        case INCIDENT_SUPPRESS_UNPARSED: return "The event could not be read.";
        case INCIDENT_SUPPRESS_NONE:
        case INCIDENT_SUPPRESS_REASONS: break;
    }
    return "It was not investigated.";
}

static const char *
s_what (const row_incident_t *incident)
{
    switch (incident->state) {
        case INCIDENT_AGENT_FAILED: return "The agent ran and made no valid report.";
        case INCIDENT_FAILED: return "No worker could finish an attempt.";
        case INCIDENT_CANCELLED: return "An operator ended the investigation.";
        case INCIDENT_SUPPRESSED: return s_suppressed (incident->suppress);
        case INCIDENT_NONE:
        case INCIDENT_PENDING:
        case INCIDENT_INVESTIGATING:
        case INCIDENT_REPORTED:
        case INCIDENT_STATES: break;
    }
    return "There is no report.";
}

static void
s_mend (buf_t *out, const page_card_t *card)
{
    const row_attempt_t *deciding = card->deciding;
    const run_class_rule_t *rule = deciding ? run_class_rule (deciding->class) : NULL;
    buf_text (out, "<p>");
    if (rule && rule->mend) {
        buf_text (out, "First, at the worker ");
        page_html_text (out, deciding->worker);
        buf_text (out, ": ");
        page_html_text (out, rule->mend);
        buf_text (out, ". ");
    }
    buf_printf (out,
                "To investigate it again:</p>\n<pre role=\"group\" aria-label=\"Command\" "
                "tabindex=\"0\"><code>triagectl incidents retry %" PRId64 "</code></pre>\n",
                card->incident->number);
}

static void
s_nothing (buf_t *out, const page_card_t *card)
{
    const row_incident_t *incident = card->incident;
    buf_printf (out, "<div class=\"nothing\"><h2>No report</h2>\n<p><strong>%s</strong></p>\n",
                s_what (incident));
    if (incident->reason [0]) {
        buf_text (out, "<p>Reason: ");
        page_html_text (out, incident->reason);
        buf_text (out, "</p>\n");
    }
    s_mend (out, card);
    buf_text (out, "</div>\n");
}


//  --- figures

static void
s_figure (buf_t *out, const char *name)
{
    buf_printf (out, "<div><dt>%s</dt><dd>", name);
}

static void
s_figure_text (buf_t *out, const char *name, const char *text, const char *more)
{
    if (!*text)
        return;
    s_figure (out, name);
    page_html_text (out, text);
    buf_text (out, *more ? " " : "");
    page_html_text (out, more);
    buf_text (out, "</dd></div>\n");
}

static void
s_figure_run (buf_t *out, const row_attempt_t *deciding)
{
    const int64_t run_ms = page_story_run_ms (deciding);
    s_figure_text (out, "Agent", deciding->usage.agent, deciding->usage.version);
    s_figure_text (out, "Model", deciding->usage.model, "");
    if (run_ms >= 0) {
        s_figure (out, "Duration");
        page_html_span (out, run_ms);
        buf_text (out, "</dd></div>\n");
    }
}

static void
s_figures (buf_t *out, const page_card_t *card)
{
    usage_t sum = usage_none ();
    for (size_t i = 0; i < card->count; i++)
        usage_add (&sum, &card->attempts [i].usage);
    buf_text (out, "<dl>");
    s_figure (out, "Incident");
    buf_printf (out, "#%" PRId64 "</dd></div>\n", card->incident->number);
    s_figure (out, "Attempts");
    buf_printf (out, "%zu</dd></div>\n", card->count);
    if (card->deciding)
        s_figure_run (out, card->deciding);
    if (sum.cost_micro_usd >= 0) {
        s_figure (out, "Cost of all attempts");
        page_html_cost (out, sum.cost_micro_usd);
        buf_text (out, "</dd></div>\n");
    }
    buf_text (out, "</dl>\n");
}

void
page_card (buf_t *out, const page_card_t *card)
{
    s_head (out, card);
    if (card->cause)
        s_cause (out, card);
    else
        s_nothing (out, card);
    s_figures (out, card);
}
