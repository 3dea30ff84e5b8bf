//  store_db - the writer's struct, and the mapping of SQLite's errors to ours.
//
//  Part of the port to SQLite; only store*.c include it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/store/store.h"
#include "broker/store/store_row.h"

#include <dirent.h>

enum { STORE_DB_PATH_BYTES = 4096, STORE_DB_TOPICS = 32, STORE_DB_RETIRED = 5, STORE_DB_ALERT = 3 };

//  The last record of a topic in this transaction.
typedef struct {
    char name [ROW_TOPIC];
    int64_t seq;
} store_topic_t;

struct store {
    sqlite3 *db;
    int lock_fd, db_fd; //  they hold flocks on <path>.lock and on the database file
    char path [STORE_DB_PATH_BYTES];
    char reserve_path [STORE_DB_PATH_BYTES];
    sqlite3_stmt *begin, *commit, *rollback;
    sqlite3_stmt *known, *event, *topic, *one_incident, *one_effect, *one_folder, *revivable;
    sqlite3_stmt *dead_effects;
    sqlite3_stmt *incident, *attempt, *effect, *breaker, *alert, *record;
    sqlite3_stmt *message, *folder, *retention, *retire [STORE_DB_RETIRED];
    sqlite3_stmt *tidy_find, *tidy_delete, *tidy_kept, *tidy_journal, *tidy_miscounted, *tidy_sha;
    sqlite3_stmt *retain_seen, *retain_saved, *retain_bytes, *retain_records, *retain_alerts;
    sqlite3_stmt *retain_alert [STORE_DB_ALERT], *highest [2];
    int64_t old_ms, old_seq;                //  cursor of the pass over old events
    int64_t old_pass_ms;                    //  wall clock at which that pass began; 0 = none yet
    DIR *sweep;                             //  the sweep of events/; NULL between two sweeps
    int64_t swept_ms;                       //  wall clock at which the last one began; 0 = none yet
    int64_t swept_total;                    //  files that it removed
    bool suspect;                           //  damage was found before this start
    bool unchecked;                         //  too large to be checked at its opening
    bool open_txn;                          //  a transaction is open
    store_topic_t topics [STORE_DB_TOPICS]; //  not yet written; a turn changes each of them often
    size_t topic_count;
    int wal_pages; //  as the WAL hook last reported
    store_stats_t stats;
};

//  Open the turn's transaction if it is not open.
//  Err: -ENOSPC, -EBUSY, ERR_STORE; the caller passes it to store_db_judge.
int
store_db_begin (store_t *self) must_check;
//  Note the consequences of a failure for later turns.  Returns rc.
int
store_db_judge (store_t *self, int rc);
//  Map a SQLite code to ours, and log a failure.  Returns 0 for OK, ROW and DONE.
//  Err: -ENOSPC, -EBUSY, ERR_STORE; -EBADMSG: damaged, which is marked beside the file.
int
store_db_rc (sqlite3 *db, int code, const char *what);
//  Map a SQLite code during the start: diag gets a sentence, and nothing is logged.
//  Returns 0 for OK.  Err: -ENOSPC, ERR_STORE; -EBADMSG: damaged.
int
store_db_said (store_t *self, int code, err_diag_t *diag) must_check;
//  Write to diag that the file is damaged and what to do.  Returns -EBADMSG.
int
store_db_damaged (const store_t *self, const char *what, err_diag_t *diag) must_check;
//  Run statements that return nothing.  Err: as store_db_said.
int
store_db_exec (store_t *self, const char *sql, err_diag_t *diag) must_check;
//  The number that a statement returns, or `other` when it returns none.
int64_t
store_db_number (sqlite3 *db, const char *sql, int64_t other);
//  Is the file marked as damaged?  A start then checks all of it.
bool
store_db_suspect (sqlite3 *db);
//  Mark the file as damaged.
void
store_db_mark (sqlite3 *db);
//  Remove the mark, after a check of the whole file.
void
store_db_unmark (sqlite3 *db);
//  Open a read-only connection for a thread other than the loop.
//  Own: the caller closes *ret_db with sqlite3_close, also on failure.
int
store_db_open_reader (const char *path, sqlite3 **ret_db, err_diag_t *diag) must_check;
//  Step a statement that returns no row, then reset it and its bindings.
int
store_db_run (sqlite3 *db, sqlite3_stmt *stmt, const char *what) must_check;
//  Reset a statement after its last row.  code: of its last step, mapped as by store_db_rc.
int
store_db_end (sqlite3 *db, sqlite3_stmt *stmt, int code, const char *what) must_check;
//  Note the highest number and effect so far.  After their rows are gone, no new ones get them.
//  Err: as store_db_rc.
int
store_db_highest (store_t *self) must_check;
//  Prepare a statement.  Err: ERR_STORE; diag says why.
int
store_db_prepare (sqlite3 *db, const char *sql, sqlite3_stmt **ret_stmt,
                  err_diag_t *diag) must_check;
