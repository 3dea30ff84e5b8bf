//  The store on real SQLite files.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/store/store_case.h"

#include "broker/base/blob.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const int64_t s_now_ms = 1767225600000;

static step_write_t
s_record (int64_t seq, const char *kind)
{
    step_write_t write = {.kind = STEP_WRITE_RECORD};
    write.as.record.seq = seq;
    snprintf (write.as.record.kind, sizeof write.as.record.kind, "%s", kind);
    snprintf (write.as.record.cluster, sizeof write.as.record.cluster, "prod");
    snprintf (write.as.record.change, sizeof write.as.record.change, "pending");
    return write;
}

static store_reader_t *
s_reader (store_case_t *self)
{
    store_reader_t *reader = NULL;
    assert_int_equal (store_reader_open (self->path, &reader, &self->diag), 0);
    return reader;
}

static void
s_reopen (store_case_t *self)
{
    store_destroy (&self->store);
    assert_int_equal (store_open (self->path, &self->store, &self->diag), 0);
}

//  An attempt with a value in every column.
static void
s_attempt (const row_incident_t *incident, row_attempt_t *ret_attempt)
{
    memset (ret_attempt, 0, sizeof *ret_attempt);
    ret_attempt->incident = incident->id;
    ret_attempt->number = 2;
    ret_attempt->state = ROW_ATTEMPT_SUPERSEDED;
    ret_attempt->started = true;
    ret_attempt->deadline_ms = INT64_MAX;
    ret_attempt->outcome = VERDICT_LOST;
    ret_attempt->exit_code = -1;
    ret_attempt->class = RUN_CLASS_OVERLOADED;
    ret_attempt->usage = (usage_t){.agent = "claude",
                                   .version = "2",
                                   .model = "sonnet",
                                   .calls = 1,
                                   .turns = 2,
                                   .input = 3,
                                   .output = 4,
                                   .cache_read = 5,
                                   .cache_write = USAGE_UNKNOWN,
                                   .cost_micro_usd = USAGE_MAX,
                                   .duration_ms = 6};
    snprintf (ret_attempt->identity, sizeof ret_attempt->identity, "worker:abc");
}

static void
test_every_column_of_every_row_comes_back_after_a_reopen (void **state)
{
    store_case_t *self = *state;
    row_incident_t incident = store_case_incident (1, INCIDENT_INVESTIGATING);
    incident.attempts = 2;
    incident.winner = 1;
    incident.partial = 2;
    incident.counted = true;
    incident.given_back = 3;
    incident.given_back_ms = 4;
    snprintf (incident.reason, sizeof incident.reason, "line one\nline two");
    row_attempt_t attempt;
    s_attempt (&incident, &attempt);
    row_effect_t effect;
    memset (&effect, 0, sizeof effect);
    effect.id = 9;
    effect.incident = incident.id;
    snprintf (effect.key, sizeof effect.key, "storage/x");
    const step_write_t record = s_record (1, "incident");
    store_case_put_incident (self->store, &incident);
    store_case_apply (self->store,
                      &(step_write_t){.kind = STEP_WRITE_ATTEMPT, .as.attempt = attempt});
    store_case_apply (self->store, &(step_write_t){.kind = STEP_WRITE_EFFECT, .as.effect = effect});
    store_case_apply (self->store, &record);
    assert_int_equal (store_commit (self->store), 0);
    s_reopen (self);
    own (store_reader_destroy) store_reader_t *reader = s_reader (self);
    row_incident_t incident_back;
    row_attempt_t attempt_back;
    row_effect_t effect_back;
    row_record_t record_back;
    assert_int_equal (store_reader_incident (reader, incident.id.text, &incident_back), 0);
    assert_memory_equal (&incident_back, &incident, sizeof incident);
    assert_int_equal (store_reader_attempts (reader, incident.id.text, &attempt_back, 1), 1);
    assert_memory_equal (&attempt_back, &attempt, sizeof attempt);
    assert_int_equal (store_reader_effects (reader, incident.id.text, &effect_back, 1), 1);
    assert_memory_equal (&effect_back, &effect, sizeof effect);
    assert_int_equal (store_reader_records (reader, 0, &record_back, 1), 1);
    assert_memory_equal (&record_back, &record.as.record, sizeof record_back);
    assert_int_equal (store_reader_incident (reader, "nobody", &incident_back), ERR_NONE);
}

