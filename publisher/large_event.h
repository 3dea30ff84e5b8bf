//  large_event - sends one event larger than an ingest frame over the files socket.
//
//  Chunks are sent within a window.  GO_EVENT reports how much is on the broker's disk; SEAL_EVENT
//  ends the upload.
//  The broker's report counts: sending continues from there.  So a broker that lost the upload in a
//  restart gets it again from the start.
//  Src: docs/protocol.md, files socket.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/digest.h"
#include "common/wire/link.h"

typedef struct {
    const char *event_id; //  borrowed; NULL: no upload is running
    const char *cluster;  //  borrowed; "" = the event's own
    const char *body;     //  borrowed
    int64_t size;         //  bytes of body
    int64_t sent;         //  bytes handed to the socket
    int64_t acked;        //  bytes on the broker's disk
    //  Boot time: without an answer until then, go back to what is acknowledged.
    int64_t quiet_ms;
    bool sealed;       //  SEAL_EVENT was sent
    uint64_t seal_seq; //  of SEAL_EVENT, 0 before
    char sha256 [DIGEST_HEX];
} large_event_t;

//  Start with an event.  Own: borrows all text until large_event_stop.
void
large_event_start (large_event_t *self, const char *event_id, const char *cluster, const char *body,
                   size_t size, int64_t now_ms);
void
large_event_stop (large_event_t *self);
//  Send as much as the window and the socket allow.  Units: now_ms is the boot clock.
void
large_event_pump (large_event_t *self, link_t *link, int64_t now_ms);
//  Handle a GO_EVENT.
void
large_event_go (large_event_t *self, int64_t upto, int64_t now_ms);
