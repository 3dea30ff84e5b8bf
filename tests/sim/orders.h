//  orders - the commands of a simulated operator.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/peers.h"

enum { ORDERS_DEAD = 8 };

typedef struct {
    step_in_t in;
    row_effect_t dead [ORDERS_DEAD]; //  borrowed by the command
} order_t;

//  Think of a command.
void
orders_next (peers_t *self, order_t *ret_order);
