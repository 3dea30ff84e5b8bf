//  mcp - one session with an MCP server that sends fault events, as a pure state machine.
//
//  No I/O.  The owner reports answers (mcp_on_head, _body, _end) and the time (mcp_on_time).  The
//  machine queues actions: after each input take all of them with mcp_next.
//  Order: delete the stored session, initialize, initialized, open the stream, log level, tools,
//  list subscriptions (adopt one, drop the rest), subscribe, verify, active.
//  Leaving `active` opens a gap.  The next verification closes and reports it, because events in
//  between cannot be replayed.
//  Src: docs/life.md; MCP 2025-11-25, Streamable HTTP.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "common/base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mcp mcp_t;

typedef enum {
    MCP_IDLE,       //  not started
    MCP_CONNECTING, //  initialize .. verify
    MCP_ACTIVE,     //  subscribed, verified, stream open
    MCP_REOPENING,  //  the stream ended, the session continues
    MCP_WAITING,    //  backoff before the next initialize or subscribe
    //  The server cannot send events, or none of this cluster; retried later.
    MCP_UNSUPPORTED,
    //  The server never answered a subscribe; retried every few minutes.
    MCP_WEDGED,
    MCP_STOPPING, //  deleting the session
    MCP_STOPPED
} mcp_state_t;

typedef struct {
    const char *mode; //  "faults" or "events"
    //  For servers of several clusters: the cluster's name, "" = none.
    const char *context;
    //  Subscribe to events of this type only: "Warning"; "" = all types.
    const char *type;
    int64_t backoff_min_ms; //  first retry
    int64_t backoff_max_ms;
    uint64_t random64; //  seed of the jitter
    //  Called before and after a message is parsed; NULL = neither.  read_begin returns true to
    //  skip the message.  call: the pending call, "stream" when there is none.
    bool (*read_begin) (void *arg, const char *call, const char *text, size_t size);
    void (*read_end) (void *arg);
    void *read_arg;
} mcp_settings_t;

typedef enum { MCP_POST, MCP_GET, MCP_DELETE } mcp_verb_t;
typedef enum {
    MCP_OUT_REQUEST, //  start this transfer
    MCP_OUT_ABORT,   //  cancel this transfer; report nothing more about it
    MCP_OUT_EVENT,   //  text is the body of one event
    MCP_OUT_STATE,   //  the state changed; text says why
    MCP_OUT_GAP,     //  events may be missing; text says why
    MCP_OUT_LARGE,   //  events over the limit were dropped
    MCP_OUT_SESSION, //  store this session id for the next start; "" = delete it
    MCP_OUT_TOKEN,   //  401: read the token again
    //  We have no context name, but the server has several clusters.  text names them, maybe not
    //  all.
    MCP_OUT_SEVERAL
} mcp_out_kind_t;

enum { MCP_HEADERS = 5 };

//  One action.  mcp_out_fini frees what it holds.
typedef struct {
    mcp_out_kind_t kind;
    uint64_t cookie;             //  REQUEST, ABORT: identifies the transfer
    mcp_verb_t verb;             //  REQUEST
    char *headers [MCP_HEADERS]; //  REQUEST: "Name: value", owned
    size_t header_count;
    char *text; //  owned: body of a POST, of an event; session id; reason
    size_t text_size;
    int64_t total_ms;  //  REQUEST: 0 = a stream without a limit
    mcp_state_t state; //  STATE
    //  STATE: unsupported or wedged again, for the same reason as last time.
    bool again;
    int64_t from_ms, to_ms; //  GAP: boot time
    int64_t dropped;        //  LARGE: number of events
} mcp_out_t;

//  settings are copied.  Own: fresh, NULL when out of memory.
mcp_t *
mcp_new (const mcp_settings_t *settings);
void
mcp_destroy (mcp_t **self_p);
//  Begin.  stored_session: the last MCP_OUT_SESSION of an earlier run, or "".
void
mcp_start (mcp_t *self, const char *stored_session, int64_t now_ms);
//  End: delete the session within 3 s, then enter MCP_STOPPED.
void
mcp_stop (mcp_t *self, int64_t now_ms);
//  Units: ms; takes effect from the next backoff.
void
mcp_set_backoff (mcp_t *self, int64_t min_ms, int64_t max_ms);

//  Report status and headers of a transfer, once; absent headers are "".  retry_after_ms: 0 = none.
void
mcp_on_head (mcp_t *self, uint64_t cookie, int status, const char *content_type,
             const char *session, int64_t retry_after_ms, int64_t now_ms);
//  Report bytes of a transfer's body.
void
mcp_on_body (mcp_t *self, uint64_t cookie, const char *bytes, size_t size, int64_t now_ms);
//  Report the end of a transfer.  rc: 0 complete, negative broken; reason is a sentence.
void
mcp_on_end (mcp_t *self, uint64_t cookie, int rc, const char *reason, int64_t now_ms);
//  Report the time: due timers run.
void
mcp_on_time (mcp_t *self, int64_t now_ms);
//  When mcp_on_time is due, boot ms; INT64_MAX for never.
int64_t
mcp_wake (const mcp_t *self);

//  Take the next action; false when there is none.  Own: *ret_out holds memory; free it with
//  mcp_out_fini.
bool
mcp_next (mcp_t *self, mcp_out_t *ret_out);
void
mcp_out_fini (mcp_out_t *out);

mcp_state_t
mcp_state (const mcp_t *self);
const char *
mcp_state_name (mcp_state_t state);
//  The last failure since the last subscription, as a sentence; "" when there was none.  Own:
//  borrowed.
const char *
mcp_last_error (const mcp_t *self);
//  When the server was last known to be alive, boot ms; 0 = never.
int64_t
mcp_alive_ms (const mcp_t *self);
//  Time of the next retry, boot ms; 0 when it is not waiting for one.
int64_t
mcp_retry_ms (const mcp_t *self);
//  Number of messages so far that could not be understood.
int64_t
mcp_bad_messages (const mcp_t *self);
