//  mcp_rpc - JSON-RPC texts for mcp: builds requests, reads results.
//  SPDX-License-Identifier: Apache-2.0

#include "common/net/mcp_rpc.h"

#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/base/utf8.h"

#include <stdio.h>
#include <string.h>


//  --- building

//  Own: fresh; steals doc.
static char *
s_line (json_t *doc)
{
    char *line = doc ? json_line (doc) : NULL;
    json_decref (doc);
    return line;
}

char *
mcp_rpc_request (int64_t id, const char *method, json_t *params)
{
    json_t *doc =
        json_pack ("{s:s, s:I, s:s}", "jsonrpc", "2.0", "id", (json_int_t) id, "method", method);
    if (params)
        json_object_set_new (doc, "params", params);
    return s_line (doc);
}

char *
mcp_rpc_notification (const char *method, json_t *params)
{
    json_t *doc = json_pack ("{s:s, s:s}", "jsonrpc", "2.0", "method", method);
    if (params)
        json_object_set_new (doc, "params", params);
    return s_line (doc);
}

char *
mcp_rpc_answer (const json_t *request)
{
    json_t *doc = json_pack ("{s:s}", "jsonrpc", "2.0");
    json_object_set (doc, "id", json_object_get (request, "id"));
    if (strcmp (json_member_text (request, "method", ""), "ping") == 0)
        json_object_set_new (doc, "result", json_object ());
    else
        json_object_set_new (
            doc, "error", json_pack ("{s:i, s:s}", "code", -32601, "message", "method not found"));
    return s_line (doc);
}

json_t *
mcp_rpc_initialize (void)
{
    return json_pack ("{s:s, s:{}, s:{s:s, s:s}}", "protocolVersion", "2025-11-25", "capabilities",
                      "clientInfo", "name", "k8s-triage", "version", "0.1.0");
}

json_t *
mcp_rpc_tool_call (const char *tool, json_t *arguments)
{
    return json_pack ("{s:s, s:o}", "name", tool, "arguments",
                      arguments ? arguments : json_object ());
}


//  --- reading

bool
mcp_rpc_session_valid (const char *session)
{
    size_t size = strnlen (session, LIMIT_MCP_SESSION_BYTES + 1);
    for (size_t i = 0; i < size; i++) {
        if (session [i] < 0x21 || session [i] > 0x7E)
            return false;
    }
    return size > 0 && size <= LIMIT_MCP_SESSION_BYTES;
}

