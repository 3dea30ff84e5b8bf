//  The start of the store, also with a long history.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/store/store_check.h"
#include "tests/unit/broker/store/store_case.h"

#include "common/base/own.h"

#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
s_put_incident (store_t *store, int number, incident_state_t state, incident_suppress_t suppress)
{
    step_write_t write = {.kind = STEP_WRITE_INCIDENT};
    row_incident_t *row = &write.as.incident;
    snprintf (row->id.text, sizeof row->id.text, "0190a000-0000-7000-8000-%012d", number);
    row->number = number;
    row->state = state;
    row->suppress = suppress;
    snprintf (row->fault.cluster, sizeof row->fault.cluster, "prod");
    snprintf (row->source, sizeof row->source, "local");
    snprintf (row->event_id, sizeof row->event_id, "event-%d", number);
    row->last_seen_ms = number;
    row->exit_code = -1;
    assert_int_equal (store_apply (store, &write), 0);
}

//  The lock file beside the store depends on its name: another name has another lock.
static void
test_a_second_open_by_another_name_is_refused_while_the_first_lives (void **state)
{
    store_case_t *self = *state;
    char hard [256], soft [256];
    store_t *second = NULL;
    snprintf (hard, sizeof hard, "%s/hard.db", self->dir);
    snprintf (soft, sizeof soft, "%s/soft.db", self->dir);
    assert_int_equal (link (self->path, hard), 0);
    assert_int_equal (symlink (self->path, soft), 0);
    assert_int_equal (store_open (hard, &second, &self->diag), -EWOULDBLOCK);
    assert_int_equal (store_open (soft, &second, &self->diag), -EWOULDBLOCK);
    assert_non_null (strstr (self->diag.text, "another broker"));
    //  the failed attempts have not released the first one's SQLite locks
    sqlite3 *other = NULL;
    s_put_incident (self->store, 1, INCIDENT_PENDING, INCIDENT_SUPPRESS_NONE);
    assert_int_equal (sqlite3_open (self->path, &other), SQLITE_OK);
    assert_int_equal (sqlite3_exec (other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_BUSY);
    sqlite3_close (other);
    assert_int_equal (store_commit (self->store), 0);
    store_destroy (&self->store);
    //  nobody holds it now, but the log of one name is invisible under the other
    assert_int_equal (store_open (hard, &second, &self->diag), -EBADMSG);
    assert_non_null (strstr (self->diag.text, "2 names"));
    assert_int_equal (unlink (hard), 0);
    assert_int_equal (store_open (soft, &self->store, &self->diag), 0);
}

//  --- what grows with history, counted in steps of SQLite's machine, as time depends on the
//  machine

static sqlite3 *s_opened [8];
static size_t s_opened_count;
static int64_t s_steps;

static int
s_on_profile (unsigned type, void *ctx, void *stmt, void *ns)
{
    //  The check at the start is bounded by bytes, LIMIT_CHECK_BYTES.
    if (strncmp (sqlite3_sql (stmt), "PRAGMA quick_check", 18) != 0)
        s_steps += sqlite3_stmt_status (stmt, SQLITE_STMTSTATUS_VM_STEP, 1);
    return 0;
}

//  Called for each new connection.
static int
s_on_open (sqlite3 *db, const char **error, const struct sqlite3_api_routines *api)
{
    if (s_opened_count < 8)
        s_opened [s_opened_count++] = db;
    return sqlite3_trace_v2 (db, SQLITE_TRACE_PROFILE, s_on_profile, NULL);
}

typedef struct {
    int64_t tidy, states, reasons, counts, start;
} s_cost_t;

//  Open, and read the open incidents; the dedup windows of all ended ones have passed.
static void
s_start_anew (store_case_t *self)
{
    const step_settings_t settings = {.dedup_window_ms = 1000, .lease_ttl_ms = 1000};
    const clk_now_t now = {.boot_ms = 5, .wall_ms = INT64_C (1) << 40};
    own (step_destroy) step_t *step = step_new (&settings, 1);
    assert_non_null (step);
    store_destroy (&self->store);
    assert_int_equal (store_open (self->path, &self->store, &self->diag), 0);
    assert_int_equal (store_load (self->store, step, now, 1000), 0);
    step_stats_t stats;
    step_stats (step, now, &stats);
    assert_int_equal (stats.incidents [INCIDENT_PENDING], 1);
    assert_int_equal (stats.incidents [INCIDENT_SUPPRESSED], 0);
}

//  `rows` suppressed incidents of one reason, the oldest of another; `rows` old events of an open
//  one.
static s_cost_t
s_cost (store_case_t *self, int rows)
{
    static row_incident_t page [LIMIT_HTTP_PAGE_ROWS];
    s_cost_t cost = {0};
    store_reader_t *reader = NULL;
    assert_int_equal (store_reader_open (self->path, &reader, &self->diag), 0);
    s_put_incident (self->store, 1, INCIDENT_PENDING, INCIDENT_SUPPRESS_NONE);
    s_put_incident (self->store, 2, INCIDENT_SUPPRESSED, INCIDENT_SUPPRESS_OVERFLOW);
    for (int i = 0; i < rows; i++) {
        s_put_incident (self->store, i + 3, INCIDENT_SUPPRESSED, INCIDENT_SUPPRESS_UNPARSED);
        step_write_t write = {.kind = STEP_WRITE_EVENT};
        snprintf (write.as.event.source, sizeof write.as.event.source, "local");
        snprintf (write.as.event.event_id, sizeof write.as.event.event_id, "old-%d", i);
        snprintf (write.as.event.incident.text, sizeof write.as.event.incident.text,
                  "0190a000-0000-7000-8000-%012d", 1);
        write.as.event.received_ms = 1 + i / 300;
        write.as.event.body = "{}";
        write.as.event.body_bytes = 2;
        assert_int_equal (store_apply (self->store, &write), 0);
    }
    assert_int_equal (store_commit (self->store), 0);
    int64_t from = s_steps;
    assert_true (store_tidy (self->store, 2 * (int64_t) LIMIT_EVENT_KEEP_MS) > 0);
    cost.tidy = s_steps - from;
    from = s_steps;
    assert_int_equal (store_reader_incidents (reader, INCIDENT_PENDING, INCIDENT_SUPPRESS_NONE, 0,
                                              page, LIMIT_HTTP_PAGE_ROWS),
                      1);
    cost.states = s_steps - from;
    from = s_steps;
    assert_int_equal (store_reader_incidents (reader, INCIDENT_SUPPRESSED,
                                              INCIDENT_SUPPRESS_OVERFLOW, 0, page,
                                              LIMIT_HTTP_PAGE_ROWS),
                      1);
    cost.reasons = s_steps - from;
    store_counts_t counts;
    from = s_steps;
    assert_int_equal (store_reader_counts (reader, &counts), 0);
    assert_int_equal (counts.suppressed [INCIDENT_SUPPRESS_UNPARSED], rows);
    cost.counts = s_steps - from;
    store_reader_destroy (&reader);
    from = s_steps;
    s_start_anew (self);
    cost.start = s_steps - from;
    return cost;
}

static void
test_what_the_loop_and_the_lists_do_does_not_grow_with_history (void **state)
{
    assert_int_equal (sqlite3_auto_extension ((void (*) (void)) s_on_open), SQLITE_OK);
    s_cost_t costs [2];
    for (int i = 0; i < 2; i++) {
        void *world = NULL;
        assert_int_equal (store_case_setup (&world), 0);
        costs [i] = s_cost (world, i == 0 ? 1000 : 20000);
        assert_int_equal (store_case_teardown (&world), 0);
    }
    sqlite3_reset_auto_extension ();
    assert_in_range (costs [0].tidy, 100, 100000);
    assert_true (costs [1].tidy <= costs [0].tidy * 3 / 2 + 100);
    assert_true (costs [1].states <= costs [0].states * 3 / 2 + 100);
    assert_true (costs [1].counts <= costs [0].counts * 3 / 2 + 100);
    assert_true (costs [1].start <= costs [0].start * 3 / 2 + 1000);
    assert_true (costs [1].reasons <= costs [0].reasons * 3 / 2 + 100);
}

//  Events of an incident that ends later are deleted by the next pass.
static void
test_old_events_of_an_incident_that_has_ended_go_with_the_next_look (void **state)
{
    store_case_t *self = *state;
    const int64_t now_ms = 2 * (int64_t) LIMIT_EVENT_KEEP_MS;
    row_event_t row = {.source = "local", .event_id = "old"};
    s_put_incident (self->store, 1, INCIDENT_PENDING, INCIDENT_SUPPRESS_NONE);
    step_write_t write = {.kind = STEP_WRITE_EVENT, .as.event = row};
    snprintf (write.as.event.incident.text, sizeof write.as.event.incident.text,
              "0190a000-0000-7000-8000-%012d", 1);
    write.as.event.received_ms = 5;
    write.as.event.body = "{}";
    write.as.event.body_bytes = 2;
    assert_int_equal (store_apply (self->store, &write), 0);
    assert_int_equal (store_commit (self->store), 0);
    ident_t found;
    assert_int_equal (store_tidy (self->store, now_ms), 0);
    s_put_incident (self->store, 1, INCIDENT_REPORTED, INCIDENT_SUPPRESS_NONE);
    assert_int_equal (store_commit (self->store), 0);
    assert_int_equal (store_tidy (self->store, now_ms + 1000), 0);
    assert_int_equal (store_known_event (self->store, &row, &found), 1);
    assert_int_equal (store_tidy (self->store, now_ms + LIMIT_TIDY_PASS_MS), 0);
    assert_int_equal (store_known_event (self->store, &row, &found), 0);
}

//  xorshift64: the same turns in each run.
static uint64_t
s_random (uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 11;
}

static store_counts_t
s_counts (store_case_t *self)
{
    store_counts_t counts = {.dead_effects = -1};
    store_reader_t *reader = NULL;
    assert_int_equal (store_reader_open (self->path, &reader, &self->diag), 0);
    assert_int_equal (store_reader_counts (reader, &counts), 0);
    store_reader_destroy (&reader);
    return counts;
}

//  Counts of the whole history, without counting it: updated with each change, rolled back with it,
//  and built once for an older store.
static void
test_incidents_are_counted_by_state_and_reason_as_they_change (void **state)
{
    store_case_t *self = *state;
    for (int i = 1; i <= 6; i++)
        s_put_incident (self->store, i, INCIDENT_PENDING, INCIDENT_SUPPRESS_NONE);
    s_put_incident (self->store, 7, INCIDENT_SUPPRESSED, INCIDENT_SUPPRESS_OVERFLOW);
    assert_int_equal (store_commit (self->store), 0);
    s_put_incident (self->store, 1, INCIDENT_AGENT_FAILED, INCIDENT_SUPPRESS_NONE);
    s_put_incident (self->store, 2, INCIDENT_SUPPRESSED, INCIDENT_SUPPRESS_OVERFLOW);
    s_put_incident (self->store, 3, INCIDENT_PENDING, INCIDENT_SUPPRESS_NONE);
    assert_int_equal (store_commit (self->store), 0);
    s_put_incident (self->store, 4, INCIDENT_FAILED, INCIDENT_SUPPRESS_NONE);
    store_rollback (self->store);
    for (int i = 0; i < 2; i++) {
        const store_counts_t counts = s_counts (self);
        assert_int_equal (counts.incidents [INCIDENT_PENDING], 4);
        assert_int_equal (counts.incidents [INCIDENT_AGENT_FAILED], 1);
        assert_int_equal (counts.incidents [INCIDENT_SUPPRESSED], 2);
        assert_int_equal (counts.suppressed [INCIDENT_SUPPRESS_OVERFLOW], 2);
        assert_int_equal (counts.dead_letters, 0);
        assert_int_equal (sqlite3_exec (self->store->db, "DROP TABLE counted", NULL, NULL, NULL),
                          SQLITE_OK);
        store_destroy (&self->store);
        assert_int_equal (store_open (self->path, &self->store, &self->diag), 0);
    }
}

//  Rows of a table in one state, counted by reading all.
static int64_t
s_plain_count (store_case_t *self, const char *table, const char *column, int value)
{
    char sql [128];
    int64_t count = -1;
    sqlite3_stmt *stmt = NULL;
    snprintf (sql, sizeof sql, "SELECT count (*) FROM %s WHERE %s = %d", table, column, value);
    assert_int_equal (sqlite3_prepare_v2 (self->store->db, sql, -1, &stmt, NULL), SQLITE_OK);
    if (sqlite3_step (stmt) == SQLITE_ROW)
        count = sqlite3_column_int64 (stmt, 0);
    sqlite3_finalize (stmt);
    return count;
}

static void
s_counts_are_plain (store_case_t *self)
{
    const store_counts_t counts = s_counts (self);
    for (int i = INCIDENT_NONE + 1; i < INCIDENT_STATES; i++)
        assert_int_equal (counts.incidents [i], s_plain_count (self, "incident", "state", i));
    for (int i = INCIDENT_SUPPRESS_FIRST; i < INCIDENT_SUPPRESS_REASONS; i++)
        assert_int_equal (counts.suppressed [i], s_plain_count (self, "incident", "suppress", i));
    assert_int_equal (counts.dead_letters,
                      s_plain_count (self, "incident", "state", INCIDENT_FAILED));
    assert_int_equal (counts.dead_effects,
                      s_plain_count (self, "effect", "state", ROW_EFFECT_DEAD));
}

//  One write of a turn: a new row, or an old one in another or the same state.
static void
s_put_any (store_case_t *self, uint64_t *random)
{
    const int number = (int) (s_random (random) % 40) + 1;
    if (s_random (random) % 3) {
        const int range = INCIDENT_STATES - INCIDENT_NONE - 1;
        const int to = INCIDENT_NONE + 1 + (int) (s_random (random) % (uint64_t) range);
        const int reasons = INCIDENT_SUPPRESS_REASONS - INCIDENT_SUPPRESS_FIRST;
        const int reason = INCIDENT_SUPPRESS_FIRST + (int) (s_random (random) % (uint64_t) reasons);
        s_put_incident (self->store, number, (incident_state_t) to,
                        to == INCIDENT_SUPPRESSED ? (incident_suppress_t) reason
                                                  : INCIDENT_SUPPRESS_NONE);
        return;
    }
    //  a new row with another row's key replaces it
    step_write_t write = {.kind = STEP_WRITE_EFFECT};
    row_effect_t *row = &write.as.effect;
    row->id = number;
    row->state = (row_effect_state_t) (s_random (random) % (ROW_EFFECT_CANCELLED + 1));
    snprintf (row->key, sizeof row->key, "storage/%d",
              number <= 20 ? number : (int) (s_random (random) % 20) + 1);
    assert_int_equal (store_apply (self->store, &write), 0);
}

//  Turns of all kinds, a third of them rolled back, with restarts in between.
static void
test_counts_are_those_of_the_rows_after_any_turns (void **state)
{
    store_case_t *self = *state;
    uint64_t random = 20260101;
    for (int turn = 1; turn <= 300; turn++) {
        for (uint64_t left = s_random (&random) % 8; left > 0; left--)
            s_put_any (self, &random);
        if (s_random (&random) % 3 == 0)
            store_rollback (self->store);
        else
            assert_int_equal (store_commit (self->store), 0);
        if (turn % 50 == 0) {
            store_destroy (&self->store);
            assert_int_equal (store_open (self->path, &self->store, &self->diag), 0);
        }
        if (turn % 10 == 0)
            s_counts_are_plain (self);
    }
    assert_true (s_plain_count (self, "effect", "state", ROW_EFFECT_DEAD) > 0);
}

//  --- records

//  `rows` records of a kind, numbered from `first`.
static void
s_put_records (store_case_t *self, const char *kind, int64_t first, int64_t rows)
{
    char sql [512];
    snprintf (sql, sizeof sql,
              "WITH RECURSIVE n (i) AS (SELECT %lld UNION ALL SELECT i + 1 FROM n WHERE i < %lld)"
              " INSERT INTO journal SELECT i, 0, 0, '%s', '-', 'x', '', 0, '', '', '', 0, '', 0"
              " FROM n",
              (long long) first, (long long) (first + rows - 1), kind);
    assert_int_equal (sqlite3_exec (self->store->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static int64_t
s_ask (store_case_t *self, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    assert_int_equal (sqlite3_prepare_v2 (self->store->db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal (sqlite3_step (stmt), SQLITE_ROW);
    const int64_t value = sqlite3_column_int64 (stmt, 0);
    sqlite3_finalize (stmt);
    return value;
}

//  Tidy until nothing is left to do; returns the steps of the longest pass.
static int64_t
s_tidy_all (store_case_t *self)
{
    int64_t most = 0;
    for (int rc = 1; rc > 0;) {
        const int64_t from = s_steps;
        rc = store_tidy (self->store, 1000);
        assert_true (rc >= 0);
        most = s_steps - from > most ? s_steps - from : most;
    }
    return most;
}

//  Not deleted by age across kinds: a kind that floods displaces only its own records.
static void
test_a_flood_of_one_kind_of_record_leaves_the_other_kinds (void **state)
{
    store_case_t *self = *state;
    enum { FLOOD = LIMIT_JOURNAL_WORKER_ROWS + 3 * LIMIT_JOURNAL_DELETE_ROWS / 2, FIRST = 2000000 };
    row_record_t rows [4];
    store_reader_t *reader = NULL;
    s_put_records (self, "incident", 1, 2);
    s_put_records (self, "source", 3, 1);
    s_put_records (self, "worker", FIRST, FLOOD);
    s_put_records (self, "breaker", FIRST + FLOOD, LIMIT_JOURNAL_BREAKER_ROWS + 1);
    (void) s_tidy_all (self);
    assert_int_equal (store_reader_open (self->path, &reader, &self->diag), 0);
    assert_int_equal (store_reader_records (reader, 0, rows, 4), 4);
    assert_string_equal (rows [0].kind, "incident");
    assert_string_equal (rows [1].kind, "incident");
    assert_string_equal (rows [2].kind, "source");
    assert_string_equal (rows [3].kind, "worker");
    assert_int_equal (rows [3].seq, FIRST + FLOOD - LIMIT_JOURNAL_WORKER_ROWS); //  the newest
    store_reader_destroy (&reader);
    assert_int_equal (s_ask (self, "SELECT count (*) FROM journal WHERE kind = 'worker'"),
                      LIMIT_JOURNAL_WORKER_ROWS);
    assert_int_equal (s_ask (self, "SELECT count (*) FROM journal WHERE kind = 'breaker'"),
                      LIMIT_JOURNAL_BREAKER_ROWS);
}

//  An older store has no counts: they are built once, at its start.
static void
test_the_shares_hold_in_a_store_of_before (void **state)
{
    store_case_t *self = *state;
    s_put_records (self, "breaker", 1, LIMIT_JOURNAL_BREAKER_ROWS + 7);
    s_put_records (self, "unheard", 1000000, LIMIT_JOURNAL_OTHER_ROWS + 7);
    assert_int_equal (sqlite3_exec (self->store->db,
                                    "DROP TRIGGER journal_added; DROP TRIGGER journal_removed;"
                                    "DROP TABLE kept; DROP INDEX journal_kind",
                                    NULL, NULL, NULL),
                      SQLITE_OK);
    store_destroy (&self->store);
    assert_int_equal (store_open (self->path, &self->store, &self->diag), 0);
    (void) s_tidy_all (self);
    assert_int_equal (s_ask (self, "SELECT count (*) FROM journal WHERE kind = 'breaker'"),
                      LIMIT_JOURNAL_BREAKER_ROWS);
    assert_int_equal (s_ask (self, "SELECT count (*) FROM journal WHERE kind <> 'breaker'"),
                      LIMIT_JOURNAL_OTHER_ROWS);
    assert_int_equal (s_ask (self, "SELECT sum (n) FROM kept"),
                      LIMIT_JOURNAL_BREAKER_ROWS + LIMIT_JOURNAL_OTHER_ROWS);
}

//  As after an incomplete salvage: the count is corrected, and tidying ends.
static void
test_records_that_are_counted_and_not_there_are_looked_for_once (void **state)
{
    store_case_t *self = *state;
    s_put_records (self, "breaker", 1, 7);
    assert_int_equal (
        sqlite3_exec (self->store->db, "UPDATE kept SET n = 1000000", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal (store_tidy (self->store, 1000), 1);
    assert_int_equal (store_tidy (self->store, 1000), 0);
    s_put_records (self, "breaker", 100, 9);
    assert_int_equal (store_tidy (self->store, 1000), 0);
    assert_int_equal (s_ask (self, "SELECT n FROM kept"), 9);
    assert_int_equal (s_ask (self, "SELECT count (*) FROM journal"), 9);
}

//  Rows lost by a salvage are still counted, or the count is lost.  The next start counts what
//  exists.
static void
test_counts_of_a_store_that_was_salvaged_are_right_after_its_start (void **state)
{
    store_case_t *self = *state;
    s_put_records (self, "breaker", 1, 7);
    s_put_records (self, "worker", 100, 5);
    s_put_incident (self->store, 1, INCIDENT_PENDING, INCIDENT_SUPPRESS_NONE);
    assert_int_equal (store_commit (self->store), 0);
    assert_int_equal (sqlite3_exec (self->store->db,
                                    "UPDATE kept SET n = 1000 WHERE kind = 'breaker';"
                                    "DELETE FROM kept WHERE kind = 'worker';"
                                    "UPDATE counted SET n = -3",
                                    NULL, NULL, NULL),
                      SQLITE_OK);
    store_db_mark (self->store->db);
    store_destroy (&self->store);
    assert_int_equal (store_open (self->path, &self->store, &self->diag), 0);
    assert_false (store_db_suspect (self->store->db));
    assert_int_equal (s_ask (self, "SELECT n FROM kept WHERE kind = 'breaker'"), 7);
    assert_int_equal (s_ask (self, "SELECT n FROM kept WHERE kind = 'worker'"), 5);
    assert_int_equal (s_ask (self, "SELECT sum (n) FROM counted"), 1);
}

//  The cost of one pass does not depend on the number of records.
static void
test_records_go_at_a_cost_that_does_not_grow_with_what_is_kept (void **state)
{
    assert_int_equal (sqlite3_auto_extension ((void (*) (void)) s_on_open), SQLITE_OK);
    int64_t costs [2];
    for (int i = 0; i < 2; i++) {
        void *world = NULL;
        assert_int_equal (store_case_setup (&world), 0);
        s_put_records (world, "incident", 1, i ? 50000 : 10);
        s_put_records (world, "breaker", 100000, LIMIT_JOURNAL_BREAKER_ROWS);
        (void) s_tidy_all (world);
        s_put_records (world, "breaker", 200000, LIMIT_JOURNAL_DELETE_ROWS);
        costs [i] = s_tidy_all (world);
        assert_int_equal (store_case_teardown (&world), 0);
    }
    sqlite3_reset_auto_extension ();
    assert_in_range (costs [0], LIMIT_JOURNAL_DELETE_ROWS, 100000);
    assert_true (costs [1] <= costs [0] * 3 / 2 + 100);
}

//  Tables with one row per object, or a few rows: scanning them does not grow with time.
static bool
s_may_scan (const char *detail)
{
    static const char *const allowed [] = {"sqlite_schema", "breaker", "topic",
                                           "CONSTANT ROW",  "counted", "kept"};
    for (size_t i = 0; i < sizeof allowed / sizeof allowed [0]; i++)
        if (strstr (detail, allowed [i]))
            return true;
    return false;
}

static void
s_explain (sqlite3 *db, const char *sql)
{
    char text [STORE_ROW_SQL_BYTES + 64];
    snprintf (text, sizeof text, "EXPLAIN QUERY PLAN %s", sql);
    sqlite3_stmt *stmt = NULL;
    if (strncmp (sql, "SELECT", 6) != 0 && strncmp (sql, "DELETE", 6) != 0)
        return;
    assert_int_equal (sqlite3_prepare_v2 (db, text, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step (stmt) == SQLITE_ROW) {
        const char *detail = (const char *) sqlite3_column_text (stmt, 3);
        if (strncmp (detail, "SCAN", 4) == 0 && !s_may_scan (detail))
            fail_msg ("%s\n%s", sql, detail);
    }
    sqlite3_finalize (stmt);
}

static void
test_no_statement_scans_a_table_that_grows (void **state)
{
    store_case_t *self = *state;
    s_opened_count = 0;
    assert_int_equal (sqlite3_auto_extension ((void (*) (void)) s_on_open), SQLITE_OK);
    store_reader_t *reader = NULL;
    assert_int_equal (store_reader_open (self->path, &reader, &self->diag), 0);
    sqlite3_reset_auto_extension ();
    assert_int_equal (s_opened_count, 1);
    sqlite3 *const dbs [] = {self->store->db, s_opened [0]};
    size_t count = 0;
    for (size_t i = 0; i < 2; i++)
        for (sqlite3_stmt *stmt = sqlite3_next_stmt (dbs [i], NULL); stmt;
             stmt = sqlite3_next_stmt (dbs [i], stmt), count++)
            s_explain (dbs [i], sqlite3_sql (stmt));
    assert_in_range (count, 25, 60);
    store_reader_destroy (&reader);
}

//  The start of a large store does not read its history.  Damage there is found afterwards, and at
//  once by the next start.
static void
test_damage_in_the_history_of_a_large_store_is_found_after_the_start (void **state)
{
    store_case_t *self = *state;
    for (int i = 0; i < 20000; i++)
        s_put_incident (self->store, i + 1, INCIDENT_REPORTED, INCIDENT_SUPPRESS_NONE);
    static char body [LIMIT_KIB (100)];
    memset (body, 'x', sizeof body);
    for (int i = 0; i < 200; i++) {
        step_write_t write = {.kind = STEP_WRITE_EVENT};
        snprintf (write.as.event.source, sizeof write.as.event.source, "local");
        snprintf (write.as.event.event_id, sizeof write.as.event.event_id, "event-%d", i);
        write.as.event.body = body;
        write.as.event.body_bytes = sizeof body;
        assert_int_equal (store_apply (self->store, &write), 0);
    }
    assert_int_equal (store_commit (self->store), 0);
    assert_false (store_unchecked (self->store)); //  the store was small
    store_destroy (&self->store);
    assert_int_equal (store_open (self->path, &self->store, &self->diag), 0);
    assert_true (store_unchecked (self->store));
    store_check_t *check = NULL;
    assert_int_equal (store_check_new (self->path, &check, &self->diag), 0);
    while (store_check_state (check) == STORE_CHECK_RUNNING)
        poll (NULL, 0, 10);
    assert_int_equal (store_check_state (check), STORE_CHECK_SOUND);
    store_check_destroy (&check);
    store_destroy (&self->store);
    struct stat st;
    assert_int_equal (stat (self->path, &st), 0);
    FILE *file = fopen (self->path, "r+b");
    assert_non_null (file);
    memset (body, 0xa5, 4096);
    assert_int_equal (fseek (file, (long) (st.st_size / 8 / 4096) * 4096, SEEK_SET), 0);
    assert_int_equal (fwrite (body, 1, 4096, file), 4096);
    assert_int_equal (fclose (file), 0);
    assert_int_equal (store_open (self->path, &self->store, &self->diag), 0);
    assert_int_equal (store_exit (self->store), EXIT_STORE);
    assert_int_equal (store_check_new (self->path, &check, &self->diag), 0);
    while (store_check_state (check) == STORE_CHECK_RUNNING)
        poll (NULL, 0, 10);
    assert_int_equal (store_check_state (check), STORE_CHECK_DAMAGED);
    store_check_destroy (&check);
    assert_int_equal (store_exit (self->store), EXIT_CORRUPT);
    store_destroy (&self->store);
    assert_int_equal (store_open (self->path, &self->store, &self->diag), -EBADMSG);
    assert_non_null (strstr (self->diag.text, "damaged"));
}

//  An endless outside reader keeps the log from restarting.  It is logged once, until the log is
//  short again.
static void
test_a_log_that_a_reader_makes_grow_is_told (void **state)
{
    store_case_t *self = *state;
    static char body [LIMIT_KIB (200)];
    sqlite3 *reader = NULL;
    store_stats_t stats;
    memset (body, 'x', sizeof body);
    assert_int_equal (sqlite3_open (self->path, &reader), SQLITE_OK);
    assert_int_equal (sqlite3_exec (reader, "BEGIN; SELECT * FROM meta", NULL, NULL, NULL),
                      SQLITE_OK);
    for (int i = 0; i < 400; i++) {
        step_write_t write = {.kind = STEP_WRITE_EVENT};
        snprintf (write.as.event.source, sizeof write.as.event.source, "local");
        snprintf (write.as.event.event_id, sizeof write.as.event.event_id, "event-%d", i);
        write.as.event.body = body;
        write.as.event.body_bytes = sizeof body;
        write.as.event.received_ms = INT64_MAX / 2;
        assert_int_equal (store_apply (self->store, &write), 0);
        if (i % 40 < 39)
            continue;
        assert_int_equal (store_commit (self->store), 0);
        assert_true (store_tidy (self->store, 1) >= 0);
        store_stats (self->store, &stats);
        assert_int_equal (stats.wal_long, stats.wal_bytes > LIMIT_WAL_BYTES);
    }
    assert_true (stats.wal_long);
    sqlite3_close (reader);
    for (int i = 0; i < 3; i++) { //  all of it goes to the file; the log restarts and is cut
        self->store->wal_pages = LIMIT_WAL_PAGES;
        assert_int_equal (store_checkpoint (self->store), 0);
        s_put_incident (self->store, i + 1, INCIDENT_PENDING, INCIDENT_SUPPRESS_NONE);
        assert_int_equal (store_commit (self->store), 0);
    }
    assert_true (store_tidy (self->store, 1) >= 0);
    store_stats (self->store, &stats);
    assert_false (stats.wal_long);
}

//  A temporary failure is no bad configuration: on this exit code the broker may be restarted.
static void
test_a_look_without_descriptors_says_so (void **state)
{
    store_case_t *self = *state;
    struct rlimit before;
    store_destroy (&self->store);
    assert_int_equal (store_look (self->path, &self->diag), 0);
    assert_int_equal (getrlimit (RLIMIT_NOFILE, &before), 0);
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal (setrlimit (RLIMIT_NOFILE, &none), 0);
    const int rc = store_look (self->path, &self->diag);
    assert_int_equal (setrlimit (RLIMIT_NOFILE, &before), 0);
    assert_int_equal (rc, -EMFILE);
    assert_int_equal (err_exit_path (rc), EXIT_STORE);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, store_case_setup, store_case_teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_what_the_loop_and_the_lists_do_does_not_grow_with_history),
        TEST (test_old_events_of_an_incident_that_has_ended_go_with_the_next_look),
        TEST (test_incidents_are_counted_by_state_and_reason_as_they_change),
        TEST (test_counts_are_those_of_the_rows_after_any_turns),
        TEST (test_a_flood_of_one_kind_of_record_leaves_the_other_kinds),
        TEST (test_the_shares_hold_in_a_store_of_before),
        TEST (test_counts_of_a_store_that_was_salvaged_are_right_after_its_start),
        TEST (test_records_that_are_counted_and_not_there_are_looked_for_once),
        cmocka_unit_test (test_records_go_at_a_cost_that_does_not_grow_with_what_is_kept),
        TEST (test_a_log_that_a_reader_makes_grow_is_told),
        TEST (test_damage_in_the_history_of_a_large_store_is_found_after_the_start),
        TEST (test_no_statement_scans_a_table_that_grows),
        TEST (test_a_look_without_descriptors_says_so),
        TEST (test_a_second_open_by_another_name_is_refused_while_the_first_lives),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
