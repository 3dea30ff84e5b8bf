//  render - the JSON and Markdown files of an incident, made from its rows and its event; pure.
//
//  All texts in events are hostile: JSON escapes them, the prompt fences them with the incident's
//  id, which nobody knows before the incident exists.  Own: every function returns a fresh text,
//  free(); NULL when out of memory.
//  Src: docs/store.md "Artifacts".  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/row.h"
#include "broker/disk/report.h"
#include "common/base/json.h"
#include "common/conf/conf.h"

#include <stddef.h>

//  event.json: the received event, all its fields, plus incidentId.  A body that is not a JSON
//  object becomes {"incidentId", "raw"}.
char *
render_event (const row_incident_t *incident, const char *body, size_t size);
//  incident.json.  Absent times and exit codes are null.
//  labels: of its cluster, conf_pair_t, or NULL.
char *
render_incident (const row_incident_t *incident, const row_attempt_t *attempts, size_t count,
                 const conf_table_t *labels, const char *body, size_t size);
//  result.json of a terminal incident; status success, failed, or error (the agent could not be
//  run).  report, usage: of the winner, NULL without one.  Own: borrows usage.
char *
render_result (const row_incident_t *incident, const row_attempt_t *attempts, size_t count,
               const report_t *report, json_t *usage);
//  logs/prompt.md: what the agent is asked to do; at most LIMIT_PROMPT_BYTES.
char *
render_prompt (const row_incident_t *incident, const conf_table_t *labels, const char *body,
               size_t size);
//  The attempt that decided: the winner, else the highest ended one; NULL when there is none.
const row_attempt_t *
render_deciding (const row_incident_t *incident, const row_attempt_t *attempts, size_t count);
