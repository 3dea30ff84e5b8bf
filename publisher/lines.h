//  lines - reads events one after another from files and standard input, each of bounded length.
//  An event is a line of JSON lines, or a value of a JSON document (an array, a List with items,
//  values one after another).
//
//  A byte order mark is skipped.  Other files are refused; the error says what they look like.
//  Never waits: while standard input has no data, the caller waits on lines_fd.
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
    int64_t number;    //  of the line where it begins, from 1 in its file
    const char *looks; //  what a refused file looks like, static; else NULL
} lines_line_t;

//  paths: borrowed, must outlive self.  max_bytes: the longest line returned.  Own: fresh, NULL
//  when out of memory.
lines_t *
lines_new (const char *const *paths, size_t count, size_t max_bytes);
void
lines_destroy (lines_t **self_p);

//  Can all these files be read?  Checks their first bytes, and documents as a whole.  Standard
//  input and pipes are not checked.
//  Err: ERR_PROTO (diag says which file and what it looks like); -errno it cannot be opened.
int
lines_check (const char *const *paths, size_t count, err_diag_t *diag) must_check;
//  The next line that is not blank.  Returns 1 a line; 0 the end of the last file.
//  Err: -EAGAIN: no data yet, wait for lines_fd.
//  ERR_LIMIT: a line over max_bytes was skipped; path and number are set, data is NULL.
//  ERR_PROTO: bad JSON, and the rest of the file is skipped.  looks set: no JSON at all, or a
//  document with other things than events; number says where, 0 all of it.  looks NULL: the
//  document ends early, at number.
//  Another -errno: path cannot be read; the next call continues with the next file.
int
lines_next (lines_t *self, lines_line_t *ret_line) must_check;
//  The file being read, -1 when there is none.  Own: borrowed.
int
lines_fd (const lines_t *self);
