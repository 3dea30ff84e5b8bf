//  returns - checks what follows runs that charge nothing against a model.
//
//  I18  An incident that waits for its provider is not assigned before.
//  I19  None is assigned, nor waits on, when give_back_ms has passed since it was first given back.
//  I20  A worker whose key failed is in quarantine.  One in quarantine has one attempt at a time,
//       and the first one not at once.  One that says that it takes no work gets none.
//  I21  While a breaker of mode pause is open, one attempt at a time is issued, to any worker.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/disk.h"

//  A live attempt ended by its agent's failure.
void
returns_ended (disk_t *disk, disk_incident_t *incident, const disk_attempt_t *attempt,
               clk_now_t now);
//  A new attempt was committed.
void
returns_issued (disk_t *disk, const disk_incident_t *incident, const row_attempt_t *row,
                clk_now_t now);
//  A record of a worker was committed.
void
returns_worker (disk_t *disk, const row_record_t *record, clk_now_t now);
//  The rows are being loaded: times of the wall clock are only as good as it is.
void
returns_loaded (disk_t *disk);
//  A broker has started: it knows of no quarantine.
void
returns_forget (disk_t *disk);
//  Check the workers, and from time to time all incidents, at the end of a turn.
void
returns_check (disk_t *disk, const step_t *step, bool held, clk_now_t now);
void
returns_report (const disk_t *disk);
