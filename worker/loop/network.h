//  network - what an agent reaches, and with whose key.
//
//  Pure.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runner/sandbox/sandbox.h"
#include "worker/base/settings.h"
#include "worker/gateway/gateway.h"
#include "worker/loop/driver.h"

//  What is in force.  A script of the user's, or a custom program, has the key in its environment,
//  as the contract promises: for it `gateway` is `proxy`.
sandbox_network_t
network_of (const settings_t *settings, const driver_t *driver);
//  The key that the agent's provider takes; "" = none is set.  Own: borrowed from settings.
const char *
network_key (const settings_t *settings, const driver_t *driver);
//  What to look at when the provider refuses the key: the options of the key and of the base URL,
//  and the base URL in force.  "" = the agent has no provider of ours.
void
network_advice (const settings_t *settings, const driver_t *driver, char *ret_text, size_t size);
//  Has the agent the key that it needs?  With the gateway it cannot log in by itself.
//  Err: ERR_CONFIG: no; diag says which one, and what to do.
int
network_check_key (const settings_t *settings, const driver_t *driver, err_diag_t *diag) must_check;
//  Can all of agent_allowed_hosts be read?  With agent_network: host they do not count.
//  Err: ERR_CONFIG, ERR_LIMIT (diag says why); -ENOMEM.
int
network_check_hosts (const settings_t *settings, err_diag_t *diag) must_check;
//  Add the providers of a run to the gateway's spec.  proxy: the agent has its keys itself.
void
network_keys (const settings_t *settings, const driver_t *driver, bool proxy,
              gateway_spec_t *gateway);
