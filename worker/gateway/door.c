//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/door.h"

#include "common/base/folder.h"
#include "common/base/ident.h"
#include "common/base/json.h"
#include "common/base/own.h"
#include "common/base/path.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    S_VISITORS = 4,    //  connections at once: one is enough for a sandbox
    S_LINE_BYTES = 64, //  {"port":65535}
    S_FDS = 4,         //  descriptors of one message
    S_NAME_BYTES = 32,
    S_ROUNDS = 2 //  a run, and its resume
};

//  One connection.
typedef struct {
    poller_item_t item;
    door_t *door;
    char line [S_LINE_BYTES];
    size_t size;
    int fds [S_FDS]; //  received, their lines have not come yet
    size_t fd_count;
} visitor_t;

struct door {
    door_spec_t spec;               //  its ports: those that are not there yet
    uint16_t expected [DOOR_PORTS]; //  all ports of a round
    size_t expected_count;
    int rounds; //  that are left
    poller_t *poller;
    poller_item_t item;
    int fd, dir_fd;
    char name [S_NAME_BYTES]; //  "" once the file is removed
    char path [PATH_MAX + S_NAME_BYTES];
    visitor_t visitors [S_VISITORS];
};

static void
s_leave (visitor_t *visitor)
{
    int fd = visitor->item.fd;
    poller_remove (visitor->door->poller, &visitor->item);
    if (fd >= 0)
        close (fd);
    while (visitor->fd_count > 0)
        close (visitor->fds [--visitor->fd_count]);
    visitor->size = 0;
}

static void
s_shut (door_t *self)
{
    if (self->name [0])
        (void) unlinkat (self->dir_fd, self->name, 0); //  the folder's owner may have removed it
    self->name [0] = 0;
    for (int i = 0; i < S_VISITORS; i++)
        s_leave (&self->visitors [i]);
    if (self->poller)
        poller_remove (self->poller, &self->item);
    own_fd (&self->fd);
}

//  --- one line

