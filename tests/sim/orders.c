//  SPDX-License-Identifier: Apache-2.0
#include "tests/sim/orders.h"

#include "tests/sim/choice.h"
#include "tests/sim/plan.h"

#include <stdio.h>
#include <string.h>

//  The dead effects of a receiver, oldest first, as the store would list them.
static void
s_dead_of (const peers_t *self, order_t *ret_order)
{
    step_in_t *in = &ret_order->in;
    int64_t last = 0;
    while (in->as.command.dead_count < ORDERS_DEAD) {
        const row_effect_t *next = NULL;
        for (const disk_effect_t *item = self->disk->dead; item; item = item->hh.next)
            if (item->id > last && (!next || item->id < next->id)
                && strcmp (row_lane_name (&item->row), in->as.command.channel) == 0)
                next = &item->row;
        if (!next)
            break;
        last = next->id;
        if (strncmp (next->key, "recovered/", 10) != 0)
            ret_order->dead [in->as.command.dead_count++] = *next;
    }
    in->as.command.dead = ret_order->dead;
}

void
orders_next (peers_t *self, order_t *ret_order)
{
    static const step_command_t commands [] = {
        STEP_COMMAND_RETRY,         STEP_COMMAND_RETRY,         STEP_COMMAND_CANCEL,
        STEP_COMMAND_RESUME,        STEP_COMMAND_RESUME,        STEP_COMMAND_EFFECT_RETRY,
        STEP_COMMAND_EFFECT_CANCEL, STEP_COMMAND_CHANNEL_RETRY, STEP_COMMAND_DRAIN,
        STEP_COMMAND_RETIRE,        STEP_COMMAND_PROBE,
    };
    static const char *const channels [] = {"storage", "slack", PLAN_BOT, PLAN_ENDS, "nobody"};
    step_in_t *in = &ret_order->in;
    memset (in, 0, sizeof *in);
    in->kind = STEP_IN_COMMAND;
    in->as.command.command = commands [peers_random (self, sizeof commands / sizeof commands [0])];
    in->as.command.incident =
        in->as.command.command == STEP_COMMAND_CANCEL && peers_random (self, 4)
            ? choice_open_incident (self, self->disk)
            : choice_incident (self, self->disk);
    in->as.command.effect = choice_effect (self, self->disk);
    peers_worker_name (self, peers_random (self, PEERS_WORKERS), in->as.command.worker);
    snprintf (in->as.command.channel, sizeof in->as.command.channel, "%s",
              channels [peers_random (self, sizeof channels / sizeof channels [0])]);
    s_dead_of (self, ret_order);
}
