//  SPDX-License-Identifier: Apache-2.0
#include "common/domain/usage.h"

#include "common/base/own.h"
#include "common/base/utf8.h"

#include <stddef.h>
#include <string.h>

#define S_MICRO 1e6

//  The cost stands apart: in JSON it is dollars.
static const struct {
    const char *key;
    size_t offset;
} s_numbers [] = {
    {"calls", offsetof (usage_t, calls)},
    {"turns", offsetof (usage_t, turns)},
    {"input_tokens", offsetof (usage_t, input)},
    {"output_tokens", offsetof (usage_t, output)},
    {"cache_read_tokens", offsetof (usage_t, cache_read)},
    {"cache_write_tokens", offsetof (usage_t, cache_write)},
    {"cost_usd", offsetof (usage_t, cost_micro_usd)},
    {"duration_ms", offsetof (usage_t, duration_ms)},
};
enum { S_NUMBERS = sizeof s_numbers / sizeof s_numbers [0] };

static const struct {
    const char *key;
    size_t offset, size;
} s_texts [] = {
    {"agent", offsetof (usage_t, agent), USAGE_NAME},
    {"version", offsetof (usage_t, version), USAGE_NAME},
    {"model", offsetof (usage_t, model), USAGE_MODEL},
};
enum { S_TEXTS = sizeof s_texts / sizeof s_texts [0] };

static int64_t *
s_number (usage_t *self, size_t at)
{
    return (void *) ((char *) self + s_numbers [at].offset);
}

static int64_t
s_value (const usage_t *self, size_t at)
{
    const void *number = (const char *) self + s_numbers [at].offset;
    return *(const int64_t *) number;
}

usage_t
usage_none (void)
{
    usage_t none = {.agent = ""};
    for (size_t i = 0; i < S_NUMBERS; i++)
        *s_number (&none, i) = USAGE_UNKNOWN;
    return none;
}

bool
usage_known (const usage_t *self)
{
    bool known = self->agent [0] || self->version [0] || self->model [0];
    for (size_t i = 0; i < S_NUMBERS; i++)
        known = known || s_value (self, i) >= 0;
    return known;
}

void
usage_bound (usage_t *self)
{
    for (size_t i = 0; i < S_NUMBERS; i++)
        if (s_value (self, i) < 0 || s_value (self, i) > USAGE_MAX)
            *s_number (self, i) = USAGE_UNKNOWN;
}

void
usage_add (usage_t *self, const usage_t *other)
{
    for (size_t i = 0; i < S_TEXTS; i++) {
        const char *text = (const char *) other + s_texts [i].offset;
        if (*text)
            memcpy ((char *) self + s_texts [i].offset, text, s_texts [i].size);
    }
    for (size_t i = 0; i < S_NUMBERS; i++) {
        int64_t *sum = s_number (self, i);
        const int64_t more = s_value (other, i);
        if (more < 0)
            continue;
        if (*sum < 0)
            *sum = 0;
        *sum = more > USAGE_MAX - *sum ? USAGE_MAX : *sum + more;
    }
}

void
usage_prefer (usage_t *self, const usage_t *other)
{
    for (size_t i = 0; i < S_NUMBERS; i++)
        if (s_value (other, i) >= 0)
            *s_number (self, i) = USAGE_UNKNOWN;
    usage_add (self, other);
}

static json_t *
s_json (const usage_t *self, size_t at)
{
    const int64_t value = s_value (self, at);
    if (value < 0)
        return json_null ();
    return s_numbers [at].offset == offsetof (usage_t, cost_micro_usd)
               ? json_real ((double) value / S_MICRO)
               : json_integer (value);
}

json_t *
usage_json (const usage_t *self)
{
    own (json_drop) json_t *doc = json_object ();
    int rc = doc ? 0 : -1;
    for (size_t i = 0; i < S_TEXTS && !rc; i++)
        rc = json_object_set_new (doc, s_texts [i].key,
                                  json_any_or_null ((const char *) self + s_texts [i].offset));
    for (size_t i = 0; i < S_NUMBERS && !rc; i++)
        rc = json_object_set_new (doc, s_numbers [i].key, s_json (self, i));
    return rc ? NULL : own_take (doc);
}

static int64_t
s_read (const json_t *value, size_t at)
{
    const bool cost = s_numbers [at].offset == offsetof (usage_t, cost_micro_usd);
    if (!cost)
        return json_is_integer (value) ? json_integer_value (value) : USAGE_UNKNOWN;
    const double usd = json_is_number (value) ? json_number_value (value) : -1;
    //  The comparison is also false for what is no number.
    return usd >= 0 && usd <= (double) USAGE_MAX / S_MICRO ? (int64_t) (usd * S_MICRO + 0.5)
                                                           : USAGE_UNKNOWN;
}

void
usage_read (const json_t *doc, usage_t *ret_usage)
{
    *ret_usage = usage_none ();
    for (size_t i = 0; i < S_TEXTS; i++) {
        const char *text = json_member_text (doc, s_texts [i].key, "");
        const size_t size = utf8_cut (text, strlen (text), s_texts [i].size - 1);
        memcpy ((char *) ret_usage + s_texts [i].offset, text, size);
    }
    for (size_t i = 0; i < S_NUMBERS; i++)
        *s_number (ret_usage, i) = s_read (json_object_get (doc, s_numbers [i].key), i);
    usage_bound (ret_usage);
}
