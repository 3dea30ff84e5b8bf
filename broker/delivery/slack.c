//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/slack.h"

#include "common/base/buf.h"
#include "common/base/clk.h"
#include "common/base/json.h"
#include "common/base/own.h"
#include "common/base/utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    S_FIELD_BYTES = 1500, //  Slack allows 2000 characters
    S_REASON_BYTES = 800, //  each of three
    S_BRIEF_BYTES = 300   //  a value in a notification
};

static const char s_cut [] = " \xe2\x80\xa6";    //  U+2026
static const char s_unknown [] = "\xef\xbf\xbd"; //  U+FFFD
static const char s_repeat [] =
    "This may be a repeat: the broker was interrupted while it sent this message.";


//  --- hostile text

static bool
s_is_word (char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z')
           || (byte >= '0' && byte <= '9') || byte == '_';
}

//  Is it a joiner between characters of emoji or other scripts?  It changes how they look.
static bool
s_joins (const char *text, size_t size, size_t at, uint32_t code)
{
    return (code == 0x200c || code == 0x200d) && at > 0 && (unsigned char) text [at - 1] >= 0x80
           && at + 3 < size && (unsigned char) text [at + 3] >= 0x80;
}

//  Would Slack show an emoji for ":name:" here?
static bool
s_is_shortcode (const char *text, size_t size, size_t at)
{
    bool digits = at > 0 && text [at - 1] >= '0' && text [at - 1] <= '9'; //  "12:30:00" is a time
    size_t end = at + 1;
    for (; end < size && (s_is_word (text [end]) || strchr ("+-'", text [end])); end++)
        digits = digits && text [end] >= '0' && text [end] <= '9';
    return end > at + 1 && end < size && text [end] == ':' && !digits;
}

//  Does the text begin with this word, ignoring case and invisible characters?
static bool
s_begins (const char *text, size_t size, const char *word)
{
    for (size_t at = 0; at < size && *word;) {
        uint32_t code = 0;
        size_t length = utf8_next (text + at, size - at, &code);
        bool unseen = length > 0 && utf8_unseen (code);
        if (!unseen && strncasecmp (text + at, word, 1) != 0)
            return false;
        word += !unseen;
        at += unseen ? length : 1;
    }
    return !*word;
}

//  Would Slack read "@..." here as a mention of one person or of all?
static bool
s_is_mention (const char *text, size_t size, size_t at)
{
    static const char *const all [] = {"channel", "here", "everyone", "group"};
    if (at == 0 || !s_is_word (text [at - 1]))
        return true;
    for (size_t i = 0; i < sizeof all / sizeof all [0]; i++)
        if (s_begins (text + at + 1, size - at - 1, all [i]))
            return true;
    return false;
}

//  The replacement of the character at `at`; NULL: it stays.  *ret_length: its bytes.
static const char *
s_becomes (const char *text, size_t size, size_t at, size_t *ret_length)
{
    uint32_t code = 0;
    *ret_length = utf8_next (text + at, size - at, &code);
    if (*ret_length == 0) {
        *ret_length = 1;
        return s_unknown;
    }
    size_t escape = utf8_escape (text + at, size - at);
    if (escape > 0) {
        *ret_length = escape;
        return "";
    }
    switch (code) {
        case ':': return s_is_shortcode (text, size, at) ? ":\xe2\x80\x8b" : NULL; //  U+200B
        case '&': return "&amp;";
        case '<': return "&lt;";
        case '>': return "&gt;";
        case '`': return "'";
        case '*': return "\xe2\x88\x97";                                         //  U+2217
        case '~': return "\xe2\x88\xbc";                                         //  U+223C
        case '@': return s_is_mention (text, size, at) ? "@\xe2\x80\x8b" : NULL; //  U+200B
        default: break;
    }
    if (code < ' ' || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029)
        return " ";
    return utf8_unseen (code) && !s_joins (text, size, at, code) ? "" : NULL;
}

//  The number of bytes of text that fit into max bytes of escaped text.
static size_t
s_fits (const char *text, size_t size, size_t max)
{
    size_t at = 0, used = 0, length = 0;
    while (at < size) {
        const char *other = s_becomes (text, size, at, &length);
        used += other ? strlen (other) : length;
        if (used > max)
            return at;
        at += length;
    }
    return size;
}

//  Append a value, escaped and cut to max bytes.
static void
s_value (buf_t *out, const char *text, size_t max)
{
    size_t size = strlen (text), length = 0;
    size_t fits = s_fits (text, size, max);
    if (fits < size)
        fits = utf8_sentence (text, size, s_fits (text, size, max - strlen (s_cut)));
    for (size_t at = 0; at < fits; at += length) {
        const char *other = s_becomes (text, size, at, &length);
        buf_append (out, other ? other : text + at, other ? strlen (other) : length);
    }
    if (fits < size)
        buf_text (out, s_cut);
}


