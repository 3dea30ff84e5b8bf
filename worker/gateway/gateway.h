//  gateway - the thread that stands between agents and the network: key gateway, proxy, forwarders.
//
//  An agent holds a token of its run instead of a provider's key.  It calls http://127.0.0.1:PORT;
//  the gateway adds the key, passes the call on and counts what it costs.  The same port is a proxy
//  (CONNECT) to allowed hosts.  Each further port is one of this host's own loopback ports.
//  A runtime with a network namespace hands its listening sockets over, through a unix socket:
//  one message {"port":N} with one descriptor each.  For any other the gateway itself listens.
//  Threads: an actor; the functions belong to one other thread, and wait for no peer.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "common/domain/run_class.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gateway gateway_t;
typedef struct gateway_run gateway_run_t;

enum {
    GATEWAY_PORT = 8377,  //  in a network namespace, where the agent finds the gateway
    GATEWAY_KEYS = 3,     //  providers of one run
    GATEWAY_PORTS = 8,    //  loopback ports of this host that one run may reach
    GATEWAY_HOSTS = 32,   //  hosts that one run may reach
    GATEWAY_TEXT = 256,   //  bytes of a failure's sentence
    GATEWAY_MODEL = 128,  //  bytes of a model's name
    GATEWAY_SOCKET = 4096 //  bytes of a socket's path
};

//  A provider that the run may use.
typedef struct {
    const char *provider; //  "anthropic", "openai" or "gemini"
    const char *base_url; //  where calls go; "" = the provider's own address.  It may have a path.
    const char *key;
} gateway_key_t;

typedef struct {
    const char *name; //  the run in log lines
    //  What the agent shows instead of a key, and to a gateway that listens itself for a tunnel, as
    //  in HTTPS_PROXY=http://run:TOKEN@127.0.0.1:PORT.  "" = it may do neither.
    const char *token;
    gateway_key_t keys [GATEWAY_KEYS];
    size_t key_count;
    //  Keys stay out: the agent has its own, and the hosts of `keys` are open to CONNECT.
    bool proxy;
    //  A provider may reach other hosts for the agent: by tools of its own, and by addresses.
    bool reach;
    const char *hosts [GATEWAY_HOSTS]; //  "HOST" (port 443), "HOST:PORT", "*.DOMAIN[:PORT]"
    size_t host_count;
    uint16_t ports [GATEWAY_PORTS]; //  loopback ports of this host, reached on the same port inside
    size_t port_count;
    int64_t budget_micro_usd; //  0 = none
    //  Folder of the unix socket that takes listeners; NULL = the runtime has no network namespace,
    //  and the gateway listens on 127.0.0.1 itself.
    const char *socket_dir;
} gateway_spec_t;

//  What the gateway saw of a run.  Tokens and cost are -1 while unknown.
typedef struct {
    int64_t calls, failed_calls; //  passed on to a provider; of these, answered with a failure
    int64_t strangers;           //  requests refused: without the run's token
    int64_t input, output, cache_read, cache_write; //  tokens
    int64_t cost_micro_usd;
    char model [GATEWAY_MODEL]; //  of the last call, "" = none
    struct {
        int status;                       //  0 = no answer
        run_class_t class;                //  RUN_CLASS_NONE = no call has failed
        char sentence [GATEWAY_TEXT];     //  the provider's own words, cleaned
        int64_t retry_ms;                 //  what Retry-After asks for, 0 = nothing
    } failure;                            //  the last one
    bool ok_after_failure;                //  a later call succeeded
    int64_t budget_refused;               //  calls refused for the budget
    int64_t first_call_ms, last_call_ms;  //  wall clock, 0 = none
    int64_t hosts_allowed, hosts_refused; //  different hosts asked for by CONNECT
} gateway_report_t;

//  Start the thread.  Own: fresh; NULL when out of memory, descriptors or threads.
gateway_t *
gateway_new (void);
//  Ends every run and the thread.
void
gateway_destroy (gateway_t **self_p);
//  Open the gateway for a run.  spec is copied.  Own: *ret_run belongs to self until gateway_close.
//  Err: -errno, ERR_FULL, ERR_CONFIG: a provider, an address or a host is not valid; diag says why.
int
gateway_open (gateway_t *self, const gateway_spec_t *spec, gateway_run_t **ret_run,
              err_diag_t *diag) must_check;
//  The port on 127.0.0.1 where the agent finds the gateway.
uint16_t
gateway_port (const gateway_run_t *run);
//  The unix socket that takes listeners, an absolute path; "" without one.  Own: borrowed.
const char *
gateway_socket (const gateway_run_t *run);
//  What the gateway has seen of the calls that have ended.  Waits for the thread's next turn, which
//  takes milliseconds.
void
gateway_look (gateway_t *self, gateway_run_t *run, gateway_report_t *ret_report);
//  End a run: its connections are cut, its socket is removed.  *ret_report (may be NULL) says what
//  was seen.  Own: nulls *run_p; NULL is accepted.
void
gateway_close (gateway_t *self, gateway_run_t **run_p, gateway_report_t *ret_report);
