//  The writes of one turn: apply, commit, roll back; checkpoints.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/store/store_open.h"

#include "broker/base/blob.h"
#include "common/base/clk.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(INCIDENT_PENDING == 1 && INCIDENT_INVESTIGATING == 2,
               "statements of store_open.c and store_load.c name the open states by number");
_Static_assert(ROW_EFFECT_READY == 0 && ROW_EFFECT_SENDING == 3,
               "a statement of store_load.c names the states that are to be done by number");

static void
s_bind_text (sqlite3_stmt *stmt, int index, const char *text)
{
    const int rc = sqlite3_bind_text (stmt, index, text, -1, SQLITE_STATIC);
    assert (rc == SQLITE_OK);
}

static void
s_bind_int (sqlite3_stmt *stmt, int index, int64_t value)
{
    const int rc = sqlite3_bind_int64 (stmt, index, value);
    assert (rc == SQLITE_OK);
}

static int
s_apply_event (store_t *self, const row_event_t *row)
{
    sqlite3_stmt *stmt = self->event;
    s_bind_text (stmt, 1, row->source);
    s_bind_text (stmt, 2, row->event_id);
    s_bind_text (stmt, 3, row->incident.text);
    s_bind_int (stmt, 4, row->received_ms);
    if (row->body) {
        const int rc = sqlite3_bind_blob64 (stmt, 5, row->body, (sqlite3_uint64) row->body_bytes,
                                            SQLITE_STATIC);
        if (rc != SQLITE_OK)
            return store_db_end (self->db, stmt, rc, "event body");
    }
    s_bind_int (stmt, 6, row->body_bytes);
    s_bind_text (stmt, 7, row->body_sha);
    return store_db_run (self->db, stmt, "event");
}

static int
s_apply_row (store_t *self, sqlite3_stmt *stmt, const store_row_table_t *table, const void *row)
{
    store_row_bind (stmt, table, row);
    return store_db_run (self->db, stmt, table->name);
}

static int
s_write_topics (store_t *self)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < self->topic_count; i++) {
        s_bind_text (self->topic, 1, self->topics [i].name);
        s_bind_int (self->topic, 2, self->topics [i].seq);
        rc = store_db_run (self->db, self->topic, "topic");
    }
    self->topic_count = 0;
    return rc;
}

static int
s_apply_record (store_t *self, const row_record_t *row)
{
    char name [ROW_TOPIC];
    snprintf (name, sizeof name, "%s/%s/", row->kind, row->cluster);
    size_t i = 0;
    while (i < self->topic_count && strcmp (self->topics [i].name, name) != 0)
        i++;
    int rc = i < STORE_DB_TOPICS ? 0 : s_write_topics (self);
    if (rc < 0)
        return rc;
    if (i >= self->topic_count) {
        i = self->topic_count++;
        memcpy (self->topics [i].name, name, sizeof name);
    }
    self->topics [i].seq = row->seq;
    return s_apply_row (self, self->record, &store_row_record, row);
}

//  Read one row of a bound statement.  Err: ERR_NONE: there is none; as store_commit.
static int
s_one (store_t *self, sqlite3_stmt *stmt, const store_row_table_t *table, void *ret_row)
{
    const int code = sqlite3_step (stmt);
    if (code == SQLITE_ROW)
        store_row_read (stmt, table, ret_row);
    const int rc = store_db_end (self->db, stmt, code, table->name);
    if (rc < 0)
        return store_db_judge (self, rc);
    return code == SQLITE_ROW ? 0 : ERR_NONE;
}

//  A folder that was found, and not saved, has no saved_ms: it counts from the incident's end, and
//  does not replace the row of a save.
static int
s_apply_folder (store_t *self, const row_folder_t *row)
{
    row_incident_t incident;
    row_folder_t folder = *row;
    s_bind_text (self->one_incident, 1, row->incident.text);
    int rc = s_one (self, self->one_incident, &store_row_incident, &incident);
    if (rc < 0) //  it was removed meanwhile, and its folder with it
        return rc == ERR_NONE ? 0 : rc;
    if (row->saved_ms == 0) {
        s_bind_text (self->one_folder, 1, row->incident.text);
        rc = s_one (self, self->one_folder, &store_row_folder, &folder);
        if (rc != ERR_NONE)
            return rc;
        folder.saved_ms = incident.completed_ms;
    }
    return s_apply_row (self, self->folder, &store_row_folder, &folder);
}

