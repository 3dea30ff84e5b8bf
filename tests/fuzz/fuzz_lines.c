//  fuzz_lines - the publisher's reader of JSON lines against a second one that
//  sees the whole input.
//
//  Holds: the same lines, numbers and refusals from a file and from a pipe, however the bytes
//  of the pipe are cut, and the same as the reference; no line over the limit.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "publisher/form.h"
#include "publisher/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_BYTES = 24 };

static void
s_note (buf_t *seen, int64_t number, const char *data, size_t size)
{
    assert (buf_printf (seen, "%" PRId64 " ", number) == 0);
    assert (buf_append (seen, data ? data : "too long", data ? size : 8) == 0);
    assert (buf_append (seen, "\n", 1) == 0);
}

//  The lines by the book: split at line feeds, drop one carriage return, skip blank ones.
static void
s_reference (const char *bytes, size_t size, buf_t *seen)
{
    int64_t number = 0;
    for (size_t at = 0; at < size;) {
        const char *end = memchr (bytes + at, '\n', size - at);
        size_t length = end ? (size_t) (end - bytes) - at : size - at;
        const char *line = bytes + at;
        at += length + (end != NULL);
        number++;
        if (length && line [length - 1] == '\r')
            length--;
        size_t blank = 0;
        while (blank < length && memchr (" \t\r\v\f", line [blank], 5))
            blank++;
        if (length > MAX_BYTES)
            s_note (seen, number, NULL, 0);
        else if (blank < length)
            s_note (seen, number, line, length);
    }
}

//  Is it lines by the book?  Documents and what is no JSON are compared with themselves only.
static bool
s_plain (const char *bytes, size_t size)
{
    size_t skip = 0;
    const char *looks = NULL;
    if (form_of (bytes, size < MAX_BYTES ? size : MAX_BYTES, true, &skip, &looks) != FORM_LINES
        || skip > 0)
        return false;
    for (size_t at = 0; at < size;) {
        const char *end = memchr (bytes + at, '\n', size - at);
        const size_t length = end ? (size_t) (end - bytes) - at : size - at;
        if (form_holds_many (bytes + at, length))
            return false;
        at += length + (end != NULL);
    }
    return true;
}

//  Take what there is.  Returns the code that ended it: 0 all read, -EAGAIN.
static int
s_drain (lines_t *lines, buf_t *seen)
{
    for (;;) {
        lines_line_t line;
        int rc = lines_next (lines, &line);
        if (rc == ERR_PROTO) { //  no JSON, or a document that ends early: the end comes next
            assert (buf_text (seen, "refused\n") == 0);
            continue;
        }
        if (rc != 1 && rc != ERR_LIMIT) {
            assert (rc == 0 || rc == -EAGAIN);
            return rc;
        }
        assert (rc == 1 ? line.size > 0 && line.size <= MAX_BYTES : !line.data);
        s_note (seen, line.number, line.data, line.size);
    }
}

static void
s_write (int fd, const char *bytes, size_t size)
{
    assert (write (fd, bytes, size) == (ssize_t) size);
}

static void
s_from_file (const char *bytes, size_t size, buf_t *seen)
{
    own (own_fd) int fd = memfd_create ("lines", MFD_CLOEXEC);
    assert (fd >= 0);
    s_write (fd, bytes, size);
    char path [64];
    snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
    const char *paths [] = {path};
    own (lines_destroy) lines_t *lines = lines_new (paths, 1, MAX_BYTES);
    assert (s_drain (lines, seen) == 0);
}

static void
s_from_pipe (const char *bytes, size_t size, fuzz_cut_t cut, buf_t *seen)
{
    int ends [2];
    assert (pipe2 (ends, O_CLOEXEC) == 0);
    assert (dup2 (ends [0], STDIN_FILENO) == STDIN_FILENO);
    close (ends [0]);
    static const char *const paths [] = {"-"};
    own (lines_destroy) lines_t *lines = lines_new (paths, 1, MAX_BYTES);
    fuzz_chance_t chance = fuzz_chance ((const uint8_t *) bytes, size);
    for (size_t at = 0; at < size;) {
        size_t piece = fuzz_piece (cut, &chance, size - at);
        s_write (ends [1], bytes + at, piece);
        at += piece;
        if (s_drain (lines, seen) == 0)
            break; //  refused
    }
    close (ends [1]);
    assert (s_drain (lines, seen) == 0);
}

static void
s_assert_same (const buf_t *a, const buf_t *b)
{
    assert (a->size == b->size && memcmp (a->data, b->data, a->size) == 0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const char *bytes = (const char *) data;
    own (buf_fini) buf_t expected = buf_init (LIMIT_MIB (16));
    const bool plain = s_plain (bytes, size);
    if (plain)
        s_reference (bytes, size, &expected);
    own (buf_fini) buf_t file = buf_init (LIMIT_MIB (16));
    s_from_file (bytes, size, &file);
    if (plain)
        s_assert_same (&expected, &file);
    for (fuzz_cut_t cut = FUZZ_WHOLE; cut < FUZZ_CUTS; cut++) {
        own (buf_fini) buf_t piped = buf_init (LIMIT_MIB (16));
        s_from_pipe (bytes, size, cut, &piped);
        s_assert_same (&file, &piped);
    }
    return 0;
}
