//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/worker/gateway/upstream.h"

#include "common/base/own.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { S_WAIT_MS = 20000 };

bool
upstream_write (int fd, const void *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        const ssize_t sent = send (fd, (const char *) bytes + at, size - at, MSG_NOSIGNAL);
        if (sent < 0)
            return false;
        at += (size_t) sent;
    }
    return true;
}

bool
upstream_text (int fd, const char *text)
{
    return upstream_write (fd, text, strlen (text));
}

bool
upstream_reply (int fd, const char *status, const char *headers, const char *body)
{
    char head [1024];
    snprintf (head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status,
              strlen (body), headers);
    return upstream_text (fd, head) && upstream_text (fd, body);
}

//  Read one request.  False: there is none.
static bool
s_read (upstream_request_t *request)
{
    size_t size = 0;
    char *end = NULL;
    while (!end) {
        const ssize_t got =
            recv (request->fd, request->head + size, sizeof request->head - 1 - size, 0);
        if (got <= 0)
            return false;
        size += (size_t) got;
        request->head [size] = 0;
        end = strstr (request->head, "\r\n\r\n");
    }
    const size_t head = (size_t) (end - request->head) + 4;
    const char *length = strcasestr (request->head, "\r\nContent-Length: ");
    request->body_size = length && length < end ? strtoul (length + 18, NULL, 10) : 0;
    size_t left = request->body_size - (size - head);
    while (left > 0) {
        char bytes [4096];
        const ssize_t got = recv (request->fd, bytes, left < sizeof bytes ? left : sizeof bytes, 0);
        if (got <= 0)
            return false;
        left -= (size_t) got;
    }
    return true;
}

typedef struct {
    upstream_t *upstream;
    int at;
} seat_t;

static void *
s_serve (void *arg)
{
    seat_t *seat = arg;
    upstream_t *self = seat->upstream;
    own (own_mem) upstream_request_t *request = calloc (1, sizeof *request);
    assert (request);
    request->upstream = self;
    request->fd = self->fds [seat->at];
    bool keep = true;
    while (keep && s_read (request)) {
        pthread_mutex_lock (&self->lock);
        request->number = ++self->requests;
        memcpy (self->last_head, request->head, sizeof request->head);
        if (++self->running > self->most_running)
            self->most_running = self->running;
        pthread_mutex_unlock (&self->lock);
        keep = self->script (request);
        pthread_mutex_lock (&self->lock);
        self->running--;
        pthread_mutex_unlock (&self->lock);
    }
    shutdown (request->fd, SHUT_RDWR);
    free (seat);
    return NULL;
}

static void *
s_accept (void *arg)
{
    upstream_t *self = arg;
    int fd;
    while ((fd = accept (self->fd, NULL, NULL)) >= 0) {
        seat_t *seat = calloc (1, sizeof *seat);
        assert (seat && self->threads_used < UPSTREAM_CONNECTIONS);
        *seat = (seat_t){.upstream = self, .at = self->threads_used};
        self->fds [seat->at] = fd;
        assert (pthread_create (&self->threads [seat->at], NULL, s_serve, seat) == 0);
        self->threads_used++;
    }
    return NULL;
}

void
upstream_start (upstream_t *self, upstream_fn *script, void *arg)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *self = (upstream_t){.script = script, .arg = arg};
    pthread_mutex_init (&self->lock, NULL);
    self->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert (self->fd >= 0 && bind (self->fd, (struct sockaddr *) &address, size) == 0);
    assert (listen (self->fd, UPSTREAM_CONNECTIONS) == 0);
    assert (getsockname (self->fd, (struct sockaddr *) &address, &size) == 0);
    self->port = ntohs (address.sin_port);
    assert (pthread_create (&self->acceptor, NULL, s_accept, self) == 0);
}

void
upstream_stop (upstream_t *self)
{
    shutdown (self->fd, SHUT_RDWR);
    pthread_join (self->acceptor, NULL);
    for (int i = 0; i < self->threads_used; i++)
        shutdown (self->fds [i], SHUT_RDWR);
    for (int i = 0; i < self->threads_used; i++) {
        pthread_join (self->threads [i], NULL);
        close (self->fds [i]);
    }
    close (self->fd);
    pthread_mutex_destroy (&self->lock);
}

const char *
upstream_url (const upstream_t *self)
{
    static char url [64];
    snprintf (url, sizeof url, "http://127.0.0.1:%d", self->port);
    return url;
}

int
upstream_count (upstream_t *self)
{
    pthread_mutex_lock (&self->lock);
    const int count = self->requests;
    pthread_mutex_unlock (&self->lock);
    return count;
}

//  --- the client's side

int
upstream_connect (uint16_t port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons (port),
                                        .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert (fd >= 0 && connect (fd, (const struct sockaddr *) &address, sizeof address) == 0);
    return fd;
}

//  Read until `end` (NULL: until the other side closes).
static char *
s_read_all (int fd, const char *end)
{
    size_t size = 0, room = 1024;
    char *text = calloc (1, room + 1);
    while (text && !(end && strstr (text, end))) {
        struct pollfd item = {.fd = fd, .events = POLLIN};
        assert (poll (&item, 1, S_WAIT_MS) == 1);
        if (size == room)
            text = realloc (text, (room *= 2) + 1);
        const ssize_t got = text ? recv (fd, text + size, room - size, 0) : -1;
        if (got <= 0)
            break;
        size += (size_t) got;
        text [size] = 0;
    }
    assert (text);
    return text;
}

char *
upstream_read_to (int fd, const char *end)
{
    return s_read_all (fd, end);
}

char *
upstream_talk (uint16_t port, const char *raw)
{
    const int fd = upstream_connect (port);
    upstream_text (fd, raw);
    char *text = s_read_all (fd, NULL);
    close (fd);
    return text;
}
