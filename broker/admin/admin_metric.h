//  admin_metric - one metric of /metrics: its name and help, and what prints its samples.
//
//  Private to admin*.c.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/admin/admin_part.h"
#include "common/base/buf.h"

#include <stddef.h>

typedef struct admin_metric admin_metric_t;

//  Append all samples of the metric.
typedef void (admin_metric_fn) (const admin_metric_t *self, const admin_view_t *view, buf_t *out);

struct admin_metric {
    const char *name, *type, *help;
    admin_metric_fn *print;
    size_t offset; //  of a member of snapshot_data_t, or an index that `print` knows
};

#define ADMIN_METRIC_AT(member) offsetof (snapshot_data_t, member)

//  Print the member at `offset`: an int64_t, one in milliseconds as seconds, a bool, or a
//  step_histogram_t of milliseconds.
admin_metric_fn admin_metric_number, admin_metric_ms, admin_metric_bool, admin_metric_time;

//  Append a table of metrics.
void
admin_metric_print (const admin_metric_t *metrics, size_t count, const admin_view_t *view,
                    buf_t *out);
