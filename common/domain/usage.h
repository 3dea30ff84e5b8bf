//  usage - what a run used: which agent and model, how many calls and tokens, what it cost.
//
//  A number that nobody knows is USAGE_UNKNOWN, in JSON null.  It is never 0.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/json.h"
#include "common/base/limits.h"

#include <stdbool.h>
#include <stdint.h>

#define USAGE_UNKNOWN INT64_C (-1)
#define USAGE_MAX INT64_C (9007199254740991) //  exact in JSON too

enum { USAGE_NAME = 64, USAGE_MODEL = LIMIT_MODEL_BYTES + 1 };

typedef struct {
    char agent [USAGE_NAME], version [USAGE_NAME]; //  "" = unknown
    char model [USAGE_MODEL];                      //  "" = unknown
    int64_t calls;                                 //  of the provider
    int64_t turns;
    int64_t input, output, cache_read, cache_write; //  tokens
    int64_t cost_micro_usd;                         //  millionths of a US dollar
    int64_t duration_ms;
} usage_t;

//  Nothing is known.
usage_t
usage_none (void);
//  Is anything known?
bool
usage_known (const usage_t *self);
//  Make what is out of bounds unknown: numbers below 0 or above USAGE_MAX.
void
usage_bound (usage_t *self);
//  Add another run.  A sum is that of the known numbers: unknown only when both are.  It stops at
//  USAGE_MAX.  Names are those of the other run, where it has them.
void
usage_add (usage_t *self, const usage_t *other);

//  Replace what the other knows, too.
void
usage_prefer (usage_t *self, const usage_t *other);

//  {"agent", "version", "model", "calls", "turns", "input_tokens", "output_tokens",
//  "cache_read_tokens", "cache_write_tokens", "cost_usd", "duration_ms"}.
//  Own: fresh, NULL without memory.
json_t *
usage_json (const usage_t *self);
//  Read what usage_json writes.  What is missing, null, of another type or out of bounds is
//  unknown.  Texts that are too long are cut.  doc: NULL = nothing is known.
void
usage_read (const json_t *doc, usage_t *ret_usage);
