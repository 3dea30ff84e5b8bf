//  store_tidy - removes, between turns, rows that are too old and files that no row names.
//
//  A body's file is written before its row, so a refused, repeated or lost event leaves a file.
//  Only this thread commits rows and removes files, so it never removes a file with a row.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/store/store_open.h"

#include "broker/base/blob.h"
#include "common/base/digest.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
    int64_t seq, received_ms;
    bool open; //  its incident is open
    char sha [DIGEST_HEX];
} s_old_t;

//  Does a row name this body?  Returns 1 or 0.  Err: as store_commit.
static int
s_named (store_t *self, const char *sha)
{
    const int bound = sqlite3_bind_text (self->tidy_sha, 1, sha, -1, SQLITE_STATIC);
    assert (bound == SQLITE_OK);
    const int code = sqlite3_step (self->tidy_sha);
    const int rc = store_db_end (self->db, self->tidy_sha, code, "named body");
    return rc < 0 ? store_db_judge (self, rc) : code == SQLITE_ROW;
}


//  --- rows

//  Begin a new pass over the old events if it is time.  A cursor skips events that are kept for an
//  open incident, so that one call never reads all of them.
static void
s_old_begin (store_t *self, int64_t now_wall_ms)
{
    if (self->old_pass_ms && now_wall_ms >= self->old_pass_ms
        && now_wall_ms - self->old_pass_ms < LIMIT_TIDY_PASS_MS)
        return;
    self->old_pass_ms = now_wall_ms;
    self->old_ms = self->old_seq = INT64_MIN;
}

//  Find the next old events behind the cursor, those to be kept included.  Err: as store_commit.
static int
s_find_old (store_t *self, int64_t before_ms, s_old_t *ret_old, int *ret_count)
{
    sqlite3_stmt *stmt = self->tidy_find;
    const int64_t values [] = {before_ms, self->old_ms, self->old_seq, LIMIT_TIDY_ROWS};
    int count = 0, code = SQLITE_OK;
    for (int i = 0; code == SQLITE_OK && i < 4; i++)
        code = sqlite3_bind_int64 (stmt, i + 1, values [i]);
    assert (code == SQLITE_OK);
    while (count < LIMIT_TIDY_ROWS && (code = sqlite3_step (stmt)) == SQLITE_ROW) {
        s_old_t *old = &ret_old [count++];
        const int state = sqlite3_column_int (stmt, 3); //  0: it has no incident
        old->seq = sqlite3_column_int64 (stmt, 0);
        old->received_ms = sqlite3_column_int64 (stmt, 1);
        snprintf (old->sha, sizeof old->sha, "%s", (const char *) sqlite3_column_text (stmt, 2));
        old->open = state == INCIDENT_PENDING || state == INCIDENT_INVESTIGATING;
    }
    *ret_count = count;
    return store_db_judge (self, store_db_end (self->db, self->tidy_find, code, "old events"));
}

static int
s_delete (store_t *self, int64_t seq)
{
    int rc = store_db_begin (self);
    if (rc == 0) {
        const int bound = sqlite3_bind_int64 (self->tidy_delete, 1, seq);
        assert (bound == SQLITE_OK);
        rc = store_db_run (self->db, self->tidy_delete, "forget event");
    }
    return store_db_judge (self, rc);
}

//  Remove the file of a body whose last row is gone.
static int
s_drop_body (store_t *self, const char *sha)
{
    char path [STORE_DB_PATH_BYTES + 128];
    const int named = sha [0] ? s_named (self, sha) : 1;
    if (named != 0)
        return named < 0 ? named : 0;
    blob_event_path (self->path, sha, path, sizeof path);
    (void) unlink (path);
    return 0;
}

//  Delete events whose ids are no longer needed, and their files once that is durable.
static int
s_tidy_events (store_t *self, int64_t now_wall_ms)
{
    s_old_t old [LIMIT_TIDY_ROWS];
    int count = 0;
    s_old_begin (self, now_wall_ms);
    int rc = s_find_old (self, now_wall_ms - LIMIT_EVENT_KEEP_MS, old, &count);
    for (int i = 0; rc == 0 && i < count; i++)
        rc = old [i].open ? 0 : s_delete (self, old [i].seq);
    if (rc == 0)
        rc = store_commit (self);
    if (rc == 0 && count > 0) {
        self->old_ms = old [count - 1].received_ms;
        self->old_seq = old [count - 1].seq;
    }
    for (int i = 0; rc == 0 && i < count; i++)
        rc = old [i].open ? 0 : s_drop_body (self, old [i].sha);
    return rc < 0 ? rc : count == LIMIT_TIDY_ROWS;
}

