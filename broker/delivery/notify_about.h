//  notify_about - what a message about an incident is made of: rows, report, link.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/notify_sender.h"
#include "broker/disk/report.h"

enum { NOTIFY_ABOUT_URL = 1024 };

typedef struct {
    row_incident_t row;
    row_attempt_t attempts [LIMIT_ATTEMPTS];
    //  The last one while it runs, else the deciding one; NULL = none.
    const row_attempt_t *attempt;
    bool reported;               //  report and link are those of the report that it ended with
    report_t report;             //  partial, unless the incident is REPORTED
    storage_link_t link;         //  to the report
    char url [NOTIFY_ABOUT_URL]; //  of the incident at this broker; "" = none
} notify_about_t;

//  Read all about an incident.  It is large: keep it on the heap.
//  Err: ERR_NONE: there is no such incident; -errno, ERR_STORE, -ENOMEM.
int
notify_about_load (const notify_env_t *env, const char *incident,
                   notify_about_t *ret_about) must_check;
