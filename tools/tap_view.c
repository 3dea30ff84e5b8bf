//  SPDX-License-Identifier: Apache-2.0
#include "tools/tap_view.h"

#include "common/base/clk.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "tools/term.h"

#include <errno.h>
#include <string.h>
#include <uthash.h>

static json_t *
s_text (codec_text_t text)
{
    json_t *value = json_stringn (text.data ? text.data : "", text.size);
    return value ? value : json_string ("?");
}

json_t *
tap_record (const char *topic, const msg_record_t *record)
{
    return json_pack ("{s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:I,s:o,s:o,s:o,s:o,s:o,s:I}", "seq",
                      (json_int_t) record->seq, "prev", (json_int_t) record->prev, "at_ms",
                      (json_int_t) record->at_ms, "topic", s_text (codec_text (topic)), "kind",
                      s_text (record->kind), "cluster", s_text (record->cluster), "change",
                      s_text (record->change), "incident", s_text (record->incident), "attempt",
                      (json_int_t) record->attempt, "worker", s_text (record->worker), "reason",
                      s_text (record->reason), "fault_type", s_text (record->fault_type),
                      "severity", s_text (record->severity), "resource", s_text (record->resource),
                      "occurrences", (json_int_t) record->occurrences);
}

//  --- lines

//  Columns of a line, counted from the end of the change.
enum { S_CLUSTER = 1, S_SEVERITY = 17, S_TYPE = 26, S_RESOURCE = 44 };

static const char *
s_color (const char *change)
{
    //  An older broker says "resolved" for "reported".
    static const struct {
        const char *change, *code;
    } colors [] = {
        {"pending", "33"},      {"investigating", "36"}, {"reported", "32"},  {"resolved", "32"},
        {"agent_failed", "31"}, {"failed", "31"},        {"suppressed", "2"}, {"cancelled", "2"},
        {"gap", "33"},          {"lost", "33"},          {"connected", "32"}, {"quarantined", "31"},
    };
    for (size_t i = 0; i < sizeof (colors) / sizeof (colors [0]); i++)
        if (strcmp (change, colors [i].change) == 0)
            return colors [i].code;
    return NULL;
}

//  Append "before TEXT" unless there is no text.
static void
s_part (const json_t *record, const char *before, const char *key, buf_t *out)
{
    const json_t *value = json_object_get (record, key);
    if (!json_is_string (value) || json_string_length (value) == 0)
        return;
    buf_text (out, before);
    term_escape (json_string_value (value), json_string_length (value), out);
}

//  Pad the text after `from` to a column.  Escaped text counts in bytes, which is close enough.
static void
s_pad (buf_t *out, size_t from, size_t width)
{
    while (!out->failed && out->size - from < width)
        buf_text (out, " ");
}

//  Start the next text at a column after `from`, or directly after a longer text.
static void
s_part_at (const json_t *record, const char *key, size_t from, size_t column, buf_t *out)
{
    if (!json_member_text (record, key, "") [0])
        return;
    buf_text (out, " ");
    s_pad (out, from, column);
    s_part (record, "", key, out);
}

//  KIND/NAMESPACE/NAME, or KIND/NAME without a namespace.
static void
s_resource (const json_t *record, size_t from, buf_t *out)
{
    const char *text = json_member_text (record, "resource", "");
    const char *slash = strchr (text, '/');
    if (!slash || slash [1] != '/') {
        s_part_at (record, "resource", from, S_RESOURCE, out);
        return;
    }
    buf_text (out, " ");
    s_pad (out, from, S_RESOURCE);
    term_escape (text, (size_t) (slash - text), out);
    term_escape (slash + 1, strlen (slash + 1), out);
}

