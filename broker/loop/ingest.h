//  ingest - the ingest socket: publishers' events in, acknowledgements out after the commit.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/loop_part.h"

//  Take and step one message.  Err: -EAGAIN nothing there; else the bytes it had.
int64_t
ingest_receive (loop_t *self);
