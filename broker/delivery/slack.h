//  slack - makes the bodies of webhook messages: incident, degraded, recovered, overflow.  Pure.
//
//  Names and reports are hostile.  & < > are escaped, mentions cannot be forged, and * ~ ` become
//  look-alikes.  _ stays, because names have it: a text may show in italics, but it says the same.
//  Each value is one line.  Each text stays below LIMIT_SLACK_TEXT_BYTES and is cut at a sentence.
//  repeated: the message may have arrived before, and it says so.
//  Own: each text is fresh, free it with free (); NULL when out of memory.
//  Src: api.slack.com/reference/surfaces/formatting, api.slack.com/reference/block-kit/blocks.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/row.h"
#include "broker/disk/report.h"

typedef struct {
    const row_incident_t *incident; //  REPORTED
    const report_t *report;
    const char *path;         //  path of the report
    const char *external_url; //  of this broker; "" = none
} slack_incident_t;

//  The message about an incident with a report.
char *
slack_incident (const slack_incident_t *message, bool repeated);
//  The messages about the circuit breaker and about a full queue.
char *
slack_degraded (const row_alert_t *alert, bool repeated);
char *
slack_recovered (const row_alert_t *alert, bool repeated);
char *
slack_overflow (const row_alert_t *alert, bool repeated);
