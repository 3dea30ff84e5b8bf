//  SPDX-License-Identifier: Apache-2.0
#include "publisher/playback.h"

#include <assert.h>

enum { US_PER_MS = 1000, US_PER_S = 1000000, BURST_US = US_PER_S };

playback_t
playback_init (const recording_tape_t *tape, int64_t now_ms)
{
    assert (tape->count > 0);

    return (playback_t){.tape = tape, .due_us = now_ms * US_PER_MS};
}

bool
playback_due (const playback_t *self, int64_t now_ms)
{
    return !self->ended && self->due_us <= now_ms * US_PER_MS;
}

int64_t
playback_due_ms (const playback_t *self)
{
    return self->ended ? INT64_MAX : (self->due_us + US_PER_MS - 1) / US_PER_MS;
}

//  Recorded ms between the fault at index and the one after it.
static int64_t
s_pause_ms (const playback_t *self)
{
    if (self->index + 1 == self->tape->count)
        return 1000; //  the next round begins one recorded second later
    const recording_fault_t *fault = &self->tape->faults [self->index];
    bool known = fault [0].time_ms && fault [1].time_ms > fault [0].time_ms;
    return known ? fault [1].time_ms - fault [0].time_ms : 0;
}

void
playback_next (playback_t *self, const playback_pace_t *pace, int64_t now_ms)
{
    assert (!self->ended);

    int64_t pause_us = pace->speed ? s_pause_ms (self) * US_PER_MS / pace->speed : 0;
    int64_t spacing_us = pace->rate ? US_PER_S / pace->rate : 0;
    int64_t floor_us = now_ms * US_PER_MS - BURST_US;
    if (self->due_us < floor_us)
        self->due_us = floor_us;
    self->due_us += pause_us > spacing_us ? pause_us : spacing_us;
    if (++self->index < self->tape->count)
        return;
    self->index = 0;
    self->round++;
    self->ended = pace->repeat && self->round >= pace->repeat;
}
