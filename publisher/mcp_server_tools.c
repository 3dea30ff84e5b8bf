//  mcp_server_tools - the three event tools: their arguments, effects and texts.
//
//  Texts are the event server's own, so that a client sees the same texts in production.
//  SPDX-License-Identifier: Apache-2.0
#include "publisher/mcp_server_part.h"

#include "common/base/log.h"
#include "common/base/own.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

enum { CONTEXTS_NAMED = 5, INFORMERS = 4, CODE_PARAMS = -32602 };

//  --- tools/list

static json_t *
s_text_property (const char *description)
{
    return json_pack ("{s:s, s:s}", "type", "string", "description", description);
}

//  The `context` argument: only if there are several clusters; lists them while they are few.
static void
s_add_context (const mcp_server_t *self, json_t *properties)
{
    const char *first = self->clusters [0].recorded->name;
    json_t *context = s_text_property ("");
    json_object_set_new (context, "description",
                         json_sprintf ("Optional parameter selecting which context to run the tool "
                                       "in. Defaults to %s if not set",
                                       first));
    if (self->cluster_count <= CONTEXTS_NAMED) {
        json_t *names = json_array ();
        for (size_t at = 0; at < self->cluster_count; at++)
            json_array_append_new (names, json_string (self->clusters [at].recorded->name));
        json_object_set_new (context, "enum", names);
    }
    json_object_set_new (properties, "context", context);
}

//  Own: takes the reference to properties.
static json_t *
s_tool (const char *name, const char *description, json_t *properties, const char *required)
{
    json_t *tool =
        json_pack ("{s:s, s:s, s:{s:s, s:o}, s:{s:b, s:b, s:b}}", "name", name, "description",
                   description, "inputSchema", "type", "object", "properties", properties,
                   "annotations", "readOnlyHint", 1, "destructiveHint", 0, "openWorldHint", 1);
    if (required) {
        json_object_set_new (json_object_get (tool, "inputSchema"), "required",
                             json_pack ("[s]", required));
    }
    return tool;
}

static json_t *
s_subscribe_properties (void)
{
    json_t *properties =
        json_pack ("{s:{s:s, s:[s,s], s:s}, s:{s:s, s:{s:s}, s:s}}", "mode", "type", "string",
                   "enum", "events", "faults", "description",
                   "What to be told of, events (the default) or faults", "namespaces", "type",
                   "array", "items", "type", "string", "description", "Only these namespaces");
    static const char *const texts [] = {"labelSelector",     "involvedKind", "involvedName",
                                         "involvedNamespace", "type",         "reason"};
    for (size_t at = 0; at < sizeof (texts) / sizeof (texts [0]); at++)
        json_object_set_new (properties, texts [at], s_text_property ("Only events that have it"));
    return properties;
}

json_t *
mcp_server_tools_list (const mcp_server_t *self, const mcp_server_session_t *session)
{
    json_t *tools [] = {s_tool ("events_subscribe",
                                "Subscribe to the faults or events of a recorded cluster",
                                s_subscribe_properties (), NULL),
                        s_tool ("events_unsubscribe", "Cancel a subscription",
                                json_pack ("{s:o}", "subscriptionId",
                                           s_text_property ("As events_subscribe gave it")),
                                "subscriptionId"),
                        s_tool ("events_list_subscriptions",
                                "List the subscriptions of this session", json_object (), NULL)};
    json_t *list = json_array ();
    for (size_t at = 0; at < sizeof (tools) / sizeof (tools [0]); at++) {
        json_t *schema = json_object_get (tools [at], "inputSchema");
        if (!session->cluster && self->cluster_count > 1)
            s_add_context (self, json_object_get (schema, "properties"));
        json_array_append_new (list, tools [at]);
    }
    return json_pack ("{s:o}", "tools", list);
}

//  --- results

static json_t *
s_result (const char *text, bool error)
{
    json_t *result = json_pack ("{s:[{s:s, s:s}]}", "content", "type", "text", "text", text);
    if (error)
        json_object_set_new (result, "isError", json_true ());
    return result;
}

//  JSON as Go writes it: sorted, indented, without <, > and &. Own: takes the reference to value.
static json_t *
s_result_value (const char *head, json_t *value, const char *tail)
{
    own (own_mem) char *text = json_dumps (value, JSON_INDENT (2) | JSON_SORT_KEYS);
    json_decref (value);
    own (buf_fini) buf_t out = buf_init ((size_t) LIMIT_HTTP_BODY_BYTES * 6);
    buf_printf (&out, "# %s\n\n", head);
    for (const char *at = text ? text : "{}"; *at; at++) {
        if (strchr ("<>&", *at)) {
            buf_printf (&out, "\\u%04x", (unsigned) *at);
        }
        else {
            buf_append (&out, at, 1);
        }
    }
    buf_text (&out, tail);
    return s_result (out.data, false);
}

