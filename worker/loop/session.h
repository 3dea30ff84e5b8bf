//  session - the worker's two sockets and its standing with the broker.
//
//  HELLO until WELCOME, PING each ping_ms.  A connection made anew and silence of three pings start
//  a new session; silence of LIMIT_REBUILD_MS builds new sockets (some failures end a libzmq socket
//  for good: a ZAP refusal, an oversize frame).  Everything it sends is sent without waiting;
//  callers repeat what matters.  Uses: link.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/wire/link.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct session session_t;

//  Whoever owns the jobs.
typedef struct {
    void *owner;
    //  Fill HELLO's lists; they are used at once.
    void (*lists) (void *owner, codec_list_t *ret_running, codec_list_t *ret_spooled);
    //  Free slots now.
    void (*credit) (void *owner, int64_t *ret_total, int64_t *ret_free);
    //  A WELCOME, or any message that the session does not handle itself; files: from that socket.
    void (*message) (void *owner, const link_msg_t *msg, bool files);
} session_hooks_t;

typedef struct {
    const char *work_endpoint, *files_endpoint;
    const char *name, *worker_id, *agent;
    const curve_keys_t *keys;
    int64_t slots;
    session_hooks_t hooks;
} session_spec_t;

//  Own: borrows all of spec's pointers.  NULL with a diag when the sockets cannot be made.
session_t *
session_new (const session_spec_t *spec, err_diag_t *diag);
void
session_destroy (session_t **self_p);
link_t *
session_work (session_t *self);
link_t *
session_files (session_t *self);
//  Read both sockets, at most LIMIT_TURN_MESSAGES.
void
session_drain (session_t *self, int64_t boot_ms, int64_t wall_ms);
//  Send what is due: HELLO, PING, CREDIT when it changed; judge silence.
void
session_tick (session_t *self, int64_t boot_ms, int64_t wall_ms);
//  Is the broker listening to us?
bool
session_ready (const session_t *self);
//  Lease length of this broker.  Units: ms.
int64_t
session_lease_ms (const session_t *self);
//  Returns the message's seq, or a negative error (-EAGAIN:
//  not connected or full); then nothing went.
int64_t
session_send (session_t *self, uint8_t type, const void *from, uint64_t corr);
int64_t
session_send_file (session_t *self, uint8_t type, const void *from);
//  Say BYE and let what was sent go out for linger_ms.
void
session_bye (session_t *self, int linger_ms);
