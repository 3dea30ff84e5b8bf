//  SPDX-License-Identifier: Apache-2.0
#include "broker/base/settings_route.h"

#include "broker/base/settings_target.h"
#include "broker/core/route.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof (array) / sizeof ((array) [0]))

enum { S_SECRET_BYTES = 16 }; //  a shorter one can be guessed

//  --- the rows

#define RECEIVER(member) .offset = offsetof (settings_receiver_t, member)
const conf_option_t settings_route_receiver_rows [] = {
    {.key = "name",
     .type = CONF_TEXT,
     RECEIVER (name),
     .max = ROW_NAME - 1,
     .flags = CONF_REQUIRED,
     .help = "Name of the receiver."},
    {.key = "slack_webhook_url",
     .type = CONF_TEXT,
     RECEIVER (slack_webhook_url),
     .flags = CONF_URL | CONF_SECRET,
     .help = "Slack webhook of this receiver."},
    {.key = "slack_channel",
     .type = CONF_TEXT,
     RECEIVER (slack_channel),
     .max = SETTINGS_CHANNEL_BYTES,
     .help = "ID of a channel for the bot of slack_bot_token."},
    {.key = "webhook_url",
     .type = CONF_TEXT,
     RECEIVER (webhook_url),
     .flags = CONF_URL | CONF_SECRET,
     .help = "Address that gets each end of an incident as JSON, signed with webhook_secret."},
    {.key = "webhook_secret",
     .type = CONF_TEXT,
     RECEIVER (webhook_secret),
     .flags = CONF_SECRET,
     .help = "Secret of at least 16 bytes that signs what webhook_url gets."},
    {0},
};

#define ROUTE(member) .offset = offsetof (settings_route_t, member)
const conf_option_t settings_route_rows [] = {
    {.key = "cluster",
     .type = CONF_TEXT,
     ROUTE (cluster),
     .max = LIMIT_PATTERN_BYTES,
     .help = "Clusters that match, such as prod-*|stage: * stands for any characters, | separates "
             "names."},
    {.key = "namespace",
     .type = CONF_TEXT,
     ROUTE (namespace_),
     .max = LIMIT_PATTERN_BYTES,
     .help = "Namespaces that match, written as for cluster."},
    {.key = "severity",
     .type = CONF_TEXT,
     ROUTE (severity),
     .max = LIMIT_PATTERN_BYTES,
     .help = "Severities that match, such as critical|warning.  Each means itself only, not those "
             "above it."},
    {.key = "fault_type",
     .type = CONF_TEXT,
     ROUTE (fault_type),
     .max = LIMIT_PATTERN_BYTES,
     .help = "Fault types that match, written as for cluster."},
    {.key = "labels",
     .type = CONF_MAP,
     ROUTE (labels),
     .item_max = LIMIT_LABELS,
     .help = "Labels of the cluster.  Each must hold.  Values are written as for cluster."},
    {.key = "receiver",
     .type = CONF_TEXT,
     ROUTE (receiver),
     .max = ROW_NAME - 1,
     .flags = CONF_REQUIRED,
     .help = "Name of a receiver; slack is the one of the slack_ options, none makes no message."},
    {.key = "continue",
     .type = CONF_BOOL,
     ROUTE (goes_on),
     .fallback = "false",
     .help = "Ask the routes behind this one too."},
    {0},
};

//  --- checks

static bool
s_is_reserved (const char *name)
{
    //  storage and retention name queues of effects beside those of receivers
    static const char *const reserved [] = {row_default_receiver, route_none, "storage",
                                            "retention"};
    for (size_t i = 0; i < COUNT (reserved); i++)
        if (strcmp (name, reserved [i]) == 0)
            return true;
    return false;
}

static void
s_check_name (const settings_receiver_t *receiver, conf_check_t *check)
{
    static const char allowed [] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "0123456789._-";
    if (receiver->name [strspn (receiver->name, allowed)] || *receiver->name == '-')
        conf_check_error (check, &receiver->name,
                          "expected a name of letters, digits, '.', '_' and '-'");
    else if (s_is_reserved (receiver->name))
        conf_check_error (check, &receiver->name, "expected another name, this one is reserved");
}

