//  channel - the effects of one kind or receiver: in order, one of them in flight.
//
//  There is one for uploads ("storage"), one for removals ("retention"), and one for each receiver
//  of messages, with the receiver's name.
//  A message that was begun or is being retried blocks its channel: it stays at the head.
//  An upload or a removal that failed waits for its next try without blocking others.  Then those
//  that failed and new ones take turns.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/state.h"

typedef struct channel channel_t;

//  The list that an effect is in.
typedef enum {
    CHANNEL_NOWHERE,
    CHANNEL_QUEUE,   //  in commit order, behind those that block
    CHANNEL_LATER,   //  messages that wait until the queue is empty
    CHANNEL_DELAYED, //  until its next try; a message: until it is put among the later ones
    CHANNEL_WAITING  //  messages: for the upload of the incident
} channel_list_t;

typedef struct effect {
    int64_t id;
    row_effect_t row;
    written_t written;
    int64_t next_ms;    //  boot clock: not before
    int64_t failing_ms; //  since its first try that failed, 0 = none has
    int64_t wait_ms;    //  a message: how long it may wait for the upload
    bool unreached;     //  the last try did not reach the server
    bool posted;        //  a bot's message: it stands in its channel, as the last try has said
    channel_t *channel;
    channel_list_t list;
    struct effect *prev, *next; //  in that list
    UT_hash_handle hh, hk;      //  of the outbox: by id, by key
} effect_t;

//  What a channel does.  A rollback takes it back.
typedef struct {
    int64_t flight;        //  effect at delivery, 0 = none
    bool again;            //  it was added again since
    int64_t flight_ms;     //  boot time at which it was handed out
    int64_t not_before_ms; //  boot time before which nothing is handed out
    int64_t failing_ms;    //  boot time of the first failure since the last success, 0 = none
    int64_t ok_ms;         //  wall clock of the last success, 0 = none since the start
    bool fresh_next;       //  the next one is not one that failed, if there is a choice
} channel_run_t;

struct channel {
    char key [ROW_NAME + 1]; //  one character for its kind, then its name
    row_channel_t kind;
    effect_t *queue, *later, *delayed, *waiting;
    int64_t effects; //  not yet done
    channel_run_t run, before;
    uint64_t turn; //  number of the turn of `before`
    UT_hash_handle hh;
};

//  Its name: "storage", "retention" or the receiver's.
const char *
channel_name (const channel_t *self);
//  Find or add the channel of a row.  NULL: no memory.
channel_t *
channel_get (channel_t **channels_p, const row_effect_t *row);
//  Find a channel of messages.  NULL: there is none.
channel_t *
channel_of (channel_t *channels, const char *receiver);
//  Change what it does in this turn.
channel_run_t *
channel_edit (channel_t *self, uint64_t turn);
//  Take back the changes of this turn.
void
channel_rollback (channel_t *self, uint64_t turn);
bool
channel_in_flight (const effect_t *effect);
//  A message cannot be taken back.  Anything else is repeated without harm.
bool
channel_is_message (const effect_t *effect);
//  Do the others of its channel wait for it?  In flight, tried again, or in flight at a crash.
bool
channel_blocks (const effect_t *effect);

//  Put an effect, which is in no list, into one of the lists.
//  queue: in commit order, but never before one that blocks the channel.
void
channel_put_queue (effect_t *effect);
void
channel_put_later (effect_t *effect);
//  By next_ms.
void
channel_put_delayed (effect_t *effect);
//  By wait_ms.
void
channel_put_waiting (effect_t *effect);
//  Take it out of its list.
void
channel_leave (effect_t *effect);

//  The next effect that is due, in the queue or delayed; NULL: none, or one is in flight.
effect_t *
channel_next (channel_t *self, uint64_t turn, clk_now_t now);
//  Boot time at which something of it is due; INT64_MAX: none, or one is in flight.
int64_t
channel_wake (const channel_t *self);
//  Fill in its figures.
void
channel_figures (const channel_t *self, clk_now_t now, step_lane_t *ret_lane);
