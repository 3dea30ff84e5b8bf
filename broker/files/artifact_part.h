//  artifact_part - what the files of the artifact thread share; nobody else includes it.
//
//  From the top: artifact (thread, dispatch), artifact_put (PUT, SEAL, GET, CHECK), artifact_event
//  (large events), artifact_sweep (what dead uploads left), artifact_answer (answers to peers),
//  artifact_room (does the disk take files?).
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/peers.h"
#include "broker/base/poison.h"
#include "broker/disk/artifact_stage.h"
#include "broker/files/artifact.h"
#include "broker/store/store.h"
#include "common/base/actor.h"
#include "common/base/folder.h"
#include "common/wire/link.h"

#include <stdatomic.h>

typedef struct artifact_upload artifact_upload_t;
typedef struct artifact_event artifact_event_t;

enum artifact_count {
    COUNT_RECEIVED,
    COUNT_SENT,
    COUNT_UPLOADS,
    COUNT_UPLOAD_BYTES,
    COUNT_SEALED,
    COUNT_REFUSED,
    COUNT_BAD,
    COUNT_ENDED,
    COUNT_UNSENT,
    COUNT_FREE_BYTES,
    COUNT_FREE_FILES,
    COUNT_DISK_BYTES,
    COUNT_DISK_FILES,
    COUNT_DISK_OLDEST,
    COUNT_STRANGERS,
    COUNT_CROWDED,
    COUNT_SHED,
    COUNTS
};

//  What a look at the folders has counted so far.
typedef struct {
    int64_t since_ms; //  boot time
    int64_t bytes, shares, oldest_ms;
} artifact_look_t;

struct artifact {
    const settings_t *settings;
    conf_t *conf;     //  whose settings they are since a CONFIG; NULL before
    curve_zap_t *zap; //  NULL without keys
    actor_t *actor;   //  posts to the loop; while a mail is unsent nothing else is taken
    store_reader_t *reader;
    clk_t *clk;
    link_t *link;
    char *system_prompt; //  owned
    size_t system_prompt_size;
    char *events_dir; //  beside the store
    peers_t *peers;
    poison_t *poison;           //  of large events
    artifact_upload_t *uploads; //  hash by incident and attempt
    artifact_event_t *events;   //  hash by event; parts and events under way to the loop
    folder_walk_t *sweep;       //  where the look at the folders is, NULL once it is over
    artifact_look_t look;       //  that one
    int64_t sweep_ms;           //  boot time of the next one
    int64_t started_ms;         //  wall clock: what is older was left by an earlier life
    uint64_t next_cookie;
    _Atomic int64_t counts [COUNTS];
    int64_t look_ms;                        //  boot time of the next look at the disk's room
    _Atomic int trouble;                    //  artifact_trouble_t, as the last look found it
    _Atomic int64_t busy_ms, slow_until_ms; //  boot time: since when with one message, 0 = none
    _Atomic int64_t heavy_ms; //  spent in messages of a second and more since nobody waited
};

//  A code of the closed list and one sentence; answers msg.
void
artifact_refuse (artifact_t *self, const link_msg_t *msg, const char *code, const char *text);
//  The same for a failure of ours: logs it and says "io".
void
artifact_busy (artifact_t *self, const link_msg_t *msg, const char *what, int rc);
void
artifact_answer (artifact_t *self, const link_msg_t *msg, uint8_t type, const void *from);
//  Count a bad message, answer it; its sender is muted in the end.
void
artifact_peer_strike (artifact_t *self, const link_msg_t *msg, const char *code, const char *text);
//  May it act in this role?  Always without keys.
bool
artifact_peer_role (artifact_t *self, const link_msg_t *msg, curve_role_t role);

void
artifact_put_chunk (artifact_t *self, const link_msg_t *msg);
void
artifact_put_seal (artifact_t *self, const link_msg_t *msg);
void
artifact_put_get (artifact_t *self, const link_msg_t *msg);
//  Complete the verdict of a CHECK; it becomes a CHECKED.
void
artifact_put_check (artifact_t *self, mail_t *mail);
//  Forget idle uploads.
void
artifact_put_tidy (artifact_t *self, int64_t now_ms);
void
artifact_put_fini (artifact_t *self);

void
artifact_event_chunk (artifact_t *self, const link_msg_t *msg);
void
artifact_event_seal (artifact_t *self, const link_msg_t *msg);
void
artifact_event_reply (artifact_t *self, const mail_t *mail);
void
artifact_event_tidy (artifact_t *self, int64_t now_ms);
//  Remove what an earlier run left half uploaded or half written.
int
artifact_event_init (artifact_t *self, err_diag_t *diag) must_check;
void
artifact_event_fini (artifact_t *self);

//  Each second: is there room?  doubt: a file of somebody's has failed, try one of ours.
void
artifact_room_look (artifact_t *self, bool doubt, int64_t now_ms);
//  Around each message: how long does it take?
void
artifact_room_begin (artifact_t *self);
void
artifact_room_end (artifact_t *self);
//  Nobody waits.
void
artifact_room_idle (artifact_t *self);

//  Err: -errno, workspace_root cannot be read.
int
artifact_sweep_init (artifact_t *self, err_diag_t *diag) must_check;
//  Look at a few folders; true while there are more.
bool
artifact_sweep (artifact_t *self, int64_t now_ms);
void
artifact_sweep_fini (artifact_t *self);