//  --- records

typedef struct {
    char kind [sizeof ((row_record_t *) 0)->kind];
    int64_t over; //  rows over its share
} s_kind_t;

static int64_t
s_share (const char *kind)
{
    static const struct {
        const char *kind;
        int64_t rows;
    } shares [] = {{"incident", LIMIT_JOURNAL_INCIDENT_ROWS},
                   {"attempt", LIMIT_JOURNAL_ATTEMPT_ROWS},
                   {"worker", LIMIT_JOURNAL_WORKER_ROWS},
                   {"source", LIMIT_JOURNAL_SOURCE_ROWS},
                   {"breaker", LIMIT_JOURNAL_BREAKER_ROWS}};
    for (size_t i = 0; i < sizeof shares / sizeof shares [0]; i++)
        if (strcmp (kind, shares [i].kind) == 0)
            return shares [i].rows;
    return LIMIT_JOURNAL_OTHER_ROWS;
}

//  Find the kinds with more rows than their share.  Err: as store_commit.
static int
s_find_over (store_t *self, s_kind_t *ret_kinds, int *ret_count)
{
    sqlite3_stmt *stmt = self->tidy_kept;
    int count = 0, code = SQLITE_OK;
    while (count < LIMIT_JOURNAL_KINDS && (code = sqlite3_step (stmt)) == SQLITE_ROW) {
        s_kind_t *kind = &ret_kinds [count];
        snprintf (kind->kind, sizeof kind->kind, "%s",
                  (const char *) sqlite3_column_text (stmt, 0));
        kind->over = sqlite3_column_int64 (stmt, 1) - s_share (kind->kind);
        count += kind->over > 0;
    }
    *ret_count = count;
    return store_db_judge (self, store_db_end (self->db, stmt, code, "kinds of records"));
}

//  Delete the count of a kind that has no record left.  The count of a salvaged file may include
//  records that it has lost.
static int
s_miscounted (store_t *self, const char *kind)
{
    const int code = sqlite3_bind_text (self->tidy_miscounted, 1, kind, -1, SQLITE_STATIC);
    assert (code == SQLITE_OK);
    return store_db_run (self->db, self->tidy_miscounted, "count of records");
}

//  Delete the oldest records of a kind.
static int
s_forget (store_t *self, const s_kind_t *kind)
{
    const int64_t rows =
        kind->over < LIMIT_JOURNAL_DELETE_ROWS ? kind->over : LIMIT_JOURNAL_DELETE_ROWS;
    int rc = store_db_begin (self);
    if (rc == 0) {
        int code = sqlite3_bind_text (self->tidy_journal, 1, kind->kind, -1, SQLITE_STATIC);
        if (code == SQLITE_OK)
            code = sqlite3_bind_int64 (self->tidy_journal, 2, rows);
        assert (code == SQLITE_OK);
        rc = store_db_run (self->db, self->tidy_journal, "old records");
        if (rc == 0 && sqlite3_changes64 (self->db) < rows)
            rc = s_miscounted (self, kind->kind);
    }
    return store_db_judge (self, rc);
}

//  Delete the oldest records of each kind that is over its share.  Returns 1 when there are more.
static int
s_tidy_journal (store_t *self)
{
    s_kind_t kinds [LIMIT_JOURNAL_KINDS];
    int count = 0, more = 0;
    int rc = s_find_over (self, kinds, &count);
    for (int i = 0; rc == 0 && i < count; i++) {
        rc = s_forget (self, &kinds [i]);
        more |= kinds [i].over > LIMIT_JOURNAL_DELETE_ROWS;
    }
    if (rc == 0 && count > 0)
        rc = store_commit (self);
    return rc < 0 ? rc : more;
}


//  --- files

