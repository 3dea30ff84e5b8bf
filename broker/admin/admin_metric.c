//  SPDX-License-Identifier: Apache-2.0
#include "broker/admin/admin_metric.h"

#include "broker/admin/admin_sample.h"

#include <inttypes.h>
#include <string.h>

static int64_t
s_at (const admin_metric_t *self, const admin_view_t *view)
{
    int64_t value = 0;
    memcpy (&value, (const char *) &view->data + self->offset, sizeof (value));
    return value;
}

void
admin_metric_number (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    buf_printf (out, "%s %" PRId64 "\n", self->name, s_at (self, view));
}

void
admin_metric_ms (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    buf_printf (out, "%s %.3f\n", self->name, (double) s_at (self, view) / 1000.0);
}

void
admin_metric_bool (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    bool value = false;
    memcpy (&value, (const char *) &view->data + self->offset, sizeof (value));
    buf_printf (out, "%s %d\n", self->name, value);
}

void
admin_metric_time (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    step_histogram_t histogram;
    memcpy (&histogram, (const char *) &view->data + self->offset, sizeof (histogram));
    admin_sample_histogram (out, self->name, &histogram, NULL, NULL);
}

void
admin_metric_print (const admin_metric_t *metrics, size_t count, const admin_view_t *view,
                    buf_t *out)
{
    for (size_t i = 0; i < count; i++) {
        const admin_metric_t *metric = &metrics [i];
        buf_printf (out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
                    metric->type);
        metric->print (metric, view, out);
    }
}
