//  SPDX-License-Identifier: Apache-2.0
#include "broker/store/store_db.h"

#include "common/base/log.h"

#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

//  The errno of the last failed write to the log or the file.  SQLite itself does not keep it on
//  every path.
static int
s_errno (sqlite3 *db)
{
    int error = 0;
    sqlite3_file *log = NULL;
    if (sqlite3_file_control (db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK && log
        && log->pMethods)
        (void) log->pMethods->xFileControl (log, SQLITE_FCNTL_LAST_ERRNO, &error);
    if (!error)
        (void) sqlite3_file_control (db, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
    return error ? error : sqlite3_system_errno (db);
}

//  Did it fail for lack of room: full disk, quota, file size limit, no room for the WAL index?
//  Then nothing was written, and more room helps.  A failed sync is not such a case.
static bool
s_full (sqlite3 *db, int code)
{
    const int extended = sqlite3_extended_errcode (db), error = s_errno (db);
    if ((code & 0xff) == SQLITE_FULL || extended == SQLITE_IOERR_SHMSIZE)
        return true;
    return extended == SQLITE_IOERR_WRITE && (error == ENOSPC || error == EDQUOT || error == EFBIG);
}

static void
s_mark_path (sqlite3 *db, char ret_path [STORE_DB_PATH_BYTES + 16])
{
    const char *file = sqlite3_db_filename (db, "main");
    snprintf (ret_path, STORE_DB_PATH_BYTES + 16, "%.*s.damaged", STORE_DB_PATH_BYTES,
              file ? file : "");
}

bool
store_db_suspect (sqlite3 *db)
{
    char path [STORE_DB_PATH_BYTES + 16];
    s_mark_path (db, path);
    return access (path, F_OK) == 0;
}

void
store_db_unmark (sqlite3 *db)
{
    char path [STORE_DB_PATH_BYTES + 16];
    s_mark_path (db, path);
    (void) unlink (path);
}

void
store_db_mark (sqlite3 *db)
{
    char path [STORE_DB_PATH_BYTES + 16];
    s_mark_path (db, path);
    own (own_fd) int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        log_error ("damage not marked, the next start may not see it at once", kv ("path", path),
                   kv ("error", strerror (errno)));
}

int
store_db_open_reader (const char *path, sqlite3 **ret_db, err_diag_t *diag)
{
    const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2 (path, ret_db, flags, NULL) != SQLITE_OK) {
        err_diag (diag, "cannot open %s: %s", path, sqlite3_errmsg (*ret_db));
        return ERR_STORE;
    }
    //  Only the writer checkpoints: SQLite 3.40 can damage the file when two connections do.
    sqlite3_db_config (*ret_db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_extended_result_codes (*ret_db, 1);
    sqlite3_busy_timeout (*ret_db, LIMIT_HTTP_QUERY_MS);
    return 0;
}

int
store_db_rc (sqlite3 *db, int code, const char *what)
{
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE)
        return 0;
    int rc = ERR_STORE;
    if (s_full (db, code))
        rc = -ENOSPC;
    else if ((code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED)
        rc = -EBUSY;
    else if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB)
        rc = -EBADMSG;
    log_error ("store refused", kv ("what", what), kv ("code", sqlite3_extended_errcode (db)),
               kv ("error", sqlite3_errmsg (db)), kv ("errno", s_errno (db)));
    if (rc == -EBADMSG)
        store_db_mark (db);
    return rc;
}

int
store_db_damaged (const store_t *self, const char *what, err_diag_t *diag)
{
    err_diag (diag,
              "%s is damaged (%.80s): keep a copy, then restore a backup, or salvage it as "
              "docs/operations.md says",
              self->path, what);
    return -EBADMSG;
}

int
store_db_said (store_t *self, int code, err_diag_t *diag)
{
    if (code == SQLITE_OK)
        return 0;
    if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB)
        return store_db_damaged (self, sqlite3_errmsg (self->db), diag);
    err_diag (diag, "cannot use %s: %s", self->path, sqlite3_errmsg (self->db));
    return s_full (self->db, code) ? -ENOSPC : ERR_STORE;
}

int
store_db_exec (store_t *self, const char *sql, err_diag_t *diag)
{
    return store_db_said (self, sqlite3_exec (self->db, sql, NULL, NULL, NULL), diag);
}

int64_t
store_db_number (sqlite3 *db, const char *sql, int64_t other)
{
    sqlite3_stmt *stmt = NULL;
    int64_t value = other;
    if (sqlite3_prepare_v2 (db, sql, -1, &stmt, NULL) == SQLITE_OK
        && sqlite3_step (stmt) == SQLITE_ROW)
        value = sqlite3_column_int64 (stmt, 0);
    sqlite3_finalize (stmt);
    return value;
}

int
store_db_end (sqlite3 *db, sqlite3_stmt *stmt, int code, const char *what)
{
    const int rc = store_db_rc (db, code, what);
    sqlite3_reset (stmt);
    sqlite3_clear_bindings (stmt);
    return rc;
}

int
store_db_run (sqlite3 *db, sqlite3_stmt *stmt, const char *what)
{
    return store_db_end (db, stmt, sqlite3_step (stmt), what);
}

int
store_db_prepare (sqlite3 *db, const char *sql, sqlite3_stmt **ret_stmt, err_diag_t *diag)
{
    if (sqlite3_prepare_v3 (db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret_stmt, NULL) == SQLITE_OK)
        return 0;
    err_diag (diag, "cannot prepare \"%s\": %s", sql, sqlite3_errmsg (db));
    return ERR_STORE;
}

int
store_db_highest (store_t *self)
{
    int rc = store_db_run (self->db, self->highest [0], "highest number");
    return rc < 0 ? rc : store_db_run (self->db, self->highest [1], "highest effect");
}

int
store_db_judge (store_t *self, int rc)
{
    if (rc == -EBUSY)
        self->stats.busy_total++;
    if (rc == -ENOSPC) {
        self->stats.full_total++;
        self->stats.refusing = true;
        if (unlink (self->reserve_path) == 0)
            log_warn ("disk full, reserve freed, new events are refused",
                      kv ("reserve", self->reserve_path));
    }
    return rc;
}

int
store_db_begin (store_t *self)
{
    if (self->open_txn)
        return 0;
    const int rc = store_db_run (self->db, self->begin, "begin");
    if (rc == 0)
        self->open_txn = true;
    return rc;
}
