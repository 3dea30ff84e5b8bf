//  frame - the fixed 32-byte header in front of every message body.
//
//  [hdr 32 B, little endian]  magic "K8T1" | u8 version | u8 type | u16 flags
//                             | u64 session | u64 seq | u64 corr
//
//  session: random, one for each start of a peer.
//  seq: the session's send counter, from 1.  corr: the seq this frame answers, 0 for none.
//  Src: docs/protocol.md.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { FRAME_BYTES = 32, FRAME_VERSION = 1 };

typedef struct {
    uint8_t version;
    uint8_t type; //  enum msg_type, or a type we do not know
    uint16_t flags;
    uint64_t session;
    uint64_t seq;
    uint64_t corr;
} frame_t;

void
frame_encode (const frame_t *self, uint8_t ret_bytes [FRAME_BYTES]);
//  Err: ERR_PROTO on wrong size or magic; *ret_frame is untouched.  The caller checks the version.
int
frame_decode (const uint8_t *bytes, size_t size, frame_t *ret_frame) must_check;
