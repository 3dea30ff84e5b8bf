//  SPDX-License-Identifier: Apache-2.0
#include "runner/sandbox/runtime.h"

#include "runner/sandbox/runtime_part.h"

#include <string.h>

static const runtime_t *const s_rows [] = {&runtime_none};

enum { ROWS = sizeof s_rows / sizeof s_rows [0] };

const runtime_t *
runtime_at (size_t index)
{
    return index < ROWS ? s_rows [index] : NULL;
}

const runtime_t *
runtime_find (const char *name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp (s_rows [i]->name, name) == 0)
            return s_rows [i];
    return NULL;
}
