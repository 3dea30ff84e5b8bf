//  sse - a pure parser of event streams.
//  SPDX-License-Identifier: Apache-2.0

#include "common/net/sse.h"

#include "common/base/buf.h"
#include "common/base/limits.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { TYPE_BYTES = 64, RETRY_MAX_MS = 24 * 3600 * 1000 };

struct sse {
    size_t event_max_bytes;
    buf_t line;             //  the line being read
    buf_t data;             //  data of the event being read; each line ends with LF
    char type [TYPE_BYTES]; //  event name, "" = message
    char *pending_id;       //  id of the event being read; becomes last_id at its end
    char *last_id;          //  LIMIT_SSE_ID_BYTES + 1 bytes, like pending_id
    int64_t retry_ms;       //  -1 none
    int64_t dropped;        //  events over the limit
    unsigned bom;           //  bytes of a BOM seen at the start; 3 = past it
    bool id_seen;           //  pending_id was set by the event being read
    bool skip_lf;           //  the last byte was CR: an LF belongs to it
    bool oversize;          //  the event being read is over the limit
};

sse_t *
sse_new (size_t event_max_bytes)
{
    assert (event_max_bytes > 0);

    sse_t *self = calloc (1, sizeof (sse_t));
    if (!self)
        return NULL;
    self->event_max_bytes = event_max_bytes;
    self->line = buf_init (event_max_bytes);
    self->data = buf_init (event_max_bytes);
    self->retry_ms = -1;
    self->pending_id = calloc (1, LIMIT_SSE_ID_BYTES + 1);
    self->last_id = calloc (1, LIMIT_SSE_ID_BYTES + 1);
    if (!self->pending_id || !self->last_id)
        sse_destroy (&self);
    return self;
}

void
sse_destroy (sse_t **self_p)
{
    sse_t *self = *self_p;
    if (!self)
        return;
    buf_fini (&self->line);
    buf_fini (&self->data);
    free (self->pending_id);
    free (self->last_id);
    free (self);
    *self_p = NULL;
}


//  --- fields

//  An id that does not fit a header counts as empty: it is never echoed, and the next stream starts
//  without one.
static void
s_on_id (sse_t *self, const char *value, size_t size)
{
    if (memchr (value, 0, size))
        return;
    bool fit = size <= LIMIT_SSE_ID_BYTES;
    for (size_t i = 0; fit && i < size; i++)
        fit = value [i] >= 0x20 && value [i] < 0x7F;
    size_t kept = fit ? size : 0;
    memcpy (self->pending_id, value, kept);
    self->pending_id [kept] = 0;
    self->id_seen = true;
}

static void
s_on_retry (sse_t *self, const char *value, size_t size)
{
    int64_t ms = 0;
    for (size_t i = 0; i < size; i++) {
        if (value [i] < '0' || value [i] > '9')
            return;
        ms = ms * 10 + (value [i] - '0');
        if (ms > RETRY_MAX_MS)
            ms = RETRY_MAX_MS;
    }
    if (size > 0)
        self->retry_ms = ms;
}

static void
s_on_field (sse_t *self, const char *name, size_t name_size, const char *value, size_t size)
{
    if (name_size == 4 && memcmp (name, "data", 4) == 0) {
        if (buf_append (&self->data, value, size) != 0 || buf_append (&self->data, "\n", 1) != 0)
            self->oversize = true;
    }
    else if (name_size == 5 && memcmp (name, "event", 5) == 0) {
        size_t kept = size < TYPE_BYTES ? size : TYPE_BYTES - 1;
        memcpy (self->type, value, kept);
        self->type [kept] = 0;
    }
    else if (name_size == 2 && memcmp (name, "id", 2) == 0) {
        s_on_id (self, value, size);
    }
    else if (name_size == 5 && memcmp (name, "retry", 5) == 0) {
        s_on_retry (self, value, size);
    }
}


//  --- events

//  Empty it.  A large block is freed, so that one large event does not hold memory forever.
static void
s_empty (sse_t *self, buf_t *buf)
{
    if (buf->capacity > LIMIT_KIB (256)) {
        buf_fini (buf);
        *buf = buf_init (self->event_max_bytes);
    }
    buf_reset (buf);
}

static void
s_forget_event (sse_t *self)
{
    s_empty (self, &self->data);
    self->type [0] = 0;
    self->oversize = false;
}

static void
s_end_event (sse_t *self, sse_fn *fn, void *arg)
{
    if (self->id_seen)
        memcpy (self->last_id, self->pending_id, LIMIT_SSE_ID_BYTES + 1);
    self->id_seen = false;
    if (self->oversize) {
        self->dropped++;
    }
    else if (self->data.size > 1) {
        self->data.data [--self->data.size] = 0;
        sse_event_t event = {.type = self->type [0] ? self->type : "message",
                             .data = self->data.data,
                             .size = self->data.size};
        fn (arg, &event);
    }
    s_forget_event (self);
}

static void
s_end_line (sse_t *self, sse_fn *fn, void *arg)
{
    const char *line = self->line.data;
    size_t size = self->line.size;
    if (self->line.failed) {
        self->oversize = true;
    }
    else if (size == 0) {
        s_end_event (self, fn, arg);
    }
    else if (line [0] != ':') {
        const char *colon = memchr (line, ':', size);
        size_t name_size = colon ? (size_t) (colon - line) : size;
        const char *value = colon ? colon + 1 : line + size;
        if (colon && value < line + size && *value == ' ')
            value++;
        s_on_field (self, line, name_size, value, (size_t) (line + size - value));
    }
    s_empty (self, &self->line);
}

//  Strip one BOM at the very start of a stream; a partial BOM is text.
static size_t
s_skip_bom (sse_t *self, const char *bytes, size_t size)
{
    static const char bom [3] = {'\xEF', '\xBB', '\xBF'};
    size_t at = 0;
    while (at < size && self->bom < 3) {
        if (bytes [at] != bom [self->bom]) {
            (void) buf_append (&self->line, bom, self->bom); //  the buffer remembers the failure
            self->bom = 3;
            break;
        }
        at++;
        self->bom++;
    }
    return at;
}

void
sse_feed (sse_t *self, const char *bytes, size_t size, sse_fn *fn, void *arg)
{
    assert (self && fn);

    size_t at = self->bom < 3 ? s_skip_bom (self, bytes, size) : 0;
    while (at < size) {
        if (self->skip_lf) {
            self->skip_lf = false;
            if (bytes [at] == '\n') {
                at++;
                continue;
            }
        }
        size_t end = at;
        while (end < size && bytes [end] != '\n' && bytes [end] != '\r')
            end++;
        if (end > at)
            //  the buffer remembers the failure
            (void) buf_append (&self->line, bytes + at, end - at);
        if (end < size) {
            self->skip_lf = bytes [end] == '\r';
            s_end_line (self, fn, arg);
            end++;
        }
        at = end;
    }
}

void
sse_restart (sse_t *self)
{
    assert (self);

    buf_reset (&self->line);
    s_forget_event (self);
    memcpy (self->pending_id, self->last_id, LIMIT_SSE_ID_BYTES + 1);
    self->id_seen = false;
    self->bom = 0;
    self->skip_lf = false;
}

const char *
sse_last_id (const sse_t *self)
{
    return self->last_id;
}

void
sse_forget_id (sse_t *self)
{
    self->last_id [0] = 0;
    self->pending_id [0] = 0;
}

int64_t
sse_retry_ms (const sse_t *self)
{
    return self->retry_ms;
}

int64_t
sse_dropped (const sse_t *self)
{
    return self->dropped;
}
