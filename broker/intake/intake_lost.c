//  SPDX-License-Identifier: Apache-2.0

#include "broker/intake/intake_lost.h"

#include "common/base/limits.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

void
intake_lost_add (intake_lost_t *self, intake_lost_kind_t kind, int64_t count)
{
    assert (self && kind < INTAKE_LOST_KINDS && count >= 0);
    self->counts [kind] += count;
}

int64_t
intake_lost_due (const intake_lost_t *self)
{
    for (int i = 0; i < INTAKE_LOST_KINDS; i++) {
        if (self->counts [i] > 0)
            return self->next_ms;
    }
    return INT64_MAX;
}

bool
intake_lost_tell (intake_lost_t *self, int64_t boot_ms, char *ret_text, size_t size)
{
    static const char *const texts [INTAKE_LOST_KINDS] = {
        [INTAKE_LOST_FULL] = "dropped, the oldest of this source: the buffer of events is full",
        [INTAKE_LOST_LARGE] = "dropped: over the limit of an event"};
    if (intake_lost_due (self) > boot_ms)
        return false;
    size_t at = 0;
    for (int i = 0; i < INTAKE_LOST_KINDS; i++) {
        if (self->counts [i] == 0 || at >= size)
            continue;
        at += (size_t) snprintf (ret_text + at, size - at, "%s%" PRId64 " events %s",
                                 at > 0 ? "; " : "", self->counts [i], texts [i]);
        self->counts [i] = 0;
    }
    self->next_ms = boot_ms + LIMIT_LOST_LOG_MS;
    return true;
}
