//  Stores of earlier schemas: files written by earlier programs, and each step alone.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/store/store_schema.h"
#include "tests/unit/broker/store/store_case.h"

#include "common/base/own.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *name;
    int64_t schema, resolved; //  records with the old name
} s_golden [] = {{"schema-3/stopped", 3, 9}, {"schema-3/killed", 3, 9},  {"schema-5/stopped", 5, 0},
                 {"schema-5/killed", 5, 0},  {"schema-6/stopped", 6, 0}, {"schema-6/killed", 6, 0}};
enum { S_GOLDEN = sizeof s_golden / sizeof s_golden [0], S_TEXT = 16384 };

//  Returns false when there is no such file.
static bool
s_take (const char *from, const char *to)
{
    static char bytes [LIMIT_KIB (512)];
    FILE *in = fopen (from, "rb"), *out = NULL;
    if (!in)
        return false;
    const size_t size = fread (bytes, 1, sizeof bytes, in);
    assert_in_range (size, 1, sizeof bytes - 1);
    assert_int_equal (fclose (in), 0);
    out = fopen (to, "wb");
    assert_non_null (out);
    assert_int_equal (fwrite (bytes, 1, size, out), size);
    assert_int_equal (fclose (out), 0);
    return true;
}

//  Copy a golden store, and its log if it has one, to the case's path.
static void
s_lay (store_case_t *self, const char *name)
{
    char from [512], to [256];
    store_destroy (&self->store);
    assert_int_equal (unlink (self->path), 0);
    snprintf (from, sizeof from, "%s/%s/broker.db", TRIAGE_GOLDEN_DIR, name);
    assert_true (s_take (from, self->path));
    snprintf (from, sizeof from, "%s/%s/broker.db-wal", TRIAGE_GOLDEN_DIR, name);
    snprintf (to, sizeof to, "%s-wal", self->path);
    (void) s_take (from, to);
}

static void
s_open (store_case_t *self)
{
    const int rc = store_open (self->path, &self->store, &self->diag);
    if (rc < 0)
        fail_msg ("%s", self->diag.text);
}

