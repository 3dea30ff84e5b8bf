//  gateway - the thread: one turn serves transfers, sockets, orders and time.
//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/gateway.h"

#include "common/base/actor.h"
#include "common/base/clk.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "worker/gateway/gateway_run.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

enum { S_TICK_MS = 250, S_ORDERS = 2 * LIMIT_SLOTS };

typedef enum { S_OPEN, S_LOOK, S_CLOSE } order_type_t;

typedef struct {
    order_type_t type;
    gateway_run_t *run;
    int rc;                  //  the answer of S_OPEN
    gateway_report_t report; //  the answer of S_LOOK and S_CLOSE
} order_t;

struct gateway {
    actor_t *actor;
    mailbox_t *answers; //  the orders, when they are done
    tenant_house_t house;
    poller_item_t mail;
    gateway_run_t *runs [LIMIT_SLOTS]; //  the thread's
    size_t run_count;
};

//  --- the thread

static void
s_forget (gateway_t *self, const gateway_run_t *run)
{
    for (size_t i = 0; i < self->run_count; i++)
        if (self->runs [i] == run) {
            self->runs [i] = self->runs [--self->run_count];
            return;
        }
}

//  Own: takes run, unless it fails.
static int
s_take (gateway_t *self, gateway_run_t *run)
{
    if (self->run_count == LIMIT_SLOTS)
        return ERR_FULL;
    const int rc = gateway_run_open (run);
    if (rc == 0)
        self->runs [self->run_count++] = run;
    return rc;
}

static void
s_obey (gateway_t *self, order_t *order)
{
    switch (order->type) {
        case S_OPEN: order->rc = s_take (self, order->run); break;
        case S_LOOK: gateway_run_look (order->run, &order->report); break;
        case S_CLOSE:
            gateway_run_cut (order->run);
            gateway_run_look (order->run, &order->report);
            s_forget (self, order->run);
            gateway_run_destroy (&order->run);
            break;
    }
}

static void
s_on_mail (poller_item_t *item, uint32_t events)
{
    gateway_t *self = item->arg;
    order_t *order = actor_recv (self->actor);
    if (!order)
        return;
    s_obey (self, order);
    actor_post (self->actor, &order);
}

static void
s_run (void *arg)
{
    gateway_t *self = arg;
    int64_t ticked_ms = 0;
    while (!actor_ends (self->actor)) {
        http_poll (self->house.http, self->house.poller.fd, self->house.due ? 0 : S_TICK_MS);
        poller_run (&self->house.poller);
        const int64_t now_ms = clk_now (self->house.clock).boot_ms;
        if (!self->house.due && now_ms - ticked_ms < S_TICK_MS)
            continue;
        ticked_ms = now_ms;
        self->house.due = false;
        for (size_t i = 0; i < self->run_count; i++)
            gateway_run_tick (self->runs [i], now_ms);
    }
    while (self->run_count > 0)
        gateway_run_destroy (&self->runs [--self->run_count]);
}

//  --- the caller's side

static int
s_init (gateway_t *self)
{
    self->answers = mailbox_new (S_ORDERS, own_mem);
    self->actor = self->answers ? actor_new (S_ORDERS, own_mem, self->answers) : NULL;
    self->house.clock = clk_new ();
    self->house.http = http_new ();
    int rc = self->actor && self->house.clock && self->house.http ? 0 : -ENOMEM;
    rc = rc ? rc : poller_init (&self->house.poller);
    self->mail = (poller_item_t){.fd = -1, .ready = s_on_mail, .arg = self};
    rc = rc ? rc : poller_add (&self->house.poller, &self->mail, actor_fd (self->actor), EPOLLIN);
    return rc ? rc : actor_start (self->actor, s_run, self);
}

gateway_t *
gateway_new (void)
{
    own (gateway_destroy) gateway_t *self = calloc (1, sizeof (gateway_t));
    if (!self)
        return NULL;
    self->house.poller.fd = -1;
    const int rc = s_init (self);
    if (rc < 0) {
        log_error ("the gateway did not start", kv ("error", err_str (rc)));
        return NULL;
    }
    return own_take (self);
}

void
gateway_destroy (gateway_t **self_p)
{
    gateway_t *self = *self_p;
    if (!self)
        return;
    actor_destroy (&self->actor);
    mailbox_destroy (&self->answers);
    poller_fini (&self->house.poller);
    http_destroy (&self->house.http);
    clk_destroy (&self->house.clock);
    free (self);
    *self_p = NULL;
}

//  Give an order and wait until it is done.  Err: -ENOMEM, or that of the order.
static int
s_ask (gateway_t *self, order_type_t type, gateway_run_t *run, gateway_report_t *ret_report)
{
    own (own_mem) order_t *order = calloc (1, sizeof (order_t));
    if (!order)
        return -ENOMEM;
    order->type = type;
    order->run = run;
    int rc = mailbox_send (actor_inbox (self->actor), &order);
    if (rc < 0)
        return rc;
    struct pollfd item = {.fd = mailbox_fd (self->answers), .events = POLLIN};
    while (!(order = mailbox_recv (self->answers)))
        (void) poll (&item, 1, -1);
    if (ret_report)
        *ret_report = order->report;
    return order->rc;
}

int
gateway_open (gateway_t *self, const gateway_spec_t *spec, gateway_run_t **ret_run,
              err_diag_t *diag)
{
    own (gateway_run_destroy) gateway_run_t *run = NULL;
    int rc = gateway_run_new (&self->house, spec, &run, diag);
    rc = rc ? rc : s_ask (self, S_OPEN, run, NULL);
    if (rc < 0)
        return rc;
    *ret_run = own_take (run);
    return 0;
}

uint16_t
gateway_port (const gateway_run_t *run)
{
    return gateway_run_port (run);
}

const char *
gateway_socket (const gateway_run_t *run)
{
    return gateway_run_socket (run);
}

void
gateway_look (gateway_t *self, gateway_run_t *run, gateway_report_t *ret_report)
{
    if (s_ask (self, S_LOOK, run, ret_report) < 0)
        memset (ret_report, 0, sizeof *ret_report);
}

void
gateway_close (gateway_t *self, gateway_run_t **run_p, gateway_report_t *ret_report)
{
    if (!*run_p)
        return;
    //  Out of memory: the run stays until the end of the thread.
    if (s_ask (self, S_CLOSE, *run_p, ret_report) < 0 && ret_report)
        memset (ret_report, 0, sizeof *ret_report);
    *run_p = NULL;
}
