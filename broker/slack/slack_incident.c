//  SPDX-License-Identifier: Apache-2.0
#include "broker/slack/slack_incident.h"

#include "broker/slack/slack_block.h"
#include "broker/slack/slack_text.h"
#include "common/base/clk.h"
#include "common/base/own.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    S_CAUSE_BRIEF = 700, //  characters, when the thread has it all: a phone shows it whole
    S_LABELS = 512,
    S_NAMES = 320, //  an agent, its model and its worker
    S_REASON = 600,
    S_EVENT = 300, //  of the event, beside a report
    S_HOST = 64
};

static const char *const s_words [FAULT_SEVERITIES] = {
    [FAULT_INFO] = "INFO", [FAULT_WARNING] = "WARNING", [FAULT_CRITICAL] = "CRITICAL"};
static const char *const s_colors [FAULT_SEVERITIES] = {
    [FAULT_INFO] = "#2EB67D", [FAULT_WARNING] = "#ECB22E", [FAULT_CRITICAL] = "#E01E5A"};


//  --- what a message is about

static bool
s_runs (const slack_incident_t *self)
{
    return self->incident->state == INCIDENT_INVESTIGATING
           || self->incident->state == INCIDENT_PENDING;
}

//  The agent: the one that runs, else the one that has run; "" = not known.
static const char *
s_agent (const slack_incident_t *self)
{
    if (self->agent && *self->agent)
        return self->agent;
    return self->attempt ? self->attempt->usage.agent : "";
}

static bool
s_by_rules (const slack_incident_t *self)
{
    return self->report && strcmp (s_agent (self), "playbook") == 0;
}

//  "claude/sonnet on w2"; "" = nothing is known.
static void
s_names (const slack_incident_t *self, char *ret_text, size_t size)
{
    const char *agent = s_agent (self);
    const char *model = self->attempt ? self->attempt->usage.model : "";
    const char *worker = self->attempt ? self->attempt->worker : "";
    snprintf (ret_text, size, "%s%s%s%s%s", agent, *agent && *model ? "/" : "", model,
              (*agent || *model) && *worker ? " on "
              : *worker                     ? "worker "
                                            : "",
              worker);
}

static void
s_resource (const fault_t *fault, char *ret_text, size_t size)
{
    snprintf (ret_text, size, "%s%s%s", fault->kind, *fault->kind && *fault->name ? "/" : "",
              fault->name);
}

//  The cluster and its labels: "prod-us-east-1 (env=prod, team=shop)".
static void
s_cluster (const slack_incident_t *self, char *ret_text, size_t size)
{
    size_t used = (size_t) snprintf (ret_text, size, "%s", self->incident->fault.cluster);
    const size_t count = self->labels ? self->labels->count : 0;
    const conf_pair_t *pairs = count > 0 ? self->labels->items : NULL;
    for (size_t i = 0; i < count && used < size; i++)
        used += (size_t) snprintf (ret_text + used, size - used, "%s%s=%s", i == 0 ? " (" : ", ",
                                   pairs [i].key, pairs [i].value);
    if (count > 0 && used < size)
        snprintf (ret_text + used, size - used, ")");
}

static void
s_seen (const row_incident_t *row, char *ret_text, size_t size)
{
    char since [CLK_TEXT], last [CLK_TEXT];
    slack_block_time (row->first_seen_ms, since, sizeof since);
    slack_block_time (row->last_seen_ms, last, sizeof last);
    if (row->occurrences > 1)
        snprintf (ret_text, size, "%" PRId64 " times since %s, last %s", row->occurrences, since,
                  last);
    else
        snprintf (ret_text, size, "once, at %s", since);
}


//  --- its parts

static void
s_head (const slack_incident_t *self, slack_block_t *out)
{
    const fault_t *fault = &self->incident->fault;
    char title [96], resource [sizeof fault->kind + sizeof fault->name], seen [128];
    char cluster [sizeof fault->cluster + S_LABELS];
    snprintf (title, sizeof title, "Kubernetes Incident Triage: %s%s", s_words [fault->severity],
              s_by_rules (self) ? " (rules)" : "");
    s_resource (fault, resource, sizeof resource);
    s_cluster (self, cluster, sizeof cluster);
    s_seen (self->incident, seen, sizeof seen);
    slack_block_header (out, title);
    slack_block_field (out, "Cluster", cluster);
    slack_block_field (out, "Namespace", fault->namespace_);
    slack_block_field (out, "Resource", resource);
    slack_block_field (out, "Reason", fault->fault_type);
    slack_block_field (out, "Seen", seen);
}