//  Run one statement on a file that no broker uses.
static void
s_exec (const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal (sqlite3_open (path, &db), SQLITE_OK);
    assert_int_equal (sqlite3_exec (db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal (sqlite3_close (db), SQLITE_OK);
}

static int64_t
s_number (const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal (sqlite3_open (path, &db), SQLITE_OK);
    const int64_t number = store_db_number (db, sql, -1);
    assert_int_equal (sqlite3_close (db), SQLITE_OK);
    return number;
}

static int64_t
s_version (const char *path)
{
    return s_number (path, "SELECT v FROM meta WHERE k = 'schema_version'");
}

//  All rows of a statement with one column, one per line.
static void
s_lines (sqlite3 *db, const char *sql, char ret_text [S_TEXT])
{
    sqlite3_stmt *stmt = NULL;
    size_t size = 0;
    assert_int_equal (sqlite3_prepare_v2 (db, sql, -1, &stmt, NULL), SQLITE_OK);
    ret_text [0] = '\0';
    while (sqlite3_step (stmt) == SQLITE_ROW) {
        size += (size_t) snprintf (ret_text + size, S_TEXT - size, "%s\n",
                                   (const char *) sqlite3_column_text (stmt, 0));
        assert_in_range (size, 1, S_TEXT - 1);
    }
    sqlite3_finalize (stmt);
}

//  All differences that matter to the program; the order of columns and their defaults do not.
static void
s_shape (store_t *store, char ret_text [S_TEXT])
{
    s_lines (store->db,
             "SELECT m.type || ' ' || m.name || ' ' || coalesce (group_concat (c.text, ', '), '')"
             " FROM sqlite_schema m LEFT JOIN (SELECT t.name AS owner,"
             " c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || c.pk AS text"
             " FROM sqlite_schema t, pragma_table_info (t.name) c ORDER BY 1, 2) c"
             " ON c.owner = m.name GROUP BY m.type, m.name ORDER BY 1",
             ret_text);
}

static void
test_a_golden_store_gets_the_schema_of_a_new_one (void **state)
{
    store_case_t *self = *state;
    static char fresh [S_TEXT], migrated [S_TEXT];
    s_shape (self->store, fresh);
    assert_non_null (strstr (fresh, "table incident "));
    for (size_t i = 0; i < S_GOLDEN; i++) {
        s_lay (self, s_golden [i].name);
        s_open (self);
        s_shape (self->store, migrated);
        assert_string_equal (migrated, fresh);
    }
}

static void
test_a_golden_store_is_copied_before_it_is_migrated (void **state)
{
    store_case_t *self = *state;
    char copy [256], temporary [280];
    struct stat st;
    for (size_t i = 0; i < S_GOLDEN; i++) {
        snprintf (copy, sizeof copy, "%s.schema-%d", self->path, (int) s_golden [i].schema);
        snprintf (temporary, sizeof temporary, "%s.tmp", copy);
        s_lay (self, s_golden [i].name);
        assert_true (s_take (self->path, temporary)); //  left by a start that was killed
        s_open (self);
        store_destroy (&self->store);
        assert_int_equal (stat (copy, &st), 0);
        assert_int_equal (st.st_mode & 0777, 0600);
        assert_true (stat (temporary, &st) < 0 && errno == ENOENT);
        assert_int_equal (s_version (self->path), STORE_SCHEMA);
        assert_int_equal (s_version (copy), s_golden [i].schema);
        assert_int_equal (s_number (copy, "SELECT count (*) FROM incident"), 27);
        assert_int_equal (
            s_number (copy, "SELECT count (*) FROM journal WHERE change = 'resolved'"),
            s_golden [i].resolved);
        assert_int_equal (s_number (self->path, "SELECT count (*) FROM journal"),
                          s_number (copy, "SELECT count (*) FROM journal"));
    }
    //  the next start has nothing to do
    assert_int_equal (unlink (copy), 0);
    s_open (self);
    assert_true (stat (copy, &st) < 0 && errno == ENOENT);
}

//  An earlier copy may have a log: somebody worked with it, and was killed.  SQLite would write
//  that log into the new copy as soon as the copy is opened.
static void
test_the_log_of_an_earlier_copy_goes_with_it (void **state)
{
    store_case_t *self = *state;
    static const char *const suffixes [] = {"-wal", "-shm", "-journal"};
    char copy [256], path [280], kept [280];
    struct stat st;
    sqlite3 *db = NULL;
    snprintf (copy, sizeof copy, "%s.schema-3", self->path);
    snprintf (path, sizeof path, "%s-wal", copy);
    snprintf (kept, sizeof kept, "%s-kept", copy);
    s_lay (self, s_golden [0].name);
    s_open (self);
    assert_int_equal (sqlite3_open (copy, &db), SQLITE_OK);
    assert_int_equal (sqlite3_exec (db, "DELETE FROM journal", NULL, NULL, NULL), SQLITE_OK);
    assert_true (s_take (path, kept));
    assert_int_equal (sqlite3_close (db), SQLITE_OK);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes [0]; i++) {
        snprintf (path, sizeof path, "%s%s", copy, suffixes [i]);
        assert_true (s_take (kept, path));
    }
    s_lay (self, s_golden [0].name);
    s_open (self);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes [0]; i++) {
        snprintf (path, sizeof path, "%s%s", copy, suffixes [i]);
        assert_true (stat (path, &st) < 0 && errno == ENOENT);
    }
    assert_int_equal (s_number (copy, "SELECT count (*) FROM journal"),
                      s_number (self->path, "SELECT count (*) FROM journal"));
}

