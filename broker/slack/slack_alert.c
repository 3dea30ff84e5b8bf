//  SPDX-License-Identifier: Apache-2.0
#include "broker/slack/slack_alert.h"

#include "broker/slack/slack_block.h"
#include "broker/slack/slack_text.h"
#include "common/base/clk.h"
#include "common/base/own.h"

#include <inttypes.h>
#include <stdio.h>

enum { S_REASON = 800 }; //  characters, each of three

static const char s_look [] =
    "*What to do:* `triagectl incidents list --state agent_failed` shows what failed. Mend the "
    "agent. In mode `pause` the queue is held meanwhile, and single incidents are tried; "
    "`triagectl breaker probe` tries one at once. ";
static const char s_retry [] = "`triagectl incidents retry --state agent_failed`";

//  How many failed for a reason, unless it was one; a row of an earlier version has no counts.
static void
s_share (const row_alert_t *alert, int i, buf_t *out)
{
    if (alert->counts [i] > 1)
        buf_printf (out, ", %" PRId64 " of %" PRId64, alert->counts [i], alert->count);
}

static void
s_reasons (const row_alert_t *alert, slack_block_t *out)
{
    buf_t text = slack_block_text ();
    buf_text (&text, "*Sample Failure Reasons (last 3):*");
    int count = 0;
    for (int i = 0; i < ROW_REASONS; i++) {
        if (!alert->reasons [i][0])
            continue;
        buf_text (&text, "\n\xe2\x80\xa2 "); //  U+2022
        slack_text_add (&text, alert->reasons [i], S_REASON);
        s_share (alert, i, &text);
        count++;
    }
    if (count == 0)
        buf_text (&text, "\nNo failure details available");
    slack_block_section (out, &text);
}

//  The reason that most failures have; -1 = none is known.
static int
s_main_reason (const row_alert_t *alert)
{
    int found = -1;
    for (int i = 0; i < ROW_REASONS; i++)
        if (alert->reasons [i][0]
            && (found < 0 || alert->counts [i] >= alert->counts [found])) //  the latest of equals
            found = i;
    return found;
}

static void
s_times (const row_alert_t *alert, const char *first, const char *last, slack_block_t *out)
{
    char begin [CLK_TEXT], end [CLK_TEXT];
    slack_block_time (alert->first_ms, begin, sizeof begin);
    slack_block_time (alert->last_ms, end, sizeof end);
    buf_t text = slack_block_text ();
    buf_printf (&text, "%s: %s  |  %s: %s", first, begin, last, end);
    slack_block_note (out, &text);
}

char *
slack_alert_degraded (const row_alert_t *alert, bool repeated)
{
    char count [24], window [SLACK_BLOCK_SPAN];
    snprintf (count, sizeof count, "%" PRId64, alert->count);
    if (alert->last_ms - alert->first_ms < 1000)
        snprintf (window, sizeof window, "under 1s");
    else
        slack_block_span (alert->last_ms - alert->first_ms, window, sizeof window);
    own (buf_fini) buf_t brief = slack_block_text ();
    buf_printf (&brief, "AI Agent System Degraded: failure count %s within %s", count, window);
    const int reason = s_main_reason (alert);
    if (reason >= 0) {
        buf_text (&brief, ": ");
        slack_text_brief (&brief, alert->reasons [reason], SLACK_BLOCK_BRIEF);
        s_share (alert, reason, &brief);
    }
    slack_block_t out = slack_block_init ("warning");
    slack_block_header (&out, "AI Agent System Degraded");
    slack_block_field (&out, "Failure Count", count);
    slack_block_field (&out, "Time Window", window);
    s_reasons (alert, &out);
    buf_t text = slack_block_text ();
    buf_text (&text, s_look);
    if (alert->revives)
        buf_text (&text, "When it works again, the broker investigates what has failed meanwhile "
                         "by itself.");
    else
        buf_printf (&text, "What has failed meanwhile is then investigated by %s", s_retry);
    slack_block_section (&out, &text);
    s_times (alert, "First failure", "Last failure", &out);
    return slack_block_message (&out, &brief, repeated);
}

char *
slack_alert_recovered (const row_alert_t *alert, bool repeated)
{
    char count [24], down [SLACK_BLOCK_SPAN];
    snprintf (count, sizeof count, "%" PRId64, alert->count);
    slack_block_span (alert->last_ms - alert->first_ms, down, sizeof down);
    own (buf_fini) buf_t brief = slack_block_text ();
    buf_printf (&brief, "AI Agent System Recovered: down for %s, total failures %s", down, count);
    slack_block_t out = slack_block_init ("good");
    slack_block_header (&out, "AI Agent System Recovered");
    slack_block_field (&out, "Total Downtime", down);
    slack_block_field (&out, "Total Failures", count);
    if (s_main_reason (alert) >= 0)
        s_reasons (alert, &out);
    buf_t text = slack_block_text ();
    if (alert->revives)
        buf_text (&text, "What had failed is in the queue again.");
    else
        buf_printf (&text, "To investigate what had failed: %s", s_retry);
    slack_block_section (&out, &text);
    s_times (alert, "Degraded", "Recovered", &out);
    return slack_block_message (&out, &brief, repeated);
}

char *
slack_alert_overflow (const row_alert_t *alert, bool repeated)
{
    char count [24];
    snprintf (count, sizeof count, "%" PRId64, alert->count);
    own (buf_fini) buf_t brief = slack_block_text ();
    buf_text (&brief, "Incident queue full, incidents of cluster ");
    slack_text_brief (&brief, alert->cluster, SLACK_BLOCK_BRIEF);
    buf_text (&brief, " are recorded and not investigated");
    slack_block_t out = slack_block_init ("warning");
    slack_block_header (&out, "Incident Queue Full");
    slack_block_field (&out, "Cluster", alert->cluster);
    slack_block_field (&out, "Waiting", count);
    buf_t advice = slack_block_text ();
    buf_text (&advice, "Incidents are recorded as suppressed (overflow) and not investigated. "
                       "Revive them with `triagectl incidents retry --reason overflow`.");
    slack_block_section (&out, &advice);
    buf_t note = slack_block_text ();
    buf_text (&note, "Told once an hour");
    slack_block_note (&out, &note);
    return slack_block_message (&out, &brief, repeated);
}

char *
slack_alert_test (const char *receiver, int64_t now_ms)
{
    char at [CLK_TEXT];
    slack_block_time (now_ms, at, sizeof at);
    own (buf_fini) buf_t brief = slack_block_text ();
    buf_text (&brief, "Test message: receiver ");
    slack_text_brief (&brief, receiver, SLACK_BLOCK_BRIEF);
    buf_text (&brief, " gets messages");
    slack_block_t out = slack_block_init ("good");
    slack_block_header (&out, "Test Message");
    slack_block_field (&out, "Receiver", receiver);
    slack_block_field (&out, "Sent", at);
    buf_t text = slack_block_text ();
    buf_text (&text, "Somebody ran `triagectl slack check --send`. There is no incident.");
    slack_block_section (&out, &text);
    return slack_block_message (&out, &brief, false);
}
