//  SPDX-License-Identifier: Apache-2.0
#include "broker/store/store_retain.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

_Static_assert(ROW_EFFECT_READY == 0 && ROW_EFFECT_SENDING == 3 && ROW_CHANNEL_RETIRE == 2,
               "these statements name the effects that are to be done, and removals");

#define LOOKS                                                                                      \
    "SELECT i.id, i.number, i.state, max (i.last_seen_ms, i.completed_ms), coalesce (f.bytes, 0)," \
    " EXISTS (SELECT 1 FROM effect e WHERE e.incident = i.id AND e.state IN (0, 3)),"
static const char s_seen [] =
    LOOKS " i.last_seen_ms FROM incident i LEFT JOIN folder f ON f.incident = i.id"
          " WHERE i.last_seen_ms < ?1 AND (i.last_seen_ms, i.number) > (?2, ?3)"
          " ORDER BY i.last_seen_ms, i.number LIMIT ?4";
static const char s_saved [] =
    LOOKS " f.saved_ms FROM folder f CROSS JOIN incident i ON i.id = f.incident"
          " WHERE (f.saved_ms, f.incident) > (?2, ?3)"
          " ORDER BY f.saved_ms, f.incident LIMIT ?4";
//  Folders that are being removed do not count.  A removal may fail for long.
static const char s_sum [] =
    "SELECT n - (SELECT coalesce (sum (f.bytes), 0)"
    " FROM effect e CROSS JOIN folder f ON f.incident = e.incident"
    " WHERE e.channel = 2 AND e.state IN (0, 3)) FROM counted WHERE kind = 2 AND state = 1";

int
store_retain_prepare (store_t *self, err_diag_t *diag)
{
    const struct {
        sqlite3_stmt **stmt;
        const char *sql;
    } statements [] = {
        {&self->retain_seen, s_seen},
        {&self->retain_saved, s_saved},
        {&self->retain_bytes, s_sum},
        {&self->retain_records,
         "SELECT j.at_ms, i.id IS NOT NULL FROM journal j LEFT JOIN incident i ON i.id = j.incident"
         " WHERE j.kind = ? ORDER BY j.seq LIMIT ?"},
        {&self->retain_alerts, "SELECT a.key FROM alert a WHERE a.at_ms < ? AND NOT EXISTS"
                               " (SELECT 1 FROM effect e WHERE e.key = a.key AND e.state IN (0, 3))"
                               " ORDER BY a.at_ms LIMIT ?"},
        {&self->retain_alert [0], "DELETE FROM effect WHERE key = ?"},
        {&self->retain_alert [1], "DELETE FROM message WHERE key = ?"},
        {&self->retain_alert [2], "DELETE FROM alert WHERE key = ?"},
        {&self->highest [0],
         "INSERT INTO meta SELECT 'last_number', coalesce (max (number), 0) FROM incident WHERE 1"
         " ON CONFLICT (k) DO UPDATE SET v = max (v, excluded.v)"},
        {&self->highest [1],
         "INSERT INTO meta SELECT 'last_effect', coalesce (max (id), 0) FROM effect WHERE 1"
         " ON CONFLICT (k) DO UPDATE SET v = max (v, excluded.v)"},
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof statements / sizeof statements [0]; i++)
        rc = store_db_prepare (self->db, statements [i].sql, statements [i].stmt, diag);
    return rc;
}


//  --- incidents

typedef struct {
    ident_t id;
    int64_t number, age_ms, bytes, at_ms;
    bool ended; //  and no effect waits
} s_row_t;

static void
s_read (sqlite3_stmt *stmt, s_row_t *ret_row)
{
    const incident_state_t state = (incident_state_t) sqlite3_column_int (stmt, 2);
    snprintf (ret_row->id.text, sizeof ret_row->id.text, "%s",
              (const char *) sqlite3_column_text (stmt, 0));
    ret_row->number = sqlite3_column_int64 (stmt, 1);
    ret_row->age_ms = sqlite3_column_int64 (stmt, 3);
    ret_row->bytes = sqlite3_column_int64 (stmt, 4);
    ret_row->ended = incident_terminal (state) && sqlite3_column_int (stmt, 5) == 0;
    ret_row->at_ms = sqlite3_column_int64 (stmt, 6);
}

