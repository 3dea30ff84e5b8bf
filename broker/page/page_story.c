//  SPDX-License-Identifier: Apache-2.0
#include "broker/page/page_story.h"

#include "broker/page/page_html.h"

#include <assert.h>
#include <inttypes.h>

enum { S_MOMENTS = 2 * LIMIT_ATTEMPTS + 5, S_COST_BYTES = 32 };


//  --- attempts

//  "success", or the class of a failure where it has one, else its outcome.
static const char *
s_outcome (const row_attempt_t *row)
{
    if (row->state == ROW_ATTEMPT_LIVE)
        return "running";
    if (row->state == ROW_ATTEMPT_SUPERSEDED)
        return "lost";
    const char *class = run_class_name (row->class);
    return *class ? class : verdict_outcome_name (row->outcome);
}

int64_t
page_story_run_ms (const row_attempt_t *row)
{
    const bool ran = row->started_ms > 0 && row->ended_ms > row->started_ms;
    if (row->usage.duration_ms >= 0)
        return row->usage.duration_ms;
    return ran ? row->ended_ms - row->started_ms : -1;
}

static void
s_cell (buf_t *out, const char *text)
{
    buf_text (out, "<td>");
    page_html_text (out, *text ? text : "-");
    buf_text (out, "</td>");
}

static void
s_row (buf_t *out, const row_attempt_t *row)
{
    const int64_t micro = row->usage.cost_micro_usd, run_ms = page_story_run_ms (row);
    buf_printf (out, "<tr><th scope=\"row\">%" PRId64 "</th>", row->number);
    s_cell (out, s_outcome (row));
    s_cell (out, row->worker);
    s_cell (out, row->usage.agent);
    s_cell (out, row->usage.model);
    buf_text (out, "<td>");
    if (run_ms >= 0)
        page_html_span (out, run_ms);
    else
        buf_text (out, "-");
    buf_text (out, "</td><td>");
    if (micro >= 0)
        page_html_cost (out, micro);
    else
        buf_text (out, "-");
    buf_text (out, "</td>");
    buf_text (out, "<td class=\"reason\">");
    page_html_text (out, row->reason [0] ? row->reason : "-");
    buf_text (out, "</td></tr>\n");
}

void
page_story_attempts (buf_t *out, const row_attempt_t *attempts, size_t count, bool open)
{
    if (count == 0)
        return;
    buf_printf (out,
                "<details%s><summary>Attempts <span class=\"count\">%zu</span></summary>\n"
                "<div class=\"wide\" role=\"group\" aria-label=\"Attempts\" tabindex=\"0\"><table>"
                "<thead><tr><th scope=\"col\">No.</th><th scope=\"col\">Outcome</th>"
                "<th scope=\"col\">Worker</th><th scope=\"col\">Agent</th>"
                "<th scope=\"col\">Model</th><th scope=\"col\">Duration</th>"
                "<th scope=\"col\">Cost</th><th scope=\"col\">Reason</th></tr></thead>\n<tbody>",
                open ? " open" : "", count);
    for (size_t i = 0; i < count; i++)
        s_row (out, &attempts [i]);
    buf_text (out, "</tbody></table></div></details>\n");
}


//  --- times

typedef enum { S_SEEN, S_OPENED, S_STARTED, S_GIVEN, S_ENDED, S_LAST, S_COMPLETED } s_kind_t;

typedef struct {
    int64_t ms;
    s_kind_t kind;
    const row_attempt_t *attempt; //  of GIVEN and ENDED
} moment_t;

typedef struct {
    moment_t items [S_MOMENTS];
    size_t count;
} moments_t;

//  Insert by time, behind those of the same time.
static void
s_add (moments_t *self, int64_t ms, s_kind_t kind, const row_attempt_t *attempt)
{
    if (ms <= 0)
        return;
    assert (self->count < S_MOMENTS);
    size_t at = self->count++;
    for (; at > 0 && self->items [at - 1].ms > ms; at--)
        self->items [at] = self->items [at - 1];
    self->items [at] = (moment_t){.ms = ms, .kind = kind, .attempt = attempt};
}

static const char *
s_completed (const row_incident_t *incident)
{
    switch (incident->state) {
        case INCIDENT_REPORTED: return "The report was accepted.";
        case INCIDENT_CANCELLED: return "An operator cancelled the incident.";
        case INCIDENT_SUPPRESSED: return "The incident was recorded and not investigated.";
        case INCIDENT_NONE:
        case INCIDENT_PENDING:
        case INCIDENT_INVESTIGATING:
        case INCIDENT_AGENT_FAILED:
        case INCIDENT_FAILED:
        case INCIDENT_STATES: break;
    }
    return incident->partial > 0 ? "The incident ended with a partial report."
                                 : "The incident ended without a report.";
}

static void
s_tell_attempt (buf_t *out, const moment_t *moment)
{
    const row_attempt_t *attempt = moment->attempt;
    buf_printf (out, "Attempt %" PRId64, attempt->number);
    if (moment->kind == S_GIVEN) {
        buf_text (out, " went to the worker ");
        page_html_text (out, attempt->worker [0] ? attempt->worker : attempt->identity);
        buf_text (out, ".");
        return;
    }
    buf_text (out, " ended: ");
    page_html_text (out, s_outcome (attempt));
    if (page_story_run_ms (attempt) >= 0) {
        buf_text (out, " after ");
        page_html_span (out, page_story_run_ms (attempt));
    }
    buf_text (out, ".");
}

static void
s_tell (buf_t *out, const moment_t *moment, const row_incident_t *incident)
{
    buf_text (out, "<li>");
    page_html_time (out, moment->ms);
    buf_text (out, "<span>");
    switch (moment->kind) {
        case S_SEEN: buf_text (out, "The fault was seen for the first time."); break;
        case S_OPENED: buf_text (out, "The incident was opened."); break;
        case S_STARTED: buf_text (out, "The investigation began."); break;
        case S_GIVEN:
        case S_ENDED: s_tell_attempt (out, moment); break;
        case S_LAST:
            buf_printf (out, "The fault was seen again, %" PRId64 " times by now.",
                        incident->occurrences);
            break;
        case S_COMPLETED: buf_text (out, s_completed (incident)); break;
    }
    buf_text (out, "</span></li>\n");
}

void
page_story_times (buf_t *out, const row_incident_t *incident, const row_attempt_t *attempts,
                  size_t count)
{
    assert (count <= LIMIT_ATTEMPTS);
    moments_t moments = {.count = 0};
    s_add (&moments, incident->first_seen_ms, S_SEEN, NULL);
    s_add (&moments, incident->created_ms, S_OPENED, NULL);
    for (size_t i = 0; i < count; i++) {
        s_add (&moments, attempts [i].assigned_ms, S_GIVEN, &attempts [i]);
        s_add (&moments, attempts [i].ended_ms, S_ENDED, &attempts [i]);
    }
    s_add (&moments, incident->started_ms, S_STARTED, NULL);
    if (incident->occurrences > 1)
        s_add (&moments, incident->last_seen_ms, S_LAST, NULL);
    s_add (&moments, incident->completed_ms, S_COMPLETED, NULL);
    buf_text (out, "<details><summary>Timeline</summary>\n<ol class=\"story\">");
    for (size_t i = 0; i < moments.count; i++)
        s_tell (out, &moments.items [i], incident);
    buf_printf (out,
                "</ol>\n<p class=\"note\">Repeats after the end are not on this page; "
                "<code>triagectl incidents show %" PRId64 "</code> counts them.</p></details>\n",
                incident->number);
}
