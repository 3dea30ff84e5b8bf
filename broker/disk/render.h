//  render - makes the JSON and Markdown files of an incident from its rows and its event.  Pure.
//
//  All texts of an event are hostile.  JSON escapes them.  The prompt fences them with the
//  incident's id, which nobody knows before the incident exists.
//  Own: each text is fresh, free it with free (); NULL when out of memory.
//  Src: docs/store.md "Artifacts".
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/row.h"
#include "broker/disk/report.h"
#include "common/base/json.h"
#include "common/conf/conf.h"

#include <stddef.h>

//  event.json: the received event with all its fields, plus incidentId.
//  A body that is not a JSON object becomes {"incidentId", "raw"}.
char *
render_event (const row_incident_t *incident, const char *body, size_t size);
//  incident.json.  Absent times and exit codes are null.
//  labels: the cluster's, a table of conf_pair_t; may be NULL.
char *
render_incident (const row_incident_t *incident, const row_attempt_t *attempts, size_t count,
                 const conf_table_t *labels, const char *body, size_t size);
//  Links to files of an incident, for whoever reads result.json.  They are secrets.
enum { RENDER_LINKS = 4 };
typedef struct {
    size_t count; //  0: result.json says nothing of links
    const char *names [RENDER_LINKS], *urls [RENDER_LINKS];
    int64_t expires_ms; //  all end then
} render_links_t;
//  result.json of a terminal incident.  Its status is success, failed, or error (no agent could
//  run).  report: that of render_report; NULL = there is none.  links: may be NULL.
char *
render_result (const row_incident_t *incident, const row_attempt_t *attempts, size_t count,
               const report_t *report, const render_links_t *links);
//  logs/prompt.md: the agent's task; at most LIMIT_PROMPT_BYTES.
char *
render_prompt (const row_incident_t *incident, const conf_table_t *labels, const char *body,
               size_t size);
//  The attempt whose report the incident has: the winner, or else the last with a partial one; 0 =
//  none.
int64_t
render_report (const row_incident_t *incident);
//  The deciding attempt: that of render_report, or else the ended one with the highest number.
//  NULL: none.
//  Own: borrowed from attempts.
const row_attempt_t *
render_deciding (const row_incident_t *incident, const row_attempt_t *attempts, size_t count);