//  --- parts of a message

//  A text part.  Own: fresh; NULL when out of memory; takes the content of text.
static json_t *
s_mrkdwn (buf_t *text)
{
    json_t *part = text->failed ? NULL
                                : json_pack ("{s:s,s:s,s:b}", "type", "mrkdwn", "text", text->data,
                                             "verbatim", true);
    buf_fini (text);
    return part;
}

static json_t *
s_section (buf_t *text)
{
    return json_pack ("{s:s,s:o}", "type", "section", "text", s_mrkdwn (text));
}

static json_t *
s_context (buf_t *text)
{
    return json_pack ("{s:s,s:[o]}", "type", "context", "elements", s_mrkdwn (text));
}

static json_t *
s_header (const char *text)
{
    return json_pack ("{s:s,s:{s:s,s:s,s:b}}", "type", "header", "text", "type", "plain_text",
                      "text", text, "emoji", true);
}

static buf_t
s_text (void)
{
    return buf_init (LIMIT_SLACK_TEXT_BYTES);
}

//  A field: "*Label:*" over its value.
static json_t *
s_field (const char *label, const char *value)
{
    buf_t text = s_text ();
    buf_printf (&text, "*%s:*\n", label);
    s_value (&text, *value ? value : "-", S_FIELD_BYTES);
    return s_mrkdwn (&text);
}

static void
s_duration (int64_t ms, char *ret_text, size_t size)
{
    int64_t s = ms > 0 ? (ms + 500) / 1000 : 0;
    if (s >= 3600)
        snprintf (ret_text, size, "%" PRId64 "h %" PRId64 "m %" PRId64 "s", s / 3600, s / 60 % 60,
                  s % 60);
    else if (s >= 60)
        snprintf (ret_text, size, "%" PRId64 "m %" PRId64 "s", s / 60, s % 60);
    else
        snprintf (ret_text, size, "%" PRId64 "s", s);
}

//  The whole message.  color: of a bar beside the blocks; NULL: no bar.  Own: takes blocks.
static char *
s_message (const buf_t *brief, json_t *blocks, const char *color, bool repeated)
{
    if (repeated) {
        buf_t text = s_text ();
        buf_text (&text, s_repeat);
        json_array_append_new (blocks, s_context (&text));
    }
    buf_t line = s_text ();
    buf_printf (&line, "%s%s", repeated ? "(may be a repeat) " : "", brief->data);
    own (json_drop) json_t *message = json_pack ("{s:s,s:b,s:b}", "text", line.data, "unfurl_links",
                                                 false, "unfurl_media", false);
    int bad = brief->failed || line.failed || !blocks;
    buf_fini (&line);
    if (color) {
        json_t *attachment = json_pack ("{s:s,s:o}", "color", color, "blocks", blocks);
        bad |= json_object_set_new (message, "attachments", json_pack ("[o]", attachment));
    }
    else
        bad |= json_object_set_new (message, "blocks", blocks);
    return bad ? NULL : json_line (message);
}


//  --- incident

static json_t *
s_cause (const report_t *report)
{
    buf_t text = s_text ();
    buf_printf (&text, "*Root Cause (%s confidence):*\n",
                report_confidence_name (report->confidence));
    s_value (&text, report->root_cause, LIMIT_SLACK_TEXT_BYTES - text.size);
    return s_section (&text);
}

//  The incident id, as a link if external_url is set, and the duration.
static json_t *
s_origin (const slack_incident_t *message)
{
    const row_incident_t *row = message->incident;
    char duration [64];
    buf_t text = s_text ();
    s_duration (row->completed_ms - row->started_ms, duration, sizeof duration);
    buf_text (&text, "Incident: ");
    if (message->external_url [0] && !strpbrk (message->external_url, "<>|&")) {
        size_t size = strlen (message->external_url);
        size -= message->external_url [size - 1] == '/';
        buf_printf (&text, "<%.*s/api/v1/incidents/%s|%s>", (int) size, message->external_url,
                    row->id.text, row->id.text);
    }
    else
        buf_text (&text, row->id.text);
    buf_printf (&text, "  |  Duration: %s", duration);
    return s_context (&text);
}

static json_t *
s_footer (const char *path)
{
    buf_t text = s_text ();
    buf_text (&text, "Report: ");
    s_value (&text, path, LIMIT_SLACK_TEXT_BYTES - text.size);
    return s_context (&text);
}

