//  SPDX-License-Identifier: Apache-2.0
#include "broker/base/poison.h"

#include "broker/base/blob.h"
#include "common/base/digest.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { S_NAME = 512, S_PATH = 4096 };

//  The content of the file, in the machine's own layout: no other machine reads it.
typedef struct {
    char now [S_NAME]; //  the input that is being read; "" = none
    struct {
        char name [S_NAME];
        int deaths; //  0 = free
    } rows [LIMIT_POISON_ROWS];
} s_file_t;

struct poison {
    int fd;
    bool busy;
    int known; //  rows in use
    s_file_t file;
};

static void
s_write (poison_t *self, size_t offset, size_t size)
{
    //  A failed write has the effect of a missing file: the input is read.
    if (self->fd >= 0
        && pwrite (self->fd, (const char *) &self->file + offset, size, (off_t) offset) < 0)
        log_debug ("cannot mark what is read", kv ("reason", err_str (-errno)));
}

static int
s_find (const poison_t *self, const char *name)
{
    for (int i = 0; self->known > 0 && i < LIMIT_POISON_ROWS; i++)
        if (self->file.rows [i].deaths > 0
            && strncmp (self->file.rows [i].name, name, S_NAME - 1) == 0)
            return i;
    return -1;
}

//  The row for a name: its own, a free one, or the one with the fewest deaths.
static int
s_place (const poison_t *self, const char *name)
{
    int best = s_find (self, name);
    if (best >= 0)
        return best;
    best = 0;
    for (int i = 1; i < LIMIT_POISON_ROWS; i++)
        if (self->file.rows [i].deaths < self->file.rows [best].deaths)
            best = i;
    return best;
}

//  Count one death for the input that the last process was reading when it died.
static void
s_count_death (poison_t *self)
{
    s_file_t *file = &self->file;
    for (int i = 0; i < LIMIT_POISON_ROWS; i++) {
        int *deaths = &file->rows [i].deaths; //  the file may be damaged
        *deaths = *deaths < 0 ? 0 : *deaths > LIMIT_POISON_DEATHS ? LIMIT_POISON_DEATHS : *deaths;
        file->rows [i].name [S_NAME - 1] = 0;
        self->known += file->rows [i].deaths > 0;
    }
    file->now [S_NAME - 1] = 0;
    if (!file->now [0])
        return;
    const int at = s_place (self, file->now);
    if (strcmp (file->rows [at].name, file->now) != 0 || file->rows [at].deaths == 0) {
        self->known += file->rows [at].deaths == 0;
        memcpy (file->rows [at].name, file->now, S_NAME);
        file->rows [at].deaths = 0;
    }
    file->rows [at].deaths++;
    log_warn ("the broker died while it read an input", kv ("input", file->now),
              kv ("times", file->rows [at].deaths), kv ("limit", LIMIT_POISON_DEATHS));
    memset (file->now, 0, S_NAME);
}

static int
s_folder (const char *state_path, const char *name, char ret_path [S_PATH])
{
    const char *slash = strrchr (state_path, '/');
    const int size = snprintf (ret_path, S_PATH, "%.*s/%s", slash ? (int) (slash - state_path) : 1,
                               slash ? state_path : ".", name);
    return size >= S_PATH ? -ENAMETOOLONG : blob_make_dir (ret_path);
}

poison_t *
poison_open (const char *state_path, const char *reader)
{
    assert (state_path && reader);
    poison_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    char folder [S_PATH], path [S_PATH + 32];
    self->fd = s_folder (state_path, "reading", folder);
    snprintf (path, sizeof path, "%s/%.30s", folder, reader);
    if (self->fd == 0)
        self->fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (self->fd < 0) {
        log_warn ("what is read cannot be marked: an input that kills the broker is read again",
                  kv ("file", path), kv ("reason", err_str (-errno)));
        return self;
    }
    if (pread (self->fd, &self->file, sizeof self->file, 0) != (ssize_t) sizeof self->file)
        memset (&self->file, 0, sizeof self->file); //  a new file, or a cut one
    s_count_death (self);
    s_write (self, 0, sizeof self->file);
    return self;
}

void
poison_destroy (poison_t **self_p)
{
    poison_t *self = *self_p;
    if (!self)
        return;
    poison_end (self);
    own_fd (&self->fd);
    free (self);
    *self_p = NULL;
}

bool
poison_begin (poison_t *self, const char *name)
{
    if (!self)
        return false;
    const int at = s_find (self, name);
    if (at >= 0 && self->file.rows [at].deaths >= LIMIT_POISON_DEATHS)
        return true;
    snprintf (self->file.now, S_NAME, "%s", name);
    self->busy = true;
    s_write (self, 0, strlen (self->file.now) + 1);
    return false;
}

void
poison_end (poison_t *self)
{
    if (!self || !self->busy)
        return;
    self->busy = false;
    const int at = s_find (self, self->file.now);
    self->file.now [0] = 0;
    s_write (self, 0, 1);
    if (at < 0)
        return;
    self->file.rows [at].deaths = 0;
    self->known--;
    s_write (self, 0, sizeof self->file);
}

void
poison_fault (const char *name, const char *body, size_t size, const char *cluster,
              fault_t *ret_fault)
{
    fault_unread (body, size, cluster,
                  "set aside unread: the broker died three times while it read this", ret_fault);
    log_error ("an event that the broker died of is set aside unread", kv ("input", name),
               kv ("bytes", (uint64_t) size), kv ("times", LIMIT_POISON_DEATHS));
}

int
poison_keep (const char *state_path, const char *bytes, size_t size, char **ret_path)
{
    char folder [S_PATH], name [DIGEST_HEX];
    *ret_path = NULL;
    digest_hex (bytes, size, name);
    int rc = s_folder (state_path, "poison", folder);
    if (rc == 0)
        rc = blob_write (folder, name, bytes, size, "event");
    if (rc == 0 && asprintf (ret_path, "%s/%s", folder, name) < 0) {
        *ret_path = NULL;
        rc = -ENOMEM;
    }
    return rc;
}
