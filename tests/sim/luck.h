//  luck - how a simulated run or effect ends.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/peers.h"

//  The result of a finished run of this worker, with everything but its fence.
spooled_t
luck_run (peers_t *peers, const peer_worker_t *worker);
//  How one try of delivery ends.
step_effect_result_t
luck_effect (peers_t *peers, int channel);
//  Now and then begin a time, up to *until_ms, in which something of a worker does not work.
void
luck_trouble (peers_t *peers, int64_t *until_ms);
