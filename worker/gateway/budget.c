//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/budget.h"

#include <assert.h>

budget_answer_t
budget_ask (budget_t *self, int64_t dearest)
{
    assert (dearest >= 0);

    if (self->limit == 0) {
        return BUDGET_ADMITTED;
    }
    const int64_t left = self->limit - self->spent;
    if (dearest > left)
        return BUDGET_REFUSED;
    if (dearest > left - self->reserved)
        return BUDGET_LATER;
    self->reserved += dearest;
    return BUDGET_ADMITTED;
}

void
budget_settle (budget_t *self, int64_t dearest, int64_t cost)
{
    assert (cost >= 0);

    if (self->limit > 0) {
        assert (self->reserved >= dearest);
        self->reserved -= dearest;
    }
    self->spent = cost > INT64_MAX - self->spent ? INT64_MAX : self->spent + cost;
}
