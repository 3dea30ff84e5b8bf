//  least - the smaller of two.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

static inline int64_t
least (int64_t a, int64_t b)
{
    return a < b ? a : b;
}
