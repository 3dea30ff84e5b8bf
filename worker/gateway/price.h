//  price - what tokens cost, by the name of the model.
//
//  A model that no row names costs as much as others of its family, such as sonnet.  One of no
//  known family costs as much as the dearest one of its provider.
//  Pure.  Units: millionths of a dollar, rounded up.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  Tokens of one call, each counted once.  -1 = unknown.
typedef struct {
    int64_t input;       //  read anew
    int64_t cache_read;  //  read from the cache
    int64_t cache_write; //  read and written into it
    int64_t cache_hour;  //  of these, those that stay for an hour
    int64_t output;      //  with the hidden ones
} price_tokens_t;

//  What a request may cost at most.
typedef struct {
    int64_t input;    //  tokens at most
    int64_t output;   //  tokens at most of one answer, -1 = what the model can
    int64_t answers;  //  answers asked for
    bool caches;      //  it writes into the cache
    bool caches_hour; //  and for an hour
    int64_t percent;  //  of the price, 0 = 100: another service costs more
} price_bound_t;

//  Does a row name the model, or its family?  False: the others here tell what it costs at most.
bool
price_known (const char *provider, const char *model);
//  What a service costs in percent of the price; 100 for a word that is none.
int64_t
price_service (const char *word);
//  What searches of the web cost that the provider has made for one call.
int64_t
price_searches (int64_t count);
//  What a call has cost.  Unknown tokens count as none.
int64_t
price_cost (const char *provider, const char *model, const price_tokens_t *tokens);
//  What a call costs at most.
int64_t
price_dearest (const char *provider, const char *model, const price_bound_t *bound);
