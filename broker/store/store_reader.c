//  store_reader - the read-only connections of store.h: short reads, never a checkpoint.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/store/store_db.h"

#include "broker/base/blob.h"
#include "common/base/buf.h"
#include "common/base/clk.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store_reader {
    sqlite3 *db;
    char path [STORE_DB_PATH_BYTES];
    int64_t deadline_ms; //  CLOCK_MONOTONIC; a running query is stopped then
    sqlite3_stmt *incident, *incident_id, *attempts, *body, *any, *by_state, *by_reason, *records,
        *effects, *effects_in, *counts, *oldest, *alert, *message, *folder, *retention;
};

static int
s_on_progress (void *ctx)
{
    return clk_us () / 1000 > ((store_reader_t *) ctx)->deadline_ms;
}

_Static_assert(ROW_ATTEMPT_ENDED == 2 && VERDICT_LOST == 3 && RUN_CLASS_RATE_LIMITED == 8
                   && RUN_CLASS_CONFIG == 13,
               "the query for attempts: open ones, those that count, those given back, others");

//  Prepare the statements that do not read whole rows.
static int
s_prepare_others (store_reader_t *self, err_diag_t *diag)
{
    const struct {
        sqlite3_stmt **stmt;
        const char *sql;
    } reads [] = {
        {&self->incident_id, "SELECT id FROM incident WHERE number = ?"},
        {&self->counts, "SELECT kind, state, reason, n FROM counted"},
        {&self->oldest, "SELECT created_ms FROM incident"
                        " WHERE number = (SELECT min (number) FROM incident)"},
        {&self->body, "SELECT e.body, e.body_sha FROM incident i JOIN event e"
                      " ON e.source = i.source AND e.event_id = i.event_id WHERE i.id = ?"},
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof reads / sizeof reads [0]; i++)
        rc = store_db_prepare (self->db, reads [i].sql, reads [i].stmt, diag);
    return rc;
}

static int
s_prepare (store_reader_t *self, err_diag_t *diag)
{
    const struct {
        sqlite3_stmt **stmt;
        const store_row_table_t *table;
        const char *tail;
    } reads [] = {
        {&self->incident, &store_row_incident, "WHERE id = ?"},
        {&self->attempts, &store_row_attempt,
         "WHERE incident = ?1 AND number IN (SELECT number FROM attempt WHERE incident = ?1"
         " ORDER BY state < 2 DESC, (outcome < 3 AND class NOT BETWEEN 8 AND 13) DESC,"
         " (outcome < 3 OR started) DESC, number DESC LIMIT ?2)"
         " ORDER BY number"},
        {&self->any, &store_row_incident, "WHERE number < ? ORDER BY number DESC LIMIT ?"},
        {&self->by_state, &store_row_incident,
         "WHERE number < ? AND state = ?3 ORDER BY number DESC LIMIT ?2"},
        {&self->by_reason, &store_row_incident,
         "WHERE number < ? AND state = ?3 AND suppress = ?4 AND suppress <> 0"
         " ORDER BY number DESC LIMIT ?2"},
        {&self->records, &store_row_record, "WHERE seq > ? ORDER BY seq LIMIT ?"},
        {&self->effects, &store_row_effect, "WHERE incident = ? ORDER BY id LIMIT ?"},
        {&self->alert, &store_row_alert, "WHERE key = ?"},
        {&self->message, &store_row_message, "WHERE key = ?"},
        {&self->folder, &store_row_folder, "WHERE incident = ?"},
        {&self->retention, &store_row_retention, "WHERE id = 1"},
        {&self->effects_in, &store_row_effect,
         "WHERE state = ? AND id < ? ORDER BY id DESC LIMIT ?"},
    };
    for (size_t i = 0; i < sizeof reads / sizeof reads [0]; i++) {
        if (store_row_prepare_read (self->db, reads [i].table, reads [i].tail, reads [i].stmt)
            != SQLITE_OK) {
            err_diag (diag, "cannot read %s: %s", self->path, sqlite3_errmsg (self->db));
            return ERR_STORE;
        }
    }
    return s_prepare_others (self, diag);
}

int
store_reader_open (const char *path, store_reader_t **ret_reader, err_diag_t *diag)
{
    assert (path && ret_reader);
    own (store_reader_destroy) store_reader_t *self = calloc (1, sizeof (store_reader_t));
    if (!self)
        return -ENOMEM;
    snprintf (self->path, sizeof self->path, "%s", path);
    self->deadline_ms = INT64_MAX;
    int rc = store_db_open_reader (path, &self->db, diag);
    if (rc == 0)
        rc = s_prepare (self, diag);
    if (rc < 0)
        return rc;
    sqlite3_progress_handler (self->db, 10000, s_on_progress, self);
    *ret_reader = own_take (self);
    return 0;
}

