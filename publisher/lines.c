//  lines - see lines.h.
//  SPDX-License-Identifier: Apache-2.0
#include "publisher/lines.h"

#include "common/base/buf.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 65536 };

struct lines {
    const char *const *paths; //  Borrowed
    size_t count;
    size_t current;   //  Index of the file being read; count at the end
    int fd;           //  Of the current file, -1 before it is opened
    int64_t number;   //  Of the line handed out last
    size_t max_bytes; //  Longest line handed out
    buf_t bytes;      //  Read and not yet consumed
    size_t taken;     //  Front of `bytes` that was handed out already
    size_t scanned;   //  Front of `bytes` known to hold no line end (after taken)
    bool skipping;    //  Inside a line that is too long
    bool at_end;      //  The current file has no more bytes
    char chunk [READ_BYTES];
};

lines_t *
lines_new (const char *const *paths, size_t count, size_t max_bytes)
{
    assert (paths || count == 0);
    assert (max_bytes > 0);

    lines_t *self = calloc (1, sizeof (lines_t));
    if (!self)
        return NULL;
    self->paths = paths;
    self->count = count;
    self->fd = -1;
    self->max_bytes = max_bytes;
    self->bytes = buf_init (max_bytes + 2 * READ_BYTES);
    return self;
}

void
lines_destroy (lines_t **self_p)
{
    lines_t *self = *self_p;
    if (!self)
        return;
    if (self->fd > STDIN_FILENO)
        close (self->fd);
    buf_fini (&self->bytes);
    free (self);
    *self_p = NULL;
}

static void
s_next_file (lines_t *self)
{
    if (self->fd > STDIN_FILENO)
        close (self->fd);
    self->fd = -1;
    self->current++;
    self->number = 0;
    self->taken = self->scanned = 0;
    self->skipping = self->at_end = false;
    buf_reset (&self->bytes);
}

static int
s_open (lines_t *self)
{
    const char *path = self->paths [self->current];
    self->fd = strcmp (path, "-") == 0 ? STDIN_FILENO : open (path, O_RDONLY | O_CLOEXEC);
    return self->fd < 0 ? -errno : 0;
}

//  Read one chunk more.  Err: -EAGAIN nothing yet, -errno.
static int
s_fill (lines_t *self)
{
    if (self->taken > 0) {
        buf_consume (&self->bytes, self->taken);
        self->scanned -= self->taken;
        self->taken = 0;
    }
    struct pollfd item = {.fd = self->fd, .events = POLLIN};
    if (poll (&item, 1, 0) <= 0)
        return -EAGAIN;
    ssize_t count = read (self->fd, self->chunk, sizeof (self->chunk));
    if (count < 0)
        return errno == EINTR ? -EAGAIN : -errno;
    self->at_end = count == 0;
    return buf_append (&self->bytes, self->chunk, (size_t) count);
}

static bool
s_blank (const char *data, size_t size)
{
    for (size_t at = 0; at < size; at++)
        if (!strchr (" \t\r\v\f", data [at]) || data [at] == 0)
            return false;
    return true;
}

//  Take the bytes up to `end` (without `skip` bytes after it) as one line.
//  Returns 1 a line, 0 nothing to hand out, ERR_LIMIT.
static int
s_take (lines_t *self, size_t end, size_t skip, lines_line_t *ret_line)
{
    const char *data = self->bytes.data + self->taken;
    size_t size = end - self->taken;
    self->taken = self->scanned = end + skip;
    self->number++;
    bool too_long = self->skipping || size > self->max_bytes + 1;
    self->skipping = false;
    if (!too_long && size > 0 && data [size - 1] == '\r')
        size--;
    ret_line->number = self->number;
    if (too_long || size > self->max_bytes)
        return ERR_LIMIT;
    if (s_blank (data, size))
        return 0;
    ret_line->data = data;
    ret_line->size = size;
    return 1;
}

int
lines_next (lines_t *self, lines_line_t *ret_line)
{
    *ret_line = (lines_line_t){0};
    while (self->current < self->count) {
        ret_line->path = self->paths [self->current];
        int rc = self->fd < 0 ? s_open (self) : 0;
        const char *found =
            memchr (self->bytes.data + self->scanned, '\n', self->bytes.size - self->scanned);
        if (rc == 0 && found) {
            rc = s_take (self, (size_t) (found - self->bytes.data), 1, ret_line);
            if (rc != 0)
                return rc;
            continue;
        }
        if (rc == 0 && self->at_end) {
            bool rest = self->skipping || self->bytes.size > self->taken;
            rc = rest ? s_take (self, self->bytes.size, 0, ret_line) : 0;
            //  The view must outlive this call: an empty buffer moves on to the next file later.
            if (rc != 0)
                return rc;
            s_next_file (self);
            continue;
        }
        self->scanned = self->bytes.size;
        if (self->scanned - self->taken > self->max_bytes + 1) {
            self->skipping = true;
            self->taken = self->scanned;
        }
        if (rc == 0)
            rc = s_fill (self);
        if (rc == -EAGAIN)
            return rc;
        if (rc < 0) {
            s_next_file (self);
            return rc;
        }
    }
    return 0;
}

int
lines_fd (const lines_t *self)
{
    return self->fd;
}
