//  fault - one fault event as a plain value, read from hostile JSON of any known shape.
//
//  Shapes: the flat fault (kubernetes/faults), the nested one (event{...}, logs[...]), `events`
//  mode (kubernetes/events).
//  An event with odd or missing fields is kept with what it has.  Text that is not a JSON object
//  gets fault type "Unparsed".
//  The whole body is kept elsewhere; this value holds what decisions are based on.
//  A name that is longer than its field ends in "~" and 16 hex digits of a digest of the whole.  So
//  two long names stay distinct.  Keys are made of whole texts.  The summary and the time are just
//  cut.
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
    //  The configured name, else the event's own, else "default".
    char cluster [LIMIT_CLUSTER_BYTES + 1];
    char source_cluster [LIMIT_CLUSTER_BYTES + 1]; //  the event's own, may be ""
    char fault_id [128];                           //  upstream faultId, may be ""
    char subscription_id [128];
    char fault_type [FAULT_TYPE_BYTES]; //  "CrashLoop", ...; "Event" in events mode; "Unparsed"
    enum fault_severity severity;
    char api_version [128], kind [64], namespace_ [64], name [254], uid [128];
    char timestamp [40];   //  as sent
    int64_t time_ms;       //  parsed timestamp, 0 when absent or invalid
    char key [DIGEST_HEX]; //  the fault key: identifies the condition
    char summary [512];    //  one line of the context for lists, cut at a word
    //  A name was longer than its field and ends in a digest of the whole.
    bool shortened;
    bool parsed; //  false: "Unparsed", recorded and never investigated
} fault_t;

//  Read body.  Never fails: a body that cannot be parsed becomes an Unparsed fault.  cluster: the
//  configured name, or "" to take the event's own.
void
fault_read (const char *body, size_t size, const char *cluster, fault_t *ret_fault);

//  Make an Unparsed fault of a body that must not be parsed; its bytes are its key.  why: one
//  sentence.
void
fault_unread (const char *body, size_t size, const char *cluster, const char *why,
              fault_t *ret_fault);

//  The event id of an MCP event: SHA-256 over source, faultId, timestamp, body.
void
fault_event_id (const char *source, const fault_t *fault, const char *body, size_t size,
                char ret_id [DIGEST_HEX]);

const char *
fault_severity_name (enum fault_severity severity);
//  Accepts info, warning, critical; maps DEBUG..CRITICAL to them.  Err: ERR_PROTO.
int
fault_severity_parse (const char *text, enum fault_severity *ret_severity) must_check;
//  The context of a body, cut to max bytes at a UTF-8 boundary; strings as they are, anything else
//  as JSON.  Own: fresh, free(); "" when there is none.
char *
fault_context (const char *body, size_t size, size_t max);
