//  runtime_part - what the rows of runtime.c share.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runner/sandbox/runtime.h"

//  The gateway's socket in a container.  Its path on the host may be longer than an address.
#define RUNTIME_GATEWAY "/triage-gateway.sock"

extern const runtime_t runtime_podman, runtime_docker, runtime_bwrap, runtime_landlock,
    runtime_none;

//  The words of triage-enter that all boxes have; more flags may follow, then "--".
void
runtime_enter (const runtime_t *self, const sandbox_spec_t *spec, words_t *words);
//  Hand the ports of the gateway and those that are forwarded to triage-enter, for a box with a
//  network of its own.
void
runtime_listen (const runtime_t *self, const sandbox_spec_t *spec, words_t *words);
//  An agent that runs as root is refused.  Err: ERR_CONFIG.
int
runtime_user (const sandbox_spec_t *spec, err_diag_t *diag) must_check;
