//  observe - what the answer to one call says: usage, why it stopped, what went wrong.
//
//  It reads along while the answer passes: whole JSON, or a stream of events.  What it cannot read
//  (too long, compressed, malformed) leaves the figures unknown; the answer passes all the same.
//  Pure.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/domain/run_class.h"
#include "worker/gateway/price.h"
#include "worker/gateway/provider.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OBSERVE_MODEL = 128, OBSERVE_TEXT = 512 };

typedef struct {
    char model [OBSERVE_MODEL]; //  "" = not told
    price_tokens_t tokens;      //  -1 each = not told
    int64_t searches;           //  of the web, made by the provider
    int64_t percent;            //  of the price, for the service that was given; 0 = not told
    bool whole;                 //  the tokens are those of the whole call, not of its beginning
    run_class_t class;          //  RUN_CLASS_NONE = the call succeeded
    bool answered;              //  the model did, to its end, though it may have stopped early
    char sentence [OBSERVE_TEXT];
    int64_t retry_ms; //  that the body asks for, 0 = nothing
} observe_result_t;

typedef struct observe observe_t;

//  type: the Content-Type.  Own: fresh; NULL when out of memory.
observe_t *
observe_new (provider_call_t call, int status, const char *type);
void
observe_destroy (observe_t **self_p);
void
observe_feed (observe_t *self, const char *bytes, size_t size);
//  The answer has ended; cut: before its end.
void
observe_end (observe_t *self, bool cut, observe_result_t *ret_result);
