//  SPDX-License-Identifier: Apache-2.0
#include "publisher/lines.h"

#include "common/base/buf.h"
#include "common/base/own.h"
#include "publisher/form.h"
#include "publisher/values.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = 65536 };

struct lines {
    const char *const *paths; //  borrowed
    size_t count;
    size_t current;        //  index of the file being read; count at the end
    int fd;                //  the current file, -1 before it is opened
    int64_t number;        //  of the line returned last
    size_t max_bytes;      //  longest line returned
    buf_t bytes;           //  read but not yet consumed
    size_t taken;          //  front of `bytes` that was returned already
    size_t scanned;        //  front of `bytes` known to hold no line end, after taken
    bool skipping;         //  inside a line that is too long
    bool at_end;           //  the current file has no more bytes
    form_t form;           //  of the current file
    values_t values;       //  DOCUMENT: the place in it
    values_t many;         //  the place in a line that holds several events
    const char *many_data; //  the bytes of that line, NULL = none; events seen in it
    size_t many_size, many_at;
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
    self->form = FORM_UNKNOWN;
    self->values = (values_t){.depth = 0};
    buf_reset (&self->bytes);
}

static int
s_open (lines_t *self)
{
    const char *path = self->paths [self->current];
    self->fd = strcmp (path, "-") == 0 ? STDIN_FILENO : open (path, O_RDONLY | O_CLOEXEC);
    return self->fd < 0 ? -errno : 0;
}

