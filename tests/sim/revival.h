//  revival - checks what is put back when the circuit breaker has closed.
//
//  I22  Each incident of a streak that opened the circuit breaker and ended without a report, also
//       after its closing, is put back once, unless its fault has a newer incident or another open
//       one.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/disk.h"

//  Answer step_reviving from the disk; NULL: there is none.  Own: borrowed.
const row_incident_t *
revival_find (const disk_t *disk, const step_revive_t *wanted);
//  A row replaces that of an incident: was it put back rightly, and for the first time?
void
revival_row (disk_t *disk, const row_incident_t *before, const row_incident_t *row);
//  May this incident still be put back?
bool
revival_awaits (const disk_t *disk, const row_incident_t *row);
//  The breaker's row changes: when streaks are done, no incident of them may be left behind.
void
revival_breaker (disk_t *disk, const row_breaker_t *before, const row_breaker_t *row);
