//  Which incidents may be removed, and what goes with them.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/store/store_case.h"

#include "broker/store/store_retain.h"
#include "common/base/clk.h"
#include "common/base/own.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 1000 };

//  An incident that was last seen and over at these times.
static row_incident_t
s_put (store_case_t *self, int number, incident_state_t state, int64_t seen_ms, int64_t over_ms)
{
    row_incident_t row = store_case_incident (number, state);
    row.last_seen_ms = seen_ms;
    row.completed_ms = over_ms;
    store_case_put_incident (self->store, &row);
    return row;
}

static void
s_put_folder (store_case_t *self, const row_incident_t *incident, int64_t bytes, int64_t saved_ms)
{
    store_case_apply (self->store, &(step_write_t){.kind = STEP_WRITE_FOLDER,
                                                   .as.folder = {.incident = incident->id,
                                                                 .bytes = bytes,
                                                                 .saved_ms = saved_ms}});
}

static void
s_put_effect (store_case_t *self, int64_t id, const row_incident_t *incident, const char *key,
              row_effect_state_t state)
{
    step_write_t write = {.kind = STEP_WRITE_EFFECT, .as.effect = {.id = id, .state = state}};
    if (incident)
        write.as.effect.incident = incident->id;
    snprintf (write.as.effect.key, sizeof write.as.effect.key, "%s", key);
    store_case_apply (self->store, &write);
}

static void
s_put_record (store_case_t *self, int64_t seq, const char *kind, int64_t at_ms,
              const row_incident_t *incident)
{
    step_write_t write = {.kind = STEP_WRITE_RECORD,
                          .as.record = {.seq = seq, .at_ms = at_ms, .cluster = "prod"}};
    snprintf (write.as.record.kind, sizeof write.as.record.kind, "%s", kind);
    if (incident)
        write.as.record.incident = incident->id;
    store_case_apply (self->store, &write);
}

static void
s_commit (store_case_t *self)
{
    assert_int_equal (store_commit (self->store), 0);
}

//  The numbers of all that a whole pass finds, as text.
static void
s_pass (store_case_t *self, const store_retain_rule_t *rule, bool removes,
        store_retain_pass_t *ret_pass, char *ret_numbers, size_t size)
{
    step_retire_t found [8];
    size_t used = 0;
    ret_numbers [0] = '\0';
    store_retain_begin (ret_pass, rule);
    while (!ret_pass->over) {
        const int count = store_retain_next (self->store, ret_pass, removes ? found : NULL, 8);
        assert_true (count >= 0);
        for (int i = 0; removes && i < count; i++) {
            used += (size_t) snprintf (ret_numbers + used, size - used, "%s%d", used ? " " : "",
                                       atoi (found [i].incident.text + sizeof STORE_CASE_ID - 6));
            store_case_apply (self->store, &(step_write_t){.kind = STEP_WRITE_RETIRE,
                                                           .as.retire = found [i].incident});
        }
        if (removes)
            s_commit (self);
    }
}

static int64_t
s_number (store_case_t *self, const char *sql)
{
    return store_db_number (self->store->db, sql, -1);
}

static void
test_what_is_over_and_unseen_for_long_may_go_oldest_first (void **state)
{
    store_case_t *self = *state;
    row_incident_t row = s_put (self, 1, INCIDENT_REPORTED, 900, 950);
    (void) s_put (self, 2, INCIDENT_PENDING, 100, 0);
    (void) s_put (self, 3, INCIDENT_INVESTIGATING, 100, 0);
    (void) s_put (self, 4, INCIDENT_AGENT_FAILED, 100, 200);
    (void) s_put (self, 5, INCIDENT_REPORTED, 100, 1000); //  over too late
    (void) s_put (self, 6, INCIDENT_REPORTED, 1000, 200); //  still repeats
    row = s_put (self, 7, INCIDENT_REPORTED, 100, 200);   //  its message waits
    s_put_effect (self, 1, &row, "incident/7", ROW_EFFECT_READY);
    row = s_put (self, 8, INCIDENT_FAILED, 100, 300); //  its message has failed for good
    s_put_effect (self, 2, &row, "incident/8", ROW_EFFECT_DEAD);
    row = s_put (self, 9, INCIDENT_REPORTED, 100, 300); //  its message is on its way
    s_put_effect (self, 3, &row, "incident/9", ROW_EFFECT_SENDING);
    (void) s_put (self, 10, INCIDENT_SUPPRESSED, 50, 50);
    (void) s_put (self, 11, INCIDENT_CANCELLED, 999, 999);
    s_commit (self);
    store_retain_pass_t pass;
    char found [128];
    s_pass (self, &(store_retain_rule_t){.before_ms = 1000}, false, &pass, found, sizeof found);
    assert_int_equal (pass.sum.incidents, 5);
    assert_int_equal (pass.sum.oldest_ms, 50);
    assert_int_equal (pass.sum.newest_ms, 999);
    s_pass (self, &(store_retain_rule_t){.before_ms = 1000}, true, &pass, found, sizeof found);
    assert_string_equal (found, "10 4 8 1 11");
    assert_int_equal (s_number (self, "SELECT count (*) FROM incident"), 6);
    s_pass (self, &(store_retain_rule_t){.before_ms = 1000}, true, &pass, found, sizeof found);
    assert_string_equal (found, "");
}

