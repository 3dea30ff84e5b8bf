//  fetch - downloads the event, incident and prompts of one attempt into its workspace.
//
//  It sends one GET at a time over the `files` socket.  Without an answer for
//  LIMIT_FILES_RETRY_MS it asks again from the bytes that are on disk.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "worker/loop/session.h"

enum { FETCH_MORE, FETCH_DONE };

//  Download of event.json, incident.json, prompt.md, system-prompt.md into a workspace.
typedef struct {
    size_t index;     //  of the current file
    int64_t offset;   //  bytes of it on disk
    int64_t asked_ms; //  boot time of the last GET; 0 = send one now
    int64_t since_ms; //  boot time of the first GET that could not be sent; 0 = the last one was
    uint64_t seq;     //  of the last GET
    int tries;        //  GETs refused or without an answer
    char error [128]; //  the last refusal
    bool busy;        //  it came from a broker in trouble of its own
} fetch_t;

//  Start again in a new session; the broker has forgotten earlier GETs.
void
fetch_greet (fetch_t *self);
//  Send a GET if one is due.
//  Err: ERR_LIMIT: all tries failed, or the socket accepted nothing for as long.
int
fetch_tick (fetch_t *self, session_t *session, const char *incident, int64_t attempt,
            int64_t now_ms) must_check;
//  Write the bytes of a DATA below dir.  Returns FETCH_MORE or FETCH_DONE.
//  Err: ERR_PROTO: sizes do not fit; -errno: the file could not be written.
int
fetch_data (fetch_t *self, const char *dir, const msg_chunk_t *data) must_check;
//  Append what the agent gets of the files in dir: the system prompt, an empty line and its task.
//  Err: as collect_read; a part of it may be appended.
int
fetch_prompt (const char *dir, buf_t *text) must_check;
//  Handle a refused GET: ask again later.  busy: the broker has trouble of its own.
void
fetch_refused (fetch_t *self, const char *text, bool busy, int64_t now_ms);
