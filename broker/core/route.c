//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/route.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const char route_none [] = "none";

//  --- patterns

//  Does the text match one of a pattern's texts, `size` bytes with *?  It goes back to the last *
//  only, so it takes at most size * strlen (text) steps.
static bool
s_fits_one (const char *glob, size_t size, const char *text)
{
    const char *end = glob + size, *star = NULL, *again = NULL;
    while (*text) {
        if (glob < end && *glob == '*') {
            star = ++glob;
            again = text;
        }
        else if (glob < end && *glob == *text) {
            glob++;
            text++;
        }
        else if (star) {
            glob = star;
            text = ++again;
        }
        else
            return false;
    }
    while (glob < end && *glob == '*')
        glob++;
    return glob == end;
}

bool
route_fits (const char *pattern, const char *text)
{
    for (;;) {
        const size_t size = strcspn (pattern, "|");
        if (s_fits_one (pattern, size, text))
            return true;
        if (!pattern [size])
            return false;
        pattern += size + 1;
    }
}

//  --- rules

//  Without a pattern, any text will do.
static bool
s_text_fits (const char *pattern, const char *text)
{
    return !*pattern || route_fits (pattern, text);
}

//  A cluster that lacks the label does not match, whatever the pattern.
static bool
s_label_fits (const route_cluster_t *cluster, const route_label_t *label)
{
    for (size_t i = 0; cluster && i < cluster->label_count; i++)
        if (strcmp (cluster->labels [i].key, label->key) == 0)
            return route_fits (label->value, cluster->labels [i].value);
    return false;
}

static bool
s_rule_fits (const route_rule_t *rule, const route_cluster_t *cluster, const fault_t *fault)
{
    if (rule->severities && !(rule->severities & 1U << fault->severity))
        return false;
    for (size_t i = 0; i < rule->label_count; i++)
        if (!s_label_fits (cluster, &rule->labels [i]))
            return false;
    return s_text_fits (rule->cluster, fault->cluster)
           && s_text_fits (rule->namespace_, fault->namespace_)
           && s_text_fits (rule->fault_type, fault->fault_type);
}

size_t
route_find (const route_table_t *table, const fault_t *fault, size_t from)
{
    assert (table && fault);
    const route_cluster_t *cluster = NULL;
    for (size_t i = 0; i < table->cluster_count && !cluster; i++)
        if (strcmp (table->clusters [i].name, fault->cluster) == 0)
            cluster = &table->clusters [i];
    size_t at = from;
    while (at < table->rule_count && !s_rule_fits (&table->rules [at], cluster, fault))
        at++;
    return at < table->rule_count ? at : table->rule_count;
}

//  --- receivers

bool
route_receiver (const step_settings_t *settings, const char *name, route_target_t *ret_target)
{
    assert (settings && name && ret_target);
    const route_table_t *table = &settings->routing;
    route_target_t target = {.shows = settings->slack_shows};
    bool found = settings->slack && strcmp (name, row_default_receiver) == 0;
    for (size_t i = 0; !found && i < table->receiver_count; i++) {
        const route_receiver_t *receiver = &table->receivers [i];
        found = strcmp (receiver->name, name) == 0;
        target.shows = receiver->shows;
        target.ends = receiver->ends;
    }
    if (!found)
        return false;
    snprintf (target.receiver, sizeof target.receiver, "%s", name);
    *ret_target = target;
    return true;
}

//  Add a receiver, unless it is among the targets, or is not configured.  Returns how many there
//  are.
static size_t
s_add (const step_settings_t *settings, const char *name, route_target_t *targets, size_t count,
       size_t max)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp (targets [i].receiver, name) == 0)
            return count;
    return count + (count < max && route_receiver (settings, name, &targets [count]));
}

size_t
route_match (const step_settings_t *settings, const fault_t *fault, route_target_t *ret_targets,
             size_t max)
{
    assert (settings && fault && ret_targets && max > 0);
    const route_table_t *table = &settings->routing;
    size_t count = 0, at = route_find (table, fault, 0);
    if (at == table->rule_count)
        return s_add (settings, row_default_receiver, ret_targets, 0, max);
    while (at < table->rule_count) {
        count = s_add (settings, table->rules [at].receiver, ret_targets, count, max);
        if (!table->rules [at].goes_on)
            break;
        at = route_find (table, fault, at + 1);
    }
    return count;
}