bool
mcp_rpc_version_known (const char *version)
{
    static const char *const known [] = {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"};
    for (size_t i = 0; i < sizeof known / sizeof known [0]; i++) {
        if (strcmp (version, known [i]) == 0)
            return true;
    }
    return false;
}

bool
mcp_rpc_session_lost (const char *text)
{
    return strcasestr (text, "during session initialization") != NULL
           || strcasestr (text, "session not found") != NULL
           || strcasestr (text, "session id") != NULL
           || strcasestr (text, "server not initialized") != NULL;
}

//  Append to a list "a, b"; the first name that does not fit becomes "...".
static void
s_add_name (char ret_names [MCP_RPC_NAMES], const char *name)
{
    const size_t at = strlen (ret_names);
    if (at + strlen (name) + sizeof ", ..." < MCP_RPC_NAMES)
        snprintf (ret_names + at, MCP_RPC_NAMES - at, "%s%s", at > 0 ? ", " : "", name);
    else if (at > 0 && ret_names [at - 1] != '.')
        snprintf (ret_names + at, MCP_RPC_NAMES - at, ", ...");
}

//  How the server takes our `context`.  If the schema lists valid values, it must be one of them.
static mcp_rpc_context_t
s_context (const json_t *tool, const char *context, char ret_names [MCP_RPC_NAMES])
{
    const json_t *schema = json_object_get (tool, "inputSchema");
    const json_t *property = json_object_get (json_object_get (schema, "properties"), "context");
    if (!property)
        return MCP_RPC_CONTEXT_NONE;
    const json_t *values = json_object_get (property, "enum");
    ret_names [0] = 0;
    if (!json_is_array (values))
        return *context ? MCP_RPC_CONTEXT_OPEN : MCP_RPC_CONTEXT_DEFAULT;
    for (size_t i = 0; i < json_array_size (values); i++) {
        const char *value = json_string_value (json_array_get (values, i));
        if (*context && value && strcmp (value, context) == 0)
            return MCP_RPC_CONTEXT_KNOWN;
        s_add_name (ret_names, value ? value : "?");
    }
    return *context ? MCP_RPC_CONTEXT_UNKNOWN : MCP_RPC_CONTEXT_DEFAULT;
}

bool
mcp_rpc_context_sent (mcp_rpc_context_t context)
{
    return context != MCP_RPC_CONTEXT_NONE && context != MCP_RPC_CONTEXT_DEFAULT;
}

bool
mcp_rpc_several (const char *names)
{
    return strstr (names, ", ") != NULL;
}

void
mcp_rpc_read_tools (const json_t *result, const char *context, mcp_rpc_tools_t *ret_tools)
{
    const json_t *tools = json_object_get (result, "tools");
    for (size_t i = 0; i < json_array_size (tools); i++) {
        const json_t *tool = json_array_get (tools, i);
        const char *name = json_member_text (tool, "name", "");
        if (strcmp (name, "events_subscribe") == 0) {
            ret_tools->subscribe = true;
            ret_tools->context = s_context (tool, context, ret_tools->contexts);
        }
        else if (strcmp (name, "events_list_subscriptions") == 0) {
            ret_tools->list = true;
        }
        else if (strcmp (name, "events_unsubscribe") == 0) {
            ret_tools->unsubscribe = true;
        }
        else if (strcmp (name, "configuration_contexts_list") == 0) {
            ret_tools->contexts_list = true;
        }
    }
    const char *cursor = json_member_text (result, "nextCursor", "");
    utf8_copy (ret_tools->cursor, sizeof ret_tools->cursor,
               strlen (cursor) < sizeof ret_tools->cursor ? cursor : "");
}

//  The first text of a tool's result, "" when there is none.
static const char *
s_tool_text (const json_t *result)
{
    const json_t *content = json_object_get (result, "content");
    for (size_t i = 0; i < json_array_size (content); i++) {
        const char *text = json_member_text (json_array_get (content, i), "text", "");
        if (*text)
            return text;
    }
    return "";
}

int
mcp_rpc_tool_value (const json_t *result, json_t **ret_value, char ret_reason [MCP_RPC_REASON])
{
    const char *text = s_tool_text (result);
    if (json_is_true (json_object_get (result, "isError"))) {
        utf8_copy (ret_reason, MCP_RPC_REASON, *text ? text : "tool error without a text");
        return ERR_NONE;
    }
    json_t *structured = json_object_get (result, "structuredContent");
    if (json_is_object (structured)) {
        *ret_value = json_incref (structured);
        return 0;
    }
    const char *brace = strchr (text, '{');
    if (brace && json_parse_prefix (brace, strlen (brace), ret_value, NULL) == 0)
        return 0;
    utf8_copy (ret_reason, MCP_RPC_REASON, "tool result without a JSON value");
    return ERR_PROTO;
}

//  Parse one line of a list in a text: "*name -> https://...", the star marks the default.  False:
//  some other line.
static bool
s_context_line (const char *line, size_t size, char ret_name [LIMIT_CLUSTER_BYTES + 1])
{
    const char *arrow = memmem (line, size, " -> ", 4);
    const char *start = line;
    while (arrow && start < arrow && (*start == '*' || *start == ' '))
        start++;
    const size_t length = arrow ? (size_t) (arrow - start) : 0;
    if (length == 0 || length > LIMIT_CLUSTER_BYTES || memchr (start, ' ', length))
        return false;
    memcpy (ret_name, start, length);
    ret_name [length] = 0;
    return true;
}

//  The next name of a list; *at is 0 at first.  False at the end.
static bool
s_next_context (const json_t *result, const char *text, size_t *at,
                char ret_name [LIMIT_CLUSTER_BYTES + 1])
{
    const json_t *structured = json_object_get (result, "structuredContent");
    const json_t *list = json_object_get (structured, "contexts");
    if (json_is_array (list)) {
        if (*at >= json_array_size (list))
            return false;
        utf8_copy (ret_name, LIMIT_CLUSTER_BYTES + 1,
                   json_member_text (json_array_get (list, (*at)++), "name", "?"));
        return true;
    }
    while (text [*at]) {
        const char *line = text + *at;
        const size_t size = strcspn (line, "\n");
        *at += size + (line [size] ? 1 : 0);
        if (s_context_line (line, size, ret_name))
            return true;
    }
    return false;
}

mcp_rpc_context_t
mcp_rpc_read_contexts (const json_t *result, const char *context, char ret_names [MCP_RPC_NAMES])
{
    char name [LIMIT_CLUSTER_BYTES + 1];
    const char *text = s_tool_text (result);
    ret_names [0] = 0;
    if (json_is_true (json_object_get (result, "isError")))
        return MCP_RPC_CONTEXT_OPEN;
    size_t at = 0;
    while (s_next_context (result, text, &at, name)) {
        if (strcmp (name, context) == 0)
            return MCP_RPC_CONTEXT_KNOWN;
        if (strcmp (name, "CONTEXT_NAME") != 0) //  this line explains the list
            s_add_name (ret_names, name);
    }
    return ret_names [0] ? MCP_RPC_CONTEXT_UNKNOWN : MCP_RPC_CONTEXT_OPEN;
}

//  Are the filters ours, or absent?  A server may not show them.
static bool
s_filters_match (const json_t *filters, const char *type)
{
    const size_t ours = *type && strcmp (json_member_text (filters, "type", ""), type) == 0;
    return json_object_size (filters) == ours;
}

//  Could this subscription be ours?
static bool
s_matches (const json_t *entry, const char *mode, const char *type, const char *context)
{
    return !json_is_true (json_object_get (entry, "degraded"))
           && strcmp (json_member_text (entry, "mode", "events"), mode) == 0
           && (!*context || strcmp (json_member_text (entry, "cluster", context), context) == 0)
           && s_filters_match (json_object_get (entry, "filters"), type);
}

void
mcp_rpc_read_list (const json_t *value, const char *mode, const char *type, const char *context,
                   const char *prefer, mcp_rpc_list_t *ret_list)
{
    *ret_list = (mcp_rpc_list_t){0};
    const json_t *entries = json_object_get (value, "subscriptions");
    for (size_t i = 0; i < json_array_size (entries); i++) {
        const json_t *entry = json_array_get (entries, i);
        const char *id = json_member_text (entry, "subscriptionId", "");
        if (!*id || strlen (id) >= MCP_RPC_TEXT)
            continue;
        bool keep = s_matches (entry, mode, type, context)
                    && (!ret_list->keep [0] || strcmp (id, prefer) == 0);
        const char *drop = keep ? ret_list->keep : id;
        if (*drop && ret_list->drop_count < MCP_RPC_EXTRAS)
            utf8_copy (ret_list->drop [ret_list->drop_count++], MCP_RPC_TEXT, drop);
        if (keep)
            utf8_copy (ret_list->keep, sizeof ret_list->keep, id);
    }
}
