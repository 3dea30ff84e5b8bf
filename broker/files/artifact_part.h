//  artifact_part - struct artifact, private to the files of this folder.
//
//  Layers, top first: artifact (thread, dispatch); artifact_put (PUT, SEAL), artifact_get (GET),
//  artifact_check (CHECK), artifact_event (large events), artifact_sweep (left-overs);
//  artifact_upload (uploads under way); artifact_request (requests about an attempt);
//  artifact_answer (answers to peers); artifact_room (room on the disk).
//  Threads: the artifact thread's alone.
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
    COUNT_DISK_ORPHANS,
    COUNT_STRANGERS,
    COUNT_CROWDED,
    COUNT_SHED,
    COUNTS
};

//  The counts of one sweep so far.
typedef struct {
    int64_t since_ms; //  boot time
    int64_t bytes, shares, oldest_ms;
    int64_t orphans;   //  old folders without an incident that are still there
    int64_t before_ms; //  wall clock; only older ones are removed, INT64_MIN = none
} artifact_look_t;

struct artifact {
    const settings_t *settings;
    conf_t *conf;     //  owns the settings after a CONFIG; NULL before the first
    curve_zap_t *zap; //  NULL without keys
    actor_t *actor;   //  posts to the loop; while a mail is unsent nothing else is read
    store_reader_t *reader;
    clk_t *clk;
    link_t *link;
    char *system_prompt; //  owned
    size_t system_prompt_size;
    char *events_dir; //  beside the store
    peers_t *peers;
    poison_t *poison;           //  guards the reading of large events
    artifact_upload_t *uploads; //  hash by incident and attempt
    artifact_event_t *events;   //  hash by event: incomplete ones, and those sent to the loop
    folder_walk_t *sweep;       //  the sweep of the folders; NULL between two sweeps
    artifact_look_t look;       //  its counts
    int64_t sweep_ms;           //  boot time of the next sweep
    int64_t started_ms;         //  wall clock; older files were left by an earlier process
    uint64_t next_cookie;
    _Atomic int64_t counts [COUNTS];
    int64_t look_ms;               //  boot time of the next look at the disk's room
    _Atomic int trouble;           //  artifact_trouble_t of the last look
    _Atomic int64_t busy_ms;       //  boot time at which the current message began; 0 = none
    _Atomic int64_t slow_until_ms; //  boot time until which the disk counts as slow
    _Atomic int64_t heavy_ms;      //  spent on messages of a second and more, since the last idle
};

//  Answer ERROR: code, of the protocol's list, and one sentence.
void
artifact_refuse (artifact_t *self, const link_msg_t *msg, const char *code, const char *text);
//  Answer ERROR "io" for a failure of ours, and log it.
void
artifact_busy (artifact_t *self, const link_msg_t *msg, const char *what, int rc);
//  Answer msg.  An answer that cannot be sent is dropped: the peer asks again.
void
artifact_answer (artifact_t *self, const link_msg_t *msg, uint8_t type, const void *from);
//  Answer a bad message with ERROR and count a strike; too many strikes mute the peer.
void
artifact_peer_strike (artifact_t *self, const link_msg_t *msg, const char *code, const char *text);
//  May the sender act in this role?  Always true without keys.
bool
artifact_peer_role (artifact_t *self, const link_msg_t *msg, curve_role_t role);

//  A checked request about an attempt, with its rows.
typedef struct {
    row_incident_t incident;
    row_attempt_t attempts [LIMIT_ATTEMPTS];
    int attempt_count;
    int64_t attempt;
} artifact_request_t;

//  Read the rows of (incident, attempt) and check that it was assigned to the sender of msg.
//  Returns false after it has answered msg itself.
bool
artifact_request (artifact_t *self, const link_msg_t *msg, codec_text_t incident, int64_t attempt,
                  artifact_request_t *ret);
//  Answer "io" for a failure of ours, and send SPARE: the core then gives the worker more time.
void
artifact_request_busy (artifact_t *self, const link_msg_t *msg, const artifact_request_t *request,
                       const char *what, int rc);
//  Open the incident's folder; make: when missing.  Own: the caller closes the fd.  Err: -errno.
int
artifact_request_folder (artifact_t *self, const artifact_request_t *request, bool make) must_check;

//  Does the incident still need files?  Returns false after it has answered msg itself.
bool
artifact_upload_wanted (artifact_t *self, const link_msg_t *msg, const artifact_request_t *request);
//  Add a file's size to the upload of the attempt, which begins with its first file.
//  Err: ERR_LIMIT: the attempt is too large; ERR_FULL: all uploads together are.
int
artifact_upload_reserve (artifact_t *self, const link_msg_t *msg, const artifact_request_t *request,
                         const char *path, int64_t size) must_check;
//  Forget the upload of an attempt.
void
artifact_upload_end (artifact_t *self, const artifact_request_t *request);
//  Remove the staged files and the upload of an incident that is over.
void
artifact_upload_discard (artifact_t *self, const artifact_request_t *request);
//  Remove idle uploads and their staged files.
void
artifact_upload_tidy (artifact_t *self, int64_t now_ms);
void
artifact_upload_fini (artifact_t *self);

//  Handle PUT, SEAL and GET; each answers its message.
void
artifact_put_chunk (artifact_t *self, const link_msg_t *msg);
void
artifact_put_seal (artifact_t *self, const link_msg_t *msg);
void
artifact_get (artifact_t *self, const link_msg_t *msg);
//  Turn a CHECK into a CHECKED: complete its verdict by the files on disk.
void
artifact_check (artifact_t *self, mail_t *mail);

//  Handle PUT_EVENT and SEAL_EVENT; each is answered now, or after the loop's REPLY.
void
artifact_event_chunk (artifact_t *self, const link_msg_t *msg);
void
artifact_event_seal (artifact_t *self, const link_msg_t *msg);
//  Answer the publisher of an event that the loop has committed or refused.
void
artifact_event_reply (artifact_t *self, const mail_t *mail);
//  Remove idle events and their parts.
void
artifact_event_tidy (artifact_t *self, int64_t now_ms);
//  Make the folder of events; remove parts and half-written files of an earlier process.
//  Err: -errno; diag says why.
int
artifact_event_init (artifact_t *self, err_diag_t *diag) must_check;
void
artifact_event_fini (artifact_t *self);

//  Check the room on the disk, at most once a second.  doubt: a write has failed, so try one too.
void
artifact_room_look (artifact_t *self, bool doubt, int64_t now_ms);
//  Measure the time of a message; call one before it and the other after it.
void
artifact_room_begin (artifact_t *self);
void
artifact_room_end (artifact_t *self);
//  No message waits.
void
artifact_room_idle (artifact_t *self);

//  Begin a sweep: which folders without an incident may be removed.
void
artifact_keep_begin (artifact_t *self);
//  Look at the folder of an incident.  If the incident is over, tell the loop what the folder
//  takes, unless the store knows that.  If there is no such incident, remove a folder that is older
//  than retain_incidents.  Returns whether it was removed.
bool
artifact_keep_look (artifact_t *self, const char *incident, int fd, int64_t bytes);
//  The wall clock at which the incident was made.
int64_t
artifact_keep_made_ms (const char *incident);
//  Begin the first sweep.  Err: -errno: workspace_root cannot be read; diag says why.
int
artifact_sweep_init (artifact_t *self, err_diag_t *diag) must_check;
//  Sweep a few folders.  Returns true while there are more.
bool
artifact_sweep (artifact_t *self, int64_t now_ms);
void
artifact_sweep_fini (artifact_t *self);
