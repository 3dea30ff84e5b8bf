//  loop_snapshot - the loop's figures, published for admin.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/loop_part.h"

//  Publish the figures now, and set when to do it next.
//  Ensures: a reader that comes later sees all that has been committed so far.
void
loop_snapshot (loop_t *self, clk_now_t now);
