//  mcp_rpc - JSON-RPC texts of mcp: building requests, reading results.  Internal to common/net.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/json.h"

#include <stdbool.h>
#include <stdint.h>

enum { MCP_RPC_TEXT = 256, MCP_RPC_EXTRAS = 16, MCP_RPC_REASON = 256 };

//  Requests and notifications; params is stolen and may be NULL.  Own: fresh, NULL when out of memory.
char *
mcp_rpc_request (int64_t id, const char *method, json_t *params);
char *
mcp_rpc_notification (const char *method, json_t *params);
//  The answer to a server's request: {} for ping, "method not found" for the rest.
char *
mcp_rpc_answer (const json_t *request);

json_t *
mcp_rpc_initialize (void);
//  arguments is stolen; always sent, even when empty: some servers crash without it.
json_t *
mcp_rpc_tool_call (const char *tool, json_t *arguments);

//  Is it a session id that may stand in a header (visible ASCII, at most 1 KiB)?
bool
mcp_rpc_session_valid (const char *session);
bool
mcp_rpc_version_known (const char *version);
//  Does this error text mean that the server has lost our session?
bool
mcp_rpc_session_lost (const char *text);

//  What tools/list says, gathered over its pages.
typedef struct {
    bool subscribe, list, unsubscribe;
    bool context;      //  the tools want a `context`, and ours is one of its values
    char cursor [256]; //  next page, "" = that was all
} mcp_rpc_tools_t;
void
mcp_rpc_read_tools (const json_t *result, const char *context, mcp_rpc_tools_t *ret_tools);

//  The JSON value in a tool's result: structuredContent, or the first one in its text.
//  Own: fresh.  Err: ERR_PROTO there is none; ERR_NONE isError, reason has the text.
int
mcp_rpc_tool_value (const json_t *result, json_t **ret_value,
                    char ret_reason [MCP_RPC_REASON]) must_check;

//  What events_list_subscriptions says: the one to keep, and those to drop.
typedef struct {
    char keep [MCP_RPC_TEXT]; //  "" = none
    char drop [MCP_RPC_EXTRAS][MCP_RPC_TEXT];
    int drop_count;
} mcp_rpc_list_t;
//  prefer: keep this one where there are several, "" = any.  context "" = any cluster.
void
mcp_rpc_read_list (const json_t *value, const char *mode, const char *context, const char *prefer,
                   mcp_rpc_list_t *ret_list);

//  Copy at most size - 1 bytes.
void
mcp_rpc_copy (char *ret_text, size_t size, const char *text);
