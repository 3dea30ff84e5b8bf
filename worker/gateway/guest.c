//  guest - a state machine; what a hook of libcurl finds is done at the next tick.
//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/guest.h"

#include "common/base/own.h"
#include "worker/gateway/call.h"
#include "worker/gateway/outlet.h"
#include "worker/gateway/pass.h"
#include "worker/gateway/relay.h"
#include "worker/gateway/request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    S_READ_BYTES = 64 * 1024,
    S_HEAD_MS = 10000,    //  from the first byte of a head to its last
    S_BODY_MS = 120000,   //  and of a body
    S_IDLE_MS = 300000,   //  between two requests; before the first one S_HEAD_MS for a stranger
    S_STALL_MS = 60000,   //  an answer of which nothing is read
    S_TUNNEL_MS = 600000, //  a tunnel without a byte
    S_LINGER_MS = 2000,   //  a closed connection whose other side still sends
    S_CONNECT_MS = 10000
};

typedef enum {
    S_IDLE,    //  no byte of a request yet
    S_HEAD,    //  reading its head
    S_BODY,    //  reading its body
    S_WAIT,    //  the budget has no room until another call ends
    S_CALL,    //  the answer comes
    S_NEXT,    //  the answer is complete; the next request at the next tick
    S_CONNECT, //  a tunnel is being made
    S_RELAY,   //  the tunnel is open
    S_CLOSE,   //  the last answer is going out
    S_LINGER,  //  it is out, the rest of the request is dropped
    S_DEAD
} state_t;

struct guest {
    tenant_t *tenant;
    state_t state;
    int64_t since_ms; //  begin of the state, or the last sign of life in it
    int fd;
    poller_item_t item;
    outlet_t outlet;
    request_t *request;
    buf_t rest;     //  read beyond the request
    size_t counted; //  bytes of the body, in the house's sum
    bool stranger;  //  it has not shown the token of the run
    //  The call that is wanted (S_WAIT) or made.
    call_args_t wanted;
    call_t *call;
    //  The tunnel.
    hosts_rule_t target;
    const hosts_rule_t *rule;
    http_transfer_t *connect;
    relay_t *relay;
    bool tunnel; //  counted in the tenant's tunnels
};

static void
s_become (guest_t *self, state_t state)
{
    self->state = state;
    self->since_ms = clk_now (self->tenant->house->clock).boot_ms;
    if (state == S_NEXT || state == S_CLOSE || state == S_DEAD)
        self->tenant->house->due = true;
}

//  Wait for what this state can use.
static void
s_watch (guest_t *self)
{
    const bool reads = self->state == S_IDLE || self->state == S_HEAD || self->state == S_BODY
                       || self->state == S_LINGER;
    outlet_flush (&self->outlet);
    const bool writes = outlet_left (&self->outlet) > 0;
    poller_want (
        &self->tenant->house->poller, &self->item,
        (reads ? (uint32_t) EPOLLIN : 0) | (writes ? (uint32_t) EPOLLOUT : 0)
            | (self->state == S_CLOSE || self->state == S_LINGER ? 0 : (uint32_t) EPOLLRDHUP));
}

//  --- answers of our own

static void
s_answer (guest_t *self, int status, const char *type, const char *body, size_t size, bool keep)
{
    char head [256];
    snprintf (head, sizeof head,
              "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s\r\n", status,
              status < 300 ? "OK" : "Refused", type, size, keep ? "" : "Connection: close\r\n",
              status == 407 ? "Proxy-Authenticate: Basic realm=\"k8s-triage\"\r\n" : "");
    outlet_text (&self->outlet, head);
    if (strcmp (request_method (self->request), "HEAD") != 0)
        outlet_write (&self->outlet, body, size);
    s_become (self, keep ? S_NEXT : S_CLOSE);
}

//  provider: whose form the refusal takes, NULL = a plain one.
static void
s_refuse (guest_t *self, const provider_t *provider, int status, const char *sentence)
{
    buf_t body = buf_init (4096);
    provider_refusal (provider, status, sentence, &body);
    s_answer (self, status, "application/json", body.data, body.size, false);
    buf_fini (&body);
}