static int
s_apply_retire (store_t *self, const ident_t *incident)
{
    int rc = store_db_highest (self);
    for (size_t i = 0; rc == 0 && i < STORE_DB_RETIRED; i++) {
        s_bind_text (self->retire [i], 1, incident->text);
        rc = store_db_run (self->db, self->retire [i], "retire");
    }
    return rc;
}

int
store_apply (store_t *self, const step_write_t *write)
{
    assert (self && write);
    int rc = store_db_begin (self);
    if (rc < 0)
        return store_db_judge (self, rc);
    switch (write->kind) {
        case STEP_WRITE_EVENT: rc = s_apply_event (self, &write->as.event); break;
        case STEP_WRITE_INCIDENT:
            rc = s_apply_row (self, self->incident, &store_row_incident, &write->as.incident);
            break;
        case STEP_WRITE_ATTEMPT:
            rc = s_apply_row (self, self->attempt, &store_row_attempt, &write->as.attempt);
            break;
        case STEP_WRITE_EFFECT:
            rc = s_apply_row (self, self->effect, &store_row_effect, &write->as.effect);
            break;
        case STEP_WRITE_BREAKER:
            rc = s_apply_row (self, self->breaker, &store_row_breaker, &write->as.breaker);
            break;
        case STEP_WRITE_ALERT:
            rc = s_apply_row (self, self->alert, &store_row_alert, &write->as.alert);
            break;
        case STEP_WRITE_RECORD: rc = s_apply_record (self, &write->as.record); break;
        case STEP_WRITE_MESSAGE:
            rc = s_apply_row (self, self->message, &store_row_message, &write->as.message);
            break;
        case STEP_WRITE_FOLDER: rc = s_apply_folder (self, &write->as.folder); break;
        case STEP_WRITE_RETENTION:
            rc = s_apply_row (self, self->retention, &store_row_retention, &write->as.retention);
            break;
        case STEP_WRITE_RETIRE: rc = s_apply_retire (self, &write->as.retire); break;
    }
    return rc < 0 ? store_db_judge (self, rc) : 0;
}

//  Does the file of a large body exist?  The check comes right before the row that names it.
//  store_tidy removes files without a row; this thread alone does both, so the file stays.
static bool
s_has_body (const store_t *self, const row_event_t *row)
{
    char path [STORE_DB_PATH_BYTES + 128];
    if (!row->body_sha [0])
        return true;
    blob_event_path (self->path, row->body_sha, path, sizeof path);
    return access (path, R_OK) == 0;
}

int
store_known_event (store_t *self, const row_event_t *row, ident_t *ret_incident)
{
    assert (self && row && ret_incident);
    s_bind_text (self->known, 1, row->source);
    s_bind_text (self->known, 2, row->event_id);
    const int code = sqlite3_step (self->known);
    if (code == SQLITE_ROW)
        snprintf (ret_incident->text, sizeof ret_incident->text, "%s",
                  (const char *) sqlite3_column_text (self->known, 0));
    const int rc = store_db_end (self->db, self->known, code, "known event");
    if (rc < 0)
        return store_db_judge (self, rc);
    if (code == SQLITE_ROW)
        return 1;
    return s_has_body (self, row) ? 0 : -ENOENT;
}

int
store_incident (store_t *self, const char *incident, row_incident_t *ret_row)
{
    assert (self && incident && ret_row);
    s_bind_text (self->one_incident, 1, incident);
    return s_one (self, self->one_incident, &store_row_incident, ret_row);
}

int
store_effect (store_t *self, int64_t effect, row_effect_t *ret_row)
{
    assert (self && ret_row);
    s_bind_int (self->one_effect, 1, effect);
    return s_one (self, self->one_effect, &store_row_effect, ret_row);
}

