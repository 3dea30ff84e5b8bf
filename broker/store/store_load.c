//  store_load - loads the rows of the store into step.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/store/store_db.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>

typedef union {
    row_incident_t incident;
    row_attempt_t attempt;
    row_effect_t effect;
    row_breaker_t breaker;
    row_alert_t alert;
    row_retention_t retention;
} s_row_t;

typedef int (s_load_fn) (step_t *step, const s_row_t *row);

static int
s_incident (step_t *step, const s_row_t *row)
{
    return step_load_incident (step, &row->incident);
}

static int
s_attempt (step_t *step, const s_row_t *row)
{
    return step_load_attempt (step, &row->attempt);
}

static int
s_effect (step_t *step, const s_row_t *row)
{
    return step_load_effect (step, &row->effect);
}

static int
s_breaker (step_t *step, const s_row_t *row)
{
    return step_load_breaker (step, &row->breaker);
}

static int
s_retention (step_t *step, const s_row_t *row)
{
    step_load_retention (step, &row->retention);
    return 0;
}

static int
s_alert (step_t *step, const s_row_t *row)
{
    return step_load_alert (step, &row->alert);
}

//  Read the rows of a table that `tail` selects, and pass each to `load`.
static int
s_table (store_t *self, step_t *step, const store_row_table_t *table, const char *tail, int64_t arg,
         s_load_fn *load)
{
    sqlite3_stmt *stmt = NULL;
    int code = store_row_prepare_read (self->db, table, tail, &stmt);
    int rc = store_db_rc (self->db, code, table->name);
    if (rc < 0)
        return rc;
    if (sqlite3_bind_parameter_count (stmt) > 0)
        (void) sqlite3_bind_int64 (stmt, 1, arg);
    s_row_t row;
    while (rc == 0 && (code = sqlite3_step (stmt)) == SQLITE_ROW) {
        store_row_read (stmt, table, &row);
        rc = load (step, &row);
    }
    if (rc == 0)
        rc = store_db_rc (self->db, code, table->name);
    sqlite3_finalize (stmt);
    return rc;
}

static int
s_topics (store_t *self, step_t *step)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2 (self->db, "SELECT topic, last_seq FROM topic", -1, &stmt, NULL);
    int rc = store_db_rc (self->db, code, "topic");
    while (rc == 0 && (code = sqlite3_step (stmt)) == SQLITE_ROW)
        rc = step_load_topic (step, (const char *) sqlite3_column_text (stmt, 0),
                              sqlite3_column_int64 (stmt, 1));
    if (rc == 0)
        rc = store_db_rc (self->db, code, "topic");
    sqlite3_finalize (stmt);
    return rc;
}

static int
s_counter (store_t *self, const char *sql, int64_t *ret_value)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2 (self->db, sql, -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step (stmt);
    if (code == SQLITE_ROW)
        *ret_value = sqlite3_column_int64 (stmt, 0);
    const int rc = store_db_rc (self->db, code, sql);
    sqlite3_finalize (stmt);
    return rc;
}

//  Rows with the highest may have been removed.
static const char s_last_number [] =
    "SELECT max (coalesce ((SELECT max (number) FROM incident), 0),"
    " coalesce ((SELECT v FROM meta WHERE k = 'last_number'), 0))";
static const char s_last_effect [] = "SELECT max (coalesce ((SELECT max (id) FROM effect), 0),"
                                     " coalesce ((SELECT v FROM meta WHERE k = 'last_effect'), 0))";
static const char s_newest [] =
    "SELECT coalesce ((SELECT at_ms FROM journal ORDER BY seq DESC LIMIT 1), 0)";

int
store_load (store_t *self, step_t *step, clk_now_t now, int64_t dedup_ms)
{
    assert (self && step && !self->open_txn);
    int64_t number = 0, effect = 0, seq = 0, newest_ms = 0;
    int rc = s_table (self, step, &store_row_incident, "WHERE state IN (1, 2) ORDER BY number", 0,
                      s_incident);
    char ended [128]; //  the newest ones, as many as step keeps
    snprintf (ended, sizeof ended,
              "WHERE state NOT IN (1, 2) AND last_seen_ms >= ? ORDER BY last_seen_ms DESC LIMIT %d",
              LIMIT_CLOSED_INCIDENTS);
    if (rc == 0)
        rc = s_table (self, step, &store_row_incident, ended, now.wall_ms - dedup_ms, s_incident);
    if (rc == 0)
        rc = s_table (self, step, &store_row_attempt,
                      "WHERE incident IN (SELECT id FROM incident WHERE state IN (1, 2))"
                      " ORDER BY incident, number",
                      0, s_attempt);
    if (rc == 0)
        rc = s_table (self, step, &store_row_effect, "WHERE state IN (0, 3) ORDER BY id", 0,
                      s_effect);
    if (rc == 0)
        rc = s_table (self, step, &store_row_breaker, "", 0, s_breaker);
    if (rc == 0)
        rc = s_table (self, step, &store_row_alert, "WHERE at_ms > ?",
                      now.wall_ms - LIMIT_OVERFLOW_MS, s_alert);
    if (rc == 0)
        rc = s_table (self, step, &store_row_retention, "WHERE id = 1", 0, s_retention);
    if (rc == 0)
        rc = s_counter (self, s_newest, &newest_ms);
    if (rc == 0)
        step_load_newest (step, newest_ms, now);
    if (rc == 0)
        rc = s_topics (self, step);
    if (rc == 0)
        rc = s_counter (self, s_last_number, &number);
    if (rc == 0)
        rc = s_counter (self, s_last_effect, &effect);
    if (rc == 0)
        rc = s_counter (self, "SELECT coalesce (max (last_seq), 0) FROM topic", &seq);
    if (rc == 0)
        step_loaded (step, number, effect, seq, now);
    return rc;
}
