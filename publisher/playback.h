//  playback - where one subscription stands on a tape, and when its next fault is due.
//
//  Pure: time comes in.  The pause between two faults is the longer one of what `rate` and `speed`
//  ask for; a delay is not made up for by more than one second's faults.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "publisher/recording.h"

typedef struct {
    int64_t rate;   //  faults a second, 0 = no pause
    int64_t speed;  //  recorded seconds a second, 0 = recorded times do not matter
    int64_t repeat; //  rounds, 0 = without end
} playback_pace_t;

//  A plain value; all zero but tape and due_us is the start of the tape.
typedef struct {
    const recording_tape_t *tape; //  borrowed, has at least one fault
    size_t index;                 //  of the next fault
    int64_t round;                //  of the next fault, from 0
    int64_t due_us;               //  boot clock in microseconds
    bool ended;
} playback_t;

playback_t
playback_init (const recording_tape_t *tape, int64_t now_ms);
//  Is a fault due?
bool
playback_due (const playback_t *self, int64_t now_ms);
//  When one is, boot ms; INT64_MAX after the end.
int64_t
playback_due_ms (const playback_t *self);
//  The next fault (index, round) was played: go on to the one after it.
void
playback_next (playback_t *self, const playback_pace_t *pace, int64_t now_ms);
