//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/source.h"

#include <stdlib.h>
#include <string.h>

source_t *
source_find (const sources_t *self, const char *name)
{
    source_t *source = NULL;
    HASH_FIND_STR (self->all, name, source);
    return source;
}

source_t *
source_hold (sources_t *self, const char *name)
{
    source_t *source = source_find (self, name);
    if (!source) {
        source = calloc (1, sizeof *source);
        if (!source)
            return NULL;
        state_text (source->name, name);
        HASH_ADD_STR (self->all, name, source);
    }
    source->holders++;
    return source;
}

source_t *
source_share (source_t *source)
{
    source->holders++;
    return source;
}

void
source_release (sources_t *self, source_t **source_p)
{
    source_t *source = *source_p;
    *source_p = NULL;
    if (!source || --source->holders)
        return;
    HASH_DEL (self->all, source);
    free (source);
}

void
source_lost (state_t *state, const char *name, step_loss_t loss)
{
    step_source_t *shown = state->stats.sources;
    step_source_t *last = &shown [STEP_SOURCES - 1];
    while (shown < last && shown->name [0] && strcmp (shown->name, name) != 0)
        shown++;
    if (!shown->name [0])
        state_text (shown->name, shown == last ? "other" : name);
    shown->lost [loss]++;
}
