//  mcp_server_part - shared by the files of the server: mcp_server (time), mcp_server_session
//  (sessions and streams), mcp_server_http (requests and JSON-RPC), mcp_server_tools (the event
//  tools), mcp_server_feed (tapes to notifications).  Internal to publisher.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/limits.h"
#include "publisher/mcp_server.h"

#include <uthash.h>

enum { MCP_SERVER_SUBSCRIPTION = 16 }; //  "sub-" and 8 characters and the NUL

typedef struct mcp_server_session mcp_server_session_t;
typedef struct mcp_server_watcher mcp_server_watcher_t;

typedef struct {
    const recording_cluster_t *recorded;
    bool denied;         //  it lacks the permissions for the informers
    bool wedged;         //  faithful: a subscribe hangs and blocks every event tool
    bool started;        //  faithful: somebody has subscribed
    playback_t playback; //  faithful: shared by all its watchers
    int subscriptions;   //  of all sessions
} mcp_server_cluster_t;

//  One subscription.  A cancelled faithful one goes on unlisted until its session ends.
struct mcp_server_watcher {
    char id [MCP_SERVER_SUBSCRIPTION];
    char created [CLK_TEXT];
    mcp_server_cluster_t *cluster;
    mcp_server_session_t *session;
    json_t *filters; //  as in the request, only those that are not empty
    bool events;     //  mode: events, not faults
    bool listed;     //  not cancelled
    playback_t playback;
    int64_t sent;
    mcp_server_watcher_t *prev, *next; //  in session->watchers
};

struct mcp_server_stream {
    mcp_server_session_t *session; //  NULL once the session has ended
    buf_t backlog;                 //  bytes to send, after a front that was read already
    size_t taken;                  //  length of that front
    int64_t written_ms;
    bool over;  //  nothing more comes
    bool ready; //  in server->ready
    void *tag;
    mcp_server_stream_t *prev, *next;
};

struct mcp_server_session {
    char id [MCP_SERVER_SESSION];
    mcp_server_cluster_t *cluster; //  NULL = all of them
    bool legacy;                   //  of /sse: ends with its stream
    int level;                     //  of logging/setLevel, 0 debug .. 7 emergency; -1 not set
    mcp_server_stream_t *stream;   //  NULL = no stream open
    mcp_server_watcher_t *watchers;
    int64_t used_ms;
    UT_hash_handle hh;
};

struct mcp_server {
    mcp_server_settings_t settings;
    mcp_server_cluster_t clusters [LIMIT_CLUSTERS];
    size_t cluster_count;
    mcp_server_session_t *sessions; //  hash by id
    mcp_server_stream_t *ready;
    size_t streams;
    int64_t written; //  pieces written to streams so far
    bool in_vain;    //  the last turn wrote nothing
    clk_now_t now;
};


//  --- mcp_server_session

//  Own: NULL when out of memory.
mcp_server_session_t *
mcp_server_session_new (mcp_server_t *self, mcp_server_cluster_t *cluster);
//  End the subscriptions and the stream, log the reason and free the session.  The stream itself is
//  freed by mcp_server_gone.
void
mcp_server_session_end (mcp_server_t *self, mcp_server_session_t **session_p, const char *reason);
//  Free one subscription and leave its session and cluster.
void
mcp_server_watcher_end (mcp_server_watcher_t **watcher_p);
//  Open a stream and attach it to the session.  Own: NULL when out of memory.
mcp_server_stream_t *
mcp_server_stream_new (mcp_server_t *self, mcp_server_session_t *session);
//  Bytes written but not yet read.
size_t
mcp_server_backlog (const mcp_server_stream_t *stream);
//  Append to a stream.  Err: ERR_LIMIT, -ENOMEM; nothing is appended.
int
mcp_server_write (mcp_server_t *self, mcp_server_stream_t *stream, const char *bytes, size_t size);


//  --- mcp_server_tools

//  The result of tools/list.  Own: fresh, NULL when out of memory.
json_t *
mcp_server_tools_list (const mcp_server_t *self, const mcp_server_session_t *session);
//  The result of tools/call, or a JSON-RPC error in *ret_error.  NULL and no error: never answer.
json_t *
mcp_server_tools_call (mcp_server_t *self, mcp_server_session_t *session, const json_t *params,
                       json_t **ret_error);


//  --- mcp_server_feed

//  Start the tape of a new subscription.
void
mcp_server_feed_start (mcp_server_t *self, mcp_server_watcher_t *watcher);
//  Play all faults that are due.
void
mcp_server_feed (mcp_server_t *self);
//  When mcp_server_feed is due, boot ms; INT64_MAX for never.
int64_t
mcp_server_feed_wake (const mcp_server_t *self);