//  --- calls

static void
s_on_call_ended (void *arg, bool whole)
{
    guest_t *self = arg;
    s_become (self, whole && request_keeps (self->request) ? S_NEXT : S_CLOSE);
    self->tenant->house->due = true;
}

static void
s_call (guest_t *self)
{
    self->call = call_new (&self->wanted);
    if (self->call)
        s_become (self, S_CALL);
    else
        s_refuse (self, self->wanted.key->provider, 500, "the gateway is out of memory");
}

static void
s_over_budget (guest_t *self)
{
    tenant_t *tenant = self->tenant;
    const tenant_key_t *key = self->wanted.key;
    const char *model = self->wanted.ask.model;
    buf_t text = buf_init (4 * GATEWAY_TEXT);
    buf_printf (&text,
                "the budget of %.2f USD would be exceeded: %.4f USD are spent, and this call may "
                "cost ",
                (double) tenant->budget.limit / 1e6, (double) tenant->budget.spent / 1e6);
    if (self->wanted.dearest == INT64_MAX)
        buf_text (&text, "any sum, for its body cannot be read in one way only");
    else {
        buf_printf (&text, "up to %.4f USD", (double) self->wanted.dearest / 1e6);
        if (!price_known (provider_name (key->provider), model))
            buf_printf (&text, ", for the price of %.60s is not known",
                        *model ? model : "its model");
    }
    tenant->report.budget_refused++;
    tenant_failed (tenant, 400, RUN_CLASS_LIMIT, text.data, 0);
    s_refuse (self, key->provider, 400, text.data);
    buf_fini (&text);
}

//  Ask the budget for the wanted call.
static void
s_admit (guest_t *self)
{
    switch (budget_ask (&self->tenant->budget, self->wanted.dearest)) {
        case BUDGET_ADMITTED: s_call (self); break;
        case BUDGET_LATER:
            if (self->state != S_WAIT)
                s_become (self, S_WAIT);
            break;
        case BUDGET_REFUSED: s_over_budget (self); break;
    }
}

static void
s_read_ask (guest_t *self)
{
    const buf_t *body = request_body (self->request);
    ask_t *ask = &self->wanted.ask;
    *ask = ask_read (self->wanted.kind, self->wanted.rest, body->data, body->size);
    if (request_header (self->request, "content-encoding") [0])
        ask->clear = ask->read = false;
}

//  Refuse a call that has the provider reach hosts which the run may not reach, or that may do so.
//  Returns false: it is none.
static bool
s_refuses_reach (guest_t *self)
{
    const ask_t *ask = &self->wanted.ask;
    const bool body = request_body (self->request)->size > 0;
    if (self->tenant->reach || !body || (ask->read && !ask->reaches))
        return false;
    const char *sentence =
        ask->read ? "the provider may not reach other hosts by a tool or an address, for "
                    "agent_allowed_tools does not name WebSearch"
                  : "the body of a call must be one JSON text: not compressed, and without too "
                    "many or too "
                    "deeply nested values";
    tenant_reaches (self->tenant, sentence);
    s_refuse (self, self->wanted.key->provider, 400, sentence);
    return true;
}

//  What the wanted call may cost.
static int64_t
s_dearest (guest_t *self)
{
    const buf_t *body = request_body (self->request);
    ask_t *ask = &self->wanted.ask;
    if (self->tenant->budget.limit == 0 || self->wanted.kind == PROVIDER_FREE)
        return 0;
    ask->bound.input =
        known_bound (&self->tenant->known, body->data, body->size, ask) + ask->unseen;
    return ask->clear
               ? price_dearest (provider_name (self->wanted.key->provider), ask->model, &ask->bound)
               : INT64_MAX;
}