static void
test_load_hands_open_rows_to_step (void **state)
{
    store_case_t *self = *state;
    static const incident_state_t states [] = {INCIDENT_PENDING, INCIDENT_PENDING,
                                               INCIDENT_REPORTED, INCIDENT_FAILED};
    for (int i = 0; i < 4; i++) {
        row_incident_t row = store_case_incident (i + 1, states [i]);
        row.last_seen_ms = i == 3 ? 1 : row.last_seen_ms; //  the last one is outside the window
        store_case_put_incident (self->store, &row);
    }
    store_case_apply (self->store,
                      &(step_write_t){.kind = STEP_WRITE_RECORD,
                                      .as.record = s_record (41, "incident").as.record});
    assert_int_equal (store_commit (self->store), 0);
    const step_settings_t settings = {.dedup_window_ms = 1000, .lease_ttl_ms = 1000};
    own (step_destroy) step_t *step = step_new (&settings, 1);
    assert_non_null (step);
    const clk_now_t now = {.boot_ms = 5, .wall_ms = 1000100};
    assert_int_equal (store_load (self->store, step, now, 1000), 0);
    step_stats_t stats;
    step_stats (step, now, &stats);
    assert_int_equal (stats.incidents [INCIDENT_PENDING], 2);
    assert_int_equal (stats.incidents [INCIDENT_REPORTED], 1);
    assert_int_equal (stats.incidents [INCIDENT_FAILED], 0);
    assert_int_equal (stats.last_seq, 41);
}

//  More topics in one transaction than are buffered at once; each ends with its last record.
static void
test_the_last_record_of_every_topic_is_kept (void **state)
{
    store_case_t *self = *state;
    enum { TOPICS = 3 * STORE_DB_TOPICS };
    for (int64_t seq = 1; seq <= 2 * TOPICS; seq++) {
        step_write_t write = s_record (seq, "incident");
        snprintf (write.as.record.cluster, sizeof write.as.record.cluster, "c%d",
                  (int) (seq % TOPICS));
        store_case_apply (self->store, &write);
    }
    assert_int_equal (store_commit (self->store), 0);
    sqlite3 *other = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal (sqlite3_open (self->path, &other), SQLITE_OK);
    assert_int_equal (
        sqlite3_prepare_v2 (other, "SELECT count (*), min (last_seq), max (last_seq) FROM topic",
                            -1, &stmt, NULL),
        SQLITE_OK);
    assert_int_equal (sqlite3_step (stmt), SQLITE_ROW);
    assert_int_equal (sqlite3_column_int (stmt, 0), TOPICS);
    assert_int_equal (sqlite3_column_int (stmt, 1), TOPICS + 1);
    assert_int_equal (sqlite3_column_int (stmt, 2), 2 * TOPICS);
    sqlite3_finalize (stmt);
    sqlite3_close (other);
}

