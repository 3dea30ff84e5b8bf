//  fuzz_sse - the parser of event streams against a second one that sees the whole stream at once.
//
//  Holds: the same events, last id, retry and drops however the bytes are cut, and the same as the
//  reference; nothing over the limit; a restarted parser behaves like a fresh one.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/net/sse.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { SMALL_BYTES = 48, LARGE_BYTES = LIMIT_MIB (1), RETRY_MAX_MS = 86400000, TYPE_BYTES = 63 };

//  What one pass over a stream has to show.
typedef struct {
    buf_t events; //  "type LF size LF data" each
    size_t event_max_bytes;
    char last_id [LIMIT_SSE_ID_BYTES + 1];
    int64_t retry_ms, dropped;
} seen_t;

static seen_t
s_seen (size_t event_max_bytes)
{
    return (seen_t){
        .events = buf_init (LIMIT_MIB (16)), .event_max_bytes = event_max_bytes, .retry_ms = -1};
}

static void
s_seen_fini (seen_t *self)
{
    buf_fini (&self->events);
}

static void
s_note (seen_t *self, const char *type, const char *data, size_t size)
{
    assert (buf_printf (&self->events, "%s\n%zu\n", type, size) == 0);
    assert (buf_append (&self->events, data, size) == 0);
}

static void
s_on_event (void *arg, const sse_event_t *event)
{
    seen_t *self = arg;
    assert (event->size > 0 && event->size < self->event_max_bytes);
    assert (event->data [event->size] == 0);
    assert (event->type [0] && strlen (event->type) <= TYPE_BYTES);
    s_note (self, event->type, event->data, event->size);
}

static void
s_assert_same (const seen_t *a, const seen_t *b)
{
    assert (a->events.size == b->events.size);
    assert (memcmp (a->events.data, b->events.data, a->events.size) == 0);
    assert (strcmp (a->last_id, b->last_id) == 0);
    assert (a->retry_ms == b->retry_ms);
    assert (a->dropped == b->dropped);
}


//  --- the reference: lines, then fields, each with the whole stream in view

typedef struct {
    seen_t *seen;
    buf_t data; //  of the event, each line ended by LF
    char type [TYPE_BYTES + 1];
    char id [LIMIT_SSE_ID_BYTES + 1];
    bool id_set, oversize;
} reference_t;

static void
s_ref_id (reference_t *self, const char *value, size_t size)
{
    bool fits = size <= LIMIT_SSE_ID_BYTES;
    for (size_t i = 0; i < size; i++) {
        if (value [i] == 0)
            return;
        fits = fits && value [i] >= ' ' && value [i] <= '~';
    }
    memset (self->id, 0, sizeof self->id);
    memcpy (self->id, value, fits ? size : 0);
    self->id_set = true;
}

static void
s_ref_retry (reference_t *self, const char *value, size_t size)
{
    double ms = 0;
    for (size_t i = 0; i < size; i++) {
        if (value [i] < '0' || value [i] > '9')
            return;
        ms = ms * 10 + (value [i] - '0');
    }
    if (size)
        self->seen->retry_ms = ms > RETRY_MAX_MS ? RETRY_MAX_MS : (int64_t) ms;
}

static void
s_ref_field (reference_t *self, const char *line, size_t size)
{
    size_t name = 0;
    while (name < size && line [name] != ':')
        name++;
    size_t at = name < size ? name + 1 : size;
    at += at < size && name < size && line [at] == ' ';
    const char *value = line + at;
    size_t value_size = size - at;
    if (name == 4 && memcmp (line, "data", 4) == 0) {
        self->oversize |= self->data.size + value_size + 1 > self->seen->event_max_bytes;
        if (!self->oversize) {
            assert (buf_append (&self->data, value, value_size) == 0);
            assert (buf_text (&self->data, "\n") == 0);
        }
    }
    else if (name == 5 && memcmp (line, "event", 5) == 0) {
        memset (self->type, 0, sizeof self->type);
        memcpy (self->type, value, value_size < TYPE_BYTES ? value_size : TYPE_BYTES);
    }
    else if (name == 2 && memcmp (line, "id", 2) == 0) {
        s_ref_id (self, value, value_size);
    }
    else if (name == 5 && memcmp (line, "retry", 5) == 0) {
        s_ref_retry (self, value, value_size);
    }
}

static void
s_ref_end (reference_t *self)
{
    if (self->id_set)
        memcpy (self->seen->last_id, self->id, sizeof self->id);
    if (self->oversize)
        self->seen->dropped++;
    else if (self->data.size > 1)
        s_note (self->seen, self->type [0] ? self->type : "message", self->data.data,
                self->data.size - 1);
    buf_reset (&self->data);
    memset (self->type, 0, sizeof self->type);
    self->oversize = self->id_set = false;
}

static void
s_reference (const char *bytes, size_t size, seen_t *seen)
{
    reference_t self = {.seen = seen, .data = buf_init (LIMIT_MIB (16))};
    size_t at = size >= 3 && memcmp (bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (at < size) {
        size_t end = at;
        while (end < size && bytes [end] != '\r' && bytes [end] != '\n')
            end++;
        if (end == size)
            break; //  a line without an end is not yet a line
        if (end - at > seen->event_max_bytes)
            self.oversize = true;
        else if (end == at)
            s_ref_end (&self);
        else if (bytes [at] != ':')
            s_ref_field (&self, bytes + at, end - at);
        bool both = bytes [end] == '\r' && end + 1 < size && bytes [end + 1] == '\n';
        at = end + 1 + both;
    }
    buf_fini (&self.data);
}


//  --- the target

static void
s_feed (sse_t *sse, const char *bytes, size_t size, fuzz_cut_t cut, seen_t *seen)
{
    fuzz_chance_t chance = fuzz_chance ((const uint8_t *) bytes, size);
    for (size_t at = 0; at < size;) {
        size_t piece = fuzz_piece (cut, &chance, size - at);
        sse_feed (sse, bytes + at, piece, s_on_event, seen);
        at += piece;
    }
    snprintf (seen->last_id, sizeof seen->last_id, "%s", sse_last_id (sse));
    seen->retry_ms = sse_retry_ms (sse);
    seen->dropped = sse_dropped (sse);
}

static void
s_one_limit (const char *bytes, size_t size, size_t event_max_bytes)
{
    own (s_seen_fini) seen_t expected = s_seen (event_max_bytes);
    s_reference (bytes, size, &expected);
    for (fuzz_cut_t cut = FUZZ_WHOLE; cut < FUZZ_CUTS; cut++) {
        own (s_seen_fini) seen_t seen = s_seen (event_max_bytes);
        own (sse_destroy) sse_t *sse = sse_new (event_max_bytes);
        s_feed (sse, bytes, size, cut, &seen);
        s_assert_same (&expected, &seen);
        //  once more over a used parser: only the last id and the figures live on
        seen_t again = s_seen (event_max_bytes);
        sse_restart (sse);
        assert (strcmp (sse_last_id (sse), expected.last_id) == 0);
        s_feed (sse, bytes, size, cut, &again);
        again.dropped -= seen.dropped;
        s_assert_same (&expected, &again);
        s_seen_fini (&again);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    s_one_limit ((const char *) data, size, SMALL_BYTES);
    s_one_limit ((const char *) data, size, LARGE_BYTES);
    return 0;
}