//  --- events_subscribe

//  The filters of a request, without empty ones and those of the wrong type.  Own: fresh.
static json_t *
s_filters (const json_t *arguments)
{
    static const char *const texts [] = {"labelSelector",     "involvedKind", "involvedName",
                                         "involvedNamespace", "type",         "reason"};
    json_t *filters = json_object ();
    json_t *namespaces = json_object_get (arguments, "namespaces");
    if (json_array_size (namespaces) > 0)
        json_object_set (filters, "namespaces", namespaces);
    for (size_t at = 0; at < sizeof (texts) / sizeof (texts [0]); at++) {
        json_t *value = json_object_get (arguments, texts [at]);
        if (json_string_length (value) > 0)
            json_object_set (filters, texts [at], value);
    }
    return filters;
}

//  Why this subscription is refused, NULL when it is not.
static const char *
s_refusal (const mcp_server_t *self, const mcp_server_session_t *session,
           const mcp_server_cluster_t *cluster, const char *mode, const json_t *filters)
{
    const char *type = json_member_text (filters, "type", "");
    bool normal = strcmp (type, "Normal") == 0;
    bool faults = strcmp (mode, "faults") == 0;
    int listed = 0;
    int all = 0;
    for (const mcp_server_watcher_t *watcher = session->watchers; watcher;
         watcher = watcher->next) {
        listed += watcher->listed;
        all++;
    }
    if (!self->settings.faithful && json_object_get (filters, "labelSelector"))
        return "invalid subscription filters: invalid label selector: recordings have no labels";
    if (*type && !normal && strcmp (type, "Warning") != 0)
        return "invalid subscription filters: invalid type: must be 'Normal', 'Warning', or empty";
    if (faults && normal)
        return "invalid subscription filters: faults mode cannot filter for Normal events";
    if (!faults && strcmp (mode, "events") != 0)
        return "failed to create subscription: invalid mode: must be 'events' or 'faults'";
    if (listed >= LIMIT_SERVE_SUBSCRIPTIONS)
        return "failed to create subscription: session has reached maximum subscriptions (10)";
    if (cluster->subscriptions >= LIMIT_SERVE_WATCHERS || all >= LIMIT_SERVE_WATCHERS)
        return "failed to create subscription: server has reached maximum subscriptions (100)";
    if (cluster->denied) {
        return "failed to create subscription: failed to start watcher: failed to list pods: "
               "pods is forbidden: cannot list resource \"pods\" at the cluster scope";
    }
    return NULL;
}

//  Own: takes the reference to filters.
static mcp_server_watcher_t *
s_watcher_new (mcp_server_t *self, mcp_server_session_t *session, mcp_server_cluster_t *cluster,
               bool events, json_t *filters)
{
    mcp_server_watcher_t *watcher = calloc (1, sizeof (mcp_server_watcher_t));
    if (!watcher) {
        json_decref (filters);
        return NULL;
    }
    snprintf (watcher->id, sizeof (watcher->id), "sub-%08x",
              (unsigned) (self->settings.random64 () & 0xffffffffU));
    clk_text (self->now.wall_ms, watcher->created, sizeof (watcher->created));
    memcpy (strchr (watcher->created, '.'), "Z", 2);
    watcher->cluster = cluster;
    watcher->session = session;
    watcher->filters = filters;
    watcher->events = events;
    watcher->listed = true;
    cluster->subscriptions++;
    DL_APPEND (session->watchers, watcher);
    mcp_server_feed_start (self, watcher);
    return watcher;
}

//  The subscription as an entry of the list.
static json_t *
s_describe (const mcp_server_watcher_t *watcher)
{
    return json_pack ("{s:s, s:s, s:O, s:s, s:s}", "cluster", watcher->cluster->recorded->name,
                      "createdAt", watcher->created, "filters", watcher->filters, "mode",
                      watcher->events ? "events" : "faults", "subscriptionId", watcher->id);
}

