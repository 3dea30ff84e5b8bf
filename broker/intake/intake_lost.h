//  intake_lost - counts the lost events of one source and reports many of them in one text.
//
//  The first loss is reported at once.  Later ones are reported together, LIMIT_LOST_LOG_MS apart.
//  A zeroed struct is ready for use.  Threads: its owner's.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    INTAKE_LOST_FULL,  //  dropped to make room for newer ones
    INTAKE_LOST_LARGE, //  over LIMIT_EVENT_BYTES
    INTAKE_LOST_KINDS
} intake_lost_kind_t;

typedef struct {
    int64_t counts [INTAKE_LOST_KINDS]; //  not yet reported
    int64_t next_ms;                    //  boot time of the next report
} intake_lost_t;

//  Count lost events.
void
intake_lost_add (intake_lost_t *self, intake_lost_kind_t kind, int64_t count);
//  The boot time in ms from which intake_lost_tell returns true; INT64_MAX: there is no loss.
int64_t
intake_lost_due (const intake_lost_t *self);
//  Write the losses to ret_text and reset the counts.  False: none is due yet.
bool
intake_lost_tell (intake_lost_t *self, int64_t boot_ms, char *ret_text, size_t size);