void
store_reader_destroy (store_reader_t **self_p)
{
    assert (self_p);
    store_reader_t *self = *self_p;
    if (!self)
        return;
    sqlite3_stmt *stmt = NULL;
    while (self->db && (stmt = sqlite3_next_stmt (self->db, NULL)) != NULL)
        sqlite3_finalize (stmt);
    sqlite3_close (self->db);
    free (self);
    *self_p = NULL;
}

static void
s_start (store_reader_t *self)
{
    self->deadline_ms = clk_us () / 1000 + LIMIT_HTTP_QUERY_MS;
}

//  Read at most max rows of a bound statement into an array.
static int
s_rows (store_reader_t *self, sqlite3_stmt *stmt, const store_row_table_t *table, void *ret_rows,
        int max)
{
    s_start (self);
    int count = 0, code = SQLITE_DONE;
    while (count < max && (code = sqlite3_step (stmt)) == SQLITE_ROW) {
        store_row_read (stmt, table, (char *) ret_rows + (size_t) count * table->row_size);
        count++;
    }
    const int rc = store_db_end (self->db, stmt, code, table->name);
    return rc < 0 ? ERR_STORE : count;
}

//  Read the one row with this key.
static int
s_named (store_reader_t *self, sqlite3_stmt *stmt, const store_row_table_t *table, const char *key,
         void *ret_row)
{
    (void) sqlite3_bind_text (stmt, 1, key, -1, SQLITE_STATIC);
    const int rc = s_rows (self, stmt, table, ret_row, 1);
    if (rc < 0)
        return rc;
    return rc == 1 ? 0 : ERR_NONE;
}

int
store_reader_incident (store_reader_t *self, const char *incident, row_incident_t *ret_row)
{
    assert (self && incident && ret_row);
    return s_named (self, self->incident, &store_row_incident, incident, ret_row);
}

int
store_reader_incident_id (store_reader_t *self, int64_t number, ident_t *ret_id)
{
    assert (self && ret_id);
    s_start (self);
    (void) sqlite3_bind_int64 (self->incident_id, 1, number);
    const int code = sqlite3_step (self->incident_id);
    if (code == SQLITE_ROW)
        snprintf (ret_id->text, sizeof ret_id->text, "%s",
                  (const char *) sqlite3_column_text (self->incident_id, 0));
    const int rc = store_db_end (self->db, self->incident_id, code, "incident id");
    return rc < 0 ? ERR_STORE : code == SQLITE_ROW ? 0 : ERR_NONE;
}

int
store_reader_attempts (store_reader_t *self, const char *incident, row_attempt_t *ret_rows, int max)
{
    assert (self && incident && ret_rows);
    (void) sqlite3_bind_text (self->attempts, 1, incident, -1, SQLITE_STATIC);
    (void) sqlite3_bind_int (self->attempts, 2, max);
    return s_rows (self, self->attempts, &store_row_attempt, ret_rows, max);
}

//  Read a body, from its row or from the file that sha names.
static int
s_body (store_reader_t *self, const void *bytes, size_t size, const char *sha, buf_t *body)
{
    if (!sha [0])
        return buf_append (body, bytes, size);
    char path [STORE_DB_PATH_BYTES + 128];
    blob_event_path (self->path, sha, path, sizeof path);
    return buf_read_file (body, path);
}

int
store_reader_event_body (store_reader_t *self, const char *incident, char **ret_body,
                         size_t *ret_size)
{
    assert (self && incident && ret_body && ret_size);
    own (buf_fini) buf_t body = buf_init (LIMIT_EVENT_BYTES);
    int rc = ERR_NONE;
    s_start (self);
    (void) sqlite3_bind_text (self->body, 1, incident, -1, SQLITE_STATIC);
    const int code = sqlite3_step (self->body);
    if (code == SQLITE_ROW) {
        const void *bytes = sqlite3_column_blob (self->body, 0);
        const size_t size = (size_t) sqlite3_column_bytes (self->body, 0);
        const char *sha = (const char *) sqlite3_column_text (self->body, 1);
        rc = s_body (self, bytes ? bytes : "", size, sha ? sha : "", &body);
    }
    const int ended = store_db_end (self->db, self->body, code, "event body");
    if (ended < 0)
        return ERR_STORE;
    if (rc < 0)
        return rc;
    *ret_size = body.size;
    *ret_body = body.size > 0 ? buf_take (&body) : strdup ("");
    return *ret_body ? 0 : -ENOMEM;
}

