//  mcp_server_feed - turns tapes into notifications on streams.
//  SPDX-License-Identifier: Apache-2.0
#include "publisher/mcp_server_part.h"

#include "common/base/log.h"
#include "common/base/own.h"

#include <string.h>
#include <utlist.h>

enum { LEVEL_INFO = 1, LEVEL_WARNING = 3 };

//  --- one notification

//  Own: fresh text, NULL when out of memory; takes the reference to data.
static char *
s_frame (json_t *data, bool event, size_t *ret_size)
{
    own (json_drop) json_t *message = json_pack (
        "{s:s, s:s, s:{s:o, s:s, s:s}}", "jsonrpc", "2.0", "method", "notifications/message",
        "params", "data", data, "level", event ? "info" : "warning", "logger",
        event ? "kubernetes/events" : "kubernetes/faults");
    own (own_mem) char *line = message ? json_line (message) : NULL;
    char *frame = NULL;
    int size = line ? asprintf (&frame, "event: message\ndata: %s\n\n", line) : -1;
    *ret_size = size > 0 ? (size_t) size : 0;
    return size > 0 ? frame : NULL;
}

//  Does the client's level let it pass?  Before a level is set, the friendly server sends
//  everything, the event server's library nothing.
static bool
s_level_passes (const mcp_server_t *self, const mcp_server_session_t *session, bool event)
{
    if (session->level < 0)
        return !self->settings.faithful;
    return (event ? LEVEL_INFO : LEVEL_WARNING) >= session->level;
}

//  --- filters

static bool
s_in (const json_t *names, const char *name)
{
    for (size_t at = 0; at < json_array_size (names); at++) {
        const char *text = json_string_value (json_array_get (names, at));
        if (text && strcmp (text, name) == 0)
            return true;
    }
    return json_array_size (names) == 0;
}

static bool
s_equal (const json_t *filters, const char *key, const char *value)
{
    const char *wanted = json_member_text (filters, key, "");
    return !*wanted || strcmp (wanted, value) == 0;
}

static bool
s_filter_passes (const json_t *filters, const json_t *data)
{
    const json_t *event = json_object_get (data, "event");
    const json_t *object =
        json_object_get (event ? event : data, event ? "involvedObject" : "resource");
    const char *namespace_ =
        json_member_text (object, "namespace", json_member_text (event, "namespace", ""));
    const char *reason = json_member_text (filters, "reason", "");
    return s_in (json_object_get (filters, "namespaces"), namespace_)
           && s_equal (filters, "involvedKind", json_member_text (object, "kind", ""))
           && s_equal (filters, "involvedName", json_member_text (object, "name", ""))
           && s_equal (filters, "involvedNamespace", namespace_)
           && s_equal (filters, "type", json_member_text (event, "type", "Warning"))
           && strncmp (json_member_text (event, "reason", json_member_text (data, "faultType", "")),
                       reason, strlen (reason))
                  == 0;
}

//  Does this fault belong to the watcher?  The event server sorts by mode, and ignores filters in
//  faults mode.  The friendly server plays the whole tape, whatever subscription recorded it.
static bool
s_wanted (const mcp_server_t *self, const mcp_server_watcher_t *watcher, const json_t *data,
          bool event)
{
    if (!s_level_passes (self, watcher->session, event))
        return false;
    if (!self->settings.faithful)
        return s_filter_passes (watcher->filters, data);
    return event == watcher->events && (!event || s_filter_passes (watcher->filters, data));
}

//  --- playing

static bool
s_has_room (const mcp_server_stream_t *stream)
{
    return mcp_server_backlog (stream) < LIMIT_SERVE_BACKLOG_BYTES;
}

static bool
s_listens (const mcp_server_session_t *session)
{
    return session->stream && !session->stream->over;
}

static void
s_send (mcp_server_t *self, mcp_server_watcher_t *watcher, const playback_t *at)
{
    bool event = at->tape->faults [at->index].event;
    own (json_drop) json_t *data =
        recording_play (watcher->cluster->recorded, at->index, at->round, self->settings.distinct);
    if (!data || !s_wanted (self, watcher, data, event))
        return;
    json_object_set_new (data, "subscriptionId", json_string (watcher->id));
    size_t size = 0;
    own (own_mem) char *frame = s_frame (own_take (data), event, &size);
    int rc = frame ? mcp_server_write (self, watcher->session->stream, frame, size) : ERR_LIMIT;
    if (rc == 0) {
        watcher->sent++;
    }
    else {
        log_error ("fault cannot be sent", kv ("session", watcher->session->id),
                   kv ("cluster", watcher->cluster->recorded->name),
                   kv ("fault", (uint64_t) at->index + 1), kv ("error", err_str (rc)));
    }
}

