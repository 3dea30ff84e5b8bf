//  fetch - event, incident and prompts of one attempt come over the `files`
//  socket into its workspace.
//
//  One GET at a time; it is asked again after LIMIT_FILES_RETRY_MS from what is on
//  disk.  Uses: session.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/loop/session.h"

enum { FETCH_MORE, FETCH_DONE };

//  Download of event.json, incident.json, prompt.md, system-prompt.md into a workspace.
typedef struct {
    size_t index;     //  which file
    int64_t offset;   //  bytes of it on disk
    int64_t asked_ms; //  0 = ask now
    int64_t since_ms; //  of the first GET that the socket did not take, 0 = it did
    uint64_t seq;     //  of the last GET
    int tries;        //  GETs without an answer or refused
    char error [128]; //  the last refusal
    bool busy;        //  by a broker that cannot do its part now
} fetch_t;

//  A new session: its peer knows of no GET.
void
fetch_greet (fetch_t *self);
//  Send what is due.  Err: ERR_LIMIT tries used up, or as long without a connection.
int
fetch_tick (fetch_t *self, session_t *session, const char *incident, int64_t attempt,
            int64_t now_ms) must_check;
//  A DATA for this attempt; the file is written below dir.  Returns FETCH_MORE,
//  FETCH_DONE, or a negative error.
int
fetch_data (fetch_t *self, const char *dir, const msg_chunk_t *data) must_check;
//  The broker refused our GET: ask again later.  busy: by trouble of its own.
void
fetch_refused (fetch_t *self, const char *text, bool busy, int64_t now_ms);
