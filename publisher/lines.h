//  lines - one line after another from files and standard input, each of bounded length.
//
//  Never waits: where standard input has nothing yet, the caller waits on lines_fd.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lines lines_t;

//  One line without its end ("\n" or "\r\n").
typedef struct {
    const char *data; //  borrowed until the next lines_next
    size_t size;      //  bytes, > 0
    const char *path; //  as given; "-" is standard input
    int64_t number;   //  from 1 within its file
} lines_line_t;

//  paths: borrowed, must outlive self.  max_bytes: longest line that is handed out.
//  Own: returns fresh, NULL when out of memory.
lines_t *
lines_new (const char *const *paths, size_t count, size_t max_bytes);
void
lines_destroy (lines_t **self_p);

//  The next line that is not empty or white space.
//  Err: 1 a line; 0 the end of the last file; -EAGAIN nothing yet, wait for lines_fd;
//  ERR_LIMIT a line over max_bytes was skipped (path and number are set, data is NULL);
//  another -errno: path cannot be read (path is set); the next call goes on with the next file.
int
lines_next (lines_t *self, lines_line_t *ret_line) must_check;
//  The file being read, -1 when there is none.  Own: borrowed.
int
lines_fd (const lines_t *self);