static void
test_nothing_goes_without_a_rule (void **state)
{
    store_case_t *self = *state;
    row_incident_t row = s_put (self, 1, INCIDENT_REPORTED, 1, 1);
    s_put_folder (self, &row, INT64_C (1) << 40, 1);
    s_commit (self);
    store_retain_pass_t pass;
    char found [128];
    s_pass (self, &(store_retain_rule_t){.before_ms = INT64_MIN, .idle_ms = 5000}, true, &pass,
            found, sizeof found);
    assert_string_equal (found, "");
}

static void
test_the_oldest_folders_go_until_the_rest_fits (void **state)
{
    store_case_t *self = *state;
    for (int i = 1; i <= 9; i++) {
        row_incident_t row = s_put (self, i, i == 2 ? INCIDENT_PENDING : INCIDENT_REPORTED,
                                    i == 3 ? 5000 : 10 * i, i == 2 ? 0 : 10 * i);
        s_put_folder (self, &row, 100, 1000 - i); //  the last one was saved first
        if (i == 8)
            s_put_effect (self, 1, &row, "storage/8", ROW_EFFECT_READY);
    }
    s_commit (self);
    assert_int_equal (s_number (self, "SELECT n FROM counted WHERE kind = 2 AND state = 1"), 900);
    store_retain_pass_t pass;
    char found [128];
    const store_retain_rule_t fits = {.before_ms = INT64_MIN, .bytes = 900, .idle_ms = 5000};
    s_pass (self, &fits, true, &pass, found, sizeof found);
    assert_string_equal (found, "");
    const store_retain_rule_t rule = {.before_ms = INT64_MIN, .bytes = 650, .idle_ms = 5000};
    s_pass (self, &rule, false, &pass, found, sizeof found);
    assert_int_equal (pass.sum.incidents, 3);
    assert_int_equal (pass.sum.bytes, 300);
    s_pass (self, &rule, true, &pass, found, sizeof found);
    assert_string_equal (found, "9 7 6");
    const store_retain_rule_t none = {.before_ms = INT64_MIN, .bytes = 1, .idle_ms = 5000};
    s_pass (self, &none, true, &pass, found, sizeof found);
    assert_string_equal (found, "5 4 1"); //  2 is open, 3 was seen just now, 8 is being saved
    assert_int_equal (s_number (self, "SELECT n FROM counted WHERE kind = 2 AND state = 1"), 300);
    assert_int_equal (s_number (self, "SELECT n FROM counted WHERE kind = 2 AND state = 0"), 3);
}

static void
test_age_and_bytes_together_remove_no_more_than_they_must (void **state)
{
    store_case_t *self = *state;
    for (int i = 1; i <= 6; i++) {
        row_incident_t row = s_put (self, i, INCIDENT_REPORTED, 100 * i, 100 * i);
        s_put_folder (self, &row, 100, 100 * i);
    }
    s_commit (self);
    const store_retain_rule_t rule = {.before_ms = 250, .bytes = 350, .idle_ms = 5000};
    store_retain_pass_t pass;
    char found [128];
    s_pass (self, &rule, false, &pass, found, sizeof found);
    assert_int_equal (pass.sum.incidents, 3);
    s_pass (self, &rule, true, &pass, found, sizeof found);
    assert_string_equal (found, "1 2 3");
}

