//  mcp_server_session - sessions, their streams and the bytes that wait in them.
//  SPDX-License-Identifier: Apache-2.0
#include "publisher/mcp_server_part.h"

#include "common/base/log.h"

#include <string.h>
#include <utlist.h>

//  --- sessions

static void
s_session_id (const mcp_server_t *self, char ret_id [MCP_SERVER_SESSION])
{
    static const char digits [] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint64_t random = 0;
    for (int at = 0; at < MCP_SERVER_SESSION - 1; at++) {
        if (at % 13 == 0) //  64 bits give 13 digits of 5 bits
            random = self->settings.random64 ();
        ret_id [at] = digits [random & 31];
        random >>= 5;
    }
    ret_id [MCP_SERVER_SESSION - 1] = 0;
}

mcp_server_session_t *
mcp_server_session_new (mcp_server_t *self, mcp_server_cluster_t *cluster)
{
    mcp_server_session_t *session = calloc (1, sizeof (mcp_server_session_t));
    if (!session)
        return NULL;
    s_session_id (self, session->id);
    session->cluster = cluster;
    session->level = -1;
    session->used_ms = self->now.boot_ms;
    HASH_ADD_STR (self->sessions, id, session);
    log_info ("session opened", kv ("session", session->id),
              kv ("cluster", cluster ? cluster->recorded->name : "all"),
              kv ("sessions", HASH_COUNT (self->sessions)));
    return session;
}

void
mcp_server_watcher_end (mcp_server_watcher_t **watcher_p)
{
    mcp_server_watcher_t *watcher = *watcher_p;
    if (watcher->listed)
        watcher->cluster->subscriptions--;
    DL_DELETE (watcher->session->watchers, watcher);
    json_decref (watcher->filters);
    free (watcher);
    *watcher_p = NULL;
}

static void
s_stream_over (mcp_server_t *self, mcp_server_stream_t *stream)
{
    stream->over = true;
    if (!stream->ready)
        DL_APPEND (self->ready, stream);
    stream->ready = true;
}

void
mcp_server_session_end (mcp_server_t *self, mcp_server_session_t **session_p, const char *reason)
{
    mcp_server_session_t *session = *session_p;
    while (session->watchers) {
        mcp_server_watcher_t *watcher = session->watchers;
        mcp_server_watcher_end (&watcher);
    }
    if (session->stream) {
        session->stream->session = NULL;
        s_stream_over (self, session->stream);
    }
    HASH_DEL (self->sessions, session);
    log_info ("session closed", kv ("session", session->id), kv ("reason", reason),
              kv ("sessions", HASH_COUNT (self->sessions)));
    free (session);
    *session_p = NULL;
}

//  --- streams

mcp_server_stream_t *
mcp_server_stream_new (mcp_server_t *self, mcp_server_session_t *session)
{
    mcp_server_stream_t *stream = calloc (1, sizeof (mcp_server_stream_t));
    if (!stream)
        return NULL;
    //  One fault may be added to a backlog that is almost full.
    stream->backlog = buf_init (LIMIT_SERVE_BACKLOG_BYTES + 2 * (size_t) LIMIT_EVENT_BYTES);
    stream->session = session;
    stream->written_ms = self->now.boot_ms;
    session->stream = stream;
    self->streams++;
    return stream;
}

size_t
mcp_server_backlog (const mcp_server_stream_t *stream)
{
    return stream->backlog.size - stream->taken;
}

int
mcp_server_write (mcp_server_t *self, mcp_server_stream_t *stream, const char *bytes, size_t size)
{
    if (size > stream->backlog.max - stream->backlog.size)
        return ERR_LIMIT;
    int rc = buf_append (&stream->backlog, bytes, size);
    if (rc != 0)
        return rc;
    stream->written_ms = self->now.boot_ms;
    self->written++;
    if (!stream->ready)
        DL_APPEND (self->ready, stream);
    stream->ready = true;
    return 0;
}

mcp_server_stream_t *
mcp_server_ready (mcp_server_t *self)
{
    mcp_server_stream_t *stream = self->ready;
    if (!stream)
        return NULL;
    DL_DELETE (self->ready, stream);
    stream->ready = false;
    return stream;
}

int64_t
mcp_server_read (mcp_server_stream_t *stream, char *ret_bytes, size_t max)
{
    size_t left = mcp_server_backlog (stream);
    size_t size = left < max ? left : max;
    if (size == 0)
        return stream->over ? -1 : 0;
    memcpy (ret_bytes, stream->backlog.data + stream->taken, size);
    stream->taken += size;
    if (stream->taken * 2 > stream->backlog.size) { //  rarely enough that the moves cost little
        buf_consume (&stream->backlog, stream->taken);
        stream->taken = 0;
    }
    return (int64_t) size;
}

void
mcp_server_gone (mcp_server_t *self, mcp_server_stream_t **stream_p, clk_now_t now)
{
    mcp_server_stream_t *stream = *stream_p;
    self->now = now;
    mcp_server_session_t *session = stream->session;
    if (session) {
        session->stream = NULL;
        session->used_ms = now.boot_ms;
        log_info ("stream closed", kv ("session", session->id));
    }
    if (session && session->legacy)
        mcp_server_session_end (self, &session, "its stream ended");
    if (stream->ready)
        DL_DELETE (self->ready, stream);
    self->streams--;
    buf_fini (&stream->backlog);
    free (stream);
    *stream_p = NULL;
}

void
mcp_server_set_tag (mcp_server_stream_t *stream, void *tag)
{
    stream->tag = tag;
}

void *
mcp_server_tag (const mcp_server_stream_t *stream)
{
    return stream->tag;
}

size_t
mcp_server_streams (const mcp_server_t *self)
{
    return self->streams;
}

void
mcp_server_stop (mcp_server_t *self)
{
    for (mcp_server_session_t *session = self->sessions; session; session = session->hh.next) {
        if (session->stream)
            s_stream_over (self, session->stream);
    }
}
