//  admin_sample - appends one line of Prometheus text for each value of a metric.  Pure.
//
//  The first label may have any value; bytes that are not UTF-8 become '?'.
//  A second label and the label of a histogram take values from closed lists only.
//  Src: prometheus.io/docs/instrumenting/exposition_formats, text format 0.0.4.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/step.h"
#include "common/base/buf.h"

#include <stdint.h>

//  Append: metric{label="value"} number
void
admin_sample (buf_t *out, const char *metric, const char *label, const char *value, double number);
//  The same with a second label from a closed list.
void
admin_sample_of (buf_t *out, const char *metric, const char *label, const char *value,
                 const char *closed, const char *one, int64_t number);
//  Append buckets, sum and count.  label: NULL, or one label with a value from a closed list.
void
admin_sample_histogram (buf_t *out, const char *metric, const step_histogram_t *histogram,
                        const char *label, const char *value);
