//  tenant - one run as the gateway knows it: what it may, and what it has used.
//
//  Threads: made by the caller of gateway_open, then the gateway's alone.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/clk.h"
#include "common/net/http.h"
#include "worker/gateway/budget.h"
#include "worker/gateway/gateway.h"
#include "worker/gateway/hosts.h"
#include "worker/gateway/known.h"
#include "worker/gateway/poller.h"
#include "worker/gateway/provider.h"

enum {
    TENANT_BODY_BYTES = 32 * 1024 * 1024,   //  one request
    TENANT_RUN_BYTES = 64 * 1024 * 1024,    //  requests of one run
    TENANT_HOUSE_BYTES = 256 * 1024 * 1024, //  requests of all runs
    TENANT_TOKEN = 128,                     //  bytes of a token
    TENANT_GUESTS = 64,                     //  connections of one run
    TENANT_TUNNELS = 48,                    //  of these, as the other side of a host or a port
    TENANT_ASKED = 64,                      //  different hosts of one run that are logged
    TENANT_UNPRICED = 32                    //  different models that are logged
};

//  What all runs share.
typedef struct {
    poller_t poller;
    http_t *http;
    clk_t *clock;
    size_t body_bytes;                              //  held by requests of all runs
    bool due;                                       //  a guest waits for its turn
    char unpriced [TENANT_UNPRICED][GATEWAY_MODEL]; //  models without a price, each logged once
    size_t unpriced_count;
} tenant_house_t;

typedef struct {
    const provider_t *provider;
    char *base_url; //  without a slash at its end
    char *key;
} tenant_key_t;

typedef struct {
    tenant_house_t *house; //  borrowed
    char *name, *token;
    tenant_key_t keys [GATEWAY_KEYS];
    size_t key_count;
    bool proxy;
    bool reach;    //  a provider may reach other hosts for it
    bool reached;  //  it asked for that, and may not
    bool enclosed; //  only the run itself can connect: it listens in a namespace
    hosts_t hosts;
    budget_t budget;
    bool unpriced; //  it has used a model whose price is not known
    gateway_report_t report;
    hosts_rule_t asked [TENANT_ASKED]; //  hosts logged, each once
    size_t asked_count;
    size_t tunnels;    //  open now
    size_t body_bytes; //  held by its requests
    known_t known;     //  the last call whose tokens were counted; with a budget only
} tenant_t;

//  Own: fresh, borrows house; spec is copied.  Err: ERR_CONFIG, ERR_LIMIT (diag says why), -ENOMEM.
int
tenant_new (tenant_house_t *house, const gateway_spec_t *spec, tenant_t **ret_tenant,
            err_diag_t *diag) must_check;
void
tenant_destroy (tenant_t **self_p);
//  Is it the run's token?  Takes the same time for every text of one length.
bool
tenant_knows (const tenant_t *self, const char *token, size_t size);
//  Is it the value of Proxy-Authorization that HTTPS_PROXY=http://run:TOKEN@... leads to?
bool
tenant_knows_proxy (const tenant_t *self, const char *value);
//  A request without the token: count it, and log the first one.
void
tenant_stranger (tenant_t *self);
//  It asked its provider to reach other hosts, which is refused; logged once.  sentence: why.
void
tenant_reaches (tenant_t *self, const char *sentence);
//  A host was asked for: count and log it, the first time.
void
tenant_asked (tenant_t *self, const hosts_rule_t *host, bool allowed, const char *why);
//  A call has used a model whose price is not known: so is the run's cost, and that is logged once
//  for each model.
void
tenant_unpriced (tenant_t *self, const char *model);
//  A call ended badly.  The sentence is cut and cleaned, and the key taken out of it.
void
tenant_failed (tenant_t *self, int status, run_class_t class, const char *sentence,
               int64_t retry_ms);
