//  page - the page of an incident that has ended: output/investigation.html.  Pure.
//
//  Ensures: one document that asks for nothing else: own style sheet, no script, a strict policy.
//  All foreign text is escaped; docs/reports.md says what is left of it.
//  It has at most LIMIT_PAGE_BYTES.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/page/page_card.h"
#include "common/base/err.h"

//  Own: all borrowed.  Units: bytes.
typedef struct {
    page_card_t card;
    const char *event; //  as it was received, any bytes; NULL: the store has deleted it
    size_t event_size;
    const char *report; //  Markdown, any bytes; NULL: there is none
    size_t report_size;
    const char *unread; //  why a report that exists is not shown; NULL: it is shown
} page_t;

//  Append the document to out, whose limit is at least LIMIT_PAGE_BYTES.
//  Err: ERR_LIMIT, -ENOMEM: a part may be appended.
int
page (buf_t *out, const page_t *self) must_check;
//  A small document that says that there is no page, and where the report is.  It takes no memory.
enum { PAGE_BARE_BYTES = 1024 };
void
page_bare (const row_incident_t *incident, char ret_text [PAGE_BARE_BYTES]);
