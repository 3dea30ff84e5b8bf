//  stream - the XPUB socket: committed records out to taps.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/loop_part.h"

//  Publish a committed row, or a progress record with seq 0.  Slow taps lose it.
void
stream_publish (loop_t *self, const row_record_t *row);
//  Keys of taps are gone: libzmq cannot cut one subscriber, so all are, and the socket is made
//  anew; the others come back and ask for what they missed.
void
stream_revoke (loop_t *self);
//  Bind again after stream_revoke, as soon as the address is free.
void
stream_bind (loop_t *self);
//  Read subscription frames, so that they do not pile up.
void
stream_drain (loop_t *self);
