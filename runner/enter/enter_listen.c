//  enter_listen - the box's loopback ports; whoever accepts is outside.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/own.h"
#include "runner/enter/enter_part.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 128 };

static int
s_open (uint16_t port)
{
    own (own_fd) int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons (port),
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    if (fd < 0 || setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0
        || bind (fd, (struct sockaddr *) &address, sizeof address) != 0
        || listen (fd, LISTEN_BACKLOG) != 0)
        return -errno;
    int taken = fd;
    fd = -1;
    return taken;
}

//  One line {"port":N} with the descriptor.
static int
s_send (int gateway_fd, uint16_t port, int fd)
{
    char line [32];
    int size = snprintf (line, sizeof line, "{\"port\":%u}\n", port);
    union {
        struct cmsghdr header;
        char bytes [CMSG_SPACE (sizeof (int))];
    } control = {0};
    struct iovec part = {.iov_base = line, .iov_len = (size_t) size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR (&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN (sizeof (int));
    memcpy (CMSG_DATA (header), &fd, sizeof fd);
    ssize_t sent = sendmsg (gateway_fd, &message, MSG_NOSIGNAL);
    return sent == size ? 0 : sent < 0 ? -errno : -EIO;
}

static int
s_connect (const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen (path) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    memcpy (address.sun_path, path, strlen (path));
    own (own_fd) int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect (fd, (struct sockaddr *) &address, sizeof address) != 0)
        return -errno;
    int taken = fd;
    fd = -1;
    return taken;
}

int
enter_listen (const enter_spec_t *spec, enter_fault_t *fault)
{
    if (spec->listen_count == 0 || spec->self_test)
        return 0;
    own (own_fd) int gateway_fd = spec->gateway ? s_connect (spec->gateway) : spec->gateway_fd;
    if (gateway_fd < 0)
        return enter_fault (fault, "the gateway cannot be reached",
                            spec->gateway ? -gateway_fd : 0);
    for (size_t i = 0; i < spec->listen_count; i++) {
        own (own_fd) int fd = s_open (spec->listen [i]);
        int rc = fd < 0 ? fd : s_send (gateway_fd, spec->listen [i], fd);
        char what [64];
        snprintf (what, sizeof what, "port %u cannot be handed over", spec->listen [i]);
        if (rc < 0)
            return enter_fault (fault, what, -rc);
    }
    return 0;
}
