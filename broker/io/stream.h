//  stream - the XPUB socket: committed records out to taps.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/io/turn.h"

//  Publish a committed row, or a progress record with seq 0.  Slow taps lose it.
void
stream_publish (loop_t *self, const row_record_t *row);
//  Read subscription frames, so that they do not pile up.
void
stream_drain (loop_t *self);
