//  loop_part - what the files of the loop share: its struct.  Private to them.
//
//  Its floors: loop; turn, loop_snapshot; work, ingest, post; asked; sender, turn_step, stream.
//  Each calls only those below it.  Threads: all of it runs on the loop's thread.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/mail.h"
#include "broker/base/peers.h"
#include "broker/base/poison.h"
#include "broker/loop/loop.h"

typedef struct asked asked_t;         //  who waits for the answer to an input of this turn
typedef struct post_held post_held_t; //  a mail that waits for room in its thread's mailbox

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
    asked_t *asked; //  LIMIT_TURN_MESSAGES
    size_t asked_count;
    size_t applied; //  writes of this turn whose events are in the transaction
    int failed;     //  why this turn cannot commit, 0 = it can
    //  LIMIT_TURN_MESSAGES: inputs that nobody sends again, kept until they are durable
    step_in_t *again;
    size_t again_count;
    //  --- between turns
    post_held_t *held;          //  mails that wait for room
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
