//  SPDX-License-Identifier: Apache-2.0
#include "broker/admin/admin_sample.h"

#include "common/base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

//  Append label="value" for any text.
static void
s_label (buf_t *out, const char *label, const char *value)
{
    buf_printf (out, "%s=\"", label);
    bool utf8 = json_utf8_valid (value, strlen (value));
    for (const char *at = value; *at; at++) {
        if (*at == '\\' || *at == '"')
            buf_printf (out, "\\%c", *at);
        else if (*at == '\n')
            buf_text (out, "\\n");
        else
            buf_append (out, !utf8 && (unsigned char) *at >= 0x80 ? "?" : at, 1);
    }
    buf_text (out, "\"");
}

void
admin_sample (buf_t *out, const char *metric, const char *label, const char *value, double number)
{
    buf_printf (out, "%s{", metric);
    s_label (out, label, value);
    buf_printf (out, "} %.17g\n", number);
}

void
admin_sample_of (buf_t *out, const char *metric, const char *label, const char *value,
                 const char *closed, const char *one, int64_t number)
{
    buf_printf (out, "%s{", metric);
    s_label (out, label, value);
    buf_printf (out, ",%s=\"%s\"} %" PRId64 "\n", closed, one, number);
}

void
admin_sample_histogram (buf_t *out, const char *metric, const step_histogram_t *histogram,
                        const char *label, const char *value)
{
    char with [64] = "", alone [64] = "";
    if (label) {
        snprintf (with, sizeof (with), "%s=\"%s\",", label, value);
        snprintf (alone, sizeof (alone), "{%s=\"%s\"}", label, value);
    }
    int64_t count = 0;
    for (int i = 0; i < STEP_BOUNDS; i++) {
        count += histogram->buckets [i];
        buf_printf (out, "%s_bucket{%sle=\"%g\"} %" PRId64 "\n", metric, with,
                    (double) step_bounds_ms [i] / 1000.0, count);
    }
    count += histogram->buckets [STEP_BOUNDS];
    buf_printf (out, "%s_bucket{%sle=\"+Inf\"} %" PRId64 "\n", metric, with, count);
    buf_printf (out, "%s_sum%s %.3f\n", metric, alone, (double) histogram->sum_ms / 1000.0);
    buf_printf (out, "%s_count%s %" PRId64 "\n", metric, alone, count);
}
