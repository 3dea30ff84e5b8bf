//  playback - the place of one subscription on a tape, and when its next fault is due.
//
//  Pure: time is passed in.  The pause between two faults is the longer of those that `rate` and
//  `speed` ask for.  After a delay it catches up by at most one second's faults.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "publisher/recording.h"

typedef struct {
    int64_t rate;   //  faults per second, 0 = no pause
    int64_t speed;  //  recorded seconds per second, 0 = ignore recorded times
    int64_t repeat; //  rounds, 0 = endless
} playback_pace_t;

//  A plain value.  All zero except tape and due_us is the start of the tape.
typedef struct {
    const recording_tape_t *tape; //  borrowed, has at least one fault
    size_t index;                 //  of the next fault
    int64_t round;                //  of the next fault, from 0
    int64_t due_us;               //  boot clock in microseconds
    bool ended;
} playback_t;

//  The start of the tape, its first fault due at once.
playback_t
playback_init (const recording_tape_t *tape, int64_t now_ms);
//  Is a fault due?
bool
playback_due (const playback_t *self, int64_t now_ms);
//  When the next fault is due, boot ms; INT64_MAX after the end.
int64_t
playback_due_ms (const playback_t *self);
//  The next fault (index, round) was played: move on to the one after it.
void
playback_next (playback_t *self, const playback_pace_t *pace, int64_t now_ms);
