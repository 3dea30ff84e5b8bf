//  call - one call of a provider: sent on with the key, its answer streamed back and observed.
//
//  The answer goes to the outlet as it comes.  While much waits there, no more is read.
//  Threads: one.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/gateway/ask.h"
#include "worker/gateway/outlet.h"
#include "worker/gateway/request.h"
#include "worker/gateway/tenant.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct call call_t;

typedef struct {
    tenant_t *tenant;
    const tenant_key_t *key;
    provider_call_t kind;
    request_t *request; //  complete; its body is taken
    const char *rest;   //  of its path: what follows the base URL
    int64_t dearest;    //  reserved in the tenant's budget
    ask_t ask;          //  what it asks for
    outlet_t *outlet;
    //  The answer is complete (whole), or ends in the middle.  The call is to be destroyed, but not
    //  in here.
    void (*ended) (void *arg, bool whole);
    void *arg;
} call_args_t;

//  Own: fresh; NULL on failure: then nothing was written, and what was reserved is free again.
call_t *
call_new (const call_args_t *args);
//  A call that has not ended is cut; what it cost is settled.
void
call_destroy (call_t **self_p);
//  The outlet has room again.
void
call_resume (call_t *self);
