//  capture - reads one output stream of an agent from a pipe into a capped log file.
//
//  The first LIMIT_LOG_HEAD_BYTES are written at once, so they survive a crash.  Of the rest, the
//  last LIMIT_LOG_TAIL_BYTES stay in a ring, less one marker line.  They are appended at the end,
//  after a line that says how many bytes were cut.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    int pipe_fd;     //  read end, non-blocking; -1 after the end of the stream
    int file_fd;     //  the log
    int64_t total;   //  bytes read so far
    int64_t head;    //  bytes in the file so far
    char *ring;      //  allocated when the head is full
    size_t at, used; //  oldest byte and bytes in the ring
    int failed;      //  0, or the first -errno of a write; reading goes on
} capture_t;

//  Create the log and the pipe.  *ret_write_fd is for the child (close-on-exec, dup2 it).  Whatever
//  exists at path is replaced.  A symbolic link is never followed, neither there nor at its folder.
//  Err: -errno.
int
capture_init (capture_t *self, const char *path, int *ret_write_fd) must_check;
//  Read once, at most 64 KiB.  Returns bytes, 0 at the end of the stream, -EAGAIN when there is no
//  data.
int64_t
capture_read (capture_t *self);
//  Length of the marker line in a complete log of ours; 0 when nothing was cut.
size_t
capture_mark_size (const char *bytes, size_t size);
//  Read the rest without waiting, write the tail, close everything.  May run twice.
void
capture_fini (capture_t *self);
