//  voice - what the simulated broker tells the outside: the breaker and its messages,
//  checked by a model.
//
//  I8 the breaker's row is what a naive count of ended incidents gives; only an attempt issued
//  while it was open closes a paused one.  I9 one "degraded" an opening, "recovered" only after
//  its "degraded" arrived, an incident's message only after its upload; nothing overtakes but
//  what waits for an upload, a message that is tried again holds the rest.
//  I10 a message is on disk as being sent before it is sent; it is repeated only after a death
//  or an unsure answer, and then marked.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/disk.h"

//  A row of the breaker, an alert or a message was committed.
void
voice_breaker (disk_t *disk, const row_breaker_t *row);
void
voice_alert (disk_t *disk, const row_alert_t *row, clk_now_t now);
void
voice_effect (disk_t *disk, const row_effect_t *row);
//  An incident ended in this state.
void
voice_ended (disk_t *disk, const disk_incident_t *incident, incident_state_t state);
//  An attempt was issued.
void
voice_issued (const disk_t *disk, disk_attempt_t *attempt);
//  At the end of a turn.
void
voice_check (disk_t *disk);
//  A message is handed to delivery.
void
voice_handed (disk_t *disk, const row_effect_t *row);
//  It arrived where it was sent to.
void
voice_arrived (disk_t *disk, const row_effect_t *row);
//  Its answer left open whether it arrived.
void
voice_unsure (disk_t *disk, const char *key);
//  The broker died: of what was being sent nobody knows how it went.
void
voice_died (disk_t *disk);
void
voice_load (const disk_t *disk, step_t *step, clk_now_t now);
void
voice_report (const disk_t *disk);
void
voice_fini (disk_t *disk);
