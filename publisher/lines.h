//  lines - one event after another from files and standard input, each of bounded length:
//  a line of JSON lines, or a value of a JSON document (an array, a List with items,
//  values one after another).
//
//  A byte order mark is passed over.  What is neither is refused, with what it looks like.
//  Never waits: where standard input has nothing yet, the caller waits on lines_fd.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lines lines_t;

//  One line without its end ("\n" or "\r\n").
typedef struct {
    const char *data;  //  borrowed until the next lines_next
    size_t size;       //  bytes, > 0
    const char *path;  //  as given; "-" is standard input
    int64_t number;    //  from 1 within its file, where it begins
    const char *looks; //  of a file that is refused: what it looks like, static; else NULL
} lines_line_t;

//  paths: borrowed, must outlive self.  max_bytes: longest line that is handed out.
//  Own: returns fresh, NULL when out of memory.
lines_t *
lines_new (const char *const *paths, size_t count, size_t max_bytes);
void
lines_destroy (lines_t **self_p);

//  May all these files be read, as far as their first bytes tell, and documents as a whole?
//  Standard input and pipes are not looked at.
//  Err: ERR_PROTO (diag says which one and what it looks like); -errno it cannot be opened.
int
lines_check (const char *const *paths, size_t count, err_diag_t *diag) must_check;
//  The next line that is not empty or white space.
//  Err: 1 a line; 0 the end of the last file; -EAGAIN nothing yet, wait for lines_fd;
//  ERR_LIMIT a line over max_bytes was skipped (path and number are set, data is NULL);
//  ERR_PROTO no JSON at all, or a document with other things than events (looks is set;
//  number: where, 0 all of it), or one that ends early (looks is NULL; number: where);
//  its rest is passed over; another -errno: path cannot be read (path is set); the next call
//  goes on with the next file.
int
lines_next (lines_t *self, lines_line_t *ret_line) must_check;
//  The file being read, -1 when there is none.  Own: borrowed.
int
lines_fd (const lines_t *self);