static void
s_cause (const slack_incident_t *self, bool brief, slack_block_t *out)
{
    buf_t text = slack_block_text ();
    buf_printf (&text, "*Root Cause (%s confidence%s):*\n",
                report_confidence_name (self->report->confidence),
                self->incident->state == INCIDENT_REPORTED ? "" : ", partial report");
    slack_text_add (&text, self->report->root_cause,
                    brief ? S_CAUSE_BRIEF : SLACK_BLOCK_TEXT - text.size);
    slack_block_section (out, &text);
}

//  What the event says of the fault, in short, beside a report that does not repeat it.  Its own
//  message stands last, and says what a rule's cause does not: which service, which file.
static void
s_event_brief (const slack_incident_t *self, slack_block_t *out)
{
    static const char mark [] = "message: ";
    const size_t size = sizeof mark - 1;
    const char *said = self->incident->fault.summary;
    for (const char *at = strstr (said, mark); at && at [size]; at = strstr (said, mark))
        said = at + size;
    if (!*said || strstr (self->report->root_cause, said))
        return;
    buf_t text = slack_block_text ();
    buf_text (&text, "*Event:* ");
    slack_text_add (&text, said, S_EVENT);
    slack_block_section (out, &text);
}

//  What the event says of the fault.
static void
s_event (const fault_t *fault, slack_block_t *out)
{
    if (!fault->summary [0])
        return;
    buf_t text = slack_block_text ();
    buf_text (&text, "*Event:*\n");
    slack_text_add (&text, fault->summary, SLACK_BLOCK_TEXT - text.size);
    slack_block_section (out, &text);
}

//  What goes on: a run, or the wait for one.
static void
s_progress (const slack_incident_t *self, slack_block_t *out)
{
    const row_incident_t *row = self->incident;
    char since [CLK_TEXT], names [S_NAMES];
    const int64_t started_ms =
        self->attempt && self->attempt->started_ms ? self->attempt->started_ms : row->started_ms;
    slack_block_time (started_ms ? started_ms : row->created_ms, since, sizeof since);
    s_names (self, names, sizeof names);
    buf_t text = slack_block_text ();
    if (row->state == INCIDENT_PENDING) {
        buf_printf (&text, "*Waiting* for %s attempt.",
                    row->attempts > 0 ? "another" : "its first");
        if (row->reason [0]) {
            buf_text (&text, " The last one: ");
            slack_text_add (&text, row->reason, S_REASON);
        }
    }
    else {
        buf_printf (&text, "*Investigating* since %s: attempt %" PRId64, since, row->attempts);
        buf_text (&text, *names ? ", " : "");
        slack_text_add (&text, names, S_NAMES);
    }
    slack_block_section (out, &text);
}

//  Why there is no report, or only a part of one.
static const char *
s_failure (const row_incident_t *row, bool partial)
{
    if (partial)
        return "*The agent did not finish:* ";
    switch (row->state) {
        case INCIDENT_CANCELLED: return "*No report:* cancelled. ";
        case INCIDENT_SUPPRESSED: return "*Not investigated:* ";
        case INCIDENT_FAILED: return "*No report:* its workers were lost. ";
        case INCIDENT_AGENT_FAILED: return "*No report:* the agent made none. ";
        case INCIDENT_NONE:
        case INCIDENT_PENDING:
        case INCIDENT_INVESTIGATING:
        case INCIDENT_REPORTED:
        case INCIDENT_STATES: break;
    }
    return "*No report.* ";
}

static const char *
s_reason (const row_incident_t *row)
{
    return row->state == INCIDENT_SUPPRESSED ? incident_suppress_name (row->suppress) : row->reason;
}

//  The end without a whole report, in words, and the command that tries again.
static void
s_no_report (const slack_incident_t *self, slack_block_t *out)
{
    const row_incident_t *row = self->incident;
    buf_t text = slack_block_text ();
    buf_text (&text, s_failure (row, self->report != NULL));
    slack_text_add (&text, s_reason (row), S_REASON);
    const char *mend = self->attempt ? run_class_rule (self->attempt->class)->mend : NULL;
    if (mend) {
        buf_text (&text, "\nTo mend it: ");
        slack_text_add (&text, mend, S_REASON);
    }
    buf_printf (&text, "\nTry again: `triagectl incidents retry %" PRId64 "`", row->number);
    slack_block_section (out, &text);
}

