//  voice - checks the breaker and the messages of the simulated broker against a model.
//
//  I8   The breaker's row equals a plain count of incidents that failed, each once.  Only an
//       attempt issued while it was open closes a paused one.
//  I9   Each opening has one "degraded".  A "recovered" is sent only after its "degraded" arrived,
//       an incident's message only after its upload, or after a minute.  Messages keep their
//       order, but may overtake one that waits for an upload.  A message that is retried blocks
//       the others.  A receiver that wants it gets a message for each end, and no other.
//  I10  A row says that a message is being sent before it is sent.  It is repeated only after a
//       crash or an unsure answer, and is then marked.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/disk.h"

//  A row of the breaker, an alert or a message was committed.
void
voice_breaker (disk_t *disk, const row_breaker_t *row, clk_now_t now);
void
voice_alert (disk_t *disk, const row_alert_t *row, clk_now_t now);
void
voice_effect (disk_t *disk, const row_effect_t *row, clk_now_t now);
//  An incident ended in this state.
void
voice_ended (disk_t *disk, disk_incident_t *incident, incident_state_t state);
//  A run of an incident failed by its agent, or the incident ended so: it counts once.
void
voice_failed (disk_t *disk, disk_incident_t *incident);
//  An attempt was issued.
void
voice_issued (const disk_t *disk, disk_attempt_t *attempt);
//  Check the breaker at the end of a turn.
void
voice_check (disk_t *disk);
//  Check an incident at the end of a turn.
void
voice_check_end (disk_t *disk, const disk_incident_t *incident);
//  A message is handed to delivery.
void
voice_handed (disk_t *disk, const row_effect_t *row, clk_now_t now);
//  It arrived.
void
voice_arrived (disk_t *disk, const row_effect_t *row);
//  Its answer does not show whether it arrived.
void
voice_unsure (disk_t *disk, const char *key);
//  The broker died: the result of messages being sent is unknown.
void
voice_died (disk_t *disk);
//  Load the breaker's row and the alerts into a step.
void
voice_load (const disk_t *disk, step_t *step, clk_now_t now);
void
voice_report (const disk_t *disk);
void
voice_fini (disk_t *disk);