//  The text of a notification; an event may lack any part of it.
static void
s_brief (const slack_incident_t *message, const char *resource, buf_t *out)
{
    const fault_t *fault = &message->incident->fault;
    buf_text (out, "Kubernetes incident triaged: ");
    s_value (out, *fault->fault_type ? fault->fault_type : "fault", S_BRIEF_BYTES);
    if (*resource) {
        buf_text (out, " of ");
        s_value (out, resource, S_FIELD_BYTES);
    }
    buf_text (out, " in ");
    s_value (out, fault->cluster, S_BRIEF_BYTES);
    buf_printf (out, " (%s confidence): ", report_confidence_name (message->report->confidence));
    s_value (out, message->report->root_cause, S_BRIEF_BYTES);
}

char *
slack_incident (const slack_incident_t *message, bool repeated)
{
    const fault_t *fault = &message->incident->fault;
    char resource [sizeof fault->kind + sizeof fault->name];
    snprintf (resource, sizeof resource, "%s%s%s", fault->kind,
              *fault->kind && *fault->name ? "/" : "", fault->name);
    own (buf_fini) buf_t brief = s_text ();
    s_brief (message, resource, &brief);
    json_t *blocks = json_pack (
        "[o,{s:s,s:[o,o,o,o]},o,o,o]", s_header ("Kubernetes Incident Triage :white_check_mark:"),
        "type", "section", "fields", s_field ("Cluster", fault->cluster),
        s_field ("Namespace", fault->namespace_), s_field ("Resource", resource),
        s_field ("Reason", fault->fault_type), s_cause (message->report), s_origin (message),
        s_footer (message->path));
    return s_message (&brief, blocks, NULL, repeated);
}


//  --- the system's own state

static json_t *
s_reasons (const row_alert_t *alert)
{
    buf_t text = s_text ();
    buf_text (&text, "*Sample Failure Reasons (last 3):*");
    int count = 0;
    for (int i = 0; i < ROW_REASONS; i++) {
        if (!alert->reasons [i][0])
            continue;
        buf_text (&text, "\n\xe2\x80\xa2 "); //  U+2022
        s_value (&text, alert->reasons [i], S_REASON_BYTES);
        count++;
    }
    if (count == 0)
        buf_text (&text, "\nNo failure details available");
    return s_section (&text);
}

char *
slack_degraded (const row_alert_t *alert, bool repeated)
{
    char count [24], window [64], first [CLK_TEXT], last [CLK_TEXT];
    snprintf (count, sizeof count, "%" PRId64, alert->count);
    s_duration (alert->last_ms - alert->first_ms, window, sizeof window);
    clk_text (alert->first_ms, first, sizeof first);
    clk_text (alert->last_ms, last, sizeof last);
    own (buf_fini) buf_t brief = s_text ();
    buf_printf (&brief, "AI Agent System Degraded: failure count %s within %s", count, window);
    buf_t times = s_text ();
    buf_printf (&times, "First failure: %s  |  Last failure: %s", first, last);
    json_t *blocks =
        json_pack ("[o,{s:s,s:[o,o]},o,o]", s_header ("AI Agent System Degraded"), "type",
                   "section", "fields", s_field ("Failure Count", count),
                   s_field ("Time Window", window), s_reasons (alert), s_context (&times));
    return s_message (&brief, blocks, "warning", repeated);
}

char *
slack_recovered (const row_alert_t *alert, bool repeated)
{
    char count [24], down [64];
    snprintf (count, sizeof count, "%" PRId64, alert->count);
    s_duration (alert->last_ms - alert->first_ms, down, sizeof down);
    own (buf_fini) buf_t brief = s_text ();
    buf_printf (&brief, "AI Agent System Recovered: down for %s, total failures %s", down, count);
    json_t *blocks =
        json_pack ("[o,{s:s,s:[o,o]}]", s_header ("AI Agent System Recovered"), "type", "section",
                   "fields", s_field ("Total Downtime", down), s_field ("Total Failures", count));
    return s_message (&brief, blocks, "good", repeated);
}

char *
slack_overflow (const row_alert_t *alert, bool repeated)
{
    char count [24];
    snprintf (count, sizeof count, "%" PRId64, alert->count);
    own (buf_fini) buf_t brief = s_text ();
    buf_text (&brief, "Incident queue full, incidents of cluster ");
    s_value (&brief, alert->cluster, S_BRIEF_BYTES);
    buf_text (&brief, " are recorded and not investigated");
    buf_t advice = s_text ();
    buf_text (&advice, "Incidents are recorded as suppressed (overflow) and not investigated. Told "
                       "once an hour. Revive them with `triagectl incident retry --reason "
                       "overflow`.");
    json_t *blocks = json_pack ("[o,{s:s,s:[o,o]},o]", s_header ("Incident Queue Full"), "type",
                                "section", "fields", s_field ("Cluster", alert->cluster),
                                s_field ("Waiting", count), s_section (&advice));
    return s_message (&brief, blocks, "warning", repeated);
}
