//  turn - one turn of the loop: drain, step, commit, and only then send.
//
//  Private to the loop's files (loop, turn, work, ingest, stream), which share its struct.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/mail.h"
#include "broker/base/peers.h"
#include "broker/base/poison.h"
#include "broker/loop/loop.h"

//  Somebody who waits for the answer to an input of this turn; its index + 1 is the cookie.
typedef enum { TURN_INGEST, TURN_MAIL, TURN_COMMAND } turn_origin_t;
typedef struct {
    turn_origin_t origin;
    bool answered;
    link_route_t route;                       //  INGEST
    uint64_t seq;                             //  INGEST: of the EVENT message
    char event_id [LIMIT_EVENT_ID_BYTES + 1]; //  INGEST
    mailbox_t *reply;                         //  MAIL, COMMAND
    uint64_t cookie;                          //  MAIL, COMMAND: the sender's own
} turn_asked_t;

typedef struct turn_held turn_held_t; //  a mail that waits for room in its thread's mailbox

struct loop {
    loop_args_t args;
    loop_threads_t threads;
    conf_t *conf;               //  the current configuration, a share of it
    const settings_t *settings; //  of conf
    char endpoints [512];
    step_t *step;
    link_t *work, *ingest, *stream;
    char stream_endpoint [256]; //  as it was bound first
    int64_t stream_ms;          //  boot time of the next try to bind it again
    unsigned revoked; //  roles that have lost a key, not yet acted on: bits 1 << curve_role_t
    link_msg_t work_msg, ingest_msg, stream_msg;
    peers_t *work_peers, *ingest_peers;
    poison_t *poison;     //  of what ingest reads
    step_fence_t *fences; //  LIMIT_MSGPACK_ITEMS, of a HELLO
    msg_fence_t *revokes; //  LIMIT_MSGPACK_ITEMS, of a WELCOME
    //  --- this turn
    clk_now_t now;
    turn_asked_t *asked; //  LIMIT_TURN_MESSAGES
    size_t asked_count;
    size_t applied; //  writes of this turn whose events are in the transaction
    int failed;     //  why this turn cannot commit, 0 = it can
    //  LIMIT_TURN_MESSAGES: inputs that nobody sends again, kept until they are durable
    step_in_t *again;
    size_t again_count;
    //  --- between turns
    turn_held_t *held;
    artifact_trouble_t trouble; //  of the artifacts' disk
    int64_t trouble_ms;         //  boot time since when
    bool draining;
    int exit_code;                //  -1 = go on
    int64_t pause_until_ms;       //  boot time; after a commit that was rolled back
    int64_t drain_until_ms;       //  boot time; draining: no longer wait for delivery
    int64_t snapshot_ms, tidy_ms; //  boot time when due
    int64_t tidied_ms;            //  boot time when nothing was left to tidy
    int64_t started_ms;           //  wall clock
    int64_t reloaded_ms;          //  wall clock of the configuration in force
    bool reload_failed;           //  the last SIGHUP
    int64_t turns_total, messages_total, bad_messages_total, strikes_total, records_total;
    int64_t stream_cuts_total, ended_total [SNAPSHOT_SOCKETS];
    link_counts_t wire;               //  of all three sockets so far
    bool zap_late, zap_hangs;         //  as of the last snapshot
    int64_t lost_told [STEP_SOURCES]; //  of each source: incidents that a full queue did not keep
    int64_t lost_ms;                  //  boot time from which the next may be told
    int64_t turn_us_max;
};

//  The loop's: publish the figures now.  An operator who has commanded something
//  looks for it at once.
void
loop_snapshot (loop_t *self, clk_now_t now);
//  One turn.  Returns the number of inputs.  self->exit_code says whether to go on.
size_t
turn_run (loop_t *self);
//  Step one input; of its writes the events go into the transaction, the others at the end
//  of the turn.  Err: that of step; the store's go to `failed`.
int
turn_step (loop_t *self, const step_in_t *in) must_check;
//  Step one event; the asker is answered after the commit, or refused.
void
turn_event (loop_t *self, row_event_t *row, const fault_t *fault, bool triage_enabled,
            const turn_asked_t *asked);
//  A bad message: answer ERROR, count, mute in the end.
void
turn_bad (loop_t *self, link_t *link, peer_t *peer, const link_msg_t *msg, const char *code,
          const char *text);
//  Answer ERROR without a strike.
void
turn_error (loop_t *self, link_t *link, const link_msg_t *msg, const char *code, const char *text,
            bool fatal);
//  Judge what link_recv returned and who sent it.  Returns the peer whose good message is to be
//  acted on, or NULL when the message is dealt with.
peer_t *
turn_peer (loop_t *self, link_t *link, peers_t *peers, const link_msg_t *msg, int rc,
           const err_diag_t *diag, curve_role_t role);
//  Send a mail to a thread, now or as soon as its mailbox has room; a waiting CONFIG
//  gives way to a newer one.
void
turn_post (loop_t *self, mailbox_t *to, mail_t **mail_p);
//  Between turns: read the state back, with all that the current windows want.
//  Err: as turn_load.
int
turn_reload (loop_t *self) must_check;
//  Load the state from the store into self->step.  Err: ERR_STORE, -ENOMEM, ERR_LIMIT.
int
turn_load (loop_t *self) must_check;
//  Mails that found a mailbox full.
void
turn_held_fini (loop_t *self);
