//  pass - may a request pass?  Is it for this gateway, of this run, and is the call allowed?
//
//  Judged by its head, before a byte of its body is kept.
//  Pure.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/gateway/request.h"
#include "worker/gateway/tenant.h"

#include <stdbool.h>

typedef struct {
    int status;             //  of the refusal, 0 = it may pass
    const char *sentence;   //  why it is refused
    const provider_t *form; //  whose form the refusal takes, NULL = a plain one
    bool stranger;          //  it lacks the token of the run
    //  The call of a provider that it is; key NULL: it is none.
    const tenant_key_t *key; //  Own: borrowed from the tenant
    provider_call_t kind;
    const char *rest; //  of its path: what follows the base URL.  Own: borrowed from the request
} pass_t;

//  request: its head is complete.
pass_t
pass_judge (const tenant_t *tenant, const request_t *request);
bool
pass_is_tunnel (const request_t *request);
//  Is it the look of a CLI whether anybody is there?  It needs no token.
bool
pass_is_greeting (const request_t *request);
