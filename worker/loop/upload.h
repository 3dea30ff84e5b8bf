//  upload - the files of a finished attempt go over the `files` socket to the broker.
//
//  Offsets are absolute, so a repeated chunk changes nothing; without an answer for
//  LIMIT_FILES_RETRY_MS it goes on from what the broker has.  Uses: session, spool.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/keeper/spool.h"
#include "worker/loop/session.h"

#include <stdbool.h>

enum { UPLOAD_MORE, UPLOAD_DONE };

//  Upload of the files of a report.
typedef struct {
    size_t index;       //  which file
    int64_t sent, safe; //  bytes of it sent; bytes the broker has on disk
    bool touched;       //  a PUT of this file was sent (an empty file needs one)
    int64_t moved_ms;   //  last answer or first PUT
    int64_t sealed_ms;  //  SEAL sent, 0 = not yet
    int64_t wait_ms;    //  nothing before this time
    uint64_t seq;       //  of the last message
} upload_t;

//  The files as SEAL and VERDICT name them.  Own: the texts are borrowed from the report.
void
upload_list (const spool_report_t *report, msg_file_t ret_files [LIMIT_ATTEMPT_FILES]);
//  Send what is due within *window bytes, which is lowered by what went.  Err: why the file
//  at index can never be sent.
int
upload_tick (upload_t *self, session_t *session, const char *dir, const spool_report_t *report,
             int64_t now_ms, int64_t *window) must_check;
void
upload_go (upload_t *self, const spool_report_t *report, const msg_at_t *go, int64_t now_ms);
//  Bytes under way.
int64_t
upload_pending (const upload_t *self);
//  SEALED came.  Returns UPLOAD_DONE, or UPLOAD_MORE: everything is sent again after a pause.
int
upload_sealed (upload_t *self, const msg_sealed_t *sealed, int64_t now_ms);
//  Start over at now + pause.
void
upload_restart (upload_t *self, int64_t now_ms, int64_t pause_ms);
