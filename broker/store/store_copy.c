//  SQLite's backup reads the log too, so one file is enough.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/store/store_copy.h"

#include "common/base/durable.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { S_PATH = STORE_DB_PATH_BYTES + 64 };

static int
s_refuse (const char *why, err_diag_t *diag)
{
    err_diag (diag, "%s: the store cannot be copied, and is as it was", why);
    return ERR_STORE;
}

//  Copy all pages.  The copy has no final name yet, so it needs no journal and one sync at the end.
static int
s_pages (store_t *self, sqlite3 *copy, err_diag_t *diag)
{
    static const char pragmas [] = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;";
    sqlite3_backup *backup = NULL;
    const int fault = failpoint_before ("copy", "fill");
    if (fault < 0)
        return s_refuse (err_str (fault), diag);
    if (sqlite3_exec (copy, pragmas, NULL, NULL, NULL) == SQLITE_OK)
        backup = sqlite3_backup_init (copy, "main", self->db, "main");
    if (!backup)
        return s_refuse (sqlite3_errmsg (copy), diag);
    const int code = sqlite3_backup_step (backup, -1);
    sqlite3_backup_finish (backup);
    if (code != SQLITE_DONE)
        return s_refuse (sqlite3_errstr (code), diag);
    failpoint_after ("copy", "fill");
    return 0;
}

static int
s_fill (store_t *self, const char *path, err_diag_t *diag)
{
    sqlite3 *copy = NULL;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    int rc = 0;
    if (sqlite3_open_v2 (path, &copy, flags, NULL) != SQLITE_OK)
        rc = s_refuse (sqlite3_errmsg (copy), diag);
    if (rc == 0)
        rc = s_pages (self, copy, diag);
    if (sqlite3_close (copy) != SQLITE_OK && rc == 0)
        rc = s_refuse ("its file cannot be closed", diag);
    return rc;
}

//  An older copy may have a log, and SQLite would write it into the new copy.  Err: -errno.
static int
s_forget_logs (const char *to)
{
    static const char *const suffixes [] = {"-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes [0]; i++) {
        char path [S_PATH + 16];
        snprintf (path, sizeof path, "%s%s", to, suffixes [i]);
        if (unlink (path) < 0 && errno != ENOENT)
            return -errno;
    }
    return 0;
}

//  A start by hand, as root, must not leave a copy that the store's user cannot put in its place.
//  For other users nothing changes.
static void
s_owner (const store_t *self, int fd)
{
    struct stat st;
    if (fstat (self->db_fd, &st) == 0 && fchown (fd, st.st_uid, st.st_gid) < 0)
        log_debug ("the copy keeps our user", kv ("error", err_str (-errno)));
}

//  Sync the copy and give it its name.  Err: -errno.
static int
s_name (int fd, const char *from, const char *to)
{
    char folder [S_PATH];
    snprintf (folder, sizeof folder, "%s", to);
    char *slash = strrchr (folder, '/');
    if (slash)
        slash [slash == folder] = '\0';
    int rc = durable_sync (fd, "copy");
    if (rc == 0)
        rc = s_forget_logs (to);
    if (rc == 0)
        rc = durable_rename (AT_FDCWD, from, AT_FDCWD, to, "copy");
    if (rc == 0)
        rc = durable_folder_at (slash ? folder : ".", "copy");
    return rc;
}

int
store_copy (store_t *self, const char *to, err_diag_t *diag)
{
    assert (self && to && !self->open_txn);
    char path [S_PATH];
    const int size = snprintf (path, sizeof path, "%s.tmp", to);
    if (size <= 0 || (size_t) size >= sizeof path)
        return s_refuse (err_str (-ENAMETOOLONG), diag);
    (void) unlink (path); //  left by a start that was killed
    own (own_fd) int fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return s_refuse (err_str (-errno), diag);
    int rc = s_fill (self, path, diag);
    if (rc == 0) {
        s_owner (self, fd);
        const int named = s_name (fd, path, to);
        rc = named < 0 ? s_refuse (err_str (named), diag) : 0;
    }
    if (rc < 0)
        (void) unlink (path);
    return rc;
}
