//  mcp_server - recorded clusters as an MCP server with event tools: sessions, subscriptions,
//  streams.
//
//  Streamable HTTP without a socket: its owner passes in requests and time, and takes answers and
//  the bytes of streams.  /mcp/NAME serves one cluster.  /mcp serves all of them; if there are
//  several, its tools take a `context`.
//  Friendly (the default): each subscription plays its tape from the start, and only while its
//  client listens.  So nothing is lost.
//  Faithful (like the event server): each cluster plays on by itself once somebody has subscribed,
//  and clients meet that server's faults.  See docs/replay-server.md.
//  Writes log lines; no other I/O.  Threads: one.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/clk.h"
#include "publisher/playback.h"

typedef struct mcp_server mcp_server_t;
//  The answer to one GET.
typedef struct mcp_server_stream mcp_server_stream_t;

enum { MCP_SERVER_SESSION = 27 }; //  26 characters and the NUL

typedef struct {
    const recording_t *recording; //  borrowed
    playback_pace_t pace;
    bool faithful;
    bool distinct;               //  each round plays faults of other objects
    const char *denied;          //  names of clusters with too few rights, "a,b"; copied
    bool local;                  //  on a loopback address: other Host names are refused
    uint64_t (*random64) (void); //  makes session and subscription ids
} mcp_server_settings_t;

//  One request; texts are "" when absent.
typedef struct {
    const char *method, *path, *origin, *accept, *content_type;
    const char *session, *version, *last_event_id; //  Mcp-Session-Id, MCP-Protocol-Version
    const char *query_session;                     //  sessionid of the query, for /sse
    const char *body;
    size_t body_size;
    bool host_plain; //  Host is an address, localhost, or absent
    bool too_large;  //  the body was over the limit and is missing
} mcp_server_request_t;

//  The answer to a request.  status 0: never answer (the client gives up).
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
//  Every stream must be gone before.
void
mcp_server_destroy (mcp_server_t **self_p);

//  Answer one request.  Own: *ret_answer holds memory; the stream is borrowed until
//  mcp_server_gone.
void
mcp_server_ask (mcp_server_t *self, const mcp_server_request_t *request, clk_now_t now,
                mcp_server_answer_t *ret_answer);
//  Play the faults that are due.
void
mcp_server_on_time (mcp_server_t *self, clk_now_t now);
//  When mcp_server_on_time is due, boot ms; INT64_MAX for never.
int64_t
mcp_server_wake (const mcp_server_t *self);

//  The next stream with new bytes to read, each once; NULL when there is none.
mcp_server_stream_t *
mcp_server_ready (mcp_server_t *self);
//  Returns the number of bytes written, 0 nothing now, -1 the stream has ended.
int64_t
mcp_server_read (mcp_server_stream_t *stream, char *ret_bytes, size_t max);
//  The client left, or the end was read: frees the stream.
void
mcp_server_gone (mcp_server_t *self, mcp_server_stream_t **stream_p, clk_now_t now);
//  A pointer for the owner's use.
void
mcp_server_set_tag (mcp_server_stream_t *stream, void *tag);
void *
mcp_server_tag (const mcp_server_stream_t *stream);
//  The number of open streams.
size_t
mcp_server_streams (const mcp_server_t *self);
//  End every stream properly.
void
mcp_server_stop (mcp_server_t *self);
