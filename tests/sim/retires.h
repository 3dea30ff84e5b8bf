//  retires - the simulator's retention: what it offers to the core, and what it checks.
//
//  It offers incidents that may go and those that must not: open ones, ones whose effects wait, and
//  ones that were seen meanwhile.
//  I23  An incident is removed only after its removal was committed as an effect.  When that began,
//       the incident was over, no other effect of it waited, and nobody had seen it since it was
//       found.  Until it is gone, and afterwards, nothing of it is written.
//  I24  Nothing is removed before the time that was announced, nor within a day after the clock was
//       set ahead by more than that, unless an operator says so.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/peers.h"

enum { RETIRES = 6 };

//  The input that asks for the removal of some incidents.  Own: it borrows chosen.
step_in_t
retires_input (peers_t *peers, const disk_t *disk, step_retire_t chosen [RETIRES]);
//  The time that is announced was written.
void
retires_notice (disk_t *disk, const row_retention_t *row, clk_now_t now);
//  A removal was written for the first time.
void
retires_begin (disk_t *disk, const row_effect_t *row, clk_now_t now);
//  It has ended, whatever the result.
void
retires_end (disk_t *disk, const row_effect_t *row);
//  An incident is written: it must not be one that goes.
void
retires_written (disk_t *disk, const disk_incident_t *incident);
//  Was a newer incident of the same fault removed?
bool
retires_newer (const disk_t *disk, const row_incident_t *row);
//  All rows of an incident are deleted.
void
retires_apply (disk_t *disk, const ident_t *id);
void
retires_report (const disk_t *disk);
