//  mcp_rpc - JSON-RPC texts of mcp: building requests, reading results.  Internal to common/net.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/json.h"

#include <stdbool.h>
#include <stdint.h>

enum { MCP_RPC_TEXT = 256, MCP_RPC_EXTRAS = 16, MCP_RPC_REASON = 256, MCP_RPC_NAMES = 160 };

//  Requests and notifications; params is stolen and may be NULL.
//  Own: fresh, NULL when out of memory.
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

//  What becomes of our `context` in the event tools.
typedef enum {
    MCP_RPC_CONTEXT_NONE,    //  not wanted: a server of one cluster
    MCP_RPC_CONTEXT_DEFAULT, //  we have no name: not sent, so the server takes its default cluster
    MCP_RPC_CONTEXT_OPEN,    //  wanted, and nothing says which there are
    MCP_RPC_CONTEXT_KNOWN,   //  wanted, and ours is one
    MCP_RPC_CONTEXT_UNKNOWN, //  wanted, and ours is none
} mcp_rpc_context_t;

//  What tools/list says, gathered over its pages.
typedef struct {
    bool subscribe, list, unsubscribe;
    bool contexts_list; //  a tool says which contexts there are
    mcp_rpc_context_t context;
    //  UNKNOWN, DEFAULT: those that there are, may be cut; "" = it does not say
    char contexts [MCP_RPC_NAMES];
    char cursor [256]; //  next page, "" = that was all
} mcp_rpc_tools_t;
//  Is it sent?
bool
mcp_rpc_context_sent (mcp_rpc_context_t context);
//  More than one name in such a list of contexts?
bool
mcp_rpc_several (const char *names);
void
mcp_rpc_read_tools (const json_t *result, const char *context, mcp_rpc_tools_t *ret_tools);
//  What configuration_contexts_list says of ours: KNOWN, UNKNOWN with ret_names;
//  OPEN when it says nothing.
mcp_rpc_context_t
mcp_rpc_read_contexts (const json_t *result, const char *context, char ret_names [MCP_RPC_NAMES]);

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
//  type: what we filter by, "" = nothing.
void
mcp_rpc_read_list (const json_t *value, const char *mode, const char *type, const char *context,
                   const char *prefer, mcp_rpc_list_t *ret_list);
