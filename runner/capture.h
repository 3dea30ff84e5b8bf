//  capture - one stream of an agent, read from a pipe and kept in a capped log file.
//
//  The first LIMIT_LOG_HEAD_BYTES go to the file as they come (a crash leaves them there);
//  of the rest the last LIMIT_LOG_TAIL_BYTES less one marker line stay in a ring and are appended
//  at the end, after a line that says how many bytes were cut between the two.
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

//  Create the log and the pipe; *ret_write_fd is for the child (close-on-exec, dup2 it).
//  Err: -errno (a symlink or anything else that exists at path is replaced, never followed).
int
capture_init (capture_t *self, const char *path, int *ret_write_fd) must_check;
//  Read once, at most 64 KiB.  Returns bytes, 0 at the end of the stream,
//  -EAGAIN when nothing is there.
int64_t
capture_read (capture_t *self);
//  How long the line is that says what was cut, in a log of ours that is whole; 0 when nothing was.
size_t
capture_mark_size (const char *bytes, size_t size);
//  Read what is left without waiting, write the tail, close everything.  May run twice.
void
capture_fini (capture_t *self);
