//  loop_part - struct loop, private to the files of this folder.
//
//  Layers, top first: loop; turn, loop_snapshot; work, ingest, loop_mail,
//  loop_retain; asked; sender, turn_step,
//  stream.  A file calls lower layers only.  Threads: the loop's alone.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/mail.h"
#include "broker/base/peers.h"
#include "broker/base/poison.h"
#include "broker/loop/loop.h"

typedef struct loop_retain loop_retain_t;   //  a pass of loop_retain
typedef struct asked asked_t;               //  a sender that waits for the answer to its input
typedef struct loop_waiting loop_waiting_t; //  a mail that waits for room in a thread's mailbox

struct loop {
    loop_args_t args;
    loop_threads_t threads;
    conf_t *conf;               //  the configuration in force: a share, owned
    const settings_t *settings; //  of conf
    char endpoints [512];
    step_t *step;
    link_t *work, *ingest, *stream;
    char stream_endpoint [256]; //  the address of the first bind
    int64_t stream_ms;          //  boot time of the next attempt to bind it again
    unsigned revoked; //  roles with deleted keys, not yet acted on: bits 1 << curve_role_t
    link_msg_t work_msg, ingest_msg, stream_msg;
    peers_t *work_peers, *ingest_peers;
    poison_t *poison;     //  guards the reading of ingest's events
    step_fence_t *fences; //  LIMIT_MSGPACK_ITEMS, for a HELLO
    msg_fence_t *revokes; //  LIMIT_MSGPACK_ITEMS, for a WELCOME
    //  --- this turn
    clk_now_t now;
    asked_t *asked; //  LIMIT_TURN_MESSAGES
    size_t asked_count;
    size_t applied; //  writes looked at so far; the events among them are in the transaction
    int failed;     //  why this turn cannot commit; 0 = it can
    //  LIMIT_TURN_MESSAGES: inputs that arrive only once, kept until they are durable
    step_in_t *again;
    size_t again_count;
    //  --- between turns
    loop_retain_t *retain;
    loop_waiting_t *waiting;    //  mails that wait for room, oldest first
    artifact_trouble_t trouble; //  of the artifacts' disk
    int64_t trouble_ms;         //  boot time at which it began
    bool draining;
    int exit_code;                //  -1 = go on
    int64_t pause_until_ms;       //  boot time; no turn until then, after a rollback
    int64_t drain_until_ms;       //  boot time; the drain waits for delivery until then
    int64_t snapshot_ms, tidy_ms; //  boot time when due
    int64_t tidied_ms;            //  boot time when nothing was left to tidy
    int64_t started_ms;           //  wall clock
    int64_t reloaded_ms;          //  wall clock at which the configuration came into force
    bool reload_failed;           //  the last SIGHUP changed nothing
    int64_t turns_total, messages_total, bad_messages_total, strikes_total, records_total;
    int64_t stream_cuts_total, ended_total [SNAPSHOT_SOCKETS];
    link_counts_t wire;                 //  of all three sockets so far
    bool zap_late, zap_hangs;           //  at the last snapshot
    int64_t lost_logged [STEP_SOURCES]; //  lost incidents of each source that are in the log
    int64_t lost_ms;                    //  boot time; no further line about losses before it
    int64_t turn_us_max;                //  longest turn since the last snapshot
    mail_storage_t storage;             //  what the last check of the storage has found
};
