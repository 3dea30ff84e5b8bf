//  loop_snapshot - fills and publishes the snapshot that admin reads.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/loop_part.h"

//  Publish the figures as of now and set the time of the next call.
//  While a reader holds the lock, the older figures stay published.
void
loop_snapshot (loop_t *self, clk_now_t now);
