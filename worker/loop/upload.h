//  upload - sends the files of a finished attempt to the broker over the `files` socket.
//
//  Offsets are absolute, so a repeated chunk changes nothing.  Without an answer for
//  LIMIT_FILES_RETRY_MS it sends again from the bytes that the broker has.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/keeper/spool.h"
#include "worker/loop/session.h"

#include <stdbool.h>

enum { UPLOAD_MORE, UPLOAD_DONE };

//  The state of one upload.
typedef struct {
    size_t index;       //  of the current file
    int64_t sent, safe; //  bytes of it sent; bytes that the broker has on disk
    bool touched;       //  a PUT of it was sent; an empty file needs one too
    int64_t moved_ms;   //  boot time of the last answer or the first PUT
    int64_t sealed_ms;  //  boot time of the last SEAL; 0 = none
    int64_t wait_ms;    //  boot time; nothing is sent before it
    uint64_t seq;       //  of the last message
} upload_t;

//  The files of a verdict for SEAL and VERDICT.  Own: the texts are borrowed from it.
void
upload_list (const spool_verdict_t *verdict, msg_file_t ret_files [LIMIT_ATTEMPT_FILES]);
//  Send what is due, at most *window_bytes, which is lowered by the bytes sent.
//  Err: the file at self->index is lost or has changed, and can never be sent.
int
upload_tick (upload_t *self, session_t *session, const char *dir, const spool_verdict_t *verdict,
             int64_t now_ms, int64_t *window_bytes) must_check;
//  Handle a GO: the broker has go->upto bytes of the current file on disk.
void
upload_go (upload_t *self, const spool_verdict_t *verdict, const msg_at_t *go, int64_t now_ms);
//  The bytes that are sent but not yet on the broker's disk.
int64_t
upload_pending (const upload_t *self);
//  Handle a SEALED.  Returns UPLOAD_DONE, or UPLOAD_MORE: all files are sent again after a pause.
int
upload_sealed (upload_t *self, const msg_sealed_t *sealed, int64_t now_ms);
//  Start with the first file again, after the pause.
void
upload_restart (upload_t *self, int64_t now_ms, int64_t pause_ms);