//  The rows of a flood of events must not fill the memory of the next start.
static void
test_load_hands_over_no_more_ended_incidents_than_are_kept (void **state)
{
    store_case_t *self = *state;
    enum { MORE = 3 };
    const row_incident_t row = store_case_incident (1, INCIDENT_SUPPRESSED);
    store_case_put_incident (self->store, &row);
    assert_int_equal (store_commit (self->store), 0);
    sqlite3 *other = NULL;
    assert_int_equal (sqlite3_open (self->path, &other), SQLITE_OK);
    char sql [512];
    snprintf (sql, sizeof sql,
              "CREATE TEMP TABLE copy AS WITH RECURSIVE n (i) AS"
              " (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
              " SELECT i, incident.* FROM n, incident;"
              "UPDATE copy SET id = printf ('%%036d', i), number = i, last_seen_ms = %lld + i;"
              "ALTER TABLE copy DROP COLUMN i; INSERT INTO incident SELECT * FROM copy;",
              LIMIT_CLOSED_INCIDENTS + MORE, (long long) row.last_seen_ms);
    assert_int_equal (sqlite3_exec (other, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close (other);
    const step_settings_t settings = {.dedup_window_ms = s_now_ms, .lease_ttl_ms = 1000};
    own (step_destroy) step_t *step = step_new (&settings, 1);
    assert_non_null (step);
    const clk_now_t now = {.boot_ms = 5, .wall_ms = s_now_ms};
    assert_int_equal (store_load (self->store, step, now, settings.dedup_window_ms), 0);
    step_stats_t stats;
    step_stats (step, now, &stats);
    assert_int_equal (stats.incidents [INCIDENT_SUPPRESSED], LIMIT_CLOSED_INCIDENTS);
}

static void
test_the_breaker_its_alerts_and_messages_being_sent_are_read_back (void **state)
{
    store_case_t *self = *state;
    step_write_t write = {.kind = STEP_WRITE_BREAKER};
    write.as.breaker = (row_breaker_t){.id = 1, .failures = 1, .openings = 6};
    store_case_apply (self->store, &write);
    write.as.breaker = (row_breaker_t){.id = 1, .open = true, .failures = 2, .opened_ms = 1000050};
    snprintf (write.as.breaker.reasons [2], LIMIT_REASON_BYTES, "third");
    store_case_apply (self->store, &write);
    write = (step_write_t){.kind = STEP_WRITE_ALERT};
    write.as.alert = (row_alert_t){.at_ms = 1000060, .count = 2, .first_ms = 3, .last_ms = 4};
    snprintf (write.as.alert.key, sizeof write.as.alert.key, "degraded/1");
    snprintf (write.as.alert.reasons [1], LIMIT_REASON_BYTES, "second");
    store_case_apply (self->store, &write);
    write = (step_write_t){.kind = STEP_WRITE_EFFECT};
    write.as.effect = (row_effect_t){
        .id = 1, .channel = ROW_CHANNEL_MESSAGE, .key = "degraded/1", .state = ROW_EFFECT_SENDING};
    store_case_apply (self->store, &write);
    assert_int_equal (store_commit (self->store), 0);

    own (store_reader_destroy) store_reader_t *reader = NULL;
    assert_int_equal (store_reader_open (self->path, &reader, NULL), 0);
    row_alert_t alert;
    assert_int_equal (store_reader_alert (reader, "degraded/1", &alert), 0);
    assert_int_equal (alert.count, 2);
    assert_string_equal (alert.reasons [1], "second");
    assert_int_equal (store_reader_alert (reader, "degraded/2", &alert), ERR_NONE);

    const step_settings_t settings = {.failure_threshold = 3};
    own (step_destroy) step_t *step = step_new (&settings, 1);
    const clk_now_t now = {.boot_ms = 5, .wall_ms = 1000100};
    assert_int_equal (store_load (self->store, step, now, 1000), 0);
    step_stats_t stats;
    step_stats (step, now, &stats);
    assert_int_equal (stats.breaker, STEP_BREAKER_OPEN);
    assert_int_equal (stats.breaker_failures, 2);
    assert_int_equal (stats.breaker_opened_ms, 1000050);
    assert_int_equal (stats.effects_ready, 1);
}

static void
test_an_event_is_known_from_the_turn_that_took_it_and_unique (void **state)
{
    store_case_t *self = *state;
    const row_incident_t incident = store_case_incident (1, INCIDENT_PENDING);
    ident_t found = {{0}};
    assert_int_equal (store_case_known (self, "local", "event-1", &found), 0);
    const step_write_t event = store_case_event (&incident, "{}", 5);
    store_case_apply (self->store, &event);
    assert_int_equal (store_case_known (self, "local", "event-1", &found), 1);
    assert_string_equal (found.text, incident.id.text);
    assert_int_equal (store_case_known (self, "other", "event-1", &found), 0);
    assert_int_equal (store_commit (self->store), 0);
    assert_int_equal (store_apply (self->store, &event), ERR_STORE);
    store_rollback (self->store);
    assert_int_equal (store_case_known (self, "local", "event-1", &found), 1);
}

static void
test_a_rollback_forgets_the_turn_and_the_next_one_works (void **state)
{
    store_case_t *self = *state;
    const row_incident_t first = store_case_incident (1, INCIDENT_PENDING);
    const row_incident_t second = store_case_incident (2, INCIDENT_PENDING);
    store_case_put_incident (self->store, &first);
    store_rollback (self->store);
    store_case_put_incident (self->store, &second);
    assert_int_equal (store_commit (self->store), 0);
    own (store_reader_destroy) store_reader_t *reader = s_reader (self);
    row_incident_t rows [4];
    assert_int_equal (
        store_reader_incidents (reader, INCIDENT_STATES, INCIDENT_SUPPRESS_NONE, 0, rows, 4), 1);
    assert_int_equal (rows [0].number, 2);
}

static void
test_a_row_written_again_replaces_itself (void **state)
{
    store_case_t *self = *state;
    row_incident_t row = store_case_incident (1, INCIDENT_PENDING);
    store_case_put_incident (self->store, &row);
    assert_int_equal (store_commit (self->store), 0);
    row.state = INCIDENT_REPORTED;
    store_case_put_incident (self->store, &row);
    assert_int_equal (store_commit (self->store), 0);
    own (store_reader_destroy) store_reader_t *reader = s_reader (self);
    row_incident_t rows [4];
    assert_int_equal (
        store_reader_incidents (reader, INCIDENT_PENDING, INCIDENT_SUPPRESS_NONE, 0, rows, 4), 0);
    assert_int_equal (
        store_reader_incidents (reader, INCIDENT_REPORTED, INCIDENT_SUPPRESS_NONE, 0, rows, 4), 1);
}

//  A retried incident queues its effect again: the store keeps one row per key.
static void
test_an_effect_of_a_known_key_replaces_the_old_one (void **state)
{
    store_case_t *self = *state;
    step_write_t write = {.kind = STEP_WRITE_EFFECT};
    write.as.effect = (row_effect_t){.id = 1, .state = ROW_EFFECT_DONE, .key = "storage/x"};
    assert_int_equal (store_apply (self->store, &write), 0);
    write.as.effect = (row_effect_t){.id = 2, .state = ROW_EFFECT_DEAD, .key = "storage/x"};
    assert_int_equal (store_apply (self->store, &write), 0);
    row_effect_t row;
    assert_int_equal (store_effect (self->store, 1, &row), ERR_NONE);
    assert_int_equal (store_effect (self->store, 2, &row), 0); //  visible before the commit
    assert_int_equal (row.state, ROW_EFFECT_DEAD);
    assert_int_equal (store_commit (self->store), 0);
}

static void
test_the_writer_reads_one_incident_as_the_turn_left_it (void **state)
{
    store_case_t *self = *state;
    row_incident_t row = store_case_incident (1, INCIDENT_FAILED), read;
    store_case_put_incident (self->store, &row);
    assert_int_equal (store_incident (self->store, row.id.text, &read), 0);
    assert_memory_equal (&read, &row, sizeof row);
    store_rollback (self->store);
    assert_int_equal (store_incident (self->store, row.id.text, &read), ERR_NONE);
}

static void
test_no_write_means_no_transaction (void **state)
{
    store_case_t *self = *state;
    store_stats_t stats;
    assert_int_equal (store_commit (self->store), 0);
    store_stats (self->store, &stats);
    assert_int_equal (stats.commits_total, 0);
    const row_incident_t row = store_case_incident (1, INCIDENT_PENDING);
    store_case_put_incident (self->store, &row);
    assert_int_equal (store_commit (self->store), 0);
    store_stats (self->store, &stats);
    assert_int_equal (stats.commits_total, 1);
    assert_true (stats.file_bytes > 0 && stats.wal_bytes > 0);
}

static void
test_pages_go_from_the_newest_to_the_oldest_without_gap (void **state)
{
    store_case_t *self = *state;
    for (int i = 1; i <= 25; i++) {
        const row_incident_t row =
            store_case_incident (i, i % 2 ? INCIDENT_PENDING : INCIDENT_REPORTED);
        store_case_put_incident (self->store, &row);
        const step_write_t record = s_record (i, "incident");
        store_case_apply (self->store, &record);
    }
    assert_int_equal (store_commit (self->store), 0);
    own (store_reader_destroy) store_reader_t *reader = s_reader (self);
    row_incident_t rows [10];
    int64_t before = 0, expected = 25;
    for (int page = 0; page < 3; page++) {
        const int count = store_reader_incidents (reader, INCIDENT_STATES, INCIDENT_SUPPRESS_NONE,
                                                  before, rows, 10);
        assert_int_equal (count, page < 2 ? 10 : 5);
        for (int i = 0; i < count; i++)
            assert_int_equal (rows [i].number, expected--);
        before = rows [count - 1].number;
    }
    assert_int_equal (
        store_reader_incidents (reader, INCIDENT_PENDING, INCIDENT_SUPPRESS_NONE, 10, rows, 10), 5);
    assert_int_equal (rows [0].number, 9);
    row_record_t records [10];
    assert_int_equal (store_reader_records (reader, 20, records, 10), 5);
    assert_int_equal (records [0].seq, 21);
}

static void
test_a_body_comes_back_from_the_row_or_from_its_file (void **state)
{
    store_case_t *self = *state;
    const row_incident_t inlined = store_case_incident (1, INCIDENT_PENDING);
    const row_incident_t filed = store_case_incident (2, INCIDENT_PENDING);
    char dir [160], name [80];
    step_write_t event = store_case_event (&inlined, "{\"a\":1}", 5);
    store_case_apply (self->store, &event);
    event = store_case_event (&filed, NULL, 5);
    digest_hex ("large", 5, event.as.event.body_sha);
    snprintf (dir, sizeof dir, "%s/state/events", self->dir);
    snprintf (name, sizeof name, "%s.json", event.as.event.body_sha);
    assert_int_equal (blob_write (dir, name, "large", 5, "save"), 0);
    store_case_apply (self->store, &event);
    store_case_put_incident (self->store, &inlined);
    store_case_put_incident (self->store, &filed);
    assert_int_equal (store_commit (self->store), 0);
    own (store_reader_destroy) store_reader_t *reader = s_reader (self);
    own (own_mem) char *first = NULL;
    own (own_mem) char *second = NULL;
    size_t size = 0;
    assert_int_equal (store_reader_event_body (reader, inlined.id.text, &first, &size), 0);
    assert_string_equal (first, "{\"a\":1}");
    assert_int_equal (size, 7);
    assert_int_equal (store_reader_event_body (reader, filed.id.text, &second, &size), 0);
    assert_string_equal (second, "large");
    assert_int_equal (store_reader_event_body (reader, "nobody", &second, &size), ERR_NONE);
}

//  SQLite itself reports FULL when the file may not grow.
static void
s_max_pages (store_t *store, int pages)
{
    char sql [64];
    snprintf (sql, sizeof sql, "PRAGMA max_page_count = %d", pages);
    assert_int_equal (sqlite3_exec (store->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static int
s_fill (store_t *store, int number)
{
    static char body [LIMIT_KIB (64)];
    memset (body, 'x', sizeof body - 1);
    const row_incident_t row = store_case_incident (number, INCIDENT_PENDING);
    const step_write_t event = store_case_event (&row, body, 5);
    const int rc = store_apply (store, &event);
    return rc < 0 ? rc : store_commit (store);
}

static void
test_a_full_disk_rolls_back_refuses_and_resumes (void **state)
{
    store_case_t *self = *state;
    char reserve [160];
    struct stat st;
    snprintf (reserve, sizeof reserve, "%s.reserve", self->path);
    assert_int_equal (stat (reserve, &st), 0);
    assert_int_equal (st.st_size, LIMIT_RESERVE_BYTES);
    s_max_pages (self->store, 60);
    int number = 1, rc = 0;
    while ((rc = s_fill (self->store, number)) == 0 && number < 100)
        number++;
    assert_int_equal (rc, -ENOSPC);
    store_rollback (self->store);
    assert_true (store_refusing (self->store));
    assert_int_not_equal (stat (reserve, &st), 0);
    ident_t found;
    char event_id [32];
    snprintf (event_id, sizeof event_id, "event-%d", number);
    assert_int_equal (store_case_known (self, "local", event_id, &found), 0);
    assert_int_equal (store_case_known (self, "local", "event-1", &found), 1);
    s_max_pages (self->store, 100000);
    assert_int_equal (store_tidy (self->store, 1000), 0);
    assert_false (store_refusing (self->store));
    assert_int_equal (stat (reserve, &st), 0);
    assert_int_equal (s_fill (self->store, number), 0);
    store_stats_t stats;
    store_stats (self->store, &stats);
    assert_int_equal (stats.full_total, 1);
}

static void
test_another_writer_makes_the_turn_busy_and_nothing_is_lost (void **state)
{
    store_case_t *self = *state;
    sqlite3 *other = NULL;
    assert_int_equal (sqlite3_open (self->path, &other), SQLITE_OK);
    assert_int_equal (sqlite3_exec (other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal (s_fill (self->store, 1), -EBUSY);
    store_rollback (self->store);
    assert_int_equal (sqlite3_exec (other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_db_config (other, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close (other);
    assert_int_equal (s_fill (self->store, 1), 0);
    assert_false (store_refusing (self->store));
}

static void
test_a_second_open_is_refused_while_the_first_lives (void **state)
{
    store_case_t *self = *state;
    store_t *second = NULL;
    assert_int_equal (store_open (self->path, &second, &self->diag), -EWOULDBLOCK);
    assert_null (second);
    assert_non_null (strstr (self->diag.text, "another broker"));
    s_reopen (self);
}

static void
s_overwrite (const char *path, long offset, const char *bytes, size_t size)
{
    FILE *file = fopen (path, "r+b");
    assert_non_null (file);
    assert_int_equal (fseek (file, offset, SEEK_SET), 0);
    assert_int_equal (fwrite (bytes, 1, size, file), size);
    assert_int_equal (fclose (file), 0);
}

static void
test_a_damaged_file_is_refused_with_instructions (void **state)
{
    store_case_t *self = *state;
    for (int i = 1; i <= 20; i++)
        assert_int_equal (s_fill (self->store, i), 0);
    store_destroy (&self->store);
    char junk [4096];
    memset (junk, 0xa5, sizeof junk);
    s_overwrite (self->path, 4096, junk, sizeof junk);
    assert_int_equal (store_open (self->path, &self->store, &self->diag), -EBADMSG);
    assert_non_null (strstr (self->diag.text, "damaged"));
    s_overwrite (self->path, 0, junk, sizeof junk);
    assert_int_equal (store_open (self->path, &self->store, &self->diag), -EBADMSG);
}

static void
test_a_schema_of_another_version_is_refused (void **state)
{
    store_case_t *self = *state;
    store_destroy (&self->store);
    sqlite3 *db = NULL;
    assert_int_equal (sqlite3_open (self->path, &db), SQLITE_OK);
    assert_int_equal (
        sqlite3_exec (db, "UPDATE meta SET v = 99 WHERE k = 'schema_version'", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close (db);
    assert_int_equal (store_open (self->path, &self->store, &self->diag), -EBADMSG);
    assert_non_null (strstr (self->diag.text, "schema 99"));
}

static void
test_the_wal_is_checkpointed_and_does_not_grow_without_end (void **state)
{
    store_case_t *self = *state;
    store_stats_t stats;
    for (int i = 1; i <= 200; i++) {
        assert_int_equal (s_fill (self->store, i), 0);
        assert_int_equal (store_checkpoint (self->store), 0);
    }
    store_stats (self->store, &stats);
    assert_true (stats.wal_bytes < (int64_t) 2 * LIMIT_WAL_PAGES * 4096);
    assert_true (stats.file_bytes > LIMIT_MIB (6));
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, store_case_setup, store_case_teardown)

//  Attempts that cost nothing are unlimited.  Open attempts, those that were charged and the newest
//  must still be found.
static void
test_the_attempts_that_matter_are_found_among_many (void **state)
{
    enum { MANY = 98, MAX = 32, GIVEN_BACK = 60 };
    store_case_t *self = *state;
    const row_incident_t incident = store_case_incident (1, INCIDENT_INVESTIGATING);
    step_write_t write = {.kind = STEP_WRITE_INCIDENT, .as.incident = incident};
    assert_int_equal (store_apply (self->store, &write), 0);
    for (int number = 1; number <= MANY; number++) {
        write = (step_write_t){.kind = STEP_WRITE_ATTEMPT};
        write.as.attempt = (row_attempt_t){.incident = incident.id,
                                           .number = number,
                                           .state = ROW_ATTEMPT_ENDED,
                                           .outcome = VERDICT_LOST,
                                           .exit_code = -1};
        if (number == 3) {
            write.as.attempt.outcome = VERDICT_AGENT;
            write.as.attempt.started = true;
        }
        if (number >= GIVEN_BACK) {
            write.as.attempt.outcome = VERDICT_AGENT;
            write.as.attempt.started = true;
            write.as.attempt.class = number % 2 ? RUN_CLASS_RATE_LIMITED : RUN_CLASS_CONFIG;
        }
        if (number == 20)
            write.as.attempt.state = ROW_ATTEMPT_SUPERSEDED;
        if (number == MANY)
            write.as.attempt.state = ROW_ATTEMPT_LIVE;
        assert_int_equal (store_apply (self->store, &write), 0);
    }
    assert_int_equal (store_commit (self->store), 0);
    store_reader_t *reader = NULL;
    row_attempt_t rows [MAX];
    assert_int_equal (store_reader_open (self->path, &reader, &self->diag), 0);
    assert_int_equal (store_reader_attempts (reader, incident.id.text, rows, MAX), MAX);
    assert_int_equal (rows [0].number, 3);
    assert_int_equal (rows [1].number, 20);
    for (int i = 2; i < MAX; i++)
        assert_int_equal (rows [i].number, MANY - MAX + 1 + i);
    store_reader_destroy (&reader);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        TEST (test_the_attempts_that_matter_are_found_among_many),
        TEST (test_every_column_of_every_row_comes_back_after_a_reopen),
        TEST (test_load_hands_open_rows_to_step),
        TEST (test_load_hands_over_no_more_ended_incidents_than_are_kept),
        TEST (test_the_last_record_of_every_topic_is_kept),
        TEST (test_the_breaker_its_alerts_and_messages_being_sent_are_read_back),
        TEST (test_an_event_is_known_from_the_turn_that_took_it_and_unique),
        TEST (test_a_rollback_forgets_the_turn_and_the_next_one_works),
        TEST (test_a_row_written_again_replaces_itself),
        TEST (test_an_effect_of_a_known_key_replaces_the_old_one),
        TEST (test_the_writer_reads_one_incident_as_the_turn_left_it),
        TEST (test_no_write_means_no_transaction),
        TEST (test_pages_go_from_the_newest_to_the_oldest_without_gap),
        TEST (test_a_body_comes_back_from_the_row_or_from_its_file),
        TEST (test_a_full_disk_rolls_back_refuses_and_resumes),
        TEST (test_another_writer_makes_the_turn_busy_and_nothing_is_lost),
        TEST (test_a_second_open_is_refused_while_the_first_lives),
        TEST (test_a_damaged_file_is_refused_with_instructions),
        TEST (test_a_schema_of_another_version_is_refused),
        TEST (test_the_wal_is_checkpointed_and_does_not_grow_without_end),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
