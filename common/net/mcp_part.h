//  mcp_part - shared by the files of the session machine: mcp (inputs, stream, failures),
//  mcp_answer (messages and results), mcp_session (calls, waiting, losing and gaining a session),
//  mcp_slot (transfers and outputs).  Internal to common/net.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/net/mcp.h"
#include "common/net/mcp_rpc.h"
#include "common/net/sse.h"

enum {
    INIT_MS = 15000,
    CALL_MS = 30000,
    SUBSCRIBE_MS = 60000, //  a server that lacks permissions hangs here forever
    DELETE_MS = 3000,     //  a silent peer must not delay the end
    PING_EVERY_MS = 20000,
    PING_MS = 10000,
    PING_MISSES = 2,
    PING_AGAIN_MS = 2000, //  after a miss
    LIST_EVERY_MS = 60000,
    STREAM_HEAD_MS = 10000, //  proxies may hold headers back until the first byte
    STREAM_GOOD_MS = 30000, //  after living this long a stream restarts the backoff
    STREAM_FIRST_MS = 100,  //  first reopening of such a stream
    CONFLICT_TRIES = 3,     //  409: the server still holds the old stream
    CONFLICT_MS = 250,      //  x 2 each
    SUBSCRIBE_TRIES = 3,    //  in a row, then backoff
    PROBE_MS = 300000,      //  unsupported, wedged
    RETRY_AFTER_MAX_MS = 300000,
    TOOL_PAGES = 16,
    //  Transfers at a time: the stream, a call, and messages sent aside.
    SLOTS = 8,
    //  Cookie of a slot whose transfer has ended while its answer is read.
    COOKIE_ENDED = 0,
    ERROR_BODY_BYTES = 4096
};

typedef enum {
    CALL_FREE,   //  the slot is not in use
    CALL_ASIDE,  //  fire and forget
    CALL_FORGET, //  DELETE of an earlier run's session
    CALL_INIT,
    CALL_INITIALIZED,
    CALL_STREAM,
    CALL_LEVEL,
    CALL_TOOLS,
    CALL_CONTEXTS,
    CALL_LIST,
    CALL_SUBSCRIBE,
    CALL_PING,
    CALL_BYE //  DELETE at the end
} mcp_part_call_t;

typedef struct {
    mcp_part_call_t call;
    uint64_t cookie;
    int64_t rpc_id; //  0 = no answer can come: notification, DELETE
    int status;     //  0 = no headers yet
    bool is_sse;
    sse_t *sse;          //  answer to a POST as an event stream; owned
    buf_t body;          //  JSON or error text
    int64_t deadline_ms; //  INT64_MAX = none
    int64_t retry_after_ms;
} mcp_part_slot_t;

typedef struct mcp_part_node {
    mcp_out_t out;
    struct mcp_part_node *next, *prev;
} mcp_part_node_t;

struct mcp {
    mcp_settings_t settings;
    char mode [16], type [16], context [LIMIT_CLUSTER_BYTES + 1];
    mcp_state_t state;
    mcp_part_slot_t slots [SLOTS];
    mcp_part_node_t *outs;
    //  Parser of the stream; it keeps the last id, so it outlives one GET.
    sse_t *stream;
    uint64_t last_cookie, random;
    int64_t last_rpc_id, now_ms;
    char session [LIMIT_MCP_SESSION_BYTES + 1], version [32], subscription [MCP_RPC_TEXT];
    char last_error [LIMIT_REASON_BYTES];
    //  Unsupported or wedged, as last reported; MCP_IDLE once it was active.
    mcp_state_t blocked;
    char blocked_by [LIMIT_REASON_BYTES];
    mcp_rpc_tools_t tools, tools_read;
    bool level_done, tools_done, tools_stale, stream_open, stream_once, stream_resumed;
    bool resume_init;
    char unread [96]; //  why the last answer was not read; "" = it was
    int tool_pages, conflicts, ping_misses, subscribe_tries;
    int stream_failures, session_failures; //  exponents of the backoffs
    int64_t stream_since_ms, active_since_ms, alive_ms, gap_from_ms;
    int64_t listed_ms; //  when the server last listed our subscription
    int64_t wait_ms, stream_head_ms, ping_ms, list_ms; //  timers, INT64_MAX = off
    int64_t dropped_seen, bad_messages;
};