static void
s_check_channel (const settings_t *settings, const settings_receiver_t *receiver,
                 conf_check_t *check)
{
    if (*receiver->slack_channel && !settings_target_channel_valid (receiver->slack_channel))
        conf_check_error (check, &receiver->slack_channel,
                          "expected a channel's ID such as C0123456789, not its name");
    if (*receiver->slack_channel && !*settings->slack_bot_token)
        conf_check_error (check, &receiver->slack_channel, "needs slack_bot_token");
}

static void
s_check_receiver (const settings_t *settings, const settings_receiver_t *receiver,
                  conf_check_t *check)
{
    const int ways = (*receiver->slack_webhook_url != 0) + (*receiver->slack_channel != 0)
                     + (*receiver->webhook_url != 0);
    s_check_name (receiver, check);
    if (ways != 1)
        conf_check_error (check, &receiver->name,
                          "expected one of slack_webhook_url, slack_channel and webhook_url, got "
                          "%d of them",
                          ways);
    s_check_channel (settings, receiver, check);
    if (*receiver->webhook_url && !*receiver->webhook_secret)
        conf_check_error (check, &receiver->webhook_url, "needs webhook_secret beside it");
    if (*receiver->webhook_secret && !*receiver->webhook_url)
        conf_check_error (check, &receiver->webhook_secret, "needs webhook_url beside it");
    if (*receiver->webhook_secret && strlen (receiver->webhook_secret) < S_SECRET_BYTES)
        conf_check_error (check, &receiver->webhook_secret,
                          "expected a secret of at least %d bytes", S_SECRET_BYTES);
}

static void
s_check_route (const settings_t *settings, const settings_route_t *route, conf_check_t *check)
{
    const settings_receiver_t *receivers = settings->receivers.items;
    const char *best = NULL;
    size_t distance = 0;
    settings_target_t target;
    if (settings_target (settings, route->receiver, &target)
        || strcmp (route->receiver, route_none) == 0)
        return;
    if (strcmp (route->receiver, row_default_receiver) == 0) {
        conf_check_warn (check, &route->receiver,
                         "no slack_ option is set: this route sends no message");
        return;
    }
    for (size_t i = 0; i < settings->receivers.count; i++)
        conf_nearest (route->receiver, receivers [i].name, &best, &distance);
    if (best)
        conf_check_error (check, &route->receiver, "unknown receiver, did you mean \"%s\"?", best);
    else
        conf_check_error (check, &route->receiver, "unknown receiver \"%s\"", route->receiver);
}

//  Would every fault match?
static bool
s_takes_all (const settings_route_t *route)
{
    const char *const patterns [] = {route->cluster, route->namespace_, route->fault_type};
    for (size_t i = 0; i < COUNT (patterns); i++)
        if (*patterns [i] && strcmp (patterns [i], "*") != 0)
            return false;
    return !*route->severity && route->labels.count == 0;
}

//  Warn of what can never happen.
static void
s_check_use (const settings_t *settings, conf_check_t *check)
{
    const settings_receiver_t *receivers = settings->receivers.items;
    const settings_route_t *routes = settings->routes.items;
    bool ended = false;
    for (size_t i = 0; i < settings->routes.count; i++) {
        if (ended)
            conf_check_warn (check, &routes [i].receiver,
                             "no incident reaches this route: one before it takes all");
        ended = ended || (s_takes_all (&routes [i]) && !routes [i].goes_on);
    }
    for (size_t i = 0; i < settings->receivers.count; i++) {
        bool used = false;
        for (size_t j = 0; j < settings->routes.count && !used; j++)
            used = strcmp (routes [j].receiver, receivers [i].name) == 0;
        if (!used)
            conf_check_warn (check, &receivers [i].name, "no route names this receiver");
    }
}

//  Warn if alerts and unmatched incidents have nobody to go to.
static void
s_check_default (const settings_t *settings, conf_check_t *check)
{
    const settings_route_t *routes = settings->routes.items;
    const void *at = settings->routes.count ? &settings->routes : &settings->receivers;
    settings_target_t target;
    bool all = false;
    if (settings->receivers.count + settings->routes.count == 0
        || settings_target (settings, row_default_receiver, &target))
        return;
    for (size_t i = 0; i < settings->routes.count; i++)
        all = all || s_takes_all (&routes [i]);
    conf_check_warn (check, at,
                     "no default receiver: alerts about the system go nowhere%s; set "
                     "slack_webhook_url, or slack_bot_token and slack_channel",
                     all ? "" : ", nor do incidents that no route matches");
}

