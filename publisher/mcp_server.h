//  mcp_server - recorded clusters as an MCP server with event tools:
//  sessions, subscriptions, streams.
//
//  Streamable HTTP without a socket: it is fed with requests and time, and gives answers and the
//  bytes of streams.  /mcp/NAME is the server of one cluster; /mcp of all of them, where the tools
//  take a `context` once there are several.
//  As a friend (the default) each subscription plays its tape from the start, and only while its
//  client listens, so that nothing is lost.  As a faithful copy of the event server each cluster
//  plays on for itself once somebody has subscribed, and what that server does to its clients, this
//  one does: docs/replay-server.md.
//  Writes log lines; no other I/O.  Threads: one.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/clk.h"
#include "publisher/playback.h"

typedef struct mcp_server mcp_server_t;
typedef struct mcp_server_stream mcp_server_stream_t; //  the answer to one GET

enum { MCP_SERVER_SESSION = 27 }; //  26 characters and the NUL

typedef struct {
    const recording_t *recording; //  borrowed
    playback_pace_t pace;
    bool faithful;
    bool distinct;               //  each round is about other objects
    const char *denied;          //  names of clusters with too few rights, "a,b"; copied
    bool local;                  //  on a loopback address: other Host names are refused
    uint64_t (*random64) (void); //  session and subscription ids
} mcp_server_settings_t;

//  One request; texts are "" when absent.
typedef struct {
    const char *method, *path, *origin, *accept, *content_type;
    const char *session, *version, *last_event_id; //  Mcp-Session-Id, MCP-Protocol-Version
    const char *query_session;                     //  sessionid of the query, for /sse
    const char *body;
    size_t body_size;
    bool host_plain; //  Host is an address, localhost, or absent
    bool too_large;  //  the body was over the limit and is not here
} mcp_server_request_t;

//  What to answer.  status 0: nothing, ever (the client gives up).
typedef struct {
    unsigned status;
    const char *type;  //  content type, static
    const char *allow; //  405: the methods, static; else NULL
    char *body;        //  owned, may be NULL
    size_t size;
    char session [MCP_SERVER_SESSION]; //  "" = no header
    mcp_server_stream_t *stream;       //  a stream was opened; body is NULL
} mcp_server_answer_t;

//  Own: fresh, NULL when out of memory.
mcp_server_t *
mcp_server_new (const mcp_server_settings_t *settings);
//  Every stream must be gone.
void
mcp_server_destroy (mcp_server_t **self_p);

//  Own: *ret_answer holds memory; the stream is borrowed until mcp_server_gone.
void
mcp_server_ask (mcp_server_t *self, const mcp_server_request_t *request, clk_now_t now,
                mcp_server_answer_t *ret_answer);
//  Play what is due.
void
mcp_server_on_time (mcp_server_t *self, clk_now_t now);
//  When mcp_server_on_time is due, boot ms; INT64_MAX for never.
int64_t
mcp_server_wake (const mcp_server_t *self);

//  Streams with something new to read, each once; NULL when there is none.
mcp_server_stream_t *
mcp_server_ready (mcp_server_t *self);
//  Returns the count of bytes written, 0 nothing now, -1 the stream is over.
int64_t
mcp_server_read (mcp_server_stream_t *stream, char *ret_bytes, size_t max);
//  The client left, or the end was read.  Frees the stream.
void
mcp_server_gone (mcp_server_t *self, mcp_server_stream_t **stream_p, clk_now_t now);
//  A pointer of the owner's.
void
mcp_server_set_tag (mcp_server_stream_t *stream, void *tag);
void *
mcp_server_tag (const mcp_server_stream_t *stream);
//  Streams that are open.
size_t
mcp_server_streams (const mcp_server_t *self);
//  End every stream in order.
void
mcp_server_stop (mcp_server_t *self);
