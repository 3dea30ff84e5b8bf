//  mcp_case - a session of common/net/mcp with time set by hand, shared by its tests.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/net/mcp.h"

#define SESSION "3KZMEU4QPY2O5PKKCNVQ4HBT35"
#define SSE_TYPE "text/event-stream"
#define TOOLS                                                                                      \
    "{\"tools\":[{\"name\":\"events_subscribe\",\"inputSchema\":{\"type\":\"object\","             \
    "\"properties\":{\"mode\":{}%s}}},{\"name\":\"events_unsubscribe\"},"                          \
    "{\"name\":\"events_list_subscriptions\"}]}"

#define NOTICE(params)                                                                             \
    "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{" params "}}\n\n"

typedef struct {
    mcp_t *mcp;
    int64_t now;
    mcp_out_t request;   //  the last POST or DELETE
    uint64_t stream;     //  cookie of the last GET
    mcp_out_t get;       //  the last GET
    buf_t notes;         //  outputs as text: "POST initialize;GET;state active;..."
    int64_t last_gap_ms; //  length of the last gap
} mcp_case_t;

extern const char mcp_case_ours [], mcp_case_none [], mcp_case_created [];

void
mcp_case_take (mcp_case_t *self);
void
mcp_case_expect (mcp_case_t *self, const char *notes);
bool
mcp_case_has_header (const mcp_out_t *out, const char *line);
void
mcp_case_answer (mcp_case_t *self, const char *result);
void
mcp_case_answer_tool (mcp_case_t *self, const char *text);
void
mcp_case_answer_status (mcp_case_t *self, int status, const char *body);
void
mcp_case_stream_opens (mcp_case_t *self);
void
mcp_case_stream_says (mcp_case_t *self, const char *text);
void
mcp_case_time (mcp_case_t *self, int64_t ms);
void
mcp_case_answer_init (mcp_case_t *self);
void
mcp_case_initialize (mcp_case_t *self);
void
mcp_case_connect (mcp_case_t *self, const char *context_schema);
void
mcp_case_activate (mcp_case_t *self);
int
mcp_case_setup (void **state);
//  As mcp_case_setup, for a source without a name.
int
mcp_case_setup_nameless (void **state);
int
mcp_case_teardown (void **state);