//  --- mcp_slot

//  Queue an output with a copy of text.  Own: borrowed; NULL when out of memory.
mcp_out_t *
mcp_slot_out (mcp_t *self, mcp_out_kind_t kind, const char *text, size_t size);
//  As mcp_slot_out, for a NUL-terminated text; without memory the output is lost.
void
mcp_slot_out_text (mcp_t *self, mcp_out_kind_t kind, const char *text);
//  As mcp_slot_out_text.  Own: steals text.
void
mcp_slot_out_take (mcp_t *self, mcp_out_kind_t kind, char *text);
//  Enter a state and queue MCP_OUT_STATE, unless it is the current one.
void
mcp_slot_set_state (mcp_t *self, mcp_state_t state, const char *reason);
//  Queue MCP_OUT_GAP from from_ms until now.
void
mcp_slot_gap (mcp_t *self, int64_t from_ms, const char *reason);
void
mcp_slot_large (mcp_t *self, int64_t dropped);
//  Set the last error.
void
mcp_slot_error (mcp_t *self, const char *reason);
//  A random number from 0 to below - 1.
uint64_t
mcp_slot_random (mcp_t *self, uint64_t below);
//  The delay after this many failures: min x 2^failures, at most max, +-20 %. Units: ms.
int64_t
mcp_slot_backoff (mcp_t *self, int failures);
void
mcp_slot_count_up (int *failures);
void
mcp_slot_timers_off (mcp_t *self);
//  The slot with this cookie, NULL = none.
mcp_part_slot_t *
mcp_slot_find (mcp_t *self, uint64_t cookie);
//  The call that the machine waits for, NULL = none.
mcp_part_slot_t *
mcp_slot_pending (mcp_t *self);
//  Free the slot without aborting its transfer.
void
mcp_slot_free (mcp_part_slot_t *slot);
//  Free the slot and queue MCP_OUT_ABORT for its transfer.
void
mcp_slot_abort (mcp_t *self, mcp_part_slot_t *slot);
void
mcp_slot_abort_pending (mcp_t *self);
void
mcp_slot_abort_all (mcp_t *self);
//  Queue a transfer.  NULL when no slot is free or memory is out.  Own: steals body.
mcp_part_slot_t *
mcp_slot_request (mcp_t *self, mcp_part_call_t call, mcp_verb_t verb, char *body, int64_t limit_ms);


//  --- mcp_session

//  Enter another state; from `active` this opens a gap.
void
mcp_session_leave_active (mcp_t *self, mcp_state_t state, const char *reason);
//  The subscription is verified: close the gap, start the timers.
void
mcp_session_enter_active (mcp_t *self);
//  Wait in a state, then initialize again (resume_init), or only reconcile.
void
mcp_session_wait (mcp_t *self, mcp_state_t state, const char *reason, int64_t delay_ms,
                  bool resume_init);
//  The session or its token is lost.  The first retry is immediate; later ones use the backoff
//  until a session has lived.
void
mcp_session_again (mcp_t *self, const char *reason, bool delete_session);
//  A call failed: drop the session and initialize again after the backoff, at least at_least_ms
//  later.
void
mcp_session_failed (mcp_t *self, const char *reason, int64_t at_least_ms);
void
mcp_session_open_stream (mcp_t *self);
void
mcp_session_start_call (mcp_t *self, mcp_part_call_t call);
//  Start the first call of a new session.
void
mcp_session_begin (mcp_t *self);
//  Start the next call that the open session needs.
void
mcp_session_advance (mcp_t *self);
//  The server cannot send events: drop the session and try again after PROBE_MS.
void
mcp_session_unsupported (mcp_t *self, const char *reason);
//  The server does not know our cluster; `known` lists its contexts, "" = unknown.  Keeps the
//  session.
void
mcp_session_no_context (mcp_t *self, const char *known);


//  --- mcp_answer

//  The subscribe was refused: wait, or give up as unsupported, depending on the reason.
void
mcp_answer_subscribe_refused (mcp_t *self, const char *reason);
//  Handle one message of the server.
void
mcp_answer_on_text (mcp_t *self, const char *text, size_t size);
//  As mcp_answer_on_text, for an event of a stream.  arg: the mcp_t.
void
mcp_answer_on_sse (void *arg, const sse_event_t *event);
