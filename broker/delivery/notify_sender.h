//  notify_sender - one receiver's message under way: its HTTP exchange, its waits and its result.
//
//  A kind of receiver says what is sent and judges the answers.  To add one, define a
//  notify_kind_t in a file of its own and add it to the table in notify.c.
//  begin and go_on each do one thing: call, pause or end (fail).
//  Secrets of a receiver (URL, token) are never in a log, an error or a record.
//  Threads: delivery's; the counts any.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/settings_target.h"
#include "broker/delivery/storage.h"
#include "common/base/buf.h"

#include <stdatomic.h>

//  Why a request failed; the reasons are those of Alertmanager's metrics.
typedef enum {
    NOTIFY_CLIENT_ERROR,
    NOTIFY_AUTH_ERROR,
    NOTIFY_RATE_LIMITED,
    NOTIFY_SERVER_ERROR,
    NOTIFY_TIMEOUT,
    NOTIFY_OTHER,
    NOTIFY_REASONS
} notify_reason_t;

typedef struct {
    atomic_llong posts, failed [NOTIFY_REASONS];
} notify_counts_t;

//  What all senders share.  Own: all borrowed; settings change with a CONFIG.
typedef struct {
    const settings_t *settings;
    http_t *http;             //  this thread's
    const storage_t *storage; //  makes links
    store_reader_t *reader;
    poison_t *poison; //  of this thread, may be NULL
    notify_counts_t *counts;
} notify_env_t;

//  Calls whose rate is limited, each kind by itself; NONE are not.
typedef enum {
    NOTIFY_PACE_NONE,
    NOTIFY_PACE_POST,
    NOTIFY_PACE_EDIT,
    NOTIFY_PACE_SHARE,
    NOTIFY_PACES
} notify_pace_t;

typedef struct notify_sender notify_sender_t;

typedef struct {
    const char *name;
    //  Bytes of its data about one message, `state` of a sender; zero at begin.
    size_t state_bytes;
    //  After UNSURE it may try again soon: it finds out what has arrived, or repeats do no harm.
    bool finds;
    //  go_on only judges the answer of its one call, and needs no target: what has arrived has
    //  arrived, whatever is configured since.
    bool judges;
    //  Begin to send sender->effect.
    void (*begin) (notify_sender_t *sender);
    //  The answer of a call has come, or a pause is over.  The receiver may be gone since: ask
    //  notify_sender_gone before a further call.  NULL: it never calls or pauses.
    void (*go_on) (notify_sender_t *sender);
    //  Free what the state owns.  NULL = nothing.
    void (*clear) (notify_sender_t *sender);
} notify_kind_t;

//  The answer of the last call.
typedef struct {
    int status; //  0: none came
    int rc;     //  0: the body is complete
    bool sent;  //  the request has left, at least in part
    bool down;  //  429, 5xx, or the kind says so: the receiver takes nothing for now
    int64_t retry_after_ms;
    buf_t body;
    char reason [LIMIT_REASON_BYTES]; //  why no status or no whole body came
} notify_answer_t;

struct notify_sender {
    const notify_env_t *env; //  borrowed
    char receiver [ROW_NAME];
    settings_target_t target;  //  of env->settings; looked up before begin and go_on
    char gone [ROW_NAME + 64]; //  why the target cannot be used, "" = it can
    bool changed;              //  gone, because it is of another kind now
    const notify_kind_t *kind; //  of the message under way
    void *state;               //  the kind's; NULL = no message is under way
    row_effect_t effect;
    row_message_t message; //  goes into the result, whatever it is; key "" = none
    notify_answer_t answer;
    http_transfer_t *transfer; //  private from here on
    const char *place, *action;
    char *url; //  of the call; a secret
    bool called, answered, ended;
    int64_t due_us;                  //  end of a pause; 0 = none
    int64_t paced_us [NOTIFY_PACES]; //  no call of this pace earlier
    mail_effect_done_t end;
};

//  Own: fresh; borrows env; NULL when out of memory.
notify_sender_t *
notify_sender_new (const notify_env_t *env, const char *receiver);
//  Cancel the message under way.
void
notify_sender_destroy (notify_sender_t **self_p);
//  Begin to send a message; none may be under way.
void
notify_sender_begin (notify_sender_t *self, const notify_kind_t *kind, const row_effect_t *effect);
//  Call go_on, if it is time.  Never in a hook of http.
void
notify_sender_turn (notify_sender_t *self);
//  Has the message ended?  Returns true once, with the result.
bool
notify_sender_ended (notify_sender_t *self, mail_effect_done_t *ret_end);
//  Is a message under way?
bool
notify_sender_busy (const notify_sender_t *self);
//  Time until notify_sender_turn or notify_sender_ended has something to do.  Units: ms, at most
//  max_ms.
int64_t
notify_sender_wait_ms (const notify_sender_t *self, int64_t max_ms);


//  --- for kinds

//  Send a request; its answer comes in `answer`.  Failpoints: place and action, static texts;
//  action NULL: none, the call only asks.
//  response_max_bytes must be set; a larger answer is incomplete.  Err: http_start, a failpoint's.
int
notify_sender_call (notify_sender_t *self, const http_request_t *request, const char *place,
                    const char *action) must_check;
//  Call go_on after this time.
void
notify_sender_pause (notify_sender_t *self, int64_t ms);
//  How long to wait before the next call of this pace.  Units: ms.
int64_t
notify_sender_paced_ms (const notify_sender_t *self, notify_pace_t pace);
//  A call of this pace is made now.
void
notify_sender_pace (notify_sender_t *self, notify_pace_t pace);
//  End the message if its receiver cannot be used any more.  False: it can.
bool
notify_sender_gone (notify_sender_t *self);
//  End the message.  error holds no secret; after 429 and 503 the answer's Retry-After is heeded.
void
notify_sender_end (notify_sender_t *self, step_effect_result_t result, const char *error);
//  End it with a failure that is counted.
void
notify_sender_fail (notify_sender_t *self, step_effect_result_t result, notify_reason_t reason,
                    const char *error);
//  End it, because no request could be made.  rc: ERR_NONE, -ENOENT, -EINVAL: for good.
void
notify_sender_fail_rc (notify_sender_t *self, int rc);
//  What an operator can do about what an answer says.  Returns NULL if that is not known.
typedef const char *(notify_advice_fn) (const char *said);
//  End it by the status of the answer to a POST.  what: who has answered, such as "the webhook".
//  The error has the first line of a refusal, unless it is HTML or repeats a part of the URL.
//  advice: what to do about it; NULL = none.
//  OK for 2xx.  RETRY for 429, 5xx and when nothing was sent.  UNSURE for a request without an
//  answer: it may have arrived.  PERMANENT for anything else.
void
notify_sender_judge (notify_sender_t *self, const char *what, notify_advice_fn *advice);
//  Say what is wrong with an answer that is no 2xx, as notify_sender_judge does.
void
notify_sender_refusal (const notify_sender_t *self, const char *what, notify_advice_fn *advice,
                       char ret_text [LIMIT_REASON_BYTES]);
//  A 2xx status?
bool
notify_sender_delivered (int status);
