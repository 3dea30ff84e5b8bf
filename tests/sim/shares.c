//  SPDX-License-Identifier: Apache-2.0
#include "tests/sim/shares.h"

#include "broker/core/book.h"
#include "broker/core/queue.h"
#include "broker/core/source.h"
#include "broker/core/step_part.h"

#include <stdlib.h>
#include <string.h>

static shares_source_t *
s_source (shares_t *self, const char *name)
{
    for (int i = 0; i < self->source_count; i++)
        if (strcmp (self->sources [i].name, name) == 0)
            return &self->sources [i];
    if (self->source_count == SHARES_SOURCES)
        abort ();
    shares_source_t *source = &self->sources [self->source_count++];
    state_text (source->name, name);
    return source;
}

shares_t
shares_before (const step_t *step, const char *comer, const char *cluster)
{
    const step_settings_t *settings = &step->state.settings;
    shares_t self = {.comer = comer, .cluster = cluster, .last_number = step->book.last_number};
    (void) step_writes (step, &self.writes);
    if (settings->overflow_reject)
        return self; //  the newcomer is refused
    if (queue_cluster_count (&step->queue, cluster) >= settings->cluster_queue_size)
        self.limit [0] = settings->cluster_queue_size;
    if (step->queue.queued >= settings->global_queue_size)
        self.limit [1] = settings->global_queue_size;
    if (!self.limit [0] && !self.limit [1])
        return self;
    (void) s_source (&self, comer);
    for (const entry_t *entry = step->book.entries; entry; entry = entry->hh.next) {
        if (!entry->lane)
            continue;
        shares_source_t *source = s_source (&self, entry->source->name);
        for (int scope = strcmp (entry->cluster, cluster) != 0; scope < SHARES_SCOPES; scope++) {
            source->queued [scope]++;
            source->fresh [scope] += !entry->attempted;
        }
    }
    return self;
}

//  Was the loser above its share, or has no source with more an incident that may be dropped?
static bool
s_fair (const shares_t *self, const shares_source_t *loser, int scope)
{
    const bool comes = strcmp (loser->name, self->comer) == 0;
    int64_t sharing = 0;
    bool another = false;
    for (int i = 0; i < self->source_count; i++) {
        const shares_source_t *source = &self->sources [i];
        sharing += source->queued [scope] > 0 || strcmp (source->name, self->comer) == 0;
        another = another
                  || (source->fresh [scope] > 0 && source->queued [scope] > loser->queued [scope]);
    }
    return !another || (loser->queued [scope] + comes) * sharing > self->limit [scope];
}

//  Take a lost incident out of the counts: the next loser is judged without it.
static void
s_left (const shares_t *self, shares_source_t *source, const entry_t *entry)
{
    if (entry->number > self->last_number)
        return; //  the newcomer was never in the queue
    for (int scope = strcmp (entry->cluster, self->cluster) != 0; scope < SHARES_SCOPES; scope++) {
        source->queued [scope]--;
        source->fresh [scope]--;
    }
}

void
shares_after (shares_t *self, const step_t *step, disk_t *disk)
{
    size_t count = 0;
    const step_write_t *writes = step_writes (step, &count);
    for (size_t i = self->writes; i < count; i++) {
        const row_record_t *record = &writes [i].as.record;
        if (writes [i].kind != STEP_WRITE_RECORD || strcmp (record->kind, "incident") != 0
            || strcmp (record->change, "suppressed") != 0
            || strcmp (record->reason, "overflow") != 0)
            continue;
        const entry_t *entry = book_find (&step->book, record->incident.text);
        for (int k = 0; entry && k < self->source_count; k++) {
            shares_source_t *loser = &self->sources [k];
            if (strcmp (loser->name, entry->source->name) != 0)
                continue;
            if (!(self->limit [0] && s_fair (self, loser, 0))
                && !(self->limit [1] && s_fair (self, loser, 1)))
                disk_break (disk, "I14 %s loses %s and has no more than its share in the queue",
                            loser->name, record->incident.text);
            s_left (self, loser, entry);
        }
    }
}
