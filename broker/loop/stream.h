//  stream - the XPUB socket: sends committed records to taps.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/loop_part.h"

//  Publish a committed record, or a progress record, whose seq is 0.  A slow tap loses it and
//  fetches it from the journal.  Does nothing while the socket is not bound.
void
stream_publish (loop_t *self, const row_record_t *row);
//  Disconnect taps whose keys are deleted.  libzmq cannot disconnect a single subscriber: the
//  socket is closed and bound again.  The other taps reconnect and fetch what they missed.
void
stream_revoke (loop_t *self);
//  Bind a closed socket again, once the pause is over and the address is free.
void
stream_bind (loop_t *self);
//  Read the waiting subscription frames.  If a tap sends too many, all taps are disconnected.
void
stream_drain (loop_t *self);