//  Judge a request by its head.  Returns false: it is refused.
static bool
s_admits_head (guest_t *self)
{
    const pass_t pass = pass_judge (self->tenant, self->request);
    self->wanted.key = pass.key;
    self->wanted.kind = pass.kind;
    self->wanted.rest = pass.rest;
    if (pass.stranger)
        tenant_stranger (self->tenant);
    if (pass.status)
        s_refuse (self, pass.form, pass.status, pass.sentence);
    else if (!pass_is_greeting (self->request))
        self->stranger = false;
    return pass.status == 0;
}

//  --- tunnels

static void
s_on_relay_ended (void *arg)
{
    s_become (arg, S_DEAD);
}

//  Own: takes *other_p.
static void
s_relay (guest_t *self, int *other_p)
{
    poller_t *poller = &self->tenant->house->poller;
    poller_remove (poller, &self->item);
    self->relay = relay_new (poller, &self->fd, other_p, s_on_relay_ended, self);
    if (!self->relay || !relay_add (self->relay, 1, self->rest.data, self->rest.size)) {
        s_become (self, S_DEAD);
        return;
    }
    buf_fini (&self->rest);
    s_become (self, S_RELAY);
}

static bool
s_allow (void *arg, const struct sockaddr *address)
{
    const guest_t *self = arg;
    return hosts_address (self->rule, address);
}

static void
s_on_connected (void *arg, http_transfer_t *transfer, int rc, const char *reason)
{
    static const char established [] = "HTTP/1.1 200 Connection established\r\n\r\n";
    guest_t *self = arg;
    self->connect = NULL;
    tenant_asked (self->tenant, &self->target, rc != -EACCES, "its address is not allowed");
    own (own_fd) int fd = rc == 0 ? http_take_socket (transfer) : -1;
    if (rc == -EACCES)
        s_refuse (self, NULL, 403, "the address of this host is not allowed");
    else if (fd < 0)
        s_refuse (self, NULL, 502, "the host cannot be reached");
    else {
        s_relay (self, &fd);
        if (self->relay && !relay_add (self->relay, 0, established, sizeof established - 1))
            s_become (self, S_DEAD);
        return;
    }
    s_watch (self);
}

static bool
s_count_tunnel (guest_t *self)
{
    if (self->tenant->tunnels == TENANT_TUNNELS)
        return false;
    self->tenant->tunnels++;
    self->tunnel = true;
    return true;
}

static void
s_connect (guest_t *self)
{
    static const http_hooks_t hooks = {.done = s_on_connected, .allow = s_allow};
    char url [HOSTS_NAME + 24];
    if (hosts_parse (request_path (self->request), 0, &self->target) < 0) {
        s_refuse (self, NULL, 400, "HOST:PORT is expected");
        return;
    }
    self->rule = hosts_find (&self->tenant->hosts, &self->target);
    if (!self->rule) {
        tenant_asked (self->tenant, &self->target, false, "it is not in the list");
        s_refuse (self, NULL, 403, "this host is not allowed");
        return;
    }
    const bool six = strchr (self->target.name, ':') != NULL;
    snprintf (url, sizeof url, six ? "http://[%s]:%d/" : "http://%s:%d/", self->target.name,
              self->target.port);
    const http_request_t request = {
        .method = "GET", .url = url, .connect_ms = S_CONNECT_MS, .connect_only = true};
    if (!s_count_tunnel (self))
        s_refuse (self, NULL, 503, "too many tunnels are open");
    else if (http_start (self->tenant->house->http, &request, &hooks, self, &self->connect) < 0)
        s_refuse (self, NULL, 502, "the host cannot be reached");
    else
        s_become (self, S_CONNECT);
}

//  --- requests

static void
s_serve (guest_t *self)
{
    static const char hello [] = "k8s-triage gateway\n";
    if (pass_is_tunnel (self->request)) {
        s_connect (self);
        return;
    }
    if (pass_is_greeting (self->request)) {
        s_answer (self, 200, "text/plain", hello, sizeof hello - 1,
                  request_keeps (self->request) && !request_old (self->request));
        return;
    }
    self->wanted.tenant = self->tenant;
    self->wanted.request = self->request;
    self->wanted.outlet = &self->outlet;
    self->wanted.ended = s_on_call_ended;
    self->wanted.arg = self;
    s_read_ask (self);
    if (s_refuses_reach (self))
        return;
    self->wanted.dearest = s_dearest (self);
    s_admit (self);
}

