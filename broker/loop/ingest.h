//  ingest - the ingest socket: receives publishers' events, acknowledges them after the commit.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/loop_part.h"

//  Receive and step one message.  Returns its size in bytes.  Err: -EAGAIN: there is none.
int64_t
ingest_receive (loop_t *self);
