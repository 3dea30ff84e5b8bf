//  SPDX-License-Identifier: Apache-2.0
#include "broker/page/page.h"

#include "broker/page/page_html.h"
#include "broker/page/page_story.h"
#include "broker/page/page_style.h"
#include "broker/page/page_text.h"
#include "common/base/json_scan.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void
s_head (buf_t *out, const row_incident_t *incident)
{
    buf_text (out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page_style (out);
    buf_printf (out,
                "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                "<meta name=\"color-scheme\" content=\"light dark\">\n"
                "<meta name=\"referrer\" content=\"no-referrer\">\n"
                "<meta name=\"robots\" content=\"noindex\">\n<title>%s: ",
                page_card_severity (incident));
    page_html_text (out, incident->fault.fault_type [0] ? incident->fault.fault_type : "Event");
    buf_text (out, ", ");
    page_card_resource (out, incident);
    buf_text (out, ", ");
    page_html_text (out, incident->fault.cluster);
    buf_text (out, "</title>\n</head>\n<body>\n<main>\n");
}


//  --- the event

static void
s_block (buf_t *out, const char *name, const char *class, const char *text, size_t size)
{
    buf_printf (out, "<pre class=\"%s\" role=\"group\" aria-label=\"%s\" tabindex=\"0\">", class,
                name);
    page_html_bytes (out, text, size);
    buf_text (out, "</pre>\n");
}

//  The event as JSON, indented; what is no JSON as it is.
static void
s_json (buf_t *out, const char *event, size_t size)
{
    const json_scan_style_t style = {.indent = true};
    //  A full buffer cuts the text.
    own (buf_fini) buf_t json = buf_init (LIMIT_PAGE_EVENT_BYTES);
    int rc = json_write (event, size, &style, &json, NULL);
    const bool whole = rc == 0 && !json.failed;
    if (whole || json.failed == ERR_LIMIT)
        s_block (out, "The event as JSON", "plain", json.data,
                 utf8_cut (json.data, json.size, json.size));
    else
        s_block (out, "The event as it was received", "plain", event,
                 utf8_cut (event, size, LIMIT_PAGE_EVENT_BYTES));
    if (!whole && (json.failed == ERR_LIMIT || size > LIMIT_PAGE_EVENT_BYTES)) {
        buf_text (out, "<p class=\"note\">This is a part of it; <code>event.json</code> has all ");
        page_html_size (out, (int64_t) size);
        buf_text (out, ".</p>\n");
    }
}

static void
s_event (buf_t *out, const char *event, size_t size)
{
    own (own_mem) char *context = fault_context (event, size, LIMIT_PAGE_EVENT_BYTES);
    if (!context) {
        out->failed = out->failed ? out->failed : -ENOMEM;
        return;
    }
    buf_text (out, "<details><summary>Event</summary>\n");
    if (*context) {
        buf_text (out, "<p class=\"note\">What it says. It comes from the cluster: do not trust "
                       "it.</p>\n");
        s_block (out, "Text of the event", "plain", context, strlen (context));
        buf_text (out, "<p class=\"note\">As it was received:</p>\n");
    }
    s_json (out, event, size);
    buf_text (out, "</details>\n");
}


//  --- the report

static int
s_report (buf_t *out, const page_t *self)
{
    page_text_t how;
    if (self->unread) {
        buf_text (out, "<article class=\"report\"><p class=\"note\">The report is not shown: ");
        page_html_text (out, self->unread);
        buf_text (out, ". It is the file <code>investigation.md</code> beside this page.</p>"
                       "</article>\n");
        return 0;
    }
    if (!self->report)
        return 0;
    buf_text (out, "<article class=\"report\" aria-label=\"Report\">\n");
    int rc = page_text (out, self->report, self->report_size, &how);
    buf_text (out, "</article>\n");
    return rc;
}

int
page (buf_t *out, const page_t *self)
{
    assert (out && out->max >= LIMIT_PAGE_BYTES && self && self->card.incident);
    const page_card_t *card = &self->card;
    const row_incident_t *incident = card->incident;
    s_head (out, incident);
    buf_printf (out, "<header class=\"card %s\">\n", page_card_tone (incident));
    page_card (out, card);
    page_story_attempts (out, card->attempts, card->count, !card->cause);
    if (self->event)
        s_event (out, self->event, self->event_size);
    page_story_times (out, incident, card->attempts, card->count);
    buf_text (out, "</header>\n");
    int rc = s_report (out, self);
    buf_text (out, "<footer>k8s-triage, incident ");
    page_html_text (out, incident->id.text);
    buf_text (out, "</footer>\n</main>\n</body>\n</html>\n");
    return out->failed ? out->failed : rc;
}

void
page_bare (const row_incident_t *incident, char ret_text [PAGE_BARE_BYTES])
{
    snprintf (ret_text, PAGE_BARE_BYTES,
              "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'\">\n"
              "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
              "<title>Incident %" PRId64 "</title>\n</head>\n<body>\n<main>\n"
              "<h1>Incident %" PRId64 "</h1>\n"
              "<p>This page could not be made.  The report, if there is one, is the file "
              "investigation.md beside it.</p>\n"
              "<p>triagectl incidents show %" PRId64 "</p>\n</main>\n</body>\n</html>\n",
              incident->number, incident->number, incident->number);
}
