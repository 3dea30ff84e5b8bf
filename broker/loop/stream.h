//  stream - the XPUB socket: committed records out to taps.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/loop_part.h"

//  Publish a committed row, or a progress record with seq 0.  A slow tap loses it and reads it
//  again from the journal.  Does nothing while the socket is not bound.
void
stream_publish (loop_t *self, const row_record_t *row);
//  Keys of taps are gone.  libzmq cannot cut one subscriber, so all are cut and the socket is made
//  anew.  The others come back and ask for what they missed.
void
stream_revoke (loop_t *self);
//  Bind again after all were cut, once the pause is over and the address is free.
void
stream_bind (loop_t *self);
//  Read subscription frames, so that they do not pile up.  A tap that sends too many makes all be
//  cut.
void
stream_drain (loop_t *self);