//  Read one more chunk.  Err: -EAGAIN no data yet, -errno.
static int
s_fill (lines_t *self)
{
    if (self->taken > 0) {
        buf_consume (&self->bytes, self->taken);
        values_consumed (&self->values, self->taken);
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

//  Return the bytes up to `end` as one line and skip `skip` bytes after it.  Returns 1 a line, 0
//  nothing to return, ERR_LIMIT.
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

//  Recognise the format.  Returns 1 known, 0 more bytes are needed.  Err: ERR_PROTO.
static int
s_judge_form (lines_t *self, lines_line_t *ret_line)
{
    size_t skip = 0;
    const bool last = self->at_end || self->bytes.size > self->max_bytes;
    const size_t size = self->bytes.size > self->max_bytes ? self->max_bytes : self->bytes.size;
    self->form = form_of (self->bytes.data, size, last, &skip, &ret_line->looks);
    if (self->form == FORM_OTHER)
        return ERR_PROTO;
    if (self->form == FORM_UNKNOWN && !last)
        return 0;
    if (self->form == FORM_UNKNOWN)
        self->form = FORM_LINES;
    self->taken = self->scanned = skip;
    return 1;
}

//  The next value of a document in the bytes read.  Returns 1, or 0 when there is none.  Err:
//  ERR_LIMIT, ERR_PROTO.
static int
s_value (lines_t *self, lines_line_t *ret_line)
{
    size_t from = 0, size = 0;
    values_t *values = &self->values;
    const int rc =
        values_next (values, self->bytes.data, self->bytes.size, &self->scanned, &from, &size);
    ret_line->number = rc == ERR_PROTO ? values->lines + 1 : values->line;
    ret_line->looks = values->wrong;
    if (rc == ERR_PROTO)
        return rc;
    if (rc == 0 && self->at_end && values->begun && values->depth == 0 && !values->text) {
        from = values->from; //  a bare word with nothing after it
        size = self->bytes.size - from;
        values->begun = false;
    }
    else if (rc == 0) {
        const bool long_one = values->begun && self->scanned - values->from > self->max_bytes;
        self->skipping = self->skipping || long_one;
        self->taken = values->begun && !self->skipping ? values->from : self->scanned;
        return self->at_end && !values_whole (values) ? ERR_PROTO : 0;
    }
    self->taken = self->scanned;
    const bool long_one = self->skipping || size > self->max_bytes;
    self->skipping = false;
    if (long_one)
        return ERR_LIMIT;
    ret_line->data = self->bytes.data + from;
    ret_line->size = size;
    return 1;
}

//  The next line in the bytes read.  Returns 1, or 0 when there is none.  Err: ERR_LIMIT.
static int
s_line (lines_t *self, lines_line_t *ret_line)
{
    int rc = 0;
    while (rc == 0) {
        const char *found =
            memchr (self->bytes.data + self->scanned, '\n', self->bytes.size - self->scanned);
        if (found)
            rc = s_take (self, (size_t) (found - self->bytes.data), 1, ret_line);
        else if (self->at_end && (self->skipping || self->bytes.size > self->taken))
            rc = s_take (self, self->bytes.size, 0, ret_line);
        else
            break;
    }
    if (rc != 0)
        return rc;
    self->scanned = self->bytes.size;
    if (self->scanned - self->taken > self->max_bytes + 1) {
        self->skipping = true;
        self->taken = self->scanned;
    }
    return 0;
}

//  The next event of the line that is returned in pieces.  Returns 1, or 0 after the last.
static int
s_piece (lines_t *self, lines_line_t *ret_line)
{
    size_t from = 0, size = 0;
    if (self->many_size == 0)
        return 0;
    const int rc =
        values_next (&self->many, self->many_data, self->many_size, &self->many_at, &from, &size);
    if (rc < 0) { //  it cannot be split
        from = 0;
        size = self->many_size;
    }
    if (rc != 1)
        self->many_size = 0;
    if (rc == 0)
        return 0;
    *ret_line = (lines_line_t){.data = self->many_data + from,
                               .size = size,
                               .path = self->paths [self->current],
                               .number = self->number};
    return 1;
}

//  The next event in the bytes read.  Returns 1, or 0 when more are needed.  Err: as lines_next.
static int
s_event (lines_t *self, lines_line_t *ret_line)
{
    int rc = self->form == FORM_UNKNOWN ? s_judge_form (self, ret_line) : 1;
    if (rc != 1)
        return rc;
    if (self->form == FORM_DOCUMENT)
        return s_value (self, ret_line);
    for (;;) {
        rc = s_line (self, ret_line);
        if (rc != 1 || !form_holds_many (ret_line->data, ret_line->size))
            return rc;
        self->many = (values_t){.told = true};
        self->many_data = ret_line->data;
        self->many_size = ret_line->size;
        self->many_at = 0;
        if (s_piece (self, ret_line) == 1)
            return 1;
        ret_line->data = NULL; //  it holds no event
        ret_line->size = 0;
    }
}

int
lines_next (lines_t *self, lines_line_t *ret_line)
{
    *ret_line = (lines_line_t){0};
    if (s_piece (self, ret_line) == 1)
        return 1;
    while (self->current < self->count) {
        ret_line->path = self->paths [self->current];
        int rc = self->fd < 0 ? s_open (self) : s_event (self, ret_line);
        //  The view must outlive this call, so the file is left later.
        if (rc == 1 || rc == ERR_LIMIT)
            return rc;
        if (rc == 0 && self->at_end && self->fd >= 0) {
            s_next_file (self);
            continue;
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

//  Is a document all events, judged by its first bytes?  One that ends early is reported when its
//  end is reached.
static int
s_check_document (int fd, char *bytes, ssize_t size, size_t at, values_t *values)
{
    while (size > 0) {
        size_t from = 0, length = 0;
        int rc = 1;
        while (rc == 1)
            rc = values_next (values, bytes, (size_t) size, &at, &from, &length);
        if (rc < 0)
            return rc;
        values_consumed (values, (size_t) size);
        size = read (fd, bytes, READ_BYTES);
        at = 0;
    }
    return 0;
}

static int
s_check (const char *path, err_diag_t *diag)
{
    char bytes [READ_BYTES];
    values_t values = {.depth = 0};
    struct stat info;
    if (strcmp (path, "-") == 0)
        return 0;
    own (own_fd) int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat (fd, &info) != 0 || !S_ISREG (info.st_mode))
        return 0; //  it is reported when it is read
    const ssize_t size = read (fd, bytes, sizeof bytes);
    size_t skip = 0;
    const char *looks = NULL;
    const form_t form =
        size > 0 ? form_of (bytes, (size_t) size, size < READ_BYTES, &skip, &looks) : FORM_UNKNOWN;
    if (form == FORM_OTHER) {
        err_diag (diag, "%s is not JSON, it looks like %s", path, looks);
        return ERR_PROTO;
    }
    if (form != FORM_DOCUMENT || s_check_document (fd, bytes, size, skip, &values) == 0)
        return 0;
    err_diag (diag, "%s cannot be read as events, line %lld looks like %s", path,
              (long long) values.lines + 1, values.wrong);
    return ERR_PROTO;
}

int
lines_check (const char *const *paths, size_t count, err_diag_t *diag)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = s_check (paths [i], diag);
    return rc;
}

int
lines_fd (const lines_t *self)
{
    return self->fd;
}
