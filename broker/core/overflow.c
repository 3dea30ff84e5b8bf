//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/overflow.h"

#include "broker/core/outbox.h"
#include "broker/core/queue.h"
#include "broker/core/source.h"
#include "broker/core/step_part.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { S_SET_BACK = 24 }; //  hours; if the clock is set back further, it was wrong before

//  When a cluster's overflow was announced last.
struct told {
    char cluster [ROW_CLUSTER];
    int64_t hour; //  wall clock
    UT_hash_handle hh;
};

static int64_t
s_hour (int64_t wall_ms)
{
    return wall_ms / LIMIT_OVERFLOW_MS;
}

//  Forget what was announced in other hours.
static void
s_tidy (step_t *self, int64_t hour)
{
    told_t *told, *next;
    HASH_ITER (hh, self->overflow.told, told, next) {
        if (told->hour == hour)
            continue;
        HASH_DEL (self->overflow.told, told);
        free (told);
    }
}

static told_t *
s_find (const step_t *self, const char *cluster)
{
    told_t *told = NULL;
    HASH_FIND_STR (self->overflow.told, cluster, told);
    return told;
}

//  Find or add the entry of a cluster.  NULL: no memory, or LIMIT_TOPICS clusters were announced in
//  this hour.
static told_t *
s_told (step_t *self, const char *cluster, int64_t hour)
{
    told_t *told = s_find (self, cluster);
    if (told)
        return told;
    if (HASH_COUNT (self->overflow.told) >= LIMIT_TOPICS)
        s_tidy (self, hour);
    if (HASH_COUNT (self->overflow.told) >= LIMIT_TOPICS)
        return NULL;
    told = calloc (1, sizeof *told);
    if (!told)
        return NULL;
    state_text (told->cluster, cluster);
    told->hour = -1;
    HASH_ADD_STR (self->overflow.told, cluster, told);
    return told;
}

//  Was this hour announced already?  A clock that is set back repeats an hour.
static bool
s_again (const told_t *told, int64_t hour)
{
    return told && hour <= told->hour && told->hour - hour < S_SET_BACK;
}

//  Has the source had its share of messages in this hour?
//  A source that invents clusters must not fill the channel.
static bool
s_crowded (step_t *self, const char *name, int64_t hour)
{
    source_t *source = source_find (&self->sources, name);
    if (!source)
        return false;
    if (source->told_hour != hour)
        source->told = 0;
    source->told_hour = hour;
    return ++source->told > LIMIT_OVERFLOW_SOURCE;
}

void
overflow_announce (step_t *self, const char *cluster, const char *source, clk_now_t now)
{
    source_lost (&self->state, source, STEP_LOSS_QUEUE);
    if (!self->state.settings.slack)
        return;
    const int64_t hour = s_hour (now.wall_ms);
    if (s_again (s_find (self, cluster), hour)) {
        self->state.stats.untold_total [STEP_UNTOLD_REPEATED]++;
        return;
    }
    told_t *told = s_crowded (self, source, hour) ? NULL : s_told (self, cluster, hour);
    if (!told) {
        self->state.stats.untold_total [STEP_UNTOLD_CROWDED]++;
        source_lost (&self->state, source, STEP_LOSS_MESSAGE);
        return;
    }
    told->hour = hour;
    row_alert_t alert = {.at_ms = now.wall_ms,
                         .count = queue_cluster_count (&self->queue, cluster)};
    state_text (alert.cluster, cluster);
    snprintf (alert.key, sizeof alert.key, "overflow/%s/%" PRId64, cluster, told->hour);
    outbox_alert (&self->outbox, &self->state, &alert, now);
}

int
overflow_load (step_t *self, const row_alert_t *row)
{
    if (strncmp (row->key, "overflow/", 9) != 0)
        return 0;
    told_t *told = s_told (self, row->cluster, s_hour (row->at_ms));
    if (!told)
        return HASH_COUNT (self->overflow.told) >= LIMIT_TOPICS ? 0 : -ENOMEM;
    if (told->hour < s_hour (row->at_ms))
        told->hour = s_hour (row->at_ms);
    return 0;
}

void
overflow_clear (step_t *self)
{
    told_t *told, *next;
    HASH_ITER (hh, self->overflow.told, told, next) {
        HASH_DEL (self->overflow.told, told);
        free (told);
    }
}