//  Friendly: play this subscription's own tape while its client listens.
static void
s_feed_watcher (mcp_server_t *self, mcp_server_watcher_t *watcher)
{
    playback_t *playback = &watcher->playback;
    for (int count = 0;
         count < LIMIT_SERVE_TURN && s_listens (watcher->session)
         && s_has_room (watcher->session->stream) && playback_due (playback, self->now.boot_ms);
         count++) {
        s_send (self, watcher, playback);
        playback_next (playback, &self->settings.pace, self->now.boot_ms);
        if (playback->ended) {
            log_info ("recording played to its end", kv ("session", watcher->session->id),
                      kv ("cluster", watcher->cluster->recorded->name),
                      kv ("subscription", watcher->id), kv ("sent", watcher->sent));
        }
    }
}

//  Faithful: faults sent while no stream is open are lost.  The failed write silently cancels the
//  subscription, but its watcher goes on.
static void
s_feed_faithful (mcp_server_t *self, mcp_server_watcher_t *watcher)
{
    const playback_t *playback = &watcher->cluster->playback;
    bool event = playback->tape->faults [playback->index].event;
    if (s_listens (watcher->session)) {
        s_send (self, watcher, playback);
        return;
    }
    if (event != watcher->events || !watcher->listed
        || !s_level_passes (self, watcher->session, event))
        return;
    watcher->listed = false;
    watcher->cluster->subscriptions--;
    log_info ("fault lost, subscription cancelled", kv ("session", watcher->session->id),
              kv ("cluster", watcher->cluster->recorded->name), kv ("subscription", watcher->id));
}

//  A client that does not read blocks the informers of all.
static bool
s_stalled (const mcp_server_t *self, const mcp_server_cluster_t *cluster)
{
    for (const mcp_server_session_t *session = self->sessions; session;
         session = session->hh.next) {
        for (const mcp_server_watcher_t *watcher = session->watchers; watcher;
             watcher = watcher->next) {
            if (watcher->cluster == cluster && s_listens (session) && !s_has_room (session->stream))
                return true;
        }
    }
    return false;
}

static void
s_feed_cluster (mcp_server_t *self, mcp_server_cluster_t *cluster)
{
    playback_t *playback = &cluster->playback;
    for (int count = 0; count < LIMIT_SERVE_TURN && cluster->started
                        && playback_due (playback, self->now.boot_ms) && !s_stalled (self, cluster);
         count++) {
        for (mcp_server_session_t *session = self->sessions; session; session = session->hh.next) {
            mcp_server_watcher_t *watcher = NULL;
            DL_FOREACH (session->watchers, watcher) {
                if (watcher->cluster == cluster)
                    s_feed_faithful (self, watcher);
            }
        }
        playback_next (playback, &self->settings.pace, self->now.boot_ms);
        if (playback->ended)
            log_info ("recording played to its end", kv ("cluster", cluster->recorded->name));
    }
}

//  --- for the server

void
mcp_server_feed_start (mcp_server_t *self, mcp_server_watcher_t *watcher)
{
    mcp_server_cluster_t *cluster = watcher->cluster;
    watcher->playback = playback_init (cluster->recorded->tape, self->now.boot_ms);
    if (!cluster->started)
        cluster->playback = watcher->playback;
    cluster->started = true;
}

void
mcp_server_feed (mcp_server_t *self)
{
    int64_t before = self->written;
    for (size_t at = 0; at < self->cluster_count && self->settings.faithful; at++)
        s_feed_cluster (self, &self->clusters [at]);
    for (mcp_server_session_t *session = self->sessions; session && !self->settings.faithful;
         session = session->hh.next) {
        mcp_server_watcher_t *watcher = NULL;
        DL_FOREACH (session->watchers, watcher) {
            s_feed_watcher (self, watcher);
        }
    }
    self->in_vain = self->written == before;
}

static int64_t
s_wake_faithful (const mcp_server_t *self)
{
    int64_t wake_ms = INT64_MAX;
    for (size_t at = 0; at < self->cluster_count; at++) {
        const mcp_server_cluster_t *cluster = &self->clusters [at];
        int64_t due_ms = cluster->started && !s_stalled (self, cluster)
                             ? playback_due_ms (&cluster->playback)
                             : INT64_MAX;
        wake_ms = due_ms < wake_ms ? due_ms : wake_ms;
    }
    return wake_ms;
}

static int64_t
s_wake_friend (const mcp_server_t *self)
{
    int64_t wake_ms = INT64_MAX;
    for (const mcp_server_session_t *session = self->sessions; session;
         session = session->hh.next) {
        if (!s_listens (session) || !s_has_room (session->stream))
            continue;
        for (const mcp_server_watcher_t *watcher = session->watchers; watcher;
             watcher = watcher->next) {
            int64_t due_ms = playback_due_ms (&watcher->playback);
            wake_ms = due_ms < wake_ms ? due_ms : wake_ms;
        }
    }
    return wake_ms;
}

//  A tape without pause or end must not use the processor while nobody listens.
int64_t
mcp_server_feed_wake (const mcp_server_t *self)
{
    int64_t wake_ms = self->settings.faithful ? s_wake_faithful (self) : s_wake_friend (self);
    bool rest = self->in_vain && wake_ms <= self->now.boot_ms;
    return rest ? self->now.boot_ms + 1 : wake_ms;
}
