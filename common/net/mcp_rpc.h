//  mcp_rpc - JSON-RPC texts for mcp: builds requests, reads results.  Internal to common/net.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/json.h"

#include <stdbool.h>
#include <stdint.h>

enum { MCP_RPC_TEXT = 256, MCP_RPC_EXTRAS = 16, MCP_RPC_REASON = 256, MCP_RPC_NAMES = 160 };

//  Build a request or notification.  Own: fresh, NULL when out of memory; steals params, which may
//  be NULL.
char *
mcp_rpc_request (int64_t id, const char *method, json_t *params);
char *
mcp_rpc_notification (const char *method, json_t *params);
//  The answer to a server's request: {} for ping, "method not found" for the rest.  Own: fresh.
char *
mcp_rpc_answer (const json_t *request);

//  Parameters of initialize.  Own: fresh.
json_t *
mcp_rpc_initialize (void);
//  Own: fresh; steals arguments.  They are sent even when empty: some servers crash without them.
json_t *
mcp_rpc_tool_call (const char *tool, json_t *arguments);

//  Is it a session id that fits a header (visible ASCII, at most 1 KiB)?
bool
mcp_rpc_session_valid (const char *session);
//  Do we speak this protocol version?
bool
mcp_rpc_version_known (const char *version);
//  Does this error text mean that the server has lost our session?
bool
mcp_rpc_session_lost (const char *text);

//  How the event tools take our `context`.
typedef enum {
    MCP_RPC_CONTEXT_NONE, //  not wanted: the server has one cluster
    //  We have no context name: nothing is sent, and the server uses its default cluster.
    MCP_RPC_CONTEXT_DEFAULT,
    MCP_RPC_CONTEXT_OPEN,    //  wanted, and the valid values are unknown
    MCP_RPC_CONTEXT_KNOWN,   //  wanted, and ours is valid
    MCP_RPC_CONTEXT_UNKNOWN, //  wanted, and ours is not valid
} mcp_rpc_context_t;

//  The result of tools/list, gathered over its pages.
typedef struct {
    bool subscribe, list, unsubscribe;
    bool contexts_list; //  a tool lists the contexts
    mcp_rpc_context_t context;
    //  UNKNOWN, DEFAULT: the server's contexts, maybe cut; "" = unknown.
    char contexts [MCP_RPC_NAMES];
    char cursor [256]; //  next page, "" = this was the last one
} mcp_rpc_tools_t;
//  Is the context sent?
bool
mcp_rpc_context_sent (mcp_rpc_context_t context);
//  Does this list of contexts hold more than one name?
bool
mcp_rpc_several (const char *names);
//  Add one page of tools/list.  context: our cluster's name, "" = none.
void
mcp_rpc_read_tools (const json_t *result, const char *context, mcp_rpc_tools_t *ret_tools);
//  Read what configuration_contexts_list says about our context: KNOWN, UNKNOWN with ret_names, or
//  OPEN when it says nothing.
mcp_rpc_context_t
mcp_rpc_read_contexts (const json_t *result, const char *context, char ret_names [MCP_RPC_NAMES]);

//  The JSON value in a tool's result: structuredContent, or the first one in its text.  Own: fresh.
//  Err: ERR_PROTO: there is none; ERR_NONE: isError, reason holds its text.
int
mcp_rpc_tool_value (const json_t *result, json_t **ret_value,
                    char ret_reason [MCP_RPC_REASON]) must_check;

//  The result of events_list_subscriptions: the one to keep, and those to drop.
typedef struct {
    char keep [MCP_RPC_TEXT]; //  "" = none
    char drop [MCP_RPC_EXTRAS][MCP_RPC_TEXT];
    int drop_count;
} mcp_rpc_list_t;
//  prefer: which one to keep if there are several, "" = any.  context "" = any cluster.  type: our
//  filter, "" = none.
void
mcp_rpc_read_list (const json_t *value, const char *mode, const char *type, const char *context,
                   const char *prefer, mcp_rpc_list_t *ret_list);