//  A start by hand, as root: the way back is for the store's own user.
static void
test_the_copy_belongs_to_who_owns_the_store (void **state)
{
    store_case_t *self = *state;
    char copy [256];
    struct stat st;
    const uid_t owner = geteuid () == 0 ? 1234 : geteuid ();
    snprintf (copy, sizeof copy, "%s.schema-3", self->path);
    s_lay (self, s_golden [0].name);
    assert_int_equal (chown (self->path, owner, (gid_t) -1), 0);
    s_open (self);
    assert_int_equal (stat (copy, &st), 0);
    assert_int_equal (st.st_uid, owner);
    assert_int_equal (st.st_mode & 07777, 0600);
}

//  A large store is not checked before it is migrated.  The start after that one checks it first,
//  and does not put damage in the place of a copy.
static void
test_damage_that_a_step_meets_is_marked (void **state)
{
    store_case_t *self = *state;
    static char page [4096];
    char copy [256], mark [256];
    struct stat st;
    snprintf (copy, sizeof copy, "%s.schema-3", self->path);
    snprintf (mark, sizeof mark, "%s.damaged", self->path);
    s_lay (self, s_golden [0].name);
    s_exec (self->path,
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)"
            " INSERT INTO event SELECT NULL, 's', i, '', 0, randomblob (100000), 100000, ''"
            " FROM n");
    const int64_t root =
        s_number (self->path, "SELECT rootpage FROM sqlite_schema WHERE name = 'journal'");
    FILE *file = fopen (self->path, "r+b");
    assert_non_null (file);
    memset (page, 0xa5, sizeof page);
    assert_int_equal (fseek (file, (long) (root - 1) * (long) sizeof page, SEEK_SET), 0);
    assert_int_equal (fwrite (page, 1, sizeof page, file), sizeof page);
    assert_int_equal (fclose (file), 0);
    for (int i = 0; i < 2; i++) {
        (void) unlink (copy);
        assert_int_equal (store_open (self->path, &self->store, &self->diag), -EBADMSG);
        assert_non_null (strstr (self->diag.text, "is damaged"));
        assert_int_equal (s_version (self->path), 3);
        assert_int_equal (stat (mark, &st), 0);
        assert_int_equal (stat (copy, &st) == 0, i == 0);
    }
}

static void
test_without_a_copy_nothing_is_migrated (void **state)
{
    store_case_t *self = *state;
    char temporary [256];
    snprintf (temporary, sizeof temporary, "%s.schema-3.tmp", self->path);
    s_lay (self, s_golden [0].name);
    assert_int_equal (mkdir (temporary, 0700), 0);
    assert_int_equal (store_open (self->path, &self->store, &self->diag), ERR_STORE);
    assert_non_null (strstr (self->diag.text, "cannot be copied"));
    assert_int_equal (s_version (self->path), 3);
    assert_int_equal (rmdir (temporary), 0);
    s_open (self);
}

//  What step 6 adds, and what step 5 adds.
static const char s_without_6 [] =
    "DROP INDEX incident_streak; ALTER TABLE incident DROP COLUMN streak;"
    "ALTER TABLE incident DROP COLUMN ended_occurrences;"
    "ALTER TABLE incident DROP COLUMN revived; ALTER TABLE effect DROP COLUMN receiver;"
    "ALTER TABLE breaker DROP COLUMN streak; ALTER TABLE breaker DROP COLUMN count_1; ALTER TABLE "
    "breaker DROP COLUMN count_2;"
    "ALTER TABLE breaker DROP COLUMN count_3; ALTER TABLE breaker DROP COLUMN reviving;"
    "ALTER TABLE alert DROP COLUMN count_1; ALTER TABLE alert DROP COLUMN count_2;"
    "ALTER TABLE alert DROP COLUMN count_3; ALTER TABLE alert DROP COLUMN revives;"
    "DROP TABLE message; DROP TABLE folder; DROP TABLE retention;";
