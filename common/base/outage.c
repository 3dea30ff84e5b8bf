//  SPDX-License-Identifier: Apache-2.0
#include "common/base/outage.h"

#include "common/base/limits.h"

bool
outage_try (outage_t *self, int64_t heard_ms, int64_t now_ms)
{
    if (self->tries++ == 0)
        self->since_ms = heard_ms;
    else if (now_ms - self->logged_ms < LIMIT_OUTAGE_LOG_MS)
        return false;
    self->logged_ms = now_ms;
    return true;
}

bool
outage_over (outage_t *self, outage_t *ret_was)
{
    *ret_was = *self;
    *self = (outage_t){.tries = 0};
    return ret_was->tries > 0;
}
