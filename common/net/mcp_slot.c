//  mcp_slot - transfers, outputs and the jitter of the session machine.
//  SPDX-License-Identifier: Apache-2.0

#include "common/base/utf8.h"
#include "common/net/mcp_part.h"

#include "common/base/own.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>


//  --- outputs

//  Own: steals text, which has size bytes and a NUL.  NULL = out of memory.
static mcp_out_t *
s_out (mcp_t *self, mcp_out_kind_t kind, char *text, size_t size)
{
    mcp_part_node_t *node = text ? calloc (1, sizeof (mcp_part_node_t)) : NULL;
    if (!node) {
        free (text);
        return NULL;
    }
    node->out.kind = kind;
    node->out.text = text;
    node->out.text_size = size;
    DL_APPEND (self->outs, node);
    return &node->out;
}

mcp_out_t *
mcp_slot_out (mcp_t *self, mcp_out_kind_t kind, const char *text, size_t size)
{
    char *copy = malloc (size + 1);
    if (copy) {
        memcpy (copy, text, size);
        copy [size] = 0;
    }
    return s_out (self, kind, copy, size);
}

void
mcp_slot_out_take (mcp_t *self, mcp_out_kind_t kind, char *text)
{
    (void) s_out (self, kind, text, strlen (text));
}

void
mcp_slot_out_text (mcp_t *self, mcp_out_kind_t kind, const char *text)
{
    (void) mcp_slot_out (self, kind, text, strlen (text));
}

void
mcp_slot_set_state (mcp_t *self, mcp_state_t state, const char *reason)
{
    if (self->state == state)
        return;
    self->state = state;
    bool blocked = state == MCP_UNSUPPORTED || state == MCP_WEDGED;
    mcp_out_t *out = mcp_slot_out (self, MCP_OUT_STATE, reason, strlen (reason));
    if (out) {
        out->state = state;
        out->again = blocked && self->blocked == state
                     && strncmp (self->blocked_by, reason, sizeof (self->blocked_by) - 1) == 0;
    }
    if (blocked)
        snprintf (self->blocked_by, sizeof (self->blocked_by), "%s", reason);
    if (blocked || state == MCP_ACTIVE)
        self->blocked = blocked ? state : MCP_IDLE;
}

void
mcp_slot_gap (mcp_t *self, int64_t from_ms, const char *reason)
{
    mcp_out_t *out = mcp_slot_out (self, MCP_OUT_GAP, reason, strlen (reason));
    if (out) {
        out->from_ms = from_ms;
        out->to_ms = self->now_ms;
    }
}

void
mcp_slot_large (mcp_t *self, int64_t dropped)
{
    mcp_out_t *out = mcp_slot_out (self, MCP_OUT_LARGE, "", 0);
    if (out)
        out->dropped = dropped;
}

void
mcp_slot_error (mcp_t *self, const char *reason)
{
    utf8_copy (self->last_error, sizeof self->last_error, reason);
}


//  --- time and chance

uint64_t
mcp_slot_random (mcp_t *self, uint64_t below)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return self->random % below;
}

int64_t
mcp_slot_backoff (mcp_t *self, int failures)
{
    int64_t delay = self->settings.backoff_min_ms;
    for (int i = 0; i < failures && delay < self->settings.backoff_max_ms; i++)
        delay *= 2;
    if (delay > self->settings.backoff_max_ms)
        delay = self->settings.backoff_max_ms;
    int64_t spread = delay * 2 / 5;
    return delay - delay / 5 + (int64_t) mcp_slot_random (self, (uint64_t) spread + 1);
}

void
mcp_slot_count_up (int *failures)
{
    if (*failures < 30)
        ++*failures;
}

void
mcp_slot_timers_off (mcp_t *self)
{
    self->wait_ms = self->stream_head_ms = self->ping_ms = self->list_ms = INT64_MAX;
}


//  --- slots

mcp_part_slot_t *
mcp_slot_find (mcp_t *self, uint64_t cookie)
{
    for (int i = 0; i < SLOTS; i++) {
        if (self->slots [i].call != CALL_FREE && self->slots [i].cookie == cookie)
            return &self->slots [i];
    }
    return NULL;
}

static mcp_part_slot_t *
s_find_call (mcp_t *self, mcp_part_call_t call)
{
    for (int i = 0; i < SLOTS; i++) {
        if (self->slots [i].call == call)
            return &self->slots [i];
    }
    return NULL;
}

mcp_part_slot_t *
mcp_slot_pending (mcp_t *self)
{
    for (int i = 0; i < SLOTS; i++) {
        mcp_part_call_t call = self->slots [i].call;
        if (call != CALL_FREE && call != CALL_ASIDE && call != CALL_STREAM)
            return &self->slots [i];
    }
    return NULL;
}

void
mcp_slot_free (mcp_part_slot_t *slot)
{
    sse_destroy (&slot->sse);
    buf_fini (&slot->body);
    *slot = (mcp_part_slot_t){0};
}

void
mcp_slot_abort (mcp_t *self, mcp_part_slot_t *slot)
{
    if (slot->cookie != COOKIE_ENDED) {
        mcp_out_t *out = mcp_slot_out (self, MCP_OUT_ABORT, "", 0);
        if (out)
            out->cookie = slot->cookie;
    }
    mcp_slot_free (slot);
}

void
mcp_slot_abort_pending (mcp_t *self)
{
    mcp_part_slot_t *slot = mcp_slot_pending (self);
    if (slot)
        mcp_slot_abort (self, slot);
}

void
mcp_slot_abort_all (mcp_t *self)
{
    for (int i = 0; i < SLOTS; i++) {
        if (self->slots [i].call != CALL_FREE)
            mcp_slot_abort (self, &self->slots [i]);
    }
    self->stream_open = false;
}

static void __attribute__ ((format (printf, 2, 3)))
s_header (mcp_out_t *out, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    char *line = NULL;
    if (out->header_count < MCP_HEADERS && vasprintf (&line, format, args) >= 0)
        out->headers [out->header_count++] = line;
    va_end (args);
}

mcp_part_slot_t *
mcp_slot_request (mcp_t *self, mcp_part_call_t call, mcp_verb_t verb, char *body, int64_t limit_ms)
{
    own (own_mem) char *text = body;
    mcp_part_slot_t *slot = s_find_call (self, CALL_FREE);
    if (!slot)
        return NULL; //  only aside messages can get here: calls are one at a time
    mcp_out_t *out =
        mcp_slot_out (self, MCP_OUT_REQUEST, text ? text : "", text ? strlen (text) : 0);
    if (!out)
        return NULL;
    slot->call = call;
    slot->cookie = out->cookie = ++self->last_cookie;
    slot->deadline_ms = limit_ms ? self->now_ms + limit_ms : INT64_MAX;
    slot->body = buf_init (LIMIT_MCP_ANSWER_BYTES);
    out->verb = verb;
    out->total_ms = limit_ms ? limit_ms + 1000 : 0; //  our own deadline comes first
    if (verb == MCP_POST) {
        s_header (out, "Content-Type: application/json");
        s_header (out, "Accept: application/json, text/event-stream");
    }
    if (verb == MCP_GET)
        s_header (out, "Accept: text/event-stream");
    if (call != CALL_INIT && self->session [0])
        s_header (out, "Mcp-Session-Id: %s", self->session);
    if (call != CALL_INIT && self->version [0])
        s_header (out, "MCP-Protocol-Version: %s", self->version);
    if (verb == MCP_GET && *sse_last_id (self->stream))
        s_header (out, "Last-Event-ID: %s", sse_last_id (self->stream));
    return slot;
}
