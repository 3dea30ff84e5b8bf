//  gateway_run - the listeners of one run, and the connections that came in by them.
//
//  Threads: gateway_run_new belongs to the caller of gateway_open, the rest to the gateway.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/gateway/gateway.h"
#include "worker/gateway/tenant.h"

//  Make its socket or its listener.  Own: fresh; borrows house.  Err: as gateway_open.
int
gateway_run_new (tenant_house_t *house, const gateway_spec_t *spec, gateway_run_t **ret_run,
                 err_diag_t *diag) must_check;
//  Cuts all its connections and removes its socket.
void
gateway_run_destroy (gateway_run_t **self_p);
//  Cut all connections, also those of calls in flight; what these cost is settled.
void
gateway_run_cut (gateway_run_t *self);
//  Begin to serve.  Err: -errno.
int
gateway_run_open (gateway_run_t *self) must_check;
//  Serve guests that are due, end those that are late.  Units: ms of the boot clock.
void
gateway_run_tick (gateway_run_t *self, int64_t now_ms);
//  What was seen of the calls that have ended.
void
gateway_run_look (const gateway_run_t *self, gateway_report_t *ret_report);
//  See gateway_port and gateway_socket.
uint16_t
gateway_run_port (const gateway_run_t *self);
const char *
gateway_run_socket (const gateway_run_t *self);
