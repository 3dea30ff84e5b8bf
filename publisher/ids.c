//  SPDX-License-Identifier: Apache-2.0
#include "publisher/ids.h"

#include "common/base/digest.h"
#include "common/base/durable.h"
#include "common/base/failpoint.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

//  "<32 hex of the line's digest> <36 characters of the id>\n"
enum { HASH_CHARS = 32, ID_AT = HASH_CHARS + 1, RECORD_BYTES = ID_AT + IDENT_SIZE };

struct ids {
    int dir_fd;
    int fd;
    char name [HASH_CHARS + 8]; //  name of the file in the folder
    int64_t at;                 //  record of the next line
    int64_t known;              //  ids that an earlier run made
    bool dirty;                 //  written but not yet synced
    bool endless;               //  standard input is read: not all ids are kept
};

static void
s_name (const char *const *inputs, size_t count, char *ret_name, size_t size)
{
    own (digest_destroy) digest_t *digest = digest_new ();
    char hex [DIGEST_HEX] = "";
    if (digest) {
        for (size_t at = 0; at < count; at++) {
            own (own_mem) char *real =
                strcmp (inputs [at], "-") == 0 ? NULL : realpath (inputs [at], NULL);
            digest_field (digest, real ? real : inputs [at]);
        }
        digest_finish_hex (digest, hex);
    }
    snprintf (ret_name, size, "%.*s.ids", HASH_CHARS, hex);
}

//  Lock the file that the name still refers to: a finished replay unlinks it while holding its
//  lock.
static int
s_open_locked (ids_t *self)
{
    for (int tries = 0; tries < 8; tries++) {
        own (own_fd) int fd =
            openat (self->dir_fd, self->name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return -errno;
        if (flock (fd, LOCK_EX | LOCK_NB) != 0)
            return errno == EWOULDBLOCK ? -EBUSY : -errno;
        struct stat info;
        if (fstat (fd, &info) != 0)
            return -errno;
        if (info.st_nlink > 0) {
            self->fd = fd;
            fd = -1;
            return 0;
        }
    }
    return -EBUSY;
}

int
ids_open (const char *spool_dir, const char *const *inputs, size_t count, ids_t **ret_ids,
          err_diag_t *diag)
{
    assert (spool_dir && ret_ids);

    own (ids_destroy) ids_t *self = calloc (1, sizeof (ids_t));
    if (!self)
        return -ENOMEM;
    self->fd = self->dir_fd = -1;
    for (size_t at = 0; at < count; at++)
        self->endless = self->endless || strcmp (inputs [at], "-") == 0;
    self->dirty = true; //  an earlier run's records may not be on disk yet
    s_name (inputs, count, self->name, sizeof (self->name));
    int rc = mkdir (spool_dir, 0700) == 0 || errno == EEXIST ? 0 : -errno;
    if (rc == 0) {
        self->dir_fd = open (spool_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        rc = self->dir_fd < 0 ? -errno : s_open_locked (self);
    }
    if (rc == 0)
        rc = durable_folder (self->dir_fd, "ids");
    if (rc == -EBUSY)
        err_diag (diag, "another publisher replays these files: %s/%s is locked", spool_dir,
                  self->name);
    else if (rc < 0)
        err_diag (diag, "spool_dir %s: %s", spool_dir, err_str (rc));
    if (rc == 0)
        *ret_ids = own_take (self);
    return rc;
}

void
ids_destroy (ids_t **self_p)
{
    ids_t *self = *self_p;
    if (!self)
        return;
    own_fd (&self->fd);
    own_fd (&self->dir_fd);
    free (self);
    *self_p = NULL;
}

//  The id of an earlier run, if the record is complete and of this very line.
static bool
s_known (const char *record, const char *hash, ident_t *ret_id)
{
    if (memcmp (record, hash, HASH_CHARS) != 0 || record [HASH_CHARS] != ' '
        || record [RECORD_BYTES - 1] != '\n')
        return false;
    ident_t id = {0};
    memcpy (id.text, record + ID_AT, IDENT_SIZE - 1);
    if (!ident_valid (id.text))
        return false;
    *ret_id = id;
    return true;
}

int
ids_next (ids_t *self, const char *line, size_t size, int64_t wall_ms, ident_t *ret_id)
{
    char hash [DIGEST_HEX];
    if (self->endless && self->at >= LIMIT_PUBLISH_IDS) {
        *ret_id = ident_new (wall_ms);
        return 0;
    }
    digest_hex (line, size, hash);
    char record [RECORD_BYTES + 1] = "";
    off_t offset = (off_t) (self->at * RECORD_BYTES);
    ssize_t count = pread (self->fd, record, RECORD_BYTES, offset);
    if (count < 0)
        return -errno;
    if (count == RECORD_BYTES && s_known (record, hash, ret_id)) {
        self->known++;
        self->at++;
        return 0;
    }
    ident_t id = ident_new (wall_ms);
    snprintf (record, sizeof (record), "%.*s %s\n", HASH_CHARS, hash, id.text);
    self->dirty = true;
    count = pwrite (self->fd, record, RECORD_BYTES, offset);
    if (count != RECORD_BYTES)
        return count < 0 ? -errno : -ENOSPC;
    self->at++;
    *ret_id = id;
    return 0;
}

int
ids_sync (ids_t *self)
{
    if (!self->dirty)
        return 0;
    int rc = durable_sync (self->fd, "ids");
    self->dirty = rc < 0;
    return rc;
}

int64_t
ids_known (const ids_t *self)
{
    return self->known;
}

int
ids_finish (ids_t *self)
{
    int rc = failpoint_before ("finish", "unlink");
    if (rc == 0 && unlinkat (self->dir_fd, self->name, 0) != 0)
        rc = -errno;
    if (rc < 0)
        return rc;
    failpoint_after ("finish", "unlink");
    return durable_folder (self->dir_fd, "finish");
}
