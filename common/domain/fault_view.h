//  fault_view - where the parts of an event stand in its bytes, whatever its shape;
//  found in one pass, without a tree.
//
//  A key that names one of these parts and is given twice in its object makes the event unreadable:
//  nobody could say which is meant.  All other keys are passed over.  What has several names
//  (involvedObject and regarding) counts once.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/json_scan.h"

enum { FAULT_VIEW_VALUES = 80 };

//  A value as it is written.  Own: a view into the body.
typedef struct {
    json_scan_type_t type;
    const char *data; //  NULL = not there
    size_t size;
} fault_value_t;

//  Any part may be NULL.
typedef struct {
    fault_value_t values [FAULT_VIEW_VALUES];
    const fault_value_t *cluster, *fault_id, *subscription_id, *fault_type, *severity;
    const fault_value_t *api_version, *kind, *namespace_, *name, *uid;
    const fault_value_t *timestamp, *context;
    const fault_value_t *event_type; //  Normal, Warning: stands in for a missing severity
    const fault_value_t *labels;     //  of an alert without an id: part of its key
    const fault_value_t *status;     //  of an alert: firing, resolved
    const char *fallback_type;       //  what it is called when it names no type, NULL = nothing
    const char *fallback_kind;       //  kind of an alert's object, by its label
} fault_view_t;

//  Own: borrows body.  Err: ERR_PROTO no JSON object, or a key given twice;
//  ERR_LIMIT too deep; diag says where.
int
fault_view_read (const char *body, size_t size, fault_view_t *ret_view,
                 err_diag_t *diag) must_check;
//  Text of a value: texts decoded, null and missing "", the rest as JSON in one line; at most max
//  bytes, cut at a character.  Own: fresh, free(); NULL when out of memory.
char *
fault_view_text (const fault_value_t *value, size_t max);