static void
test_a_removal_that_waits_removes_no_other (void **state)
{
    store_case_t *self = *state;
    for (int i = 1; i <= 4; i++) {
        row_incident_t row = s_put (self, i, INCIDENT_REPORTED, 100 * i, 100 * i);
        s_put_folder (self, &row, 100, 100 * i);
        step_write_t write = {.kind = STEP_WRITE_EFFECT,
                              .as.effect = {.id = i,
                                            .channel = ROW_CHANNEL_RETIRE,
                                            .incident = row.id,
                                            .state = ROW_EFFECT_READY}};
        snprintf (write.as.effect.key, sizeof write.as.effect.key, "retire/%s", row.id.text);
        if (i == 2) //  it has failed for good
            write.as.effect.state = ROW_EFFECT_DEAD;
        if (i < 3)
            store_case_apply (self->store, &write);
    }
    s_commit (self);
    store_retain_pass_t pass;
    char found [128];
    const store_retain_rule_t fits = {.before_ms = INT64_MIN, .bytes = 300, .idle_ms = 5000};
    s_pass (self, &fits, true, &pass, found, sizeof found);
    assert_string_equal (found, "");
    const store_retain_rule_t rule = {.before_ms = INT64_MIN, .bytes = 150, .idle_ms = 5000};
    s_pass (self, &rule, true, &pass, found, sizeof found);
    assert_string_equal (found, "2 3");
}

static void
test_a_folder_counts_with_its_last_size (void **state)
{
    store_case_t *self = *state;
    const char *bytes = "SELECT n FROM counted WHERE kind = 2 AND state = 1";
    row_incident_t row = s_put (self, 1, INCIDENT_REPORTED, 1, 77);
    const row_incident_t gone = store_case_incident (2, INCIDENT_REPORTED);
    s_put_folder (self, &row, 100, 0);
    assert_int_equal (s_number (self, "SELECT saved_ms FROM folder"), 77);
    s_put_folder (self, &row, 250, 90);
    s_put_folder (self, &row, 999, 0); //  found, but it was saved meanwhile
    s_put_folder (self, &gone, 999, 5);
    s_commit (self);
    assert_int_equal (s_number (self, bytes), 250);
    assert_int_equal (s_number (self, "SELECT count (*) FROM folder"), 1);
    own (store_reader_destroy) store_reader_t *reader = NULL;
    store_counts_t counts;
    assert_int_equal (store_reader_open (self->path, &reader, &self->diag), 0);
    assert_int_equal (store_reader_counts (reader, &counts), 0);
    assert_int_equal (counts.folders, 1);
    assert_int_equal (counts.folder_bytes, 250);
    assert_int_equal (counts.oldest_ms, row.created_ms);
    assert_int_equal (counts.incidents [INCIDENT_REPORTED], 1);
}

//  A row of every table that names the incident.
static void
test_all_rows_of_an_incident_go_and_its_event_ids_stay (void **state)
{
    store_case_t *self = *state;
    row_incident_t row = s_put (self, 7, INCIDENT_REPORTED, 1, 1);
    row_incident_t other = s_put (self, 6, INCIDENT_REPORTED, 1, 1);
    for (int i = 0; i < 2; i++) {
        const row_incident_t *it = i ? &other : &row;
        char key [64];
        snprintf (key, sizeof key, "incident/%d", i);
        s_put_effect (self, 9 - i, it, key, ROW_EFFECT_DONE);
        s_put_folder (self, it, 10, 1);
        step_write_t write = {.kind = STEP_WRITE_ATTEMPT,
                              .as.attempt = {.incident = it->id, .number = 1}};
        store_case_apply (self->store, &write);
        write = (step_write_t){.kind = STEP_WRITE_MESSAGE, .as.message = {.incident = it->id}};
        snprintf (write.as.message.key, sizeof write.as.message.key, "%s", key);
        store_case_apply (self->store, &write);
        write = store_case_event (it, "{}", 5);
        store_case_apply (self->store, &write);
    }
    store_case_apply (self->store, &(step_write_t){.kind = STEP_WRITE_RETIRE, .as.retire = row.id});
    s_commit (self);
    static const char *const tables [] = {"incident", "attempt", "effect", "message", "folder"};
    for (size_t i = 0; i < sizeof tables / sizeof tables [0]; i++) {
        char sql [128];
        snprintf (sql, sizeof sql, "SELECT count (*) FROM %s", tables [i]);
        assert_int_equal (s_number (self, sql), 1);
    }
    ident_t known;
    assert_int_equal (store_case_known (self, "local", "event-7", &known), 1);
    assert_string_equal (known.text, row.id.text);
}

