//  notify_about - what a message about an incident is made of: rows, report, link.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/link.h"
#include "broker/delivery/notify_sender.h"
#include "broker/disk/report.h"

typedef struct {
    row_incident_t row;
    row_attempt_t attempts [LIMIT_ATTEMPTS];
    //  The last one while it runs, else the deciding one; NULL = none.
    const row_attempt_t *attempt;
    bool reported;   //  report and way are those of the report that it ended with
    report_t report; //  partial, unless the incident is REPORTED
    link_way_t way;  //  to the report, else to the incident
} notify_about_t;

//  Read all about an incident.  It is large: keep it on the heap.
//  Err: ERR_NONE: there is no such incident; -errno, ERR_STORE, -ENOMEM.
int
notify_about_load (const notify_env_t *env, const char *incident,
                   notify_about_t *ret_about) must_check;
