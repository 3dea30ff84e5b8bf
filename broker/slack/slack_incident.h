//  slack_incident - the message about one incident, in each of its states, and its thread.  Pure.
//
//  A bot posts the message once and edits it.  It tells what is so now: investigating, report,
//  partial report, no report; and that the fault was seen again since the end.  Each form has the
//  same header and fields, so that a reader finds them.  A webhook sends the form with a report.
//  Members of a group, recovery and next steps are further sections, between cause and button.
//  Own: each body is fresh, free it with free (); NULL when out of memory.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/row.h"
#include "broker/disk/report.h"
#include "common/conf/conf.h"

//  The way to a report.
typedef struct {
    const char *url;    //  for a browser; NULL, "", or one that no button may open: none
    const char *path;   //  on the broker's host; shown when there is no url
    const char *host;   //  the broker's; NULL or "" = not known
    int64_t expires_ms; //  the url works until then, 0 = for ever
} slack_link_t;

//  Own: all borrowed.
typedef struct {
    const row_incident_t *incident;
    //  What the report says; NULL = there is none.  In any state but REPORTED it is partial.
    const report_t *report;
    //  The one under way, else that of the report, else the last; NULL = not known.
    const row_attempt_t *attempt;
    const char *agent;          //  that runs; NULL or "": what the attempt has used
    const conf_table_t *labels; //  of the cluster, conf_pair_t; NULL = none
    slack_link_t link;          //  to the report
    bool threaded;              //  detail stands in the thread, so the message is brief
} slack_incident_t;

//  The message.
char *
slack_incident (const slack_incident_t *message, bool repeated);
//  The reply in its thread: the cause at full length, the event, the runs, times and commands.
char *
slack_incident_detail (const slack_incident_t *message);
