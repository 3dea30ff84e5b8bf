//  artifact - thread: the `files` socket, staging folders, hashing, fsync, rename, rendering.
//
//  PUT chunks go to <root>/<incident>/attempts/<n>.staging/<path>; SEAL checks sizes and digests,
//  syncs and renames the folder to attempts/<n>; only then SEALED stored goes out.
//  A CHECK from the loop (a VERDICT arrived) is answered from that folder.
//  GET serves event.json, incident.json, prompt.md and system-prompt.md, rendered from the store
//  on first use.  PUT_EVENT/SEAL_EVENT take events too large for `ingest`; they become EVENT
//  mails and are acknowledged after the commit.  Who may PUT: the identity the attempt was issued
//  to, by the store's own row.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/mail.h"
#include "broker/base/settings.h"
#include "common/wire/curve.h"

typedef struct artifact artifact_t;

//  Why no files are taken now.
typedef enum {
    ARTIFACT_FINE,
    ARTIFACT_NO_BYTES,
    ARTIFACT_NO_FILES,
    ARTIFACT_BROKEN,
    ARTIFACT_SLOW //  taken, but too slowly to judge anybody by it
} artifact_trouble_t;

typedef struct {
    int64_t bytes_received_total, bytes_sent_total, uploads_active, upload_bytes_active;
    int64_t sealed_total, refused_total, bad_messages_total, ended_total, unsent_total;
    int64_t free_bytes, free_files; //  of the disk; -1: it does not count files
    int64_t disk_bytes, disk_files; //  of all folders, as last counted; folders are files too
    int64_t disk_oldest_ms; //  wall clock, of the oldest incident that has a folder, 0 = none
    int64_t strangers_total, crowded_total, shed_total; //  as link_counts_t has them
} artifact_stats_t;

//  Bind and start the thread.  loop: where mails for the loop go.
//  Borrowed: settings, keys, zap, loop.
artifact_t *
artifact_new (const settings_t *settings, const curve_keys_t *keys, curve_zap_t *zap,
              mailbox_t *loop, err_diag_t *diag);
//  Stop the thread: finish what is received, close the socket, join.
void
artifact_destroy (artifact_t **self_p);
//  Where the loop sends CHECK, REPLY and CONFIG.  Own: borrowed.
mailbox_t *
artifact_inbox (artifact_t *self);
const char *
artifact_endpoint (const artifact_t *self);
void
artifact_stats (artifact_t *self, artifact_stats_t *ret_stats); //  any thread
//  How it is with the disk at this time, any thread.
artifact_trouble_t
artifact_trouble (artifact_t *self, int64_t boot_ms);
//  A sentence; "" when there is none.
const char *
artifact_trouble_text (artifact_trouble_t trouble);