//  Take the digest from a name "<digest>.json".  False: it is not the name of a body.
static bool
s_body_name (const char *name, char ret_sha [DIGEST_HEX])
{
    snprintf (ret_sha, DIGEST_HEX, "%.*s", DIGEST_HEX - 1, name);
    return digest_valid (ret_sha) && strcmp (name + DIGEST_HEX - 1, ".json") == 0;
}

//  Remove one entry of events/ if it is old and no row names it.
static int
s_sweep_one (store_t *self, const char *name, int64_t now_wall_ms)
{
    char sha [DIGEST_HEX];
    struct stat st;
    if (!s_body_name (name, sha))
        return 0;
    if (fstatat (dirfd (self->sweep), name, &st, AT_SYMLINK_NOFOLLOW) != 0
        || now_wall_ms - (int64_t) st.st_mtim.tv_sec * 1000 < LIMIT_ORPHAN_MS)
        return 0;
    const int named = s_named (self, sha);
    if (named != 0)
        return named < 0 ? named : 0;
    if (unlinkat (dirfd (self->sweep), name, 0) == 0)
        self->swept_total++;
    return 0;
}

static void
s_sweep_begin (store_t *self, int64_t now_wall_ms)
{
    char path [STORE_DB_PATH_BYTES + 128];
    if (self->swept_ms && now_wall_ms >= self->swept_ms
        && now_wall_ms - self->swept_ms < LIMIT_SWEEP_MS)
        return;
    self->swept_ms = now_wall_ms;
    self->swept_total = 0;
    blob_events_dir (self->path, path, sizeof path);
    self->sweep = opendir (path);
    if (!self->sweep)
        log_warn ("files of events cannot be looked at", kv ("path", path),
                  kv ("error", strerror (errno)));
}

//  Sweep a few entries of events/.  Returns 1 while there are more.
static int
s_sweep (store_t *self, int64_t now_wall_ms)
{
    if (!self->sweep)
        s_sweep_begin (self, now_wall_ms);
    const struct dirent *entry = NULL;
    int rc = 0;
    for (int i = 0; self->sweep && rc == 0 && i < LIMIT_SWEEP_ENTRIES; i++) {
        entry = readdir (self->sweep); // NOLINT(concurrency-mt-unsafe): own DIR
        if (!entry)
            break;
        rc = s_sweep_one (self, entry->d_name, now_wall_ms);
    }
    if (rc < 0 || entry || !self->sweep)
        return rc < 0 ? rc : entry != NULL;
    closedir (self->sweep);
    self->sweep = NULL;
    if (self->swept_total > 0)
        log_info ("files removed that no event names", kv ("files", self->swept_total));
    return 0;
}

static void
s_resume (store_t *self)
{
    if (!self->stats.refusing || !store_open_reserve (self))
        return;
    self->stats.refusing = false;
    log_info ("room on the disk again, events are accepted", kv ("reserve", self->reserve_path));
}

//  Warn about a log that keeps growing.  Only a long read does that, and ours are short.
static void
s_look_at_log (store_t *self)
{
    store_stats_t stats;
    store_stats (self, &stats);
    const bool before = self->stats.wal_long;
    self->stats.wal_long = stats.wal_bytes > LIMIT_WAL_BYTES;
    if (self->stats.wal_long && !before)
        log_warn ("the store's log grows, a reader from outside has it open: end its transaction",
                  kv ("store", self->path), kv ("wal_bytes", stats.wal_bytes));
    else if (before && !self->stats.wal_long)
        log_info ("the store's log is short again", kv ("wal_bytes", stats.wal_bytes));
}

int
store_tidy (store_t *self, int64_t now_wall_ms)
{
    assert (self && !self->open_txn);
    int files = s_sweep (self, now_wall_ms);
    int rc = files < 0 ? files : 0, events = 0, records = 0;
    s_resume (self);
    s_look_at_log (self);
    if (rc == 0 && !self->stats.refusing) {
        events = s_tidy_events (self, now_wall_ms);
        records = events < 0 ? 0 : s_tidy_journal (self);
        rc = events < 0 ? events : records < 0 ? records : store_checkpoint (self);
    }
    if (rc == 0)
        return files || events || records;
    store_rollback (self);
    return rc == ERR_STORE || rc == -EBADMSG ? rc : 0;
}
