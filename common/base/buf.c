//  buf - growable bytes with a mandatory maximum.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/buf.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { BUF_FIRST = 64 }; //  first allocation, bytes

static char s_empty [1]; //  what data points at before the first allocation; never written

buf_t
buf_init (size_t max)
{
    return (buf_t){.data = s_empty, .max = max};
}

void
buf_fini (buf_t *self)
{
    if (self->capacity)
        free (self->data);
    *self = (buf_t){.data = s_empty, .max = self->max};
}

void
buf_reset (buf_t *self)
{
    self->size = 0;
    self->failed = 0;
    if (self->capacity)
        self->data [0] = 0;
}

//  Make room for `more` bytes and the final NUL.

static int
s_reserve (buf_t *self, size_t more)
{
    if (self->failed)
        return self->failed;
    if (more > self->max - self->size) {
        self->failed = ERR_LIMIT;
        return self->failed;
    }
    size_t needed = self->size + more + 1;
    if (needed <= self->capacity)
        return 0;
    size_t capacity = self->capacity ? self->capacity : BUF_FIRST;
    while (capacity < needed)
        capacity *= 2;
    if (capacity > self->max + 1)
        capacity = self->max + 1;
    char *data = realloc (self->capacity ? self->data : NULL, capacity);
    if (!data) {
        self->failed = -ENOMEM;
        return self->failed;
    }
    data [self->size] = 0;
    self->data = data;
    self->capacity = capacity;
    return 0;
}

int
buf_append (buf_t *self, const void *bytes, size_t size)
{
    int rc = s_reserve (self, size);
    if (rc < 0)
        return rc;
    if (size)
        memcpy (self->data + self->size, bytes, size);
    self->size += size;
    self->data [self->size] = 0;
    return 0;
}

int
buf_text (buf_t *self, const char *text)
{
    return buf_append (self, text, strlen (text));
}

int
buf_printf (buf_t *self, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    int needed = vsnprintf (NULL, 0, format, args);
    va_end (args);
    assert (needed >= 0);
    int rc = s_reserve (self, (size_t) needed);
    if (rc < 0)
        return rc;
    va_start (args, format);
    (void) vsnprintf (self->data + self->size, (size_t) needed + 1, format, args);
    va_end (args);
    self->size += (size_t) needed;
    return 0;
}

void
buf_consume (buf_t *self, size_t count)
{
    assert (count <= self->size);
    if (count == 0)
        return;
    memmove (self->data, self->data + count, self->size - count + 1);
    self->size -= count;
}

static int
s_read_all (buf_t *self, int fd, size_t size)
{
    //  One byte more than stat reported: a file that grows meanwhile is noticed and refused.
    int rc = s_reserve (self, size);
    size_t room = self->capacity - self->size;
    size_t got = 0;
    while (rc == 0 && got < room) {
        ssize_t count = read (fd, self->data + self->size + got, room - got);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            rc = -errno;
        if (count <= 0)
            break;
        got += (size_t) count;
    }
    if (rc == 0 && got == room) {
        got = room - 1;
        rc = ERR_LIMIT;
        self->failed = rc;
    }
    self->size += got;
    self->data [self->size] = 0;
    return rc;
}

int
buf_read_file (buf_t *self, const char *path)
{
    //  NONBLOCK: opening a FIFO must not wait for its writer.
    own (own_fd) int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    struct stat st;
    if (fstat (fd, &st) < 0)
        return -errno;
    if (S_ISDIR (st.st_mode))
        return -EISDIR;
    if (!S_ISREG (st.st_mode))
        return -ELOOP;
    if (self->failed)
        return self->failed;
    if ((uint64_t) st.st_size > self->max - self->size) {
        self->failed = ERR_LIMIT;
        return ERR_LIMIT;
    }
    return s_read_all (self, fd, (size_t) st.st_size);
}

char *
buf_take (buf_t *self)
{
    char *data = self->capacity ? self->data : calloc (1, 1);
    *self = (buf_t){.data = s_empty, .max = self->max};
    return data;
}
