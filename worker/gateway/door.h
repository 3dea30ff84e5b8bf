//  door - the unix socket of a run, where its sandbox hands over listening sockets.
//
//  A connection sends lines {"port":N}, each with one descriptor (SCM_RIGHTS).  A descriptor counts
//  when it listens on N of a loopback address (AF_INET, stream), and N is expected and not there
//  yet.  All others are closed.  When every expected port is there, connections are cut and a
//  second round begins: a resumed run has a sandbox of its own.  After that the socket is removed.
//  Threads: one, the poller's, but for door_new.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/gateway/poller.h"

#include <stddef.h>
#include <stdint.h>

typedef struct door door_t;

enum { DOOR_PORTS = 16 };

typedef struct {
    const char *dir; //  an existing folder
    uint16_t ports [DOOR_PORTS];
    size_t port_count;
    //  A listener is there.  Own: takes fd, which does not block.
    void (*listener) (void *arg, uint16_t port, int fd);
    void *arg;
} door_spec_t;

//  Make the socket, in a file of its own name.  Own: fresh; spec is copied.  Err: -errno.
int
door_new (const door_spec_t *spec, door_t **ret_door) must_check;
//  Removes the socket and cuts its connections.
void
door_destroy (door_t **self_p);
//  The absolute path of the socket.  Own: borrowed.
const char *
door_path (const door_t *self);
//  Begin to accept.  Err: -errno.
int
door_open (door_t *self, poller_t *poller) must_check;