//  --- the table

//  Read "critical|warning" into bits.
static unsigned
s_severities (const settings_route_t *route, conf_check_t *check)
{
    unsigned bits = 0;
    for (const char *at = route->severity; *at; at += *at == '|') {
        const size_t size = strcspn (at, "|");
        unsigned bit = 0;
        for (int i = 0; i < FAULT_SEVERITIES; i++) {
            const char *name = fault_severity_name ((enum fault_severity) i);
            if (strlen (name) == size && memcmp (name, at, size) == 0)
                bit = 1U << i;
        }
        if (!bit)
            conf_check_error (check, &route->severity,
                              "expected info, warning, critical or some of them with | between");
        bits |= bit;
        at += size;
    }
    return bits;
}

static const route_label_t *
s_labels (conf_t *conf, const conf_table_t *map)
{
    const conf_pair_t *pairs = map->items;
    route_label_t *labels = conf_memory (conf, (map->count + 1) * sizeof *labels);
    for (size_t i = 0; i < map->count; i++)
        labels [i] = (route_label_t){.key = pairs [i].key, .value = pairs [i].value};
    return labels;
}

static void
s_make_rules (conf_t *conf, settings_t *settings, conf_check_t *check)
{
    const size_t count = settings->routes.count;
    const settings_route_t *routes = settings->routes.items;
    route_rule_t *rules = conf_memory (conf, (count + 1) * sizeof *rules);
    for (size_t i = 0; i < count; i++)
        rules [i] = (route_rule_t){.cluster = routes [i].cluster,
                                   .namespace_ = routes [i].namespace_,
                                   .fault_type = routes [i].fault_type,
                                   .severities = s_severities (&routes [i], check),
                                   .labels = s_labels (conf, &routes [i].labels),
                                   .label_count = routes [i].labels.count,
                                   .receiver = routes [i].receiver,
                                   .goes_on = routes [i].goes_on};
    settings->routing.rules = rules;
    settings->routing.rule_count = count;
}

static void
s_make_receivers (conf_t *conf, settings_t *settings)
{
    const size_t count = settings->receivers.count;
    const settings_receiver_t *from = settings->receivers.items;
    route_receiver_t *receivers = conf_memory (conf, (count + 1) * sizeof *receivers);
    for (size_t i = 0; i < count; i++)
        receivers [i] = (route_receiver_t){.name = from [i].name,
                                           .shows = *from [i].slack_channel != 0,
                                           .ends = *from [i].webhook_url != 0};
    settings->routing.receivers = receivers;
    settings->routing.receiver_count = count;
}

static void
s_make_clusters (conf_t *conf, settings_t *settings)
{
    const settings_cluster_t *from = settings->clusters.items;
    route_cluster_t *clusters =
        conf_memory (conf, (settings->clusters.count + 1) * sizeof *clusters);
    size_t count = 0;
    for (size_t i = 0; i < settings->clusters.count; i++)
        if (from [i].labels.count > 0)
            clusters [count++] = (route_cluster_t){.name = from [i].name,
                                                   .labels = s_labels (conf, &from [i].labels),
                                                   .label_count = from [i].labels.count};
    settings->routing.clusters = clusters;
    settings->routing.cluster_count = count;
}

void
settings_route_fit (conf_t *conf, settings_t *settings, conf_check_t *check)
{
    assert (conf && settings && check);
    const settings_receiver_t *receivers = settings->receivers.items;
    const settings_route_t *routes = settings->routes.items;
    for (size_t i = 0; i < settings->receivers.count; i++)
        s_check_receiver (settings, &receivers [i], check);
    for (size_t i = 0; i < settings->routes.count; i++)
        s_check_route (settings, &routes [i], check);
    s_check_use (settings, check);
    s_check_default (settings, check);
    s_make_rules (conf, settings, check);
    s_make_receivers (conf, settings);
    s_make_clusters (conf, settings);
}
