//  large_event - one event larger than an ingest frame on its way over the files socket.
//
//  Chunks go out within a window; GO_EVENT says how far they are on the broker's disk; then
//  SEAL_EVENT.  The broker's word rules: wherever it stands, sending goes on from there, so
//  a broker that lost the upload in a restart gets it again from the front.
//  Src: docs/protocol.md, files socket.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/digest.h"
#include "common/wire/link.h"

typedef struct {
    const char *event_id; //  Borrowed; NULL: no upload under way
    const char *cluster;  //  Borrowed; "" = the event's own
    const char *body;     //  Borrowed
    int64_t size;         //  bytes of body
    int64_t sent;         //  bytes handed to the socket
    int64_t acked;        //  bytes the broker has on disk
    int64_t quiet_ms;     //  without an answer until then (boot): go back to what is acknowledged
    bool sealed;          //  SEAL_EVENT is out
    uint64_t seal_seq;    //  of it, 0 before
    char sha256 [DIGEST_HEX];
} large_event_t;

//  Start with an event.  Own: borrows all text until large_event_stop.
void
large_event_start (large_event_t *self, const char *event_id, const char *cluster, const char *body,
                   size_t size, int64_t now_ms);
void
large_event_stop (large_event_t *self);
//  Send what the window and the socket allow.  Units: now_ms is the boot clock.
void
large_event_pump (large_event_t *self, link_t *link, int64_t now_ms);
//  GO_EVENT came.
void
large_event_go (large_event_t *self, int64_t upto, int64_t now_ms);
