//  transfer - the files of one attempt over the `files` socket: fetch before the run, upload after it.
//
//  Both ask again after LIMIT_FILES_RETRY_MS from what is known to be there; offsets are absolute, so a
//  repeated chunk changes nothing.  Uses: session.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/session.h"
#include "worker/spool.h"

#include <stdbool.h>

typedef enum { TRANSFER_MORE, TRANSFER_DONE, TRANSFER_MISSING } transfer_t;

//  Download of event.json, incident.json, prompt.md, system-prompt.md into a workspace.
typedef struct {
    size_t index;     //  which file
    int64_t offset;   //  bytes of it on disk
    int64_t asked_ms; //  0 = ask now
    uint64_t seq;     //  of the last GET
    int tries;        //  GETs without an answer or refused
    char error [128]; //  the last refusal
} fetch_t;

//  Send what is due.  Err: ERR_LIMIT tries used up.
int
fetch_tick (fetch_t *self, session_t *session, const char *incident, int64_t attempt,
            int64_t now_ms) must_check;
//  A DATA for this attempt; the file is written below dir.  Returns TRANSFER_*, or a negative error.
int
fetch_data (fetch_t *self, const char *dir, const msg_chunk_t *data) must_check;
//  The broker refused our GET: ask again later.
void
fetch_refused (fetch_t *self, const char *text, int64_t now_ms);

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

//  Send what is due within *window bytes, which is lowered by what went.
void
upload_tick (upload_t *self, session_t *session, const char *dir, const spool_report_t *report,
             int64_t now_ms, int64_t *window);
void
upload_go (upload_t *self, const spool_report_t *report, const msg_at_t *go, int64_t now_ms);
//  Bytes under way.
int64_t
upload_pending (const upload_t *self);
//  SEALED came.  Returns TRANSFER_DONE, or TRANSFER_MORE: everything is sent again after a pause.
int
upload_sealed (upload_t *self, const msg_sealed_t *sealed, int64_t now_ms);
//  Start over at now + pause.
void
upload_restart (upload_t *self, int64_t now_ms, int64_t pause_ms);
