//  store_db - the mapping of SQLite's errors to ours.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/io/store_db.h"

#include "common/base/log.h"

#include <errno.h>
#include <sqlite3.h>

//  The WAL index could not grow: a full disk that SQLite reports as an I/O error.
static bool
s_full (sqlite3 *db, int code)
{
    if ((code & 0xff) == SQLITE_FULL)
        return true;
    return (sqlite3_extended_errcode (db) == SQLITE_IOERR_SHMSIZE
            || sqlite3_extended_errcode (db) == SQLITE_IOERR_WRITE)
           && sqlite3_system_errno (db) == ENOSPC;
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
    log_error ("store refused", kv ("what", what), kv ("code", sqlite3_extended_errcode (db)),
               kv ("error", sqlite3_errmsg (db)), kv ("errno", sqlite3_system_errno (db)));
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