int
store_reader_incidents (store_reader_t *self, incident_state_t state, incident_suppress_t reason,
                        int64_t before_number, row_incident_t *ret_rows, int max)
{
    assert (self && ret_rows);
    sqlite3_stmt *stmt = state == INCIDENT_STATES           ? self->any
                         : reason == INCIDENT_SUPPRESS_NONE ? self->by_state
                                                            : self->by_reason;
    (void) sqlite3_bind_int64 (stmt, 1, before_number > 0 ? before_number : INT64_MAX);
    (void) sqlite3_bind_int (stmt, 2, max);
    if (state != INCIDENT_STATES)
        (void) sqlite3_bind_int (stmt, 3, (int) state);
    if (stmt == self->by_reason)
        (void) sqlite3_bind_int (stmt, 4, (int) reason);
    return s_rows (self, stmt, &store_row_incident, ret_rows, max);
}

int
store_reader_records (store_reader_t *self, int64_t after_seq, row_record_t *ret_rows, int max)
{
    assert (self && ret_rows);
    (void) sqlite3_bind_int64 (self->records, 1, after_seq);
    (void) sqlite3_bind_int (self->records, 2, max);
    return s_rows (self, self->records, &store_row_record, ret_rows, max);
}

int
store_reader_effects (store_reader_t *self, const char *incident, row_effect_t *ret_rows, int max)
{
    assert (self && incident && ret_rows);
    (void) sqlite3_bind_text (self->effects, 1, incident, -1, SQLITE_STATIC);
    (void) sqlite3_bind_int (self->effects, 2, max);
    return s_rows (self, self->effects, &store_row_effect, ret_rows, max);
}

int
store_reader_alert (store_reader_t *self, const char *key, row_alert_t *ret_row)
{
    assert (self && key && ret_row);
    return s_named (self, self->alert, &store_row_alert, key, ret_row);
}

int
store_reader_message (store_reader_t *self, const char *key, row_message_t *ret_row)
{
    assert (self && key && ret_row);
    return s_named (self, self->message, &store_row_message, key, ret_row);
}

int
store_reader_folder (store_reader_t *self, const char *incident, row_folder_t *ret_row)
{
    assert (self && incident && ret_row);
    return s_named (self, self->folder, &store_row_folder, incident, ret_row);
}

int
store_reader_retention (store_reader_t *self, row_retention_t *ret_row)
{
    assert (self && ret_row);
    const int rc = s_rows (self, self->retention, &store_row_retention, ret_row, 1);
    return rc < 0 ? rc : rc == 1 ? 0 : ERR_NONE;
}

int
store_reader_effects_in (store_reader_t *self, row_effect_state_t state, int64_t before_id,
                         row_effect_t *ret_rows, int max)
{
    assert (self && ret_rows);
    (void) sqlite3_bind_int (self->effects_in, 1, (int) state);
    (void) sqlite3_bind_int64 (self->effects_in, 2, before_id > 0 ? before_id : INT64_MAX);
    (void) sqlite3_bind_int (self->effects_in, 3, max);
    return s_rows (self, self->effects_in, &store_row_effect, ret_rows, max);
}

static void
s_count (store_counts_t *counts, int kind, int state, int reason, int64_t n)
{
    if (kind == 1)
        counts->dead_effects += state == ROW_EFFECT_DEAD ? n : 0;
    else if (kind == 2)
        *(state == 0 ? &counts->folders : &counts->folder_bytes) += n;
    else if (state > INCIDENT_NONE && state < INCIDENT_STATES) {
        counts->incidents [state] += n;
        if (state == INCIDENT_SUPPRESSED && reason >= 0 && reason < INCIDENT_SUPPRESS_REASONS)
            counts->suppressed [reason] += n;
    }
}

int
store_reader_counts (store_reader_t *self, store_counts_t *ret_counts)
{
    assert (self && ret_counts);
    s_start (self);
    sqlite3_stmt *stmt = self->counts;
    store_counts_t counts = {.dead_effects = 0};
    int code;
    while ((code = sqlite3_step (stmt)) == SQLITE_ROW)
        s_count (&counts, sqlite3_column_int (stmt, 0), sqlite3_column_int (stmt, 1),
                 sqlite3_column_int (stmt, 2), sqlite3_column_int64 (stmt, 3));
    if (store_db_end (self->db, stmt, code, "counts") < 0)
        return ERR_STORE;
    code = sqlite3_step (self->oldest);
    if (code == SQLITE_ROW)
        counts.oldest_ms = sqlite3_column_int64 (self->oldest, 0);
    if (store_db_end (self->db, self->oldest, code, "oldest incident") < 0)
        return ERR_STORE;
    counts.dead_letters = counts.incidents [INCIDENT_FAILED];
    *ret_counts = counts;
    return 0;
}
