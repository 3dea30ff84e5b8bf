//  store_db - what the files of the SQLite port share: the writer's struct
//  and the mapping of errors.
//
//  Only store*.c include it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/store/store.h"
#include "broker/store/store_row.h"

#include <dirent.h>

enum { STORE_DB_PATH_BYTES = 4096, STORE_DB_TOPICS = 32 };

//  The last record of a topic, as the transaction leaves it.
typedef struct {
    char name [ROW_TOPIC];
    int64_t seq;
} store_topic_t;

struct store {
    sqlite3 *db;
    int lock_fd, db_fd; //  flock on <path>.lock and on the database itself while we live
    char path [STORE_DB_PATH_BYTES];
    char reserve_path [STORE_DB_PATH_BYTES];
    sqlite3_stmt *begin, *commit, *rollback;
    sqlite3_stmt *known, *event, *topic, *one_incident, *one_effect;
    sqlite3_stmt *incident, *attempt, *effect, *breaker, *alert, *record;
    sqlite3_stmt *tidy_find, *tidy_delete, *tidy_kept, *tidy_journal, *tidy_miscounted, *tidy_sha;
    int64_t old_ms, old_seq;                //  the last old event looked at
    int64_t old_pass_ms;                    //  wall clock when the look at them began, 0 = none yet
    DIR *sweep;                             //  where the look at events/ is, NULL between two looks
    int64_t swept_ms;                       //  wall clock when the last look began, 0 = none yet
    int64_t swept_total;                    //  files removed by it
    bool suspect;                           //  damage was seen before it was opened
    bool unchecked;                         //  too large to be checked at its opening
    bool open_txn;                          //  a transaction is open
    store_topic_t topics [STORE_DB_TOPICS]; //  not yet written: each has many records a turn
    size_t topic_count;
    int wal_pages; //  as the WAL hook told last
    store_stats_t stats;
};

//  Open the turn's transaction if it is not open.  Err: -ENOSPC, -EBUSY, ERR_STORE, not judged.
int
store_db_begin (store_t *self) must_check;
//  Remember what a failure means for the turns to come.  Returns rc.
int
store_db_judge (store_t *self, int rc);
//  Our code for a SQLite code; logs what is not 0.  Err: -ENOSPC, -EBUSY, ERR_STORE, -EBADMSG
//  damaged, which is marked beside the file; 0 for OK, ROW, DONE.
int
store_db_rc (sqlite3 *db, int code, const char *what);
//  The same for a program that starts: what failed is said in a sentence and not logged.
//  Err: -ENOSPC, ERR_STORE, -EBADMSG damaged; 0 for OK.
int
store_db_said (store_t *self, int code, err_diag_t *diag) must_check;
//  That the file is damaged, and what to do.  Returns -EBADMSG.
int
store_db_damaged (const store_t *self, const char *what, err_diag_t *diag) must_check;
//  Run statements that return nothing.  Err: as store_db_said.
int
store_db_exec (store_t *self, const char *sql, err_diag_t *diag) must_check;
//  The number that a statement returns, or other when it returns none.
int64_t
store_db_number (sqlite3 *db, const char *sql, int64_t other);
//  Has damage been seen in this file, so that the next start must check all of it?
bool
store_db_suspect (sqlite3 *db);
//  It has.
void
store_db_mark (sqlite3 *db);
//  All of it was checked.
void
store_db_unmark (sqlite3 *db);
//  Open read-only, for a thread that is not the loop.  Own: *ret_db is closed by
//  sqlite3_close, on failure too.
int
store_db_open_reader (const char *path, sqlite3 **ret_db, err_diag_t *diag) must_check;
//  Step a statement that returns no row, then reset it and its bindings.
int
store_db_run (sqlite3 *db, sqlite3_stmt *stmt, const char *what) must_check;
//  Reset a statement that was read, and judge how the reading ended.
int
store_db_end (sqlite3 *db, sqlite3_stmt *stmt, int code, const char *what) must_check;
//  Prepare; err_diag on failure.  Err: ERR_STORE.
int
store_db_prepare (sqlite3 *db, const char *sql, sqlite3_stmt **ret_stmt,
                  err_diag_t *diag) must_check;
