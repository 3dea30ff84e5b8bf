//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/gateway_run.h"

#include "common/base/log.h"
#include "common/base/own.h"
#include "worker/gateway/door.h"
#include "worker/gateway/guest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { S_LISTENERS = GATEWAY_PORTS + 1, S_BACKLOG = 64 };

//  One listening socket.
typedef struct {
    poller_item_t item;
    gateway_run_t *run;
    uint16_t forward; //  the port of this host that it stands for, 0 = the gateway itself
    int fd;
} listener_t;

struct gateway_run {
    tenant_t *tenant;
    door_t *door; //  NULL: the gateway listens itself
    listener_t listeners [S_LISTENERS];
    size_t listener_count;
    uint16_t port;
    guest_t *guests [TENANT_GUESTS];
    size_t guest_count;
};

//  Those that are left keep their order, by age.
static void
s_end_guest (gateway_run_t *self, size_t at)
{
    guest_destroy (&self->guests [at]);
    self->guest_count--;
    memmove (&self->guests [at], &self->guests [at + 1],
             (self->guest_count - at) * sizeof self->guests [0]);
}

//  Is there room for another guest?  The oldest one that has not shown the token is closed.
static bool
s_make_room (gateway_run_t *self)
{
    for (size_t i = 0; i < self->guest_count && self->guest_count == TENANT_GUESTS; i++)
        if (guest_is_stranger (self->guests [i]))
            s_end_guest (self, i);
    return self->guest_count < TENANT_GUESTS;
}

static void
s_on_connection (poller_item_t *item, uint32_t events)
{
    listener_t *listener = item->arg;
    gateway_run_t *self = listener->run;
    own (own_fd) int fd = accept4 (item->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
        poller_want (&self->tenant->house->poller, item, 0); //  until the next tick
    if (fd < 0 || !s_make_room (self))
        return; //  closed at once
    guest_t *guest = listener->forward ? guest_new_forward (self->tenant, &fd, listener->forward)
                                       : guest_new (self->tenant, &fd);
    if (guest)
        self->guests [self->guest_count++] = guest;
}

//  Own: takes fd.
static listener_t *
s_listener (gateway_run_t *self, uint16_t port, int fd)
{
    listener_t *listener = &self->listeners [self->listener_count++];
    *listener = (listener_t){.item = {.fd = -1, .ready = s_on_connection, .arg = listener},
                             .run = self,
                             .forward = port == self->port ? 0 : port,
                             .fd = fd};
    return listener;
}

//  The listener of an earlier sandbox, which has ended, gives its place up.  Own: takes fd.
static listener_t *
s_replace (gateway_run_t *self, uint16_t port, int fd)
{
    const uint16_t forward = port == self->port ? 0 : port;
    for (size_t i = 0; i < self->listener_count; i++) {
        listener_t *listener = &self->listeners [i];
        if (listener->forward != forward)
            continue;
        poller_remove (&self->tenant->house->poller, &listener->item);
        own_fd (&listener->fd);
        listener->fd = fd;
        return listener;
    }
    return s_listener (self, port, fd);
}

static void
s_on_listener (void *arg, uint16_t port, int fd)
{
    gateway_run_t *self = arg;
    listener_t *listener = s_replace (self, port, fd);
    const int rc = poller_add (&self->tenant->house->poller, &listener->item, fd, EPOLLIN);
    if (rc < 0)
        log_error ("a port of an agent cannot be served", kv ("run", self->tenant->name),
                   kv ("port", (int) port), kv ("error", err_str (rc)));
}

//  --- making

static int
s_listen (gateway_run_t *self)
{
    own (own_fd) int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (fd < 0 || bind (fd, (struct sockaddr *) &address, size) < 0 || listen (fd, S_BACKLOG) < 0
        || getsockname (fd, (struct sockaddr *) &address, &size) < 0)
        return -errno;
    self->port = ntohs (address.sin_port);
    s_listener (self, self->port, fd);
    fd = -1;
    return 0;
}

static int
s_door (gateway_run_t *self, const gateway_spec_t *spec)
{
    door_spec_t door = {.dir = spec->socket_dir, .listener = s_on_listener, .arg = self};
    self->port = GATEWAY_PORT;
    door.ports [door.port_count++] = GATEWAY_PORT;
    for (size_t i = 0; i < spec->port_count; i++)
        if (spec->ports [i] != GATEWAY_PORT)
            door.ports [door.port_count++] = spec->ports [i];
    return door_new (&door, &self->door);
}

int
gateway_run_new (tenant_house_t *house, const gateway_spec_t *spec, gateway_run_t **ret_run,
                 err_diag_t *diag)
{
    own (gateway_run_destroy) gateway_run_t *self = calloc (1, sizeof (gateway_run_t));
    int rc = self ? tenant_new (house, spec, &self->tenant, diag) : -ENOMEM;
    rc = rc ? rc : spec->socket_dir ? s_door (self, spec) : s_listen (self);
    if (rc < 0)
        return rc;
    *ret_run = own_take (self);
    return 0;
}

void
gateway_run_cut (gateway_run_t *self)
{
    door_destroy (&self->door);
    while (self->guest_count > 0)
        guest_destroy (&self->guests [--self->guest_count]);
}

void
gateway_run_destroy (gateway_run_t **self_p)
{
    gateway_run_t *self = *self_p;
    if (!self)
        return;
    gateway_run_cut (self);
    for (size_t i = 0; i < self->listener_count; i++) {
        listener_t *listener = &self->listeners [i];
        poller_remove (&self->tenant->house->poller, &listener->item);
        own_fd (&listener->fd);
    }
    tenant_destroy (&self->tenant);
    free (self);
    *self_p = NULL;
}

int
gateway_run_open (gateway_run_t *self)
{
    poller_t *poller = &self->tenant->house->poller;
    if (self->door)
        return door_open (self->door, poller);
    return poller_add (poller, &self->listeners [0].item, self->listeners [0].fd, EPOLLIN);
}

void
gateway_run_tick (gateway_run_t *self, int64_t now_ms)
{
    for (size_t i = 0; i < self->listener_count; i++)
        poller_want (&self->tenant->house->poller, &self->listeners [i].item, EPOLLIN);
    for (size_t i = 0; i < self->guest_count;) {
        if (guest_tick (self->guests [i], now_ms))
            i++;
        else
            s_end_guest (self, i);
    }
}

void
gateway_run_look (const gateway_run_t *self, gateway_report_t *ret_report)
{
    *ret_report = self->tenant->report;
}

uint16_t
gateway_run_port (const gateway_run_t *self)
{
    return self->port;
}

const char *
gateway_run_socket (const gateway_run_t *self)
{
    return self->door ? door_path (self->door) : "";
}
