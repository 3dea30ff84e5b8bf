//  fault_view - finds the parts of an event in its bytes, whatever its shape, in one pass and
//  without a tree.
//
//  An event is unreadable when an object has the key of one of these parts twice: its meaning is
//  ambiguous.  All other keys are skipped.
//  When a part comes under several names (involvedObject and regarding), the first counts.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/json_scan.h"

enum { FAULT_VIEW_VALUES = 80 };

//  A value as written.  Own: a view into the body.
typedef struct {
    json_scan_type_t type;
    const char *data; //  NULL = absent
    size_t size;
} fault_value_t;

//  Any part may be NULL.
typedef struct {
    fault_value_t values [FAULT_VIEW_VALUES];
    const fault_value_t *cluster, *fault_id, *subscription_id, *fault_type, *severity;
    const fault_value_t *api_version, *kind, *namespace_, *name, *uid;
    const fault_value_t *timestamp, *context;
    const fault_value_t *event_type; //  Normal, Warning: used when the severity is missing
    const fault_value_t *labels;     //  of an alert without an id; part of its key
    const fault_value_t *status;     //  of an alert: firing, resolved
    const char *fallback_type;       //  fault type of a shape without one, NULL = none
    const char *fallback_kind;       //  kind of an alert's object, from its label
} fault_view_t;

//  Own: borrows body.  Err: ERR_PROTO: no JSON object, or a duplicate key; ERR_LIMIT: too deep;
//  diag says where.
int
fault_view_read (const char *body, size_t size, fault_view_t *ret_view,
                 err_diag_t *diag) must_check;
//  Text of a value: strings decoded, null and absent as "", anything else as JSON in one line.  At
//  most max bytes, cut at a character.  Own: fresh, free(); NULL when out of memory.
char *
fault_view_text (const fault_value_t *value, size_t max);