int
tap_view_line (const json_t *record, bool color, buf_t *out)
{
    char time [CLK_TEXT];
    const char *code = color ? s_color (json_member_text (record, "change", "")) : NULL;
    clk_text (json_member_int (record, "at_ms", 0), time, sizeof (time));
    buf_printf (out, "%.13s", strlen (time) > 11 ? time + 11 : time);
    s_part (record, "  ", "kind", out);
    s_pad (out, 0, 25);
    if (code)
        buf_printf (out, "\033[%sm", code);
    size_t from = out->size;
    s_part (record, "", "change", out);
    s_pad (out, from, 14);
    if (code)
        buf_text (out, "\033[0m");
    from = out->size;
    s_part_at (record, "cluster", from, S_CLUSTER, out);
    s_part_at (record, "severity", from, S_SEVERITY, out);
    s_part_at (record, "fault_type", from, S_TYPE, out);
    s_resource (record, from, out);
    if (json_member_int (record, "attempt", 0) > 0)
        buf_printf (out, " #%lld", (long long) json_member_int (record, "attempt", 0));
    s_part (record, "  on ", "worker", out);
    s_part (record, ": ", "reason", out);
    if (json_member_int (record, "occurrences", 0) > 1)
        buf_printf (out, "  x%lld", (long long) json_member_int (record, "occurrences", 0));
    s_part (record, "  ", "incident", out); //  last: so a narrow terminal breaks the id
    return out->failed;
}

int
tap_view_json (const json_t *record, buf_t *out)
{
    own (own_mem) char *line = json_dumps (record, JSON_COMPACT | JSON_ENSURE_ASCII);
    return line ? buf_text (out, line) : -ENOMEM;
}

//  --- gaps

typedef struct {
    char *topic;
    int64_t seq;
    UT_hash_handle hh;
} topic_t;

struct tap_watch {
    topic_t *topics; //  uthash by name
    int64_t floor;   //  seen up to here in every topic, -1 = unknown
};

tap_watch_t *
tap_watch_new (void)
{
    tap_watch_t *self = calloc (1, sizeof (tap_watch_t));
    if (self)
        self->floor = -1;
    return self;
}

void
tap_watch_destroy (tap_watch_t **self_p)
{
    tap_watch_t *self = *self_p;
    if (!self)
        return;
    topic_t *topic = NULL, *next = NULL;
    HASH_ITER (hh, self->topics, topic, next) {
        HASH_DEL (self->topics, topic);
        free (topic->topic);
        free (topic);
    }
    free (self);
    *self_p = NULL;
}

void
tap_watch_floor (tap_watch_t *self, int64_t seq)
{
    if (seq > self->floor)
        self->floor = seq;
}

static topic_t *
s_find (const tap_watch_t *self, const char *name)
{
    topic_t *topic = NULL;
    HASH_FIND_STR (self->topics, name, topic);
    return topic;
}

tap_seen_t
tap_watch_look (const tap_watch_t *self, const json_t *record, int64_t *ret_last)
{
    int64_t seq = json_member_int (record, "seq", 0);
    if (seq <= 0)
        return TAP_NEXT;
    const topic_t *topic = s_find (self, json_member_text (record, "topic", ""));
    int64_t last = topic && topic->seq > self->floor ? topic->seq : self->floor;
    if (last < 0)
        return TAP_NEXT;
    *ret_last = last;
    if (seq <= last)
        return TAP_OLD;
    return json_member_int (record, "prev", 0) > last ? TAP_GAP : TAP_NEXT;
}

int
tap_watch_shown (tap_watch_t *self, const json_t *record)
{
    int64_t seq = json_member_int (record, "seq", 0);
    const char *name = json_member_text (record, "topic", "");
    if (seq <= 0)
        return 0;
    topic_t *topic = s_find (self, name);
    if (!topic) {
        if (HASH_COUNT (self->topics) >= TAP_TOPICS)
            return ERR_LIMIT;
        topic = calloc (1, sizeof (topic_t));
        if (topic)
            topic->topic = strdup (name);
        if (!topic || !topic->topic) {
            free (topic);
            return -ENOMEM;
        }
        HASH_ADD_KEYPTR (hh, self->topics, topic->topic, strlen (topic->topic), topic);
    }
    topic->seq = seq;
    return 0;
}
