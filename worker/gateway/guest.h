//  guest - one connection from inside: its requests, one after the other, or a tunnel.
//
//  Everything that comes from it is hostile.  Each wait has a limit: for a head, a body, a reader.
//  Threads: one.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/gateway/tenant.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct guest guest_t;

//  A connection to the gateway itself.  Own: fresh; takes *fd_p and sets it to -1; NULL on failure,
//  the caller keeps it.
guest_t *
guest_new (tenant_t *tenant, int *fd_p);
//  A connection to a port of this host's loopback.
guest_t *
guest_new_forward (tenant_t *tenant, int *fd_p, uint16_t port);
void
guest_destroy (guest_t **self_p);
//  Has it not shown the token of the run?  It is closed when there are too many.
bool
guest_is_stranger (const guest_t *self);
//  Do what is due.  Returns false: it is over and to be destroyed.  Units: ms of the boot clock.
bool
guest_tick (guest_t *self, int64_t now_ms);
