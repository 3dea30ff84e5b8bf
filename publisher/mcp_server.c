//  mcp_server - creates and ends the server, and lets time pass for all sessions.
//  SPDX-License-Identifier: Apache-2.0
#include "publisher/mcp_server_part.h"


#include <assert.h>
#include <string.h>

//  --- time

//  End a session that its client forgot; the event server itself would keep it forever.
static void
s_expire (mcp_server_t *self)
{
    mcp_server_session_t *session = NULL;
    mcp_server_session_t *next = NULL;
    HASH_ITER (hh, self->sessions, session, next) {
        if (!session->stream && self->now.boot_ms - session->used_ms >= LIMIT_SERVE_IDLE_MS)
            mcp_server_session_end (self, &session, "not used");
    }
}

static bool
s_keeps_alive (const mcp_server_t *self, const mcp_server_session_t *session)
{
    return !self->settings.faithful && session->stream && !session->stream->over
           && mcp_server_backlog (session->stream) == 0;
}

static void
s_keepalive (mcp_server_t *self)
{
    static const char comment [] = ": keepalive\n\n";
    for (mcp_server_session_t *session = self->sessions; session; session = session->hh.next) {
        if (s_keeps_alive (self, session)
            && self->now.boot_ms - session->stream->written_ms >= LIMIT_SERVE_KEEPALIVE_MS)
            (void) mcp_server_write (self, session->stream, comment, sizeof (comment) - 1);
    }
}

void
mcp_server_on_time (mcp_server_t *self, clk_now_t now)
{
    self->now = now;
    mcp_server_feed (self);
    s_keepalive (self);
    if (!self->settings.faithful)
        s_expire (self);
}

int64_t
mcp_server_wake (const mcp_server_t *self)
{
    int64_t wake_ms = mcp_server_feed_wake (self);
    if (self->settings.faithful)
        return wake_ms;
    for (const mcp_server_session_t *session = self->sessions; session;
         session = session->hh.next) {
        int64_t due_ms = INT64_MAX;
        if (!session->stream) {
            due_ms = session->used_ms + LIMIT_SERVE_IDLE_MS;
        }
        else if (s_keeps_alive (self, session)) {
            due_ms = session->stream->written_ms + LIMIT_SERVE_KEEPALIVE_MS;
        }
        wake_ms = due_ms < wake_ms ? due_ms : wake_ms;
    }
    return wake_ms;
}

//  --- the module

//  Is name in the comma-separated list?
static bool
s_named (const char *names, const char *name)
{
    size_t size = strlen (name);
    for (const char *at = names; *at; at += strcspn (at, ",")) {
        at += strspn (at, ", ");
        if (strncmp (at, name, size) == 0 && strcspn (at, ", ") == size)
            return true;
    }
    return false;
}

mcp_server_t *
mcp_server_new (const mcp_server_settings_t *settings)
{
    assert (settings->recording && settings->denied && settings->random64);

    mcp_server_t *self = calloc (1, sizeof (mcp_server_t));
    if (!self)
        return NULL;
    self->settings = *settings;
    self->settings.denied = NULL;
    const recording_cluster_t *recorded = NULL;
    self->cluster_count = recording_clusters (settings->recording, &recorded);
    for (size_t at = 0; at < self->cluster_count; at++) {
        self->clusters [at].recorded = &recorded [at];
        self->clusters [at].denied = s_named (settings->denied, recorded [at].name);
    }
    return self;
}

void
mcp_server_destroy (mcp_server_t **self_p)
{
    mcp_server_t *self = *self_p;
    if (!self)
        return;
    mcp_server_session_t *session = NULL;
    mcp_server_session_t *next = NULL;
    assert (self->streams == 0);
    HASH_ITER (hh, self->sessions, session, next) {
        mcp_server_session_end (self, &session, "the server stops");
    }
    free (self);
    *self_p = NULL;
}
