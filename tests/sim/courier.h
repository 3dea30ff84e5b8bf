//  courier - simulates delivery: one effect of each lane at a time.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/peers.h"

//  Take an effect from the broker.
void
courier_take (peers_t *self, const row_effect_t *row);
//  End some of those under way, and report.
void
courier_act (peers_t *self);
//  The broker crashes: half of the effects at delivery still happen.
void
courier_crash (peers_t *self);
