//  route_table - the routes and receivers in force, as the configuration has them.
//
//  A plain value that borrows its memory; a loaded configuration owns it.
//  A pattern is one or several texts, separated by |; in each, * stands for any characters.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *key, *value; //  in a route the value is a pattern
} route_label_t;

typedef struct {
    const char *cluster, *namespace_, *fault_type; //  patterns, "" = any
    unsigned severities;                           //  a bit of each enum fault_severity; 0 = any
    const route_label_t *labels;                   //  each must hold
    size_t label_count;
    const char *receiver; //  "slack" = the default receiver, "none" = no message
    bool goes_on;         //  the routes behind it are asked too
} route_rule_t;

typedef struct {
    const char *name;
    bool shows; //  a bot: its message shows each state of an incident
    bool ends;  //  it gets a message at each end, with a report or without
} route_receiver_t;

typedef struct {
    const char *name;
    const route_label_t *labels;
    size_t label_count;
} route_cluster_t;

typedef struct {
    const route_rule_t *rules; //  in the order of the file
    const route_receiver_t *receivers;
    const route_cluster_t *clusters; //  those with labels
    size_t rule_count, receiver_count, cluster_count;
} route_table_t;
