//  tap_view - one record of the event stream as a line, and the detection of gaps.
//
//  A record is a JSON object with the members of the wire's RECORD and its topic, live or replayed.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/wire/msg.h"

#include <stdbool.h>
#include <stdint.h>

enum { TAP_TOPICS = 65536 }; //  topics watched for gaps; a cluster has five

//  Own: fresh, NULL when out of memory.
json_t *
tap_record (const char *topic, const msg_record_t *record);
//  Append the record as one line for people, without newline.  Err: the buffer's.
int
tap_view_line (const json_t *record, bool color, buf_t *out);
//  Append it as one line of JSON, ASCII only, without newline.  Err: the buffer's.
int
tap_view_json (const json_t *record, buf_t *out);

//  --- gaps: in each exact topic, a record's prev must be the seq seen last
typedef struct tap_watch tap_watch_t;

typedef enum { TAP_NEXT, TAP_OLD, TAP_GAP } tap_seen_t;

//  Own: fresh, NULL when out of memory.
tap_watch_t *
tap_watch_new (void);
void
tap_watch_destroy (tap_watch_t **self_p);
//  Everything up to seq has been seen, in every topic (after a replay).
void
tap_watch_floor (tap_watch_t *self, int64_t seq);
//  How does this record follow?  NEXT: in order, the first of its topic, or without a row (seq 0).
//  OLD: seen before.  GAP: records (*ret_last, prev] of its topic are missing.
tap_seen_t
tap_watch_look (const tap_watch_t *self, const json_t *record, int64_t *ret_last);
//  Note that the record was shown.  Err: ERR_LIMIT too many topics, -ENOMEM; the topic is then not
//  watched.
int
tap_watch_shown (tap_watch_t *self, const json_t *record);