static void
s_bind (sqlite3_stmt *stmt, const store_retain_pass_t *pass)
{
    int code = SQLITE_OK;
    if (pass->folders)
        code = sqlite3_bind_text (stmt, 3, pass->at.text, -1, SQLITE_STATIC);
    else {
        code = sqlite3_bind_int64 (stmt, 1, pass->rule.before_ms);
        if (code == SQLITE_OK)
            code = sqlite3_bind_int64 (stmt, 3, pass->at_number);
    }
    if (code == SQLITE_OK)
        code = sqlite3_bind_int64 (stmt, 2, pass->at_ms);
    if (code == SQLITE_OK)
        code = sqlite3_bind_int (stmt, 4, LIMIT_RETAIN_ROWS);
    assert (code == SQLITE_OK);
}

//  Bytes of all folders that stay so far.  Err: as store_commit.
static int
s_bytes (store_t *self, int64_t *ret_bytes)
{
    const int code = sqlite3_step (self->retain_bytes);
    *ret_bytes = code == SQLITE_ROW ? sqlite3_column_int64 (self->retain_bytes, 0) : 0;
    return store_db_judge (self,
                           store_db_end (self->db, self->retain_bytes, code, "bytes of folders"));
}

static void
s_add (store_retain_sum_t *sum, const s_row_t *row)
{
    sum->incidents++;
    sum->bytes += row->bytes;
    if (sum->oldest_ms == 0 || row->age_ms < sum->oldest_ms)
        sum->oldest_ms = row->age_ms;
    if (row->age_ms > sum->newest_ms)
        sum->newest_ms = row->age_ms;
}

//  May it go?  A folder that is older than before_ms is in the first half of the pass.
static bool
s_goes (const store_retain_pass_t *pass, const s_row_t *row)
{
    const bool old = row->age_ms < pass->rule.before_ms;
    return row->ended && (pass->folders ? !old && row->age_ms < pass->rule.idle_ms : old);
}

static void
s_turn_over (store_retain_pass_t *pass)
{
    if (pass->folders || pass->rule.bytes == 0)
        pass->over = true;
    pass->folders = true;
    pass->at_ms = INT64_MIN;
    pass->at.text [0] = '\0';
}

void
store_retain_begin (store_retain_pass_t *pass, const store_retain_rule_t *rule)
{
    *pass = (store_retain_pass_t){.rule = *rule, .at_ms = INT64_MIN, .at_number = INT64_MIN};
    if (rule->before_ms == INT64_MIN)
        s_turn_over (pass);
}

int
store_retain_next (store_t *self, store_retain_pass_t *pass, step_retire_t *ret_found, int max)
{
    assert (self && pass && !self->open_txn);
    sqlite3_stmt *stmt = pass->folders ? self->retain_saved : self->retain_seen;
    int64_t left = INT64_MAX;
    int rc = pass->over || !pass->folders ? 0 : s_bytes (self, &left);
    if (rc < 0 || pass->over)
        return rc;
    if (!ret_found && pass->folders) //  those found before are still there
        left -= pass->sum.bytes;
    s_bind (stmt, pass);
    int found = 0, looked = 0, code = SQLITE_OK;
    s_row_t row;
    while (found < max && left > pass->rule.bytes && (code = sqlite3_step (stmt)) == SQLITE_ROW) {
        s_read (stmt, &row);
        looked++;
        pass->at_ms = row.at_ms;
        pass->at_number = row.number;
        pass->at = row.id;
        if (!s_goes (pass, &row))
            continue;
        s_add (&pass->sum, &row);
        left -= pass->folders ? row.bytes : 0;
        if (ret_found)
            ret_found [found] = (step_retire_t){.incident = row.id, .age_ms = row.age_ms};
        found++;
    }
    rc = store_db_judge (self, store_db_end (self->db, stmt, code, "incidents to be removed"));
    if (rc == 0
        && (left <= pass->rule.bytes || (code == SQLITE_DONE && looked < LIMIT_RETAIN_ROWS)))
        s_turn_over (pass);
    return rc < 0 ? rc : found;
}


