//  server_world - an mcp_server over small recordings, driven by hand, for its unit tests.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "publisher/mcp_server.h"

#define RPC(id, method, params)                                                                    \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":" params "}"
#define CALL(tool, arguments)                                                                      \
    RPC ("7", "tools/call", "{\"name\":\"" tool "\",\"arguments\":" arguments "}")
#define INIT RPC ("1", "initialize", "{\"protocolVersion\":\"2025-06-18\"}")
#define LEVEL(name) RPC ("2", "logging/setLevel", "{\"level\":\"" name "\"}")
#define SUBSCRIBE CALL ("events_subscribe", "{\"mode\":\"faults\"}")
#define LIST CALL ("events_list_subscriptions", "{}")

typedef struct {
    recording_t *recording;
    mcp_server_settings_t settings;
    mcp_server_t *server;
    clk_now_t now;
    mcp_server_request_t request; //  valid defaults of every request, for tests to break
    char session [MCP_SERVER_SESSION];
    mcp_server_answer_t answer; //  to the last request
    mcp_server_stream_t *stream;
    buf_t got; //  read from the stream so far
} server_world_t;

//  A server of clusters c0, c1, ...: each has three faults (pods p0..p2) and an event (e0).
void
server_world_start (server_world_t *self, size_t clusters);
int
server_world_setup (void **state);
int
server_world_teardown (void **state);
//  Send one request.  Returns the status.
unsigned
server_world_ask (server_world_t *self, const mcp_server_request_t *request);
//  POST in the world's session.  Returns the status.
unsigned
server_world_post (server_world_t *self, const char *body);
//  The body of the last answer.
const char *
server_world_body (const server_world_t *self);
//  POST; expects 200 and this text.
void
server_world_expect (server_world_t *self, const char *body, const char *wanted);
//  GET or DELETE in the world's session.  Returns the status.
unsigned
server_world_verb (server_world_t *self, const char *method);
//  Open a new session; the world uses it from now on.
void
server_world_initialize (server_world_t *self);
//  GET: open the world's stream.
void
server_world_open (server_world_t *self);
//  Let time pass, play, read everything.  Returns the number of notifications so far.
int
server_world_play (server_world_t *self, int64_t ms);
//  As server_world_play, but forgets earlier notifications first.
int
server_world_play_anew (server_world_t *self, int64_t ms);
//  The subscription id in the last answer.
void
server_world_subscription (const server_world_t *self, char ret_id [16]);
