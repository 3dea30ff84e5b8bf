//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/outlet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

void
outlet_init (outlet_t *self, int fd)
{
    *self = (outlet_t){.fd = fd, .waiting = buf_init (OUTLET_MOST)};
}

void
outlet_fini (outlet_t *self)
{
    buf_fini (&self->waiting);
}

//  Returns the bytes that went out.
static size_t
s_send (outlet_t *self, const char *bytes, size_t size)
{
    size_t at = 0;
    while (at < size && !self->broken) {
        const ssize_t sent = send (self->fd, bytes + at, size - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN)
            break;
        if (sent < 0)
            self->broken = true;
        else
            at += (size_t) sent;
    }
    self->moved = self->moved || at > 0;
    return at;
}

void
outlet_write (outlet_t *self, const char *bytes, size_t size)
{
    if (!self->broken && buf_append (&self->waiting, bytes, size) < 0)
        self->broken = true;
}

void
outlet_text (outlet_t *self, const char *text)
{
    outlet_write (self, text, strlen (text));
}

void
outlet_flush (outlet_t *self)
{
    self->sent += s_send (self, self->waiting.data + self->sent, outlet_left (self));
    if (outlet_left (self) > 0 && self->sent < OUTLET_HIGH)
        return;
    buf_consume (&self->waiting, self->sent);
    self->sent = 0;
}

size_t
outlet_left (const outlet_t *self)
{
    return self->waiting.size - self->sent;
}
