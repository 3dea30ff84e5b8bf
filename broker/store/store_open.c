//  SPDX-License-Identifier: Apache-2.0
#include "broker/store/store_open.h"

#include "broker/base/blob.h"
#include "broker/store/store_migrate.h"
#include "broker/store/store_retain.h"
#include "broker/store/store_schema.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/path.h"
#include "common/base/reach.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

static const char s_pragmas [] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA foreign_keys = ON;"
    "PRAGMA wal_autocheckpoint = 0;" //  store_checkpoint does it, and sees its errors
    "PRAGMA mmap_size = 0;"
    "PRAGMA temp_store = MEMORY;";

enum { S_LOCK = STORE_DB_PATH_BYTES + 8 };

static void
s_lock_path (const store_t *self, char ret_path [S_LOCK])
{
    snprintf (ret_path, S_LOCK, "%s.lock", self->path);
}

static int
s_lock (store_t *self, err_diag_t *diag)
{
    char path [S_LOCK];
    s_lock_path (self, path);
    self->lock_fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (self->lock_fd < 0) {
        err_diag (diag, "cannot open %s: %s", path, strerror (errno));
        return ERR_STORE;
    }
    if (flock (self->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    const int rc = -errno;
    char absolute [PATH_MAX];
    err_diag (diag, "another broker holds %s; stop it, or give this one its own state_path",
              path_absolute (path, absolute));
    return rc == -EWOULDBLOCK ? rc : ERR_STORE;
}

enum { S_EVENTS = STORE_DB_PATH_BYTES + 128 };

//  Make the folders.  s_own makes the file: it has tight permissions before SQLite opens it.
static int
s_files (store_t *self, err_diag_t *diag)
{
    char events [S_EVENTS];
    blob_events_dir (self->path, events, sizeof events);
    const int rc = blob_make_dir (events);
    if (rc < 0) {
        err_diag (diag, "cannot make %s: %s", events, err_str (rc));
        return ERR_STORE;
    }
    return 0;
}

//  Is the database lost?  The reserve is made after it.  If the reserve is there without it, a new
//  and empty database must not silently replace the lost one.
static int
s_lost (const store_t *self, err_diag_t *diag)
{
    struct stat st, reserve;
    if ((stat (self->path, &st) == 0 && st.st_size > 0) || stat (self->reserve_path, &reserve) < 0)
        return 0;
    err_diag (diag,
              "%s is gone or empty, but was there: restore a backup, or remove %s to begin anew",
              self->path, self->reserve_path);
    return -EBADMSG;
}

static int
s_one_name (const store_t *self, const struct stat *st, err_diag_t *diag)
{
    if (st->st_nlink <= 1)
        return 0;
    err_diag (diag,
              "%s has %llu names (hard links), and its log belongs to one of them: keep one name",
              self->path, (unsigned long long) st->st_nlink);
    return -EBADMSG;
}

//  Make the file and lock the database itself.  The lock file beside it belongs to one name, but
//  links and mounts give a file several names.  The log belongs to a name too, and would be missed
//  under another one.
//  SQLite uses fcntl locks, which are independent of flock on a local disk.  They are all lost when
//  the process closes any descriptor of the file.  So this one stays open until SQLite has closed
//  its own.
static int
s_own (store_t *self, err_diag_t *diag)
{
    struct stat st;
    self->db_fd = open (self->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (self->db_fd < 0 || fstat (self->db_fd, &st) < 0) {
        err_diag (diag, "cannot open %s: %s", self->path, strerror (errno));
        return ERR_STORE;
    }
    if (flock (self->db_fd, LOCK_EX | LOCK_NB) < 0) {
        const int rc = -errno;
        char absolute [PATH_MAX];
        err_diag (diag, "another broker holds %s, perhaps by another name of the file; stop it",
                  path_absolute (self->path, absolute));
        return rc == -EWOULDBLOCK ? rc : ERR_STORE;
    }
    return s_one_name (self, &st, diag);
}

//  Check all pages of a small store, and of one with known damage.  In a large store the load reads
//  what is open, and store_check reads the history later.  So a start does not take longer with
//  every incident.
static int
s_quick_check (store_t *self, err_diag_t *diag)
{
    sqlite3_stmt *stmt = NULL;
    const int64_t bytes = store_db_number (self->db, "PRAGMA page_count", 0)
                          * store_db_number (self->db, "PRAGMA page_size", 0);
    self->suspect = store_db_suspect (self->db);
    self->unchecked = bytes > LIMIT_CHECK_BYTES && !self->suspect;
    if (self->unchecked)
        return 0;
    int rc = store_db_said (
        self, sqlite3_prepare_v2 (self->db, "PRAGMA quick_check (1)", -1, &stmt, NULL), diag);
    if (rc < 0)
        return rc;
    const int code = sqlite3_step (stmt);
    const char *text = code == SQLITE_ROW ? (const char *) sqlite3_column_text (stmt, 0) : NULL;
    if (!text)
        rc = store_db_damaged (self, sqlite3_errmsg (self->db), diag);
    else if (strcmp (text, "ok") != 0)
        rc = store_db_damaged (self, text, diag);
    sqlite3_finalize (stmt);
    return rc;
}

static int
s_prepare_rows (store_t *self, err_diag_t *diag)
{
    const struct {
        sqlite3_stmt **stmt;
        const store_row_table_t *table;
        const char *read; //  NULL: insert or update
    } rows [] = {
        {&self->incident, &store_row_incident, NULL},
        {&self->attempt, &store_row_attempt, NULL},
        {&self->effect, &store_row_effect, NULL},
        {&self->breaker, &store_row_breaker, NULL},
        {&self->alert, &store_row_alert, NULL},
        {&self->record, &store_row_record, NULL},
        {&self->message, &store_row_message, NULL},
        {&self->folder, &store_row_folder, NULL},
        {&self->retention, &store_row_retention, NULL},
        {&self->one_incident, &store_row_incident, "WHERE id = ?"},
        {&self->one_effect, &store_row_effect, "WHERE id = ?"},
        {&self->dead_effects, &store_row_effect,
         "WHERE state = ? AND channel = ? AND receiver = ? ORDER BY id LIMIT ?"},
        {&self->one_folder, &store_row_folder, "WHERE incident = ?"},
        {&self->revivable, &store_row_incident,
         "WHERE streak = ? AND number > ? AND streak <> 0 AND revived = 0 AND state IN (1, 2, 4, 5)"
         " ORDER BY number LIMIT 1"},
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof rows / sizeof rows [0]; i++) {
        int code =
            rows [i].read
                ? store_row_prepare_read (self->db, rows [i].table, rows [i].read, rows [i].stmt)
                : store_row_prepare_write (self->db, rows [i].table, rows [i].stmt);
        rc = store_db_said (self, code, diag);
    }
    return rc;
}

static int
s_prepare (store_t *self, err_diag_t *diag)
{
    const struct {
        sqlite3_stmt **stmt;
        const char *sql;
    } statements [] = {
        {&self->begin, "BEGIN IMMEDIATE"},
        {&self->commit, "COMMIT"},
        {&self->rollback, "ROLLBACK"},
        {&self->known, "SELECT incident FROM event WHERE source = ? AND event_id = ?"},
        {&self->event,
         "INSERT INTO event (source, event_id, incident, received_ms, body, body_bytes, body_sha)"
         " VALUES (?, ?, ?, ?, ?, ?, ?)"},
        {&self->topic, "INSERT INTO topic VALUES (?, ?)"
                       " ON CONFLICT (topic) DO UPDATE SET last_seq = excluded.last_seq"},
        {&self->tidy_find, "SELECT e.seq, e.received_ms, e.body_sha, i.state FROM event e"
                           " LEFT JOIN incident i ON i.id = e.incident"
                           " WHERE e.received_ms < ?1 AND (e.received_ms, e.seq) > (?2, ?3)"
                           " ORDER BY e.received_ms, e.seq LIMIT ?4"},
        {&self->tidy_delete, "DELETE FROM event WHERE seq = ?"},
        {&self->tidy_kept, "SELECT kind, n FROM kept"},
        {&self->tidy_journal, "DELETE FROM journal WHERE seq IN"
                              " (SELECT seq FROM journal WHERE kind = ?1 ORDER BY seq LIMIT ?2)"},
        {&self->tidy_miscounted, "DELETE FROM kept WHERE kind = ?"},
        {&self->retire [0], "DELETE FROM attempt WHERE incident = ?"},
        {&self->retire [1], "DELETE FROM effect WHERE incident = ? AND incident <> ''"},
        {&self->retire [2], "DELETE FROM message WHERE incident = ? AND incident <> ''"},
        {&self->retire [3], "DELETE FROM folder WHERE incident = ?"},
        {&self->retire [4], "DELETE FROM incident WHERE id = ?"},
        {&self->tidy_sha, "SELECT 1 FROM event WHERE body_sha = ? AND body_sha <> ''"},
    };
    for (size_t i = 0; i < sizeof statements / sizeof statements [0]; i++) {
        const int rc = store_db_prepare (self->db, statements [i].sql, statements [i].stmt, diag);
        if (rc < 0)
            return rc;
    }
    const int rc = store_retain_prepare (self, diag);
    return rc < 0 ? rc : s_prepare_rows (self, diag);
}

static int
s_on_wal (void *ctx, sqlite3 *db, const char *name, int pages)
{
    ((store_t *) ctx)->wal_pages = pages;
    return SQLITE_OK;
}

//  Migrate, and move the log that the steps have made into the file, before the loop starts.
//  Another program that reads can delay that, which is logged when it lasts.
static int
s_migrate (store_t *self, int64_t version, err_diag_t *diag)
{
    int rc = store_migrate (self, version, diag);
    if (rc < 0)
        return rc;
    if (failpoint_before ("migrate", "checkpoint") < 0) {
        err_diag (diag, "the store is migrated, but its log cannot be written to it");
        return ERR_STORE;
    }
    const int code =
        sqlite3_wal_checkpoint_v2 (self->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    failpoint_after ("migrate", "checkpoint");
    return code == SQLITE_BUSY ? 0 : store_db_said (self, code, diag);
}

static int
s_database (store_t *self, err_diag_t *diag)
{
    int rc = store_db_said (
        self,
        sqlite3_open_v2 (self->path, &self->db,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL),
        diag);
    if (rc < 0)
        return rc;
    sqlite3_extended_result_codes (self->db, 1);
    sqlite3_busy_timeout (self->db, 0);
    int64_t version = 0;
    rc = store_schema_version (self, &version, diag);
    if (rc == 0)
        rc = store_db_exec (self, s_pragmas, diag);
    if (rc == 0)
        rc = s_quick_check (self, diag);
    if (rc == 0 && version > 0 && version < STORE_SCHEMA)
        rc = s_migrate (self, version, diag);
    if (rc == 0)
        rc = store_schema_make (self, diag);
    if (rc == 0 && self->suspect)
        store_db_unmark (self->db);
    if (rc == 0)
        rc = s_prepare (self, diag);
    if (rc < 0)
        return rc;
    sqlite3_int64 limit = LIMIT_WAL_BYTES;
    char pragma [64];
    snprintf (pragma, sizeof pragma, "PRAGMA journal_size_limit = %lld", (long long) limit);
    rc = store_db_exec (self, pragma, diag);
    sqlite3_wal_hook (self->db, s_on_wal, self);
    return rc;
}

//  Is there more room than the reserve takes?  The room of a freed reserve is for verdicts, not for
//  events.
static bool
s_room (const store_t *self)
{
    struct statvfs fs;
    if (statvfs (self->path, &fs) < 0)
        return false;
    return (uint64_t) fs.f_bavail * fs.f_frsize
           >= (uint64_t) LIMIT_RESERVE_BYTES + LIMIT_RESUME_BYTES;
}

bool
store_open_reserve (store_t *self)
{
    struct stat st;
    if (stat (self->reserve_path, &st) == 0 && st.st_size == LIMIT_RESERVE_BYTES)
        return true;
    if (!s_room (self))
        return false;
    own (own_fd) int fd =
        open (self->reserve_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    const int error = posix_fallocate (fd, 0, LIMIT_RESERVE_BYTES);
    if (error == 0)
        return true;
    (void) unlink (self->reserve_path);
    return false;
}

static void
s_finalize (store_t *self)
{
    sqlite3_stmt *stmt = NULL;
    while ((stmt = sqlite3_next_stmt (self->db, NULL)) != NULL)
        sqlite3_finalize (stmt);
}

//  The disk is full at the start: free the reserve and open again.  Err: as s_database.
static int
s_database_again (store_t *self, err_diag_t *diag)
{
    if (unlink (self->reserve_path) < 0)
        return -ENOSPC;
    s_finalize (self);
    sqlite3_close (self->db);
    self->db = NULL;
    return s_database (self, diag);
}

static int
s_open (store_t *self, err_diag_t *diag)
{
    int rc = s_files (self, diag);
    if (rc == 0)
        rc = s_lock (self, diag);
    if (rc == 0)
        rc = s_lost (self, diag);
    if (rc == 0)
        rc = s_own (self, diag);
    if (rc == 0)
        rc = s_database (self, diag);
    if (rc == -ENOSPC)
        rc = s_database_again (self, diag);
    if (rc < 0)
        return rc == -ENOSPC ? ERR_STORE : rc;
    if (!store_open_reserve (self)) {
        log_warn ("disk nearly full, new events are refused", kv ("reserve", self->reserve_path));
        self->stats.refusing = true;
    }
    return 0;
}

static int
s_paths (store_t *self, const char *path, err_diag_t *diag)
{
    const int size = snprintf (self->path, sizeof self->path, "%s", path);
    if (size <= 0 || (size_t) size + 16 >= sizeof self->path) {
        err_diag (diag, "state_path is empty or too long");
        return ERR_STORE;
    }
    snprintf (self->reserve_path, sizeof self->reserve_path, "%.*s.reserve", size, path);
    return 0;
}

//  Check the first bytes of the file only: to open the database would make files beside it.
static int
s_head (const store_t *self, err_diag_t *diag)
{
    static const char magic [16] = "SQLite format 3";
    char head [sizeof magic];
    struct stat st;
    own (own_fd) int fd = open (self->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fstat (fd, &st) < 0) {
        const int rc = -errno;
        err_diag (diag, "cannot open %s: %s", self->path, err_str (rc));
        return rc;
    }
    const int rc = s_one_name (self, &st, diag);
    if (rc < 0 || st.st_size == 0)
        return rc;
    if (pread (fd, head, sizeof head, 0) == (ssize_t) sizeof head
        && memcmp (head, magic, sizeof head) == 0)
        return 0;
    err_diag (diag, "%s is no database; choose another state_path, or restore a backup",
              self->path);
    return -EBADMSG;
}

int
store_look (const char *path, err_diag_t *diag)
{
    assert (path);
    char events [S_EVENTS], lock [S_LOCK], real [PATH_MAX];
    struct stat st;
    store_t self = {.lock_fd = -1, .db_fd = -1};
    int rc = s_paths (&self, path, diag);
    if (rc < 0)
        return rc;
    blob_events_dir (self.path, events, sizeof events);
    s_lock_path (&self, lock);
    rc = reach_folder (events, true, diag);
    if (rc == 0)
        rc = reach_writable (lock, true, diag);
    const bool link = lstat (path, &st) == 0 && S_ISLNK (st.st_mode);
    if (rc == 0) //  the database, unlike the lock, may be a symbolic link
        rc = reach_writable (link && realpath (path, real) ? real : path, true, diag);
    if (rc == 0)
        rc = s_lost (&self, diag);
    return rc < 0 ? rc : s_head (&self, diag);
}

int
store_open (const char *path, store_t **ret_store, err_diag_t *diag)
{
    assert (path && ret_store);
    //  SQLite's memory count is not used, and costs a lock at every allocation.
    (void) sqlite3_config (SQLITE_CONFIG_MEMSTATUS, 0);
    own (store_destroy) store_t *self = calloc (1, sizeof (store_t));
    if (!self) {
        err_diag (diag, "out of memory");
        return ERR_STORE;
    }
    self->lock_fd = self->db_fd = -1;
    int rc = s_paths (self, path, diag);
    if (rc == 0)
        rc = s_open (self, diag);
    if (rc < 0)
        return rc;
    *ret_store = own_take (self);
    return 0;
}

void
store_destroy (store_t **self_p)
{
    assert (self_p);
    store_t *self = *self_p;
    if (!self)
        return;
    if (self->sweep)
        closedir (self->sweep);
    if (self->db) {
        if (self->open_txn)
            store_rollback (self);
        s_finalize (self);
        (void) failpoint_before ("close", "checkpoint");
        (void) sqlite3_wal_checkpoint_v2 (self->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        failpoint_after ("close", "checkpoint");
        sqlite3_close (self->db);
    }
    own_fd (&self->db_fd); //  after SQLite's own: see s_own
    own_fd (&self->lock_fd);
    free (self);
    *self_p = NULL;
}