//  How often the fault was seen since the incident ended; 0 = not known, or not at all.
static int64_t
s_since (const row_incident_t *row)
{
    if (!incident_terminal (row->state) || row->ended_occurrences < 1)
        return 0;
    return row->occurrences > row->ended_occurrences ? row->occurrences - row->ended_occurrences
                                                     : 0;
}

//  Was the fault seen after the incident ended?
static bool
s_recurred (const row_incident_t *row)
{
    return s_since (row) > 0
           || (incident_terminal (row->state) && row->completed_ms > 0
               && row->last_seen_ms > row->completed_ms);
}

static void
s_again (const slack_incident_t *self, slack_block_t *out)
{
    char last [CLK_TEXT];
    slack_block_time (self->incident->last_seen_ms, last, sizeof last);
    buf_t text = slack_block_text ();
    buf_text (&text, "*Seen again*");
    const int64_t times = s_since (self->incident);
    if (times > 0)
        buf_printf (&text, " %" PRId64 " time%s", times, times == 1 ? "" : "s");
    buf_printf (&text, " since the %s, last %s", self->report ? "report" : "end", last);
    slack_block_section (out, &text);
}

//  The incident's number and id, its duration and who has worked on it.
static void
s_origin (const slack_incident_t *self, slack_block_t *out)
{
    const row_incident_t *row = self->incident;
    char span [SLACK_BLOCK_SPAN], names [S_NAMES];
    s_names (self, names, sizeof names);
    buf_t text = slack_block_text ();
    buf_printf (&text, "Incident: %s (#%" PRId64 ")", row->id.text, row->number);
    if (row->completed_ms && !s_runs (self)) {
        slack_block_span (row->completed_ms - row->started_ms, span, sizeof span);
        buf_printf (&text, "  |  Duration: %s", span);
    }
    if (*names) {
        buf_text (&text, "  |  Agent: ");
        slack_text_add (&text, names, S_NAMES);
    }
    slack_block_note (out, &text);
}

//  Where the report is.
static void
s_footer (const slack_incident_t *self, slack_block_t *out)
{
    char until [CLK_TEXT];
    const bool linked = slack_block_url (self->link.url);
    if (linked && self->link.expires_ms) {
        buf_t text = slack_block_text ();
        slack_block_time (self->link.expires_ms, until, sizeof until);
        buf_printf (&text, "The link works until %s", until);
        slack_block_note (out, &text);
    }
    buf_t text = slack_block_text ();
    buf_text (&text, "Report: ");
    if (linked)
        buf_text (&text, "URL (see button above)");
    else {
        const bool named = self->link.path && self->link.host && *self->link.host;
        slack_text_add (&text, named ? self->link.host : "", S_HOST);
        buf_text (&text, named ? ":" : "");
        slack_text_add (&text, self->link.path ? self->link.path : "-",
                        SLACK_BLOCK_TEXT - text.size);
    }
    slack_block_note (out, &text);
}

//  The text of a notification; an event may lack any part of it.
static void
s_brief (const slack_incident_t *self, buf_t *out)
{
    const row_incident_t *row = self->incident;
    const fault_t *fault = &row->fault;
    char resource [sizeof fault->kind + sizeof fault->name];
    s_resource (fault, resource, sizeof resource);
    buf_printf (out, "%s: ", s_words [fault->severity]);
    slack_text_brief (out, *fault->fault_type ? fault->fault_type : "fault", SLACK_BLOCK_BRIEF);
    if (*resource) {
        buf_text (out, " of ");
        slack_text_brief (out, resource, SLACK_BLOCK_BRIEF);
    }
    buf_text (out, " in ");
    slack_text_brief (out, fault->cluster, SLACK_BLOCK_BRIEF);
    if (s_runs (self)) {
        buf_text (out, row->state == INCIDENT_INVESTIGATING ? " is being investigated"
                       : row->attempts > 0                  ? " waits for another attempt"
                                                            : " waits for its first attempt");
        return;
    }
    buf_text (out, s_recurred (row) ? ", seen again" : "");
    if (self->report) {
        buf_printf (out,
                    " (%s confidence%s%s): ", report_confidence_name (self->report->confidence),
                    s_by_rules (self) ? ", by rules" : "",
                    row->state == INCIDENT_REPORTED ? "" : ", partial report");
        slack_text_brief (out, self->report->root_cause, SLACK_BLOCK_BRIEF);
        return;
    }
    buf_text (out, " has no report: ");
    slack_text_brief (out, s_reason (row), SLACK_BLOCK_BRIEF);
}

