//  capture - the head goes to the file, the tail to a ring.
//  SPDX-License-Identifier: Apache-2.0
#include "runner/capture.h"

#include "common/base/folder.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CAPTURE_MARK "\n[... %" PRId64 " bytes cut ...]\n"

enum {
    CAPTURE_READ_BYTES = LIMIT_KIB (64), //  the size of a pipe
    CAPTURE_MARK_BYTES = 128,            //  the marker line fits in here
    CAPTURE_RING_BYTES = LIMIT_LOG_TAIL_BYTES - CAPTURE_MARK_BYTES,
    CAPTURE_DRAIN_READS = 64 //  an agent may enlarge its pipe, to 1 MiB by default limits
};

//  Open the folder of a log.  An agent may have put a link in its place before it is resumed.
static int
s_folder (const char *path, const char **ret_name)
{
    char folder [4096];
    const char *slash = strrchr (path, '/');
    *ret_name = slash ? slash + 1 : path;
    const int size = slash ? (int) (slash - path) : 1;
    if (snprintf (folder, sizeof folder, "%.*s", size, slash ? path : ".") >= (int) sizeof folder)
        return -ENAMETOOLONG;
    return folder_open_path (folder);
}

int
capture_init (capture_t *self, const char *path, int *ret_write_fd)
{
    *self = (capture_t){.pipe_fd = -1, .file_fd = -1};
    const char *name = NULL;
    own (own_fd) int folder_fd = s_folder (path, &name);
    if (folder_fd < 0)
        return folder_fd;
    if (unlinkat (folder_fd, name, 0) != 0 && errno != ENOENT)
        return -errno;
    self->file_fd =
        openat (folder_fd, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (self->file_fd < 0)
        return -errno;

    int ends [2];
    if (pipe2 (ends, O_CLOEXEC) != 0)
        return -errno;
    self->pipe_fd = ends [0];
    //  Only our end is non-blocking: the agent expects an ordinary stdout.
    if (fcntl (ends [0], F_SETFL, O_NONBLOCK) != 0) {
        int rc = -errno;
        close (ends [1]);
        return rc;
    }
    *ret_write_fd = ends [1];
    return 0;
}

static void
s_write (capture_t *self, const char *bytes, size_t size)
{
    while (size > 0 && !self->failed) {
        ssize_t done = write (self->file_fd, bytes, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0) {
            self->failed = -errno;
            return;
        }
        bytes += done;
        size -= (size_t) done;
    }
}

static void
s_ring (capture_t *self, const char *bytes, size_t size)
{
    if (!self->ring)
        self->ring = malloc (CAPTURE_RING_BYTES);
    if (!self->ring) {
        self->failed = self->failed ? self->failed : -ENOMEM;
        return;
    }
    if (size > CAPTURE_RING_BYTES) {
        bytes += size - CAPTURE_RING_BYTES;
        size = CAPTURE_RING_BYTES;
    }
    size_t put = (self->at + self->used) % CAPTURE_RING_BYTES;
    size_t first = size < CAPTURE_RING_BYTES - put ? size : CAPTURE_RING_BYTES - put;
    memcpy (self->ring + put, bytes, first);
    memcpy (self->ring, bytes + first, size - first);
    self->used += size;
    if (self->used > CAPTURE_RING_BYTES) {
        self->at = (self->at + self->used - CAPTURE_RING_BYTES) % CAPTURE_RING_BYTES;
        self->used = CAPTURE_RING_BYTES;
    }
}

int64_t
capture_read (capture_t *self)
{
    if (self->pipe_fd < 0)
        return 0;

    char bytes [CAPTURE_READ_BYTES];
    ssize_t got = read (self->pipe_fd, bytes, sizeof bytes);
    if (got < 0)
        return errno == EINTR ? -EAGAIN : -errno;
    if (got == 0) {
        close (self->pipe_fd);
        self->pipe_fd = -1;
        return 0;
    }
    size_t size = (size_t) got;
    size_t room = (size_t) (LIMIT_LOG_HEAD_BYTES - self->head);
    size_t head = size < room ? size : room;
    s_write (self, bytes, head);
    self->head += (int64_t) head;
    if (size > head)
        s_ring (self, bytes + head, size - head);
    self->total += got;
    return got;
}

static void
s_finish (capture_t *self)
{
    int64_t cut = self->total - self->head - (int64_t) self->used;
    if (cut > 0) {
        char mark [CAPTURE_MARK_BYTES];
        int size = snprintf (mark, sizeof mark, CAPTURE_MARK, cut);
        s_write (self, mark, (size_t) size);
    }
    if (self->used > 0) {
        size_t rest = CAPTURE_RING_BYTES - self->at;
        size_t first = self->used < rest ? self->used : rest;
        s_write (self, self->ring + self->at, first);
        s_write (self, self->ring, self->used - first);
    }
}

size_t
capture_mark_size (const char *bytes, size_t size)
{
    char mark [CAPTURE_MARK_BYTES] = "";
    if (size <= LIMIT_LOG_HEAD_BYTES)
        return 0;
    size -= LIMIT_LOG_HEAD_BYTES;
    snprintf (mark, sizeof mark, "%.*s", (int) (size < sizeof mark ? size : sizeof mark - 1),
              bytes + LIMIT_LOG_HEAD_BYTES);
    int64_t cut = 0;
    char whole [CAPTURE_MARK_BYTES] = "";
    if (sscanf (mark, "\n[... %" SCNd64, &cut) == 1)
        snprintf (whole, sizeof whole, CAPTURE_MARK, cut);
    size_t length = strlen (whole);
    return length > 0 && strncmp (mark, whole, length) == 0 ? length : 0;
}

void
capture_fini (capture_t *self)
{
    //  A daemon that survived may still write: read a bounded amount, never wait.
    for (int reads = 0; reads < CAPTURE_DRAIN_READS && capture_read (self) > 0; reads++)
        ;
    if (self->file_fd >= 0) {
        s_finish (self);
        close (self->file_fd);
    }
    if (self->pipe_fd >= 0)
        close (self->pipe_fd);
    free (self->ring);
    int64_t total = self->total;
    int failed = self->failed;
    *self = (capture_t){.pipe_fd = -1, .file_fd = -1, .total = total, .failed = failed};
}