//  Does fd listen on this port of a loopback address?
static bool
s_listens (int fd, uint16_t port)
{
    int accepts = 0, domain = 0, type = 0;
    struct sockaddr_in address = {0};
    socklen_t size = sizeof accepts, address_size = sizeof address;
    return getsockopt (fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &size) == 0 && accepts
           && getsockopt (fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_INET
           && getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM
           && getsockname (fd, (struct sockaddr *) &address, &address_size) == 0
           && address.sin_family == AF_INET && ntohl (address.sin_addr.s_addr) >> 24 == 127
           && ntohs (address.sin_port) == port;
}

//  The place of an expected port in the list, -1: it is not expected, or there already.
static int
s_place (const door_t *self, int64_t port)
{
    for (size_t i = 0; i < self->spec.port_count; i++)
        if (self->spec.ports [i] == port)
            return (int) i;
    return -1;
}

static bool
s_take (door_t *self, const char *line, size_t size, int fd)
{
    own (json_drop) json_t *doc = NULL;
    const int64_t port =
        json_parse (line, size, &doc, NULL) == 0 ? json_member_int (doc, "port", 0) : 0;
    const int place = port > 0 && port <= UINT16_MAX ? s_place (self, port) : -1;
    if (place < 0 || !s_listens (fd, (uint16_t) port)
        || fcntl (fd, F_SETFL, fcntl (fd, F_GETFL) | O_NONBLOCK) < 0)
        return false;
    self->spec.ports [place] = self->spec.ports [--self->spec.port_count];
    self->spec.listener (self->spec.arg, (uint16_t) port, fd);
    return true;
}

//  Take the lines that are complete.  False: the connection is to be cut.
static bool
s_lines (visitor_t *visitor)
{
    const char *end;
    while ((end = memchr (visitor->line, '\n', visitor->size)) != NULL) {
        const size_t size = (size_t) (end - visitor->line);
        if (visitor->fd_count == 0)
            return false;
        const int fd = visitor->fds [0];
        visitor->fd_count--;
        memmove (visitor->fds, visitor->fds + 1, visitor->fd_count * sizeof (int));
        if (!s_take (visitor->door, visitor->line, size, fd)) {
            close (fd);
            return false;
        }
        visitor->size -= size + 1;
        memmove (visitor->line, end + 1, visitor->size);
    }
    return visitor->size < S_LINE_BYTES;
}

//  --- one connection

//  All ports of a round are there: nobody has anything more to say in it.
static void
s_end_round (door_t *self)
{
    if (--self->rounds == 0) {
        s_shut (self);
        return;
    }
    for (int i = 0; i < S_VISITORS; i++)
        s_leave (&self->visitors [i]);
    memcpy (self->spec.ports, self->expected, sizeof self->expected);
    self->spec.port_count = self->expected_count;
}

//  Keep the descriptors of a message; false: there are too many of them.
static bool
s_keep_fds (visitor_t *visitor, struct msghdr *message)
{
    bool fits = !(message->msg_flags & MSG_CTRUNC);
    for (struct cmsghdr *part = CMSG_FIRSTHDR (message); part; part = CMSG_NXTHDR (message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        const size_t count = (part->cmsg_len - CMSG_LEN (0)) / sizeof (int);
        for (size_t i = 0; i < count; i++) {
            int fd = -1;
            memcpy (&fd, CMSG_DATA (part) + i * sizeof (int), sizeof fd);
            if (visitor->fd_count < S_FDS) {
                visitor->fds [visitor->fd_count++] = fd;
                continue;
            }
            close (fd);
            fits = false;
        }
    }
    return fits;
}

static void
s_on_bytes (poller_item_t *item, uint32_t events)
{
    visitor_t *visitor = item->arg;
    door_t *self = visitor->door;
    union {
        char bytes [CMSG_SPACE (S_FDS * sizeof (int))];
        struct cmsghdr align;
    } control;
    struct iovec into = {.iov_base = visitor->line + visitor->size,
                         .iov_len = S_LINE_BYTES - visitor->size};
    struct msghdr message = {.msg_iov = &into,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    const ssize_t got = recvmsg (item->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    bool good = got > 0 && s_keep_fds (visitor, &message);
    if (good) {
        visitor->size += (size_t) got;
        good = s_lines (visitor);
    }
    if (!good)
        s_leave (visitor);
    if (self->spec.port_count == 0)
        s_end_round (self);
}

static void
s_on_visitor (poller_item_t *item, uint32_t events)
{
    door_t *self = item->arg;
    const int fd = accept4 (self->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    for (int i = 0; i < S_VISITORS; i++)
        if (self->visitors [i].item.fd < 0) {
            if (poller_add (self->poller, &self->visitors [i].item, fd, EPOLLIN) < 0)
                break;
            return;
        }
    close (fd);
}

//  --- the door

//  Bind through /proc/self/fd: the path of the folder may be longer than a socket's address.
static int
s_bind (door_t *self)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf (self->name, sizeof self->name, "%016" PRIx64 ".sock", ident_random64 ());
    const size_t length = strlen (self->path);
    snprintf (self->path + length, sizeof self->path - length, "/%s", self->name);
    snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", self->dir_fd,
              self->name);
    self->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (self->fd < 0 || bind (self->fd, (struct sockaddr *) &address, sizeof address) < 0
        || listen (self->fd, S_VISITORS) < 0)
        return -errno;
    return 0;
}

int
door_new (const door_spec_t *spec, door_t **ret_door)
{
    own (door_destroy) door_t *self = calloc (1, sizeof (door_t));
    if (!self)
        return -ENOMEM;
    self->spec = *spec;
    self->rounds = S_ROUNDS;
    self->expected_count = spec->port_count;
    memcpy (self->expected, spec->ports, sizeof self->expected);
    self->fd = self->dir_fd = -1;
    self->item = (poller_item_t){.fd = -1, .ready = s_on_visitor, .arg = self};
    for (int i = 0; i < S_VISITORS; i++) {
        visitor_t *visitor = &self->visitors [i];
        visitor->door = self;
        visitor->item = (poller_item_t){.fd = -1, .ready = s_on_bytes, .arg = visitor};
    }
    char path [PATH_MAX];
    const char *dir = path_absolute (spec->dir, path);
    self->dir_fd = folder_open_path (dir);
    if (self->dir_fd < 0)
        return self->dir_fd;
    snprintf (self->path, sizeof self->path, "%s", dir);
    self->spec.dir = NULL;
    const int rc = s_bind (self);
    if (rc < 0)
        return rc;
    *ret_door = own_take (self);
    return 0;
}

void
door_destroy (door_t **self_p)
{
    door_t *self = *self_p;
    if (!self)
        return;
    s_shut (self);
    own_fd (&self->dir_fd);
    free (self);
    *self_p = NULL;
}

const char *
door_path (const door_t *self)
{
    return self->path;
}

int
door_open (door_t *self, poller_t *poller)
{
    self->poller = poller;
    return poller_add (poller, &self->item, self->fd, EPOLLIN);
}
