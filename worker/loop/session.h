//  session - the worker's two sockets and its session with the broker.
//
//  It sends HELLO until WELCOME, then PING each ping_ms.  A new connection, or silence for three
//  pings, starts a new session.  Silence for LIMIT_REBUILD_MS builds new sockets, because some
//  failures end a libzmq socket for good: a ZAP refusal, an oversize frame.
//  Sending never waits; callers repeat what matters.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/domain/run_class.h"
#include "common/wire/link.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct session session_t;

//  The functions of the owner, who has the jobs.
typedef struct {
    void *owner;
    //  Fill the lists of a HELLO.  Own: borrowed until the next call.
    void (*lists) (void *owner, codec_list_t *ret_running, codec_list_t *ret_spooled);
    //  The slots, and the free ones among them.
    void (*credit) (void *owner, int64_t *ret_total, int64_t *ret_free);
    //  Why no work is taken; "" = it is taken.  NULL = not known yet: HELLO waits for it, at most
    //  SESSION_KNOWN_MS.  *ret_class: of a run that lacks it.  Own: borrowed until the next call.
    const char *(*held) (void *owner, run_class_t *ret_class);
    //  Handle a WELCOME, or a message that is not the session's.  files: from the `files` socket.
    void (*message) (void *owner, const link_msg_t *msg, bool files);
} session_hooks_t;

typedef struct {
    const char *work_endpoint, *files_endpoint;
    const char *name, *worker_id, *agent;
    const curve_keys_t *keys;
    int64_t slots;
    session_hooks_t hooks;
} session_spec_t;

//  Make the sockets and begin to connect.  Own: fresh; borrows all pointers of spec.
//  NULL: the sockets cannot be made; diag says why.
session_t *
session_new (const session_spec_t *spec, err_diag_t *diag);
void
session_destroy (session_t **self_p);
//  The sockets, to wait for.  Own: borrowed until the next session_tick, which may rebuild them.
link_t *
session_work (session_t *self);
link_t *
session_files (session_t *self);
//  Read both sockets, at most LIMIT_TURN_MESSAGES messages of each, then session_tick.
void
session_drain (session_t *self, int64_t boot_ms, int64_t wall_ms);
//  Send HELLO, PING or a changed CREDIT if due, and act on silence.
void
session_tick (session_t *self, int64_t boot_ms, int64_t wall_ms);
//  Has the broker answered WELCOME in this session?
bool
session_ready (const session_t *self);
//  Was it sent what the hooks say of credit, in this session?
bool
session_told (const session_t *self);
//  The lease length of this broker, in ms.
int64_t
session_lease_ms (const session_t *self);
//  Send a message on `work`, or on `files`.  Returns its seq.
//  Err: -EAGAIN: no session, or the socket is full; nothing was sent.
int64_t
session_send (session_t *self, uint8_t type, const void *from, uint64_t corr);
int64_t
session_send_file (session_t *self, uint8_t type, const void *from);
//  Send BYE and close the sockets; messages may still leave for linger_ms.
void
session_bye (session_t *self, int linger_ms);
