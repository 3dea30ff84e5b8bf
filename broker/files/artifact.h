//  artifact - the thread of the `files` socket: uploads, downloads and large events.
//
//  Ensures: SEALED "stored" is sent only after all files are checked, synced and renamed.
//  PUT: chunks go to <root>/<incident>/attempts/<n>.staging/<path>.
//  SEAL: checks sizes and digests, syncs, and renames the folder to attempts/<n>.
//  GET: serves event.json, incident.json, prompt.md and system-prompt.md.
//  With keys only the worker that the store's row names may PUT, SEAL and GET an attempt.
//  CHECK, from the loop: does the sealed folder hold the files of a VERDICT?
//  PUT_EVENT, SEAL_EVENT: events too large for `ingest`.  They become EVENT mails and are
//  acknowledged after the commit.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/mail.h"
#include "broker/base/settings.h"
#include "common/wire/curve.h"

typedef struct artifact artifact_t;

//  The trouble with the artifacts' disk.
typedef enum {
    ARTIFACT_FINE,
    ARTIFACT_NO_BYTES,
    ARTIFACT_NO_FILES,
    ARTIFACT_BROKEN,
    ARTIFACT_SLOW //  it works, but too slowly to judge workers by their silence
} artifact_trouble_t;

typedef struct {
    int64_t bytes_received_total, bytes_sent_total, uploads_active, upload_bytes_active;
    int64_t sealed_total, refused_total, bad_messages_total, ended_total, unsent_total;
    int64_t free_bytes, free_files; //  of the disk; free_files -1: it does not count files
    int64_t disk_bytes, disk_files; //  of all incident folders, as last counted, folders included
    int64_t disk_orphans;           //  old folders without an incident that are to be removed
    int64_t disk_oldest_ms;         //  wall clock of the oldest incident with a folder; 0 = none
    int64_t strangers_total, crowded_total, shed_total; //  as in link_counts_t
} artifact_stats_t;

//  Bind and start the thread.  loop: the loop's mailbox.
//  Own: fresh; borrows settings, keys, zap and loop.  NULL: diag says why, nothing is bound.
artifact_t *
artifact_new (const settings_t *settings, const curve_keys_t *keys, curve_zap_t *zap,
              mailbox_t *loop, err_diag_t *diag);
//  Handle the messages that have arrived, close the socket and join the thread.
void
artifact_destroy (artifact_t **self_p);
//  The mailbox for CHECK, REPLY and CONFIG mails.  Own: borrowed.
mailbox_t *
artifact_inbox (artifact_t *self);
//  The bound address.  Own: borrowed.
const char *
artifact_endpoint (const artifact_t *self);
//  The figures.  Threads: any.
void
artifact_stats (artifact_t *self, artifact_stats_t *ret_stats);
//  The state of the disk now.  Threads: any.
artifact_trouble_t
artifact_trouble (artifact_t *self, int64_t boot_ms);
//  The trouble as a sentence; "" for ARTIFACT_FINE.
const char *
artifact_trouble_text (artifact_trouble_t trouble);
