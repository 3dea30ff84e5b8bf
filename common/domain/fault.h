//  fault - one fault event as a plain value, read from hostile JSON of any of the known shapes.
//
//  Shapes: the flat fault (kubernetes/faults), the nested one (event{...}, logs[...]), `events`
//  mode (kubernetes/events).  Odd or missing fields are kept with what there is; text that is not
//  JSON or not an object becomes fault type "Unparsed".  The whole body is kept elsewhere;
//  this value holds what the system decides on.  A text that names something and is longer than its
//  field ends in "~" and 16 hex digits of a digest of the whole, so that two long names stay two;
//  keys are made of whole texts.  The summary and the time are cut.
//  Src: docs/protocol.md "A publisher's life".  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FAULT_TYPE_BYTES = 128,    //  the reason of a Kubernetes Event has at most 128 characters
    FAULT_RESOURCE_BYTES = 384 //  kind/namespace/name
};

enum fault_severity { FAULT_INFO, FAULT_WARNING, FAULT_CRITICAL, FAULT_SEVERITIES };

typedef struct {
    //  configured name, else the event's own, else "default"
    char cluster [LIMIT_CLUSTER_BYTES + 1];
    char source_cluster [LIMIT_CLUSTER_BYTES + 1]; //  the event's own, may be ""
    char fault_id [128];                           //  upstream faultId, may be ""
    char subscription_id [128];
    char fault_type [FAULT_TYPE_BYTES]; //  "CrashLoop", ...; "Event" in events mode; "Unparsed"
    enum fault_severity severity;
    char api_version [128], kind [64], namespace_ [64], name [254], uid [128];
    char timestamp [40];   //  as sent
    int64_t time_ms;       //  parsed timestamp, 0 when absent or odd
    char key [DIGEST_HEX]; //  the fault key: identity of the condition
    char summary [512];    //  of the context, for lists: one line, cut at words
    //  something that names it is longer than its field: its end is a digest of the whole
    bool shortened;
    bool parsed; //  false: "Unparsed", recorded and never investigated
} fault_t;

//  Read body.  Never fails: what cannot be parsed becomes an Unparsed fault.
//  cluster: the configured name, or "" to take the event's own.
void
fault_read (const char *body, size_t size, const char *cluster, fault_t *ret_fault);

//  What is not to be read at all: Unparsed, keyed by its bytes; why: one sentence.
void
fault_unread (const char *body, size_t size, const char *cluster, const char *why,
              fault_t *ret_fault);

//  The event id of an MCP event: SHA-256 over source, faultId, timestamp, body.
void
fault_event_id (const char *source, const fault_t *fault, const char *body, size_t size,
                char ret_id [DIGEST_HEX]);

const char *
fault_severity_name (enum fault_severity severity);
//  info, warning, critical; DEBUG..CRITICAL accepted and mapped.  Err: ERR_PROTO.
int
fault_severity_parse (const char *text, enum fault_severity *ret_severity) must_check;
//  The context text of a body (strings as they are, anything else as JSON), cut to max bytes
//  at a UTF-8 boundary.  Own: fresh, free(); "" when there is none.
char *
fault_context (const char *body, size_t size, size_t max);
