//  buf - growable bytes with a mandatory maximum (curl's dynbuf, OpenSSH's sshbuf).
//
//  Invariant: data is never NULL and data [size] is always 0, so text can be read as a string.
//  When an append would exceed max, or memory runs out, the buffer is `failed`: its contents are
//  kept.  Later appends do nothing and return the same error, so check once at the end.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    char *data;
    size_t size;     //  bytes in use
    size_t capacity; //  bytes allocated, 0 while data points at the static empty string
    size_t max;      //  limit of size
    int failed;      //  0, ERR_LIMIT or -ENOMEM
} buf_t;

//  Own: embedded; init, then fini; fini may run twice.  Units: bytes.
buf_t
buf_init (size_t max);
void
buf_fini (buf_t *self);
//  Empty the buffer and clear `failed`.
void
buf_reset (buf_t *self);
//  Err: ERR_LIMIT, -ENOMEM; contents are kept.
int
buf_append (buf_t *self, const void *bytes, size_t size);
int
buf_text (buf_t *self, const char *text);
int
buf_printf (buf_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
//  Drop bytes from the front.  Costs a memmove of the rest.
void
buf_consume (buf_t *self, size_t count);
//  Append a regular file of at most max bytes.  Err: -errno, ERR_LIMIT (larger), -EISDIR/-ELOOP
//  when it is not a regular file.  Symbolic links are not followed.
int
buf_read_file (buf_t *self, const char *path) must_check;
//  Give the heap block (NUL-terminated, free()) to the caller; the buffer is then empty.
char *
buf_take (buf_t *self);
