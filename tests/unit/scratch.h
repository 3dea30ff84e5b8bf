//  scratch - a temporary folder for one test, and files in it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char path [64];
    char text [512];
} scratch_t;

static inline int
scratch_setup (void **state)
{
    scratch_t *self = calloc (1, sizeof *self);
    if (!self)
        return -1;
    snprintf (self->path, sizeof self->path, "/tmp/triage-test-XXXXXX");
    *state = self;
    return mkdtemp (self->path) ? 0 : -1;
}

static inline int
scratch_remove_one (const char *path, const struct stat *status, int kind, struct FTW *at)
{
    return remove (path);
}

static inline int
scratch_teardown (void **state)
{
    scratch_t *self = *state;
    (void) nftw (self->path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free (self);
    return 0;
}

static inline int
scratch_give_one (const char *path, const struct stat *status, int kind, struct FTW *at)
{
    return lchown (path, 65534, 65534);
}

//  From here on the process is a user bound by file modes, who owns the folder and its contents.
static inline void
scratch_as_nobody (scratch_t *self)
{
    if (geteuid () != 0)
        return;
    assert_int_equal (nftw (self->path, scratch_give_one, 16, FTW_PHYS), 0);
    assert_int_equal (seteuid (65534), 0);
}

//  Undo scratch_as_nobody.
static inline void
scratch_as_before (void)
{
    if (getuid () == 0)
        assert_int_equal (seteuid (0), 0);
}

//  "<folder>/<name>"; valid until the next call.
static inline const char *
scratch_at (scratch_t *self, const char *name)
{
    snprintf (self->text, sizeof self->text, "%s/%s", self->path, name);
    return self->text;
}

static inline void
scratch_dir (scratch_t *self, const char *name)
{
    assert_int_equal (mkdir (scratch_at (self, name), 0700), 0);
}

//  A file of size bytes.
static inline void
scratch_file (scratch_t *self, const char *name, size_t size)
{
    int fd = open (scratch_at (self, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true (fd >= 0);
    static const char zeros [4096];
    while (size > 0) {
        ssize_t done = write (fd, zeros, size < sizeof zeros ? size : sizeof zeros);
        assert_true (done > 0);
        size -= (size_t) done;
    }
    close (fd);
}