//  --- records and alerts

//  How many records of a kind may go, from its oldest on; at most LIMIT_RETAIN_ROWS.
//  Err: as store_commit.
static int
s_old_records (store_t *self, const char *kind, int64_t before_ms)
{
    sqlite3_stmt *stmt = self->retain_records;
    int old = 0, code = sqlite3_bind_text (stmt, 1, kind, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_bind_int (stmt, 2, LIMIT_RETAIN_ROWS);
    assert (code == SQLITE_OK);
    while ((code = sqlite3_step (stmt)) == SQLITE_ROW
           && (sqlite3_column_int64 (stmt, 0) < before_ms || sqlite3_column_int (stmt, 1) == 0))
        old++;
    const int rc = store_db_judge (self, store_db_end (self->db, stmt, code, "old records"));
    return rc < 0 ? rc : old;
}

//  Returns 1 if there may be more.
static int
s_forget_records (store_t *self, const char *kind, int64_t before_ms)
{
    const int old = s_old_records (self, kind, before_ms);
    if (old <= 0)
        return old;
    int rc = store_db_begin (self);
    if (rc == 0) {
        int code = sqlite3_bind_text (self->tidy_journal, 1, kind, -1, SQLITE_STATIC);
        if (code == SQLITE_OK)
            code = sqlite3_bind_int (self->tidy_journal, 2, old);
        assert (code == SQLITE_OK);
        rc = store_db_run (self->db, self->tidy_journal, "records of removed incidents");
    }
    return rc < 0 ? store_db_judge (self, rc) : old == LIMIT_RETAIN_ROWS;
}

//  Find a few old alerts that are not to be sent.  Err: as store_commit.
static int
s_old_alerts (store_t *self, int64_t before_ms, char ret_keys [LIMIT_RETAIN_ALERTS][ROW_ALERT])
{
    sqlite3_stmt *stmt = self->retain_alerts;
    int count = 0, code = sqlite3_bind_int64 (stmt, 1, before_ms);
    if (code == SQLITE_OK)
        code = sqlite3_bind_int (stmt, 2, LIMIT_RETAIN_ALERTS);
    assert (code == SQLITE_OK);
    while (count < LIMIT_RETAIN_ALERTS && (code = sqlite3_step (stmt)) == SQLITE_ROW)
        snprintf (ret_keys [count++], ROW_ALERT, "%s",
                  (const char *) sqlite3_column_text (stmt, 0));
    const int rc = store_db_judge (self, store_db_end (self->db, stmt, code, "old alerts"));
    return rc < 0 ? rc : count;
}

static int
s_forget_alert (store_t *self, const char *key)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < STORE_DB_ALERT; i++) {
        const int code = sqlite3_bind_text (self->retain_alert [i], 1, key, -1, SQLITE_STATIC);
        assert (code == SQLITE_OK);
        rc = store_db_run (self->db, self->retain_alert [i], "old alert");
    }
    return rc;
}

//  Returns 1 if there may be more.
static int
s_forget_alerts (store_t *self, int64_t before_ms)
{
    char keys [LIMIT_RETAIN_ALERTS][ROW_ALERT];
    const int count = s_old_alerts (self, before_ms, keys);
    if (count <= 0)
        return count;
    int rc = store_db_begin (self);
    if (rc == 0)
        rc = store_db_highest (self);
    for (int i = 0; rc == 0 && i < count; i++)
        rc = s_forget_alert (self, keys [i]);
    return rc < 0 ? store_db_judge (self, rc) : count == LIMIT_RETAIN_ALERTS;
}

int
store_retain_old (store_t *self, int64_t before_ms)
{
    assert (self && !self->open_txn);
    if (self->stats.refusing)
        return 0;
    int more = s_forget_records (self, "incident", before_ms);
    int rc = more < 0 ? more : s_forget_records (self, "attempt", before_ms);
    more |= rc;
    rc = rc < 0 ? rc : s_forget_alerts (self, before_ms);
    more |= rc;
    rc = rc < 0 ? rc : store_commit (self);
    if (rc == 0)
        return more;
    store_rollback (self);
    return rc == ERR_STORE || rc == -EBADMSG ? rc : 0;
}
