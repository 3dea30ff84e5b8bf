//  ask - what a request asks for, as far as it bounds what the answer may cost.
//
//  Pure.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/gateway/price.h"
#include "worker/gateway/provider.h"

#include <stdbool.h>
#include <stddef.h>

enum { ASK_MODEL = 128 };

typedef struct {
    char model [ASK_MODEL]; //  "" = none named
    price_bound_t bound;
    int64_t unseen; //  tokens of input at most that are not in the body as text
    int64_t text;   //  bytes of the body that the provider counts as text, whatever else it says
    bool reaches;   //  it has the provider reach other hosts, by a tool or an address
    bool read;      //  it is one JSON text
    bool clear;     //  and it can be read in one way only
} ask_t;

//  Read a request.  path: it names the model for Gemini.  A token has at least one byte, so the
//  body bounds the tokens of its text.
ask_t
ask_read (provider_call_t call, const char *path, const char *body, size_t size);
