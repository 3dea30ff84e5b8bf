//  SPDX-License-Identifier: Apache-2.0
#include "common/domain/verdict_outcome.h"

#include <assert.h>
#include <string.h>

static const char *const s_outcomes [VERDICT_OUTCOMES] = {
    [VERDICT_SUCCESS] = "success", [VERDICT_AGENT] = "agent",         [VERDICT_HOST] = "host",
    [VERDICT_LOST] = "lost",       [VERDICT_CANCELLED] = "cancelled",
};

const char *
verdict_outcome_name (verdict_outcome_t outcome)
{
    assert ((size_t) outcome < VERDICT_OUTCOMES);
    return s_outcomes [outcome];
}

bool
verdict_outcome_parse (const char *name, size_t size, verdict_outcome_t *ret_outcome)
{
    for (size_t i = 0; i < VERDICT_OUTCOMES; i++)
        if (strlen (s_outcomes [i]) == size && memcmp (s_outcomes [i], name, size) == 0) {
            *ret_outcome = (verdict_outcome_t) i;
            return true;
        }
    return false;
}
