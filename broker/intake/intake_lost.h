//  intake_lost - what one source has lost: every event is counted, and told in one line for many.
//
//  The first loss is told at once, those after it together, at most every LIMIT_LOST_TELL_MS.
//  Threads: its owner's.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    INTAKE_LOST_FULL,  //  the oldest made room for newer ones
    INTAKE_LOST_LARGE, //  over LIMIT_EVENT_BYTES
    INTAKE_LOST_KINDS
} intake_lost_kind_t;

typedef struct {
    int64_t counts [INTAKE_LOST_KINDS]; //  not told yet
    int64_t next_ms;                    //  boot time: not told again before
} intake_lost_t;

void
intake_lost_add (intake_lost_t *self, intake_lost_kind_t kind, int64_t count);
//  When intake_lost_tell has something, boot ms; INT64_MAX for never.
int64_t
intake_lost_due (const intake_lost_t *self);
//  Is there something to tell now?  Then ret_text says what; it is told with that.
bool
intake_lost_tell (intake_lost_t *self, int64_t boot_ms, char *ret_text, size_t size);
