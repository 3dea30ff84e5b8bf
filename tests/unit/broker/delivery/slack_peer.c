//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/own.h"
#include "tests/unit/broker/delivery/slack_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
s_read_request (int fd, char *request)
{
    size_t size = 0;
    while (size + 1 < SLACK_PEER_REQUEST) {
        ssize_t count = read (fd, request + size, SLACK_PEER_REQUEST - 1 - size);
        if (count <= 0)
            return;
        size += (size_t) count;
        request [size] = 0;
        const char *body = strstr (request, "\r\n\r\n");
        const char *length = strcasestr (request, "content-length: ");
        if (body && length && strlen (body + 4) >= strtoul (length + 16, NULL, 10))
            return;
    }
}

//  PORT in a body is the port of this peer.
static void
s_answer (const slack_peer_t *self, int fd, const slack_peer_turn_t *turn)
{
    own (own_mem) char *body = NULL, *answer = NULL;
    const char *port = strstr (turn->body, "PORT");
    const int before = port ? (int) (port - turn->body) : (int) strlen (turn->body);
    char number [16] = "";
    if (port)
        snprintf (number, sizeof number, "%d", self->port);
    const int body_size =
        asprintf (&body, "%.*s%s%s", before, turn->body, number, port ? port + 4 : "");
    const int size =
        asprintf (&answer, "HTTP/1.1 %d X\r\nConnection: close\r\n%sContent-Length: %d\r\n\r\n%s",
                  turn->code, turn->more ? turn->more : "", body_size, body);
    assert_true (write (fd, answer, (size_t) size) == size);
}

static void *
s_peer_main (void *arg)
{
    slack_peer_t *self = arg;
    for (; self->served < self->count; self->served++) {
        const slack_peer_turn_t *turn = &self->script [self->served];
        own (own_fd) int fd = accept (self->listen_fd, NULL, NULL);
        if (fd < 0)
            return NULL;
        s_read_request (fd, self->requests [self->served]);
        if (!turn->code)
            continue;
        s_answer (self, fd, turn);
    }
    return NULL;
}

void
slack_peer_start (slack_peer_t *self, const slack_peer_turn_t *script, size_t count)
{
    *self = (slack_peer_t){.script = script, .count = count};
    self->requests = calloc (SLACK_PEER_CALLS, SLACK_PEER_REQUEST);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    self->listen_fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal (bind (self->listen_fd, (struct sockaddr *) &address, sizeof address), 0);
    assert_int_equal (listen (self->listen_fd, 4), 0);
    assert_int_equal (getsockname (self->listen_fd, (struct sockaddr *) &address, &size), 0);
    self->port = ntohs (address.sin_port);
    assert_int_equal (pthread_create (&self->thread, NULL, s_peer_main, self), 0);
}

//  All calls of the script were made, each to its path.
void
slack_peer_stop (slack_peer_t *self)
{
    shutdown (self->listen_fd, SHUT_RDWR);
    pthread_join (self->thread, NULL);
    own_fd (&self->listen_fd);
    if (self->served != self->count)
        fail_msg ("%zu of %zu calls, not %s", self->served, self->count,
                  self->script [self->served].path);
    for (size_t i = 0; i < self->count; i++) {
        char line [256];
        snprintf (line, sizeof line, "%s HTTP/1.1\r\n", self->script [i].path);
        if (!strstr (self->requests [i], line))
            fail_msg ("call %zu is not to %s: %.100s", i, self->script [i].path,
                      self->requests [i]);
    }
}
