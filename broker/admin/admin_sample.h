//  admin_sample - pure: one line of Prometheus text for each value of a metric.
//
//  The first label may have any value; what is not UTF-8 in it is shown with '?'.  Values of a
//  second label, and those of histograms, are from closed lists.
//  Src: prometheus.io/docs/instrumenting/exposition_formats, text format 0.0.4.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/step.h"
#include "common/base/buf.h"

#include <stdint.h>

//  metric{label="value"} number
void
admin_sample (buf_t *out, const char *metric, const char *label, const char *value, double number);
//  The same with a second label from a closed list.
void
admin_sample_of (buf_t *out, const char *metric, const char *label, const char *value,
                 const char *closed, const char *one, int64_t number);
//  Buckets, sum and count.  label: NULL, or one label with its value from a closed list.
void
admin_sample_histogram (buf_t *out, const char *metric, const step_histogram_t *histogram,
                        const char *label, const char *value);
