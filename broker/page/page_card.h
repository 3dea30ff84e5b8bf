//  page_card - what stands above the report: how bad, where, how often, why, by whom.  Pure.
//
//  An incident without a report has there what failed, why, and what to do.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/row.h"
#include "common/base/buf.h"
#include "common/conf/conf.h"

//  What is known of an incident that has ended.  Own: all borrowed.
typedef struct {
    const row_incident_t *incident;
    const row_attempt_t *attempts;
    size_t count;
    const row_attempt_t *deciding; //  among attempts; NULL: none
    const conf_table_t *labels;    //  the cluster's, of conf_pair_t; may be NULL
    const char *cause;             //  as the report holds it; NULL: there is no report
    const char *confidence;        //  "HIGH", ...; beside a cause
    bool partial;                  //  the report is partial
} page_card_t;

//  "CRITICAL", "WARNING", "INFO".
const char *
page_card_severity (const row_incident_t *incident);
//  The same as a class of the style sheet.
const char *
page_card_tone (const row_incident_t *incident);
//  Append kind, namespace and name of the resource; of an event without one its fault type.
void
page_card_resource (buf_t *out, const row_incident_t *incident);
//  Append the card's contents.  Err: the buffer's own `failed`.
void
page_card (buf_t *out, const page_card_t *card);