static void
test_numbers_of_what_is_gone_are_not_used_again (void **state)
{
    store_case_t *self = *state;
    row_incident_t row = s_put (self, 41, INCIDENT_REPORTED, 1, 1);
    s_put_effect (self, 17, &row, "incident/41", ROW_EFFECT_DONE);
    s_commit (self);
    store_case_apply (self->store, &(step_write_t){.kind = STEP_WRITE_RETIRE, .as.retire = row.id});
    s_commit (self);
    store_destroy (&self->store);
    assert_int_equal (store_open (self->path, &self->store, &self->diag), 0);
    assert_int_equal (s_number (self, "SELECT v FROM meta WHERE k = 'last_number'"), 41);
    assert_int_equal (s_number (self, "SELECT v FROM meta WHERE k = 'last_effect'"), 17);
    const step_settings_t settings = {.dedup_window_ms = 1000, .lease_ttl_ms = 1000};
    own (step_destroy) step_t *core = step_new (&settings, 1);
    const clk_now_t now = {.boot_ms = 5, .wall_ms = 1000100};
    assert_int_equal (store_load (self->store, core, now, 1000), 0);
    const fault_t fault = {.cluster = "prod", .key = "k", .parsed = true};
    step_in_t in = {.kind = STEP_IN_EVENT};
    in.as.event.fault = &fault;
    in.as.event.triage_enabled = true;
    step_begin (core, now);
    assert_int_equal (step (core, &in, now), 0);
    size_t count = 0;
    const step_write_t *writes = step_writes (core, &count);
    for (size_t i = 0; i < count; i++)
        if (writes [i].kind == STEP_WRITE_INCIDENT)
            assert_int_equal (writes [i].as.incident.number, 42);
}

static void
test_records_go_from_the_old_end_up_to_one_that_is_kept (void **state)
{
    store_case_t *self = *state;
    const row_incident_t kept = s_put (self, 1, INCIDENT_REPORTED, 1, 1);
    const row_incident_t gone = store_case_incident (2, INCIDENT_REPORTED);
    s_put_record (self, 1, "incident", 10, &kept); //  too old, though its incident is kept
    s_put_record (self, 2, "attempt", 500, &gone);
    s_put_record (self, 3, "incident", 500, &gone);
    s_put_record (self, 4, "worker", 10, NULL); //  keeps its own share
    s_put_record (self, 5, "incident", 600, &kept);
    s_put_record (self, 6, "incident", 700, &gone); //  behind one that is kept
    s_put_record (self, 7, "attempt", 800, &kept);
    s_commit (self);
    assert_int_equal (store_retain_old (self->store, 100), 0);
    assert_int_equal (s_number (self, "SELECT sum (seq) FROM journal"), 4 + 5 + 6 + 7);
    assert_int_equal (s_number (self, "SELECT n FROM kept WHERE kind = 'incident'"), 2);
    assert_int_equal (store_retain_old (self->store, 650), 0);
    assert_int_equal (s_number (self, "SELECT sum (seq) FROM journal"), 4 + 7);
    assert_int_equal (s_number (self, "SELECT sum (prev) FROM journal"), 0); //  none was changed
}

static void
test_many_old_records_go_in_small_turns (void **state)
{
    store_case_t *self = *state;
    for (int i = 1; i <= 2 * LIMIT_RETAIN_ROWS + 10; i++)
        s_put_record (self, i, "incident", 1, NULL);
    s_commit (self);
    int calls = 1;
    while (store_retain_old (self->store, 100) > 0)
        calls++;
    assert_int_equal (calls, 3);
    assert_int_equal (s_number (self, "SELECT count (*) FROM journal"), 0);
}

