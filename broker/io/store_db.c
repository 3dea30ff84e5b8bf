//  store_db - the mapping of SQLite's errors to ours.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/io/store_db.h"

#include "common/base/log.h"

#include <errno.h>
#include <sqlite3.h>

//  The errno of the last write that failed, on the log's handle or the file's; SQLite's own record of it is not
//  kept by every way out.
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

bool
store_db_full (sqlite3 *db, int code)
{
    const int extended = sqlite3_extended_errcode (db), error = s_errno (db);
    if ((code & 0xff) == SQLITE_FULL || extended == SQLITE_IOERR_SHMSIZE)
        return true;
    return extended == SQLITE_IOERR_WRITE && (error == ENOSPC || error == EDQUOT || error == EFBIG);
}

int
store_db_rc (sqlite3 *db, int code, const char *what)
{
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE)
        return 0;
    int rc = ERR_STORE;
    if (store_db_full (db, code))
        rc = -ENOSPC;
    else if ((code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED)
        rc = -EBUSY;
    log_error ("store refused", kv ("what", what), kv ("code", sqlite3_extended_errcode (db)),
               kv ("error", sqlite3_errmsg (db)), kv ("errno", s_errno (db)));
    return rc;
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