//  Keep the sums of all bodies right.
static void
s_account (guest_t *self, size_t bytes)
{
    self->tenant->house->body_bytes += bytes - self->counted;
    self->tenant->body_bytes += bytes - self->counted;
    self->counted = bytes;
}

static bool
s_is_crowded (const guest_t *self)
{
    return self->counted > 0
           && (self->tenant->body_bytes > TENANT_RUN_BYTES
               || self->tenant->house->body_bytes > TENANT_HOUSE_BYTES);
}

//  There is no room for it beside the bodies of other requests.
static void
s_refuse_body (guest_t *self)
{
    buf_fini (request_body (self->request));
    s_account (self, 0);
    s_refuse (self, self->wanted.key ? self->wanted.key->provider : NULL, 503,
              "other requests take all memory");
}

static void
s_on_part (guest_t *self, int what)
{
    if (what == REQUEST_MORE)
        return;
    if (what >= 400) {
        s_refuse (self, NULL, what, request_why (self->request));
        return;
    }
    const bool first = self->state == S_HEAD;
    if (first && !s_admits_head (self))
        return;
    if (what == REQUEST_READY) {
        s_serve (self);
        return;
    }
    s_become (self, S_BODY);
    if (request_waits (self->request))
        outlet_text (&self->outlet, "HTTP/1.1 100 Continue\r\n\r\n");
}

//  Read a request out of bytes; what follows it is kept.
static void
s_feed (guest_t *self, const char *bytes, size_t size)
{
    size_t at = 0;
    while (at < size && self->state <= S_BODY) {
        size_t taken = 0;
        if (self->state == S_IDLE)
            s_become (self, S_HEAD);
        const int what =
            request_feed (self->request, bytes + at, size - at, TENANT_BODY_BYTES, &taken);
        at += taken;
        s_account (self, request_body (self->request)->capacity);
        if (s_is_crowded (self))
            s_refuse_body (self);
        else
            s_on_part (self, what);
    }
    if (self->state < S_CLOSE && buf_append (&self->rest, bytes + at, size - at) < 0)
        s_become (self, S_DEAD);
}

static void
s_next (guest_t *self)
{
    call_destroy (&self->call);
    request_reset (self->request);
    s_account (self, 0);
    s_become (self, S_IDLE);
    own (buf_fini) buf_t rest = self->rest;
    self->rest = buf_init (S_READ_BYTES);
    if (rest.size > 0)
        s_feed (self, rest.data, rest.size);
    s_watch (self);
}

//  --- the socket

static void
s_read (guest_t *self)
{
    char bytes [S_READ_BYTES];
    const ssize_t got = recv (self->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0)
        s_become (self, S_DEAD);
    else if (self->state != S_LINGER)
        s_feed (self, bytes, (size_t) got);
}

static void
s_on_ready (poller_item_t *item, uint32_t events)
{
    guest_t *self = item->arg;
    const bool linger = self->state == S_CLOSE || self->state == S_LINGER;
    if (events & EPOLLOUT) {
        outlet_flush (&self->outlet);
        self->tenant->house->due = true; //  its state may wait for the end of its answer
        if (self->call)
            call_resume (self->call);
    }
    if ((events & (EPOLLHUP | EPOLLERR)) || self->outlet.broken)
        s_become (self, S_DEAD);
    else if (events & EPOLLIN)
        s_read (self);
    else if ((events & EPOLLRDHUP) && !linger)
        s_become (self, S_DEAD); //  it does not wait for the answer
    if (self->state == S_DEAD)
        poller_remove (&self->tenant->house->poller, item);
    else
        s_watch (self);
}

static guest_t *
s_new (tenant_t *tenant, int *fd_p)
{
    guest_t *self = calloc (1, sizeof (guest_t));
    if (!self)
        return NULL;
    self->tenant = tenant;
    self->fd = -1;
    self->item = (poller_item_t){.fd = -1, .ready = s_on_ready, .arg = self};
    self->rest = buf_init (S_READ_BYTES);
    outlet_init (&self->outlet, *fd_p);
    return self;
}