char *
slack_incident (const slack_incident_t *self, bool repeated)
{
    const bool reported = self->incident->state == INCIDENT_REPORTED;
    slack_block_t out = slack_block_init (s_colors [self->incident->fault.severity]);
    own (buf_fini) buf_t brief = slack_block_text ();
    s_brief (self, &brief);
    s_head (self, &out);
    if (s_recurred (self->incident))
        s_again (self, &out);
    if (self->report && !s_runs (self)) {
        s_cause (self, self->threaded, &out);
        s_event_brief (self, &out);
    }
    else
        s_event (&self->incident->fault, &out);
    if (s_runs (self))
        s_progress (self, &out);
    else if (!reported)
        s_no_report (self, &out);
    const bool shows = self->report && !s_runs (self);
    if (shows && slack_block_url (self->link.url))
        slack_block_button (&out, "View Report", self->link.url);
    s_origin (self, &out);
    if (shows)
        s_footer (self, &out);
    return slack_block_message (&out, &brief, repeated);
}


//  --- the thread

//  The agent and its worker, the attempts, how long they took, and what the last one cost.
static void
s_run (const slack_incident_t *self, slack_block_t *out)
{
    const row_incident_t *row = self->incident;
    char names [S_NAMES], number [24], span [SLACK_BLOCK_SPAN];
    s_names (self, names, sizeof names);
    snprintf (number, sizeof number, "%" PRId64, row->attempts);
    slack_block_field (out, "Agent", names);
    slack_block_field (out, "Attempts", number);
    if (row->completed_ms && row->started_ms) {
        slack_block_span (row->completed_ms - row->started_ms, span, sizeof span);
        slack_block_field (out, "Duration", span);
    }
    if (self->attempt && self->attempt->usage.cost_micro_usd > 0) {
        snprintf (number, sizeof number, "$%.2f",
                  (double) self->attempt->usage.cost_micro_usd / 1e6);
        slack_block_field (out, "Cost", number);
    }
}

static void
s_times (const row_incident_t *row, slack_block_t *out)
{
    const struct {
        const char *name;
        int64_t ms;
    } times [] = {{"First seen", row->first_seen_ms},
                  {"Accepted", row->created_ms},
                  {"Started", row->started_ms},
                  {"Ended", row->completed_ms},
                  {"Last seen", row->last_seen_ms}};
    char time [CLK_TEXT];
    buf_t text = slack_block_text ();
    for (size_t i = 0; i < sizeof times / sizeof times [0]; i++) {
        if (!times [i].ms)
            continue;
        slack_block_time (times [i].ms, time, sizeof time);
        buf_printf (&text, "%s%s: %s", text.size > 0 ? "  |  " : "", times [i].name, time);
    }
    if (text.size > 0)
        slack_block_note (out, &text);
    else
        buf_fini (&text);
}

char *
slack_incident_detail (const slack_incident_t *self)
{
    slack_block_t out = slack_block_init (s_colors [self->incident->fault.severity]);
    own (buf_fini) buf_t brief = slack_block_text ();
    buf_printf (&brief, "Details of incident #%" PRId64, self->incident->number);
    if (self->report) {
        buf_text (&brief, ": ");
        slack_text_brief (&brief, self->report->root_cause, SLACK_BLOCK_BRIEF);
        s_cause (self, false, &out);
    }
    else if (!s_runs (self))
        s_no_report (self, &out);
    s_event (&self->incident->fault, &out);
    s_run (self, &out);
    buf_t text = slack_block_text ();
    buf_printf (&text, "Everything about it: `triagectl incidents show %" PRId64 "`",
                self->incident->number);
    slack_block_section (&out, &text);
    s_times (self->incident, &out);
    return slack_block_message (&out, &brief, false);
}
