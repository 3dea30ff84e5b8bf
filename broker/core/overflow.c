//  overflow - see overflow.h.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/overflow.h"

#include "broker/core/outbox.h"
#include "broker/core/queue.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { S_SET_BACK = 24 }; //  hours; further than that it was wrong before

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

static told_t *
s_told (step_t *self, const char *cluster)
{
    told_t *told = NULL;
    HASH_FIND_STR (self->told, cluster, told);
    if (told || HASH_COUNT (self->told) >= LIMIT_TOPICS)
        return told;
    told = calloc (1, sizeof *told);
    if (!told)
        return NULL;
    state_text (told->cluster, cluster);
    told->hour = -1;
    HASH_ADD_STR (self->told, cluster, told);
    return told;
}

void
overflow_announce (step_t *self, const char *cluster, clk_now_t now)
{
    if (!self->settings.slack)
        return;
    told_t *told = s_told (self, cluster);
    int64_t hour = s_hour (now.wall_ms);
    if (!told) //  more clusters than are ever told of
        return;
    if (hour <= told->hour
        && told->hour - hour < S_SET_BACK) { //  a clock set back has an hour twice
        self->stats.untold_total [STEP_UNTOLD_REPEATED]++;
        return;
    }
    told->hour = hour;
    row_alert_t alert = {.at_ms = now.wall_ms, .count = queue_cluster_count (self, cluster)};
    state_text (alert.cluster, cluster);
    snprintf (alert.key, sizeof alert.key, "overflow/%s/%" PRId64, cluster, told->hour);
    outbox_alert (self, &alert, now);
}

int
overflow_load (step_t *self, const row_alert_t *row)
{
    if (strncmp (row->key, "overflow/", 9) != 0)
        return 0;
    told_t *told = s_told (self, row->cluster);
    if (!told)
        return HASH_COUNT (self->told) >= LIMIT_TOPICS ? 0 : -ENOMEM;
    if (told->hour < s_hour (row->at_ms))
        told->hour = s_hour (row->at_ms);
    return 0;
}

void
overflow_clear (step_t *self)
{
    told_t *told, *next;
    HASH_ITER (hh, self->told, told, next)
    {
        HASH_DEL (self->told, told);
        free (told);
    }
}