static void
test_old_alerts_go_with_their_effects_unless_they_wait (void **state)
{
    store_case_t *self = *state;
    static const row_effect_state_t states [] = {ROW_EFFECT_DONE, ROW_EFFECT_DEAD, ROW_EFFECT_READY,
                                                 ROW_EFFECT_DONE};
    for (int i = 0; i < 4; i++) {
        step_write_t write = {.kind = STEP_WRITE_ALERT, .as.alert = {.at_ms = i == 3 ? 500 : i}};
        snprintf (write.as.alert.key, sizeof write.as.alert.key, "degraded/%d", i);
        store_case_apply (self->store, &write);
        s_put_effect (self, i + 1, NULL, write.as.alert.key, states [i]);
    }
    s_commit (self);
    assert_int_equal (store_retain_old (self->store, 100), 0);
    assert_int_equal (s_number (self, "SELECT count (*) FROM alert"), 2);
    assert_int_equal (s_number (self, "SELECT count (*) FROM effect"), 2);
    assert_int_equal (s_number (self, "SELECT min (id) FROM effect"), 3);
}

//  Does the plan of a statement read a whole table, or sort?
static bool
s_scans (store_case_t *self, sqlite3_stmt *of)
{
    char sql [2048];
    sqlite3_stmt *stmt = NULL;
    bool scans = false;
    snprintf (sql, sizeof sql, "EXPLAIN QUERY PLAN %s", sqlite3_sql (of));
    assert_int_equal (sqlite3_prepare_v2 (self->store->db, sql, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step (stmt) == SQLITE_ROW) {
        const char *text = (const char *) sqlite3_column_text (stmt, 3);
        if (strstr (text, "TEMP B-TREE")
            || (strncmp (text, "SCAN", 4) == 0 && !strstr (text, "CONSTANT"))) {
            print_message ("%s\n", text);
            scans = true;
        }
    }
    sqlite3_finalize (stmt);
    return scans;
}

static void
test_no_look_reads_a_whole_table (void **state)
{
    store_case_t *self = *state;
    assert_false (s_scans (self, self->store->retain_seen));
    assert_false (s_scans (self, self->store->retain_saved));
    assert_false (s_scans (self, self->store->retain_bytes));
    assert_false (s_scans (self, self->store->retain_records));
    assert_false (s_scans (self, self->store->retain_alerts));
    for (int i = 0; i < STORE_DB_RETIRED; i++)
        assert_false (s_scans (self, self->store->retire [i]));
}

static void
test_a_pass_over_many_goes_in_small_turns (void **state)
{
    store_case_t *self = *state;
    for (int i = 1; i <= MANY; i++)
        (void) s_put (self, i, i % 2 ? INCIDENT_PENDING : INCIDENT_SUPPRESSED, 5, 5);
    s_commit (self);
    store_retain_pass_t pass;
    store_retain_begin (&pass, &(store_retain_rule_t){.before_ms = 10});
    int calls = 0, found = 0;
    for (; !pass.over; calls++) {
        const int count = store_retain_next (self->store, &pass, NULL, INT32_MAX);
        assert_in_range (count, 0, LIMIT_RETAIN_ROWS);
        found += count;
    }
    assert_int_equal (found, MANY / 2);
    assert_in_range (calls, MANY / LIMIT_RETAIN_ROWS, MANY / LIMIT_RETAIN_ROWS + 1);
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, store_case_setup, store_case_teardown)
    const struct CMUnitTest tests [] = {
        TEST (test_what_is_over_and_unseen_for_long_may_go_oldest_first),
        TEST (test_nothing_goes_without_a_rule),
        TEST (test_the_oldest_folders_go_until_the_rest_fits),
        TEST (test_age_and_bytes_together_remove_no_more_than_they_must),
        TEST (test_a_removal_that_waits_removes_no_other),
        TEST (test_a_folder_counts_with_its_last_size),
        TEST (test_all_rows_of_an_incident_go_and_its_event_ids_stay),
        TEST (test_numbers_of_what_is_gone_are_not_used_again),
        TEST (test_records_go_from_the_old_end_up_to_one_that_is_kept),
        TEST (test_many_old_records_go_in_small_turns),
        TEST (test_old_alerts_go_with_their_effects_unless_they_wait),
        TEST (test_no_look_reads_a_whole_table),
        TEST (test_a_pass_over_many_goes_in_small_turns),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