static const char s_without_5 [] =
    "ALTER TABLE incident DROP COLUMN partial; ALTER TABLE incident DROP COLUMN counted;"
    "ALTER TABLE incident DROP COLUMN given_back; ALTER TABLE incident DROP COLUMN given_back_ms;"
    "ALTER TABLE attempt DROP COLUMN class; ALTER TABLE attempt DROP COLUMN usage_agent;"
    "ALTER TABLE attempt DROP COLUMN usage_version; ALTER TABLE attempt DROP COLUMN usage_model;"
    "ALTER TABLE attempt DROP COLUMN usage_calls; ALTER TABLE attempt DROP COLUMN usage_turns;"
    "ALTER TABLE attempt DROP COLUMN usage_input; ALTER TABLE attempt DROP COLUMN usage_output;"
    "ALTER TABLE attempt DROP COLUMN usage_cache_read;"
    "ALTER TABLE attempt DROP COLUMN usage_cache_write;"
    "ALTER TABLE attempt DROP COLUMN usage_cost_micro_usd;"
    "ALTER TABLE attempt DROP COLUMN usage_duration_ms;";

//  A store of this program, turned into one of an earlier version.
static void
s_set_back (store_case_t *self, int version, const char *sql)
{
    char set [128];
    store_destroy (&self->store);
    s_exec (self->path, s_without_6);
    if (version < 6)
        s_exec (self->path, s_without_5);
    snprintf (set, sizeof set, "UPDATE meta SET v = %d WHERE k = 'schema_version'", version);
    s_exec (self->path, set);
    s_exec (self->path, sql);
    s_open (self);
    store_destroy (&self->store);
    assert_int_equal (s_version (self->path), STORE_SCHEMA);
}

static void
s_put_incident (store_t *store, int number, incident_state_t state)
{
    step_write_t write = {.kind = STEP_WRITE_INCIDENT};
    row_incident_t *row = &write.as.incident;
    snprintf (row->id.text, sizeof row->id.text, "0190a000-0000-7000-8000-%012d", number);
    row->number = number;
    row->state = state;
    assert_int_equal (store_apply (store, &write), 0);
}

static void
test_step_3_counts_what_was_counted_wrong_or_not_at_all (void **state)
{
    store_case_t *self = *state;
    s_put_incident (self->store, 1, INCIDENT_PENDING);
    s_put_incident (self->store, 2, INCIDENT_REPORTED);
    s_put_incident (self->store, 3, INCIDENT_REPORTED);
    assert_int_equal (store_commit (self->store), 0);
    s_set_back (self, 3, "UPDATE counted SET n = 7; DROP TABLE kept; DROP INDEX journal_kind");
    assert_int_equal (s_number (self->path, "SELECT n FROM counted WHERE kind = 0 AND state = 3"),
                      2);
    assert_int_equal (s_number (self->path, "SELECT sum (n) FROM counted"), 3);
    assert_int_equal (s_number (self->path, "SELECT count (*) FROM kept"), 0);
    assert_int_equal (
        s_number (self->path, "SELECT count (*) FROM sqlite_schema WHERE name = 'journal_kind'"),
        1);
}

static void
test_step_4_names_records_as_states_are_named_now (void **state)
{
    store_case_t *self = *state;
    static const char *const kinds [] = {"incident", "worker"};
    for (int i = 0; i < 2; i++) {
        step_write_t write = {.kind = STEP_WRITE_RECORD};
        write.as.record.seq = i + 1;
        snprintf (write.as.record.kind, sizeof write.as.record.kind, "%s", kinds [i]);
        snprintf (write.as.record.change, sizeof write.as.record.change, "resolved");
        assert_int_equal (store_apply (self->store, &write), 0);
    }
    assert_int_equal (store_commit (self->store), 0);
    s_set_back (self, 4, "");
    assert_int_equal (s_number (self->path, "SELECT seq FROM journal WHERE change = 'reported'"),
                      1);
    assert_int_equal (s_number (self->path, "SELECT seq FROM journal WHERE change = 'resolved'"),
                      2);
}