static json_t *
s_subscribe (mcp_server_t *self, mcp_server_session_t *session, mcp_server_cluster_t *cluster,
             const json_t *arguments)
{
    own (json_drop) json_t *filters = s_filters (arguments);
    const char *mode = json_member_text (arguments, "mode", "events");
    const char *refusal = s_refusal (self, session, cluster, mode, filters);
    bool events = strcmp (mode, "events") == 0;
    if (refusal && cluster->denied && self->settings.faithful && !events) {
        cluster->wedged = true;
        log_warn ("subscribe hangs and with it all event tools of the cluster",
                  kv ("session", session->id), kv ("cluster", cluster->recorded->name));
        return NULL;
    }
    mcp_server_watcher_t *watcher =
        refusal ? NULL : s_watcher_new (self, session, cluster, events, own_take (filters));
    if (!watcher)
        return s_result (refusal ? refusal : "failed to create subscription: out of memory", true);
    int informers = 0;
    for (const mcp_server_watcher_t *at = session->watchers; at; at = at->next)
        informers += at->events ? 0 : INFORMERS;
    log_info ("subscribed", kv ("session", session->id), kv ("cluster", cluster->recorded->name),
              kv ("subscription", watcher->id), kv ("mode", mode),
              kv ("session_informers", informers));
    json_t *value = s_describe (watcher);
    json_object_set_new (value, "status", json_string ("active"));
    return s_result_value ("Event Subscription Created", value,
                           "\n\nYou will receive event notifications via the logging/message "
                           "protocol.");
}

//  --- events_unsubscribe, events_list_subscriptions

static json_t *
s_unsubscribe (mcp_server_t *self, mcp_server_session_t *session, const json_t *arguments)
{
    const char *id = json_member_text (arguments, "subscriptionId", "");
    if (!*id)
        return s_result ("subscriptionId is required", true);
    mcp_server_watcher_t *watcher = session->watchers;
    while (watcher && (!watcher->listed || strcmp (watcher->id, id) != 0))
        watcher = watcher->next;
    if (!watcher)
        return s_result ("failed to cancel subscription: subscription not found", true);
    json_t *value = json_pack ("{s:b, s:s, s:s}", "cancelled", 1, "status", "success",
                               "subscriptionId", watcher->id);
    log_info ("unsubscribed", kv ("session", session->id),
              kv ("cluster", watcher->cluster->recorded->name), kv ("subscription", watcher->id));
    if (self->settings.faithful && !watcher->events) { //  its informers never stop
        watcher->listed = false;
        watcher->cluster->subscriptions--;
    }
    else {
        mcp_server_watcher_end (&watcher);
    }
    return s_result_value ("Subscription Cancelled", value, "");
}

static json_t *
s_list (const mcp_server_session_t *session)
{
    json_t *list = json_array ();
    for (const mcp_server_watcher_t *watcher = session->watchers; watcher;
         watcher = watcher->next) {
        if (!watcher->listed)
            continue;
        json_t *entry = s_describe (watcher);
        json_object_set_new (entry, "degraded", json_false ());
        json_array_append_new (list, entry);
    }
    size_t total = json_array_size (list);
    return s_result_value (
        "Active Subscriptions",
        json_pack ("{s:o, s:I}", "subscriptions", list, "total", (json_int_t) total), "");
}

//  --- tools/call

//  The cluster that a call names, NULL when `context` names none.
static mcp_server_cluster_t *
s_cluster (mcp_server_t *self, const mcp_server_session_t *session, const json_t *arguments)
{
    const char *context = json_member_text (arguments, "context", "");
    if (session->cluster)
        return session->cluster;
    if (!*context)
        return &self->clusters [0];
    for (size_t at = 0; at < self->cluster_count; at++) {
        if (strcmp (self->clusters [at].recorded->name, context) == 0)
            return &self->clusters [at];
    }
    return NULL;
}

json_t *
mcp_server_tools_call (mcp_server_t *self, mcp_server_session_t *session, const json_t *params,
                       json_t **ret_error)
{
    const char *name = json_member_text (params, "name", "");
    const json_t *arguments = json_object_get (params, "arguments");
    bool subscribe = strcmp (name, "events_subscribe") == 0;
    bool unsubscribe = strcmp (name, "events_unsubscribe") == 0;
    bool list = strcmp (name, "events_list_subscriptions") == 0;
    mcp_server_cluster_t *cluster = s_cluster (self, session, arguments);
    if (!subscribe && !unsubscribe && !list) {
        *ret_error = json_pack ("{s:i, s:o}", "code", CODE_PARAMS, "message",
                                json_sprintf ("unknown tool \"%s\"", name));
        return NULL;
    }
    if (session->legacy) {
        return s_result ("event subscriptions require an HTTP/SSE transport. Start the server with "
                         "--port and connect via HTTP",
                         true);
    }
    if (!cluster) {
        *ret_error = json_pack ("{s:i, s:o}", "code", CODE_PARAMS, "message",
                                json_sprintf ("context \"%s\" does not exist",
                                              json_member_text (arguments, "context", "")));
        return NULL;
    }
    if (cluster->wedged) //  it waits for the lock that the hanging subscribe holds
        return NULL;
    if (subscribe)
        return s_subscribe (self, session, cluster, arguments);
    return unsubscribe ? s_unsubscribe (self, session, arguments) : s_list (session);
}