guest_t *
guest_new (tenant_t *tenant, int *fd_p)
{
    own (guest_destroy) guest_t *self = s_new (tenant, fd_p);
    const int on = 1;
    if (!self || !(self->request = request_new ())
        || poller_add (&tenant->house->poller, &self->item, *fd_p, EPOLLIN | EPOLLRDHUP) < 0)
        return NULL;
    self->fd = *fd_p;
    *fd_p = -1;
    self->stranger = !tenant->enclosed;
    (void) setsockopt (self->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); //  slower without it
    s_become (self, S_IDLE);
    return own_take (self);
}

guest_t *
guest_new_forward (tenant_t *tenant, int *fd_p, uint16_t port)
{
    own (guest_destroy) guest_t *self = s_new (tenant, fd_p);
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons (port),
                                        .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    own (own_fd) int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (!self || fd < 0 || !s_count_tunnel (self)
        || (connect (fd, (const struct sockaddr *) &address, sizeof address) < 0
            && errno != EINPROGRESS))
        return NULL;
    self->relay = relay_new (&tenant->house->poller, fd_p, &fd, s_on_relay_ended, self);
    if (!self->relay)
        return NULL;
    s_become (self, S_RELAY);
    return own_take (self);
}

void
guest_destroy (guest_t **self_p)
{
    guest_t *self = *self_p;
    if (!self)
        return;
    poller_remove (&self->tenant->house->poller, &self->item);
    call_destroy (&self->call);
    http_cancel (self->tenant->house->http, &self->connect);
    relay_destroy (&self->relay);
    s_account (self, 0);
    if (self->tunnel)
        self->tenant->tunnels--;
    outlet_fini (&self->outlet);
    buf_fini (&self->rest);
    request_destroy (&self->request);
    own_fd (&self->fd);
    free (self);
    *self_p = NULL;
}

bool
guest_is_stranger (const guest_t *self)
{
    return self->stranger;
}

//  The last answer is out: say so, and read on for a moment, so that it is not lost in a reset.
static void
s_linger (guest_t *self)
{
    call_destroy (&self->call);
    s_account (self, 0);
    shutdown (self->fd, SHUT_WR);
    s_become (self, S_LINGER);
    s_watch (self);
}

//  How long this state may last without a sign of life; -1 = for ever.
static int64_t
s_patience_ms (const guest_t *self)
{
    switch (self->state) {
        case S_IDLE: return self->stranger ? S_HEAD_MS : S_IDLE_MS;
        case S_HEAD: return S_HEAD_MS;
        case S_BODY: return S_BODY_MS;
        case S_CALL:
        case S_NEXT:
        case S_CLOSE: return outlet_left (&self->outlet) > 0 ? S_STALL_MS : -1;
        case S_RELAY: return S_TUNNEL_MS;
        case S_LINGER: return S_LINGER_MS;
        case S_WAIT:
        case S_CONNECT:
        case S_DEAD: return -1;
    }
    return -1;
}

bool
guest_tick (guest_t *self, int64_t now_ms)
{
    const bool moved = self->relay ? relay_moved (self->relay) : self->outlet.moved;
    self->outlet.moved = false;
    if (moved
        && (self->state == S_CALL || self->state == S_NEXT || self->state == S_CLOSE
            || self->state == S_RELAY))
        self->since_ms = now_ms;
    if (self->state == S_WAIT)
        s_admit (self);
    if (self->state == S_NEXT && outlet_left (&self->outlet) == 0)
        s_next (self);
    if (self->state == S_CLOSE && outlet_left (&self->outlet) == 0)
        s_linger (self);
    if (self->fd >= 0 && self->state != S_DEAD && self->state != S_RELAY)
        s_watch (self);
    const int64_t patience_ms = s_patience_ms (self);
    return self->state != S_DEAD && !self->outlet.broken
           && (patience_ms < 0 || now_ms - self->since_ms < patience_ms);
}
