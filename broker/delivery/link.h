//  link - the one way to a report, for a person.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/storage.h"

enum { LINK_HOST = 65 }; //  bytes of a host's name

//  Where a report is.
typedef struct {
    //  For a browser; "" = nothing leads there.  A secret when expires_ms is not 0: a signed URL.
    char url [STORAGE_LINK_BYTES];
    char path [STORAGE_LINK_BYTES]; //  absolute, on the broker's host
    char host [LINK_HOST];          //  that host; "" = not known
    int64_t expires_ms;             //  the url works until then, wall clock; 0 = for ever
} link_way_t;

//  The way to an incident's report: its page, or the report itself while there is no page.
//  url is the first one of: a signed URL, once this end of the incident was uploaded; its address
//  below external_url; the file below artifacts_url.
//  Err: -errno: no folder; -ENAMETOOLONG; ERR_STORE.
int
link_report (const storage_t *storage, store_reader_t *reader, const settings_t *settings,
             const row_incident_t *incident, link_way_t *ret_way) must_check;
//  The way to an incident without a report: its address below external_url.  path and host are ""
//  here, and url may be.
void
link_incident (const settings_t *settings, const char *incident, link_way_t *ret_way);