static void
test_step_5_says_what_is_not_known_of_earlier_runs (void **state)
{
    store_case_t *self = *state;
    step_write_t write = {.kind = STEP_WRITE_ATTEMPT, .as.attempt = {.number = 1}};
    s_put_incident (self->store, 1, INCIDENT_AGENT_FAILED);
    s_put_incident (self->store, 2, INCIDENT_PENDING);
    snprintf (write.as.attempt.incident.text, sizeof write.as.attempt.incident.text,
              "0190a000-0000-7000-8000-%012d", 1);
    assert_int_equal (store_apply (self->store, &write), 0);
    assert_int_equal (store_commit (self->store), 0);
    s_set_back (self, 5, "");
    assert_int_equal (s_number (self->path, "SELECT counted FROM incident WHERE number = 1"), 1);
    assert_int_equal (s_number (self->path, "SELECT counted FROM incident WHERE number = 2"), 0);
    assert_int_equal (s_number (self->path, "SELECT usage_calls + usage_cost_micro_usd FROM attempt"
                                            " WHERE class = 0 AND usage_model = ''"),
                      -2);
}

static void
test_step_6_names_the_receiver_of_messages (void **state)
{
    store_case_t *self = *state;
    const row_channel_t channels [] = {ROW_CHANNEL_STORAGE, ROW_CHANNEL_MESSAGE};
    for (int i = 0; i < 2; i++) {
        step_write_t write = {.kind = STEP_WRITE_EFFECT};
        write.as.effect = (row_effect_t){.id = i + 1, .channel = channels [i]};
        snprintf (write.as.effect.key, sizeof write.as.effect.key, "key/%d", i);
        assert_int_equal (store_apply (self->store, &write), 0);
    }
    assert_int_equal (store_commit (self->store), 0);
    s_set_back (self, 6, "");
    assert_int_equal (s_number (self->path, "SELECT id FROM effect WHERE receiver = 'slack'"), 2);
    assert_int_equal (s_number (self->path, "SELECT id FROM effect WHERE receiver = ''"), 1);
}

static void
test_schemas_that_no_step_begins_or_ends_with_are_refused (void **state)
{
    store_case_t *self = *state;
    const int others [] = {STORE_SCHEMA_OLDEST - 1, STORE_SCHEMA + 1};
    for (size_t i = 0; i < 2; i++) {
        char sql [128], copy [256];
        struct stat st;
        store_destroy (&self->store);
        snprintf (sql, sizeof sql, "UPDATE meta SET v = %d WHERE k = 'schema_version'", others [i]);
        s_exec (self->path, sql);
        assert_int_equal (store_open (self->path, &self->store, &self->diag), -EBADMSG);
        assert_non_null (strstr (self->diag.text, "use the version that wrote it"));
        assert_int_equal (s_version (self->path), others [i]);
        snprintf (copy, sizeof copy, "%s.schema-%d", self->path, others [i]);
        assert_true (stat (copy, &st) < 0 && errno == ENOENT);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, store_case_setup, store_case_teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        TEST (test_a_golden_store_gets_the_schema_of_a_new_one),
        TEST (test_a_golden_store_is_copied_before_it_is_migrated),
        TEST (test_the_log_of_an_earlier_copy_goes_with_it),
        TEST (test_the_copy_belongs_to_who_owns_the_store),
        TEST (test_damage_that_a_step_meets_is_marked),
        TEST (test_without_a_copy_nothing_is_migrated),
        TEST (test_step_3_counts_what_was_counted_wrong_or_not_at_all),
        TEST (test_step_4_names_records_as_states_are_named_now),
        TEST (test_step_5_says_what_is_not_known_of_earlier_runs),
        TEST (test_step_6_names_the_receiver_of_messages),
        TEST (test_schemas_that_no_step_begins_or_ends_with_are_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