int
store_revivable (store_t *self, const step_revive_t *wanted, row_incident_t *ret_row)
{
    assert (self && wanted && ret_row);
    s_bind_int (self->revivable, 1, wanted->streak);
    s_bind_int (self->revivable, 2, wanted->after);
    return s_one (self, self->revivable, &store_row_incident, ret_row);
}

int
store_dead_effects (store_t *self, const char *lane, row_effect_t *ret_rows, int max)
{
    sqlite3_stmt *stmt = self->dead_effects;
    const row_channel_t channel = row_lane_channel (lane);
    int count = 0, code = SQLITE_DONE;
    s_bind_int (stmt, 1, ROW_EFFECT_DEAD);
    s_bind_int (stmt, 2, channel);
    s_bind_text (stmt, 3, channel == ROW_CHANNEL_MESSAGE ? lane : "");
    s_bind_int (stmt, 4, max);
    while (count < max && (code = sqlite3_step (stmt)) == SQLITE_ROW)
        store_row_read (stmt, &store_row_effect, &ret_rows [count++]);
    const int rc = store_db_end (self->db, stmt, code, "effect");
    return rc < 0 ? store_db_judge (self, rc) : count;
}

int
store_commit (store_t *self)
{
    assert (self);
    if (!self->open_txn)
        return 0;
    const int64_t from_us = clk_us ();
    const int fault = failpoint_before ("store", "commit");
    int rc = fault == -EIO ? ERR_STORE : fault;
    if (rc == 0)
        rc = s_write_topics (self);
    if (rc == 0)
        rc = store_db_run (self->db, self->commit, "commit");
    if (rc < 0)
        return store_db_judge (self, rc);
    self->open_txn = false;
    failpoint_after ("store", "commit");
    self->stats.commit_us_last = clk_us () - from_us;
    self->stats.commit_us_total += self->stats.commit_us_last;
    self->stats.commits_total++;
    return 0;
}

void
store_rollback (store_t *self)
{
    assert (self);
    self->topic_count = 0;
    //  After some errors SQLite has rolled back by itself.
    //  A failed rollback leaves the transaction open; every later BEGIN then fails.
    if (self->open_txn && !sqlite3_get_autocommit (self->db)
        && store_db_run (self->db, self->rollback, "rollback") < 0)
        return;
    self->open_txn = false;
}

int
store_checkpoint (store_t *self)
{
    assert (self && !self->open_txn);
    if (self->wal_pages < LIMIT_WAL_PAGES)
        return 0;
    int left = 0, done = 0;
    if (failpoint_before ("store", "checkpoint") < 0)
        return ERR_STORE;
    const int code =
        sqlite3_wal_checkpoint_v2 (self->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &left, &done);
    //  The next attempt comes after as many new pages, also if a reader was in the way.
    self->wal_pages = 0;
    if (code == SQLITE_BUSY)
        return 0;
    failpoint_after ("store", "checkpoint");
    const int rc = store_db_rc (self->db, code, "checkpoint");
    if (rc == -ENOSPC || rc == -EBUSY) {
        store_db_judge (self, rc);
        return 0;
    }
    return rc;
}

bool
store_unchecked (const store_t *self)
{
    assert (self);
    return self->unchecked;
}

int
store_exit (const store_t *self)
{
    assert (self);
    return store_db_suspect (self->db) ? EXIT_CORRUPT : EXIT_STORE;
}

bool
store_refusing (const store_t *self)
{
    assert (self);
    return self->stats.refusing;
}

static int64_t
s_file_bytes (const char *path, const char *suffix)
{
    char name [STORE_DB_PATH_BYTES + 8];
    struct stat st;
    snprintf (name, sizeof name, "%s%s", path, suffix);
    return stat (name, &st) == 0 ? (int64_t) st.st_size : 0;
}

void
store_stats (const store_t *self, store_stats_t *ret_stats)
{
    assert (self && ret_stats);
    *ret_stats = self->stats;
    ret_stats->file_bytes = s_file_bytes (self->path, "");
    ret_stats->wal_bytes = s_file_bytes (self->path, "-wal");
}
