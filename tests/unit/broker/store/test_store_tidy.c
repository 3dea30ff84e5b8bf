//  Old event ids and the files of large events: which are deleted and which are kept.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/store/store_case.h"

#include "broker/base/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t s_now_ms = 1767225600000;

static void
test_old_event_ids_go_with_their_files_but_not_those_of_open_incidents (void **state)
{
    store_case_t *self = *state;
    const int64_t now_ms = 2 * (int64_t) LIMIT_EVENT_KEEP_MS;
    const row_incident_t open = store_case_incident (1, INCIDENT_PENDING);
    const row_incident_t closed = store_case_incident (2, INCIDENT_REPORTED);
    const row_incident_t fresh = store_case_incident (3, INCIDENT_REPORTED);
    store_case_put_incident (self->store, &open);
    store_case_put_incident (self->store, &closed);
    store_case_put_incident (self->store, &fresh);
    step_write_t event = store_case_event (&open, "{}", 5);
    store_case_apply (self->store, &event);
    event = store_case_event (&fresh, "{}", now_ms - 1000);
    store_case_apply (self->store, &event);
    event = store_case_event (&closed, NULL, 5);
    digest_hex ("large", 5, event.as.event.body_sha);
    char path [200], dir [160], name [80];
    snprintf (dir, sizeof dir, "%s/state/events", self->dir);
    snprintf (name, sizeof name, "%s.json", event.as.event.body_sha);
    assert_int_equal (blob_write (dir, name, "large", 5, "save"), 0);
    blob_event_path (self->path, event.as.event.body_sha, path, sizeof path);
    store_case_apply (self->store, &event);
    assert_int_equal (store_commit (self->store), 0);
    assert_int_equal (store_tidy (self->store, now_ms), 0);
    ident_t found;
    struct stat st;
    assert_int_equal (store_case_known (self, "local", "event-1", &found), 1);
    assert_int_equal (store_case_known (self, "local", "event-2", &found), 0);
    assert_int_equal (store_case_known (self, "local", "event-3", &found), 1);
    assert_int_not_equal (stat (path, &st), 0);
}

//  A file beside the store, old enough to be removed; its digest in ret_sha.
static void
s_body_file (store_case_t *self, const char *text, int64_t age_ms, char ret_sha [DIGEST_HEX],
             char ret_path [256])
{
    char dir [160], name [80];
    snprintf (dir, sizeof dir, "%s/state/events", self->dir);
    digest_hex (text, strlen (text), ret_sha);
    snprintf (name, sizeof name, "%s.json", ret_sha);
    assert_int_equal (blob_write (dir, name, text, strlen (text), "save"), 0);
    snprintf (ret_path, 256, "%s/%s", dir, name);
    const struct timespec times [2] = {{.tv_nsec = UTIME_OMIT},
                                       {.tv_sec = (s_now_ms - age_ms) / 1000}};
    assert_int_equal (utimensat (AT_FDCWD, ret_path, times, 0), 0);
}

static void
test_old_files_without_a_row_are_removed_and_no_others (void **state)
{
    store_case_t *self = *state;
    char sha [DIGEST_HEX], named [256], orphan [256], young [256], other [256];
    s_body_file (self, "other", LIMIT_ORPHAN_MS + 1000, sha, orphan);
    snprintf (other, sizeof other, "%s/state/events/notes.txt", self->dir);
    assert_int_equal (rename (orphan, other), 0);
    s_body_file (self, "orphan", LIMIT_ORPHAN_MS + 1000, sha, orphan);
    s_body_file (self, "young", LIMIT_ORPHAN_MS - 1000, sha, young);
    s_body_file (self, "named", LIMIT_ORPHAN_MS + 1000, sha, named);
    const row_incident_t closed = store_case_incident (1, INCIDENT_SUPPRESSED);
    store_case_put_incident (self->store, &closed);
    step_write_t event = store_case_event (&closed, NULL, s_now_ms - LIMIT_EVENT_KEEP_MS / 2);
    memcpy (event.as.event.body_sha, sha, sizeof sha);
    store_case_apply (self->store, &event);
    assert_int_equal (store_commit (self->store), 0);
    assert_int_equal (store_tidy (self->store, s_now_ms), 0);
    assert_int_not_equal (access (orphan, F_OK), 0);
    assert_int_equal (access (young, F_OK), 0);
    assert_int_equal (access (named, F_OK), 0);
    assert_int_equal (access (other, F_OK), 0); //  not ours
    //  the row of the suppressed event has expired
    assert_int_equal (store_tidy (self->store, s_now_ms + LIMIT_EVENT_KEEP_MS), 0);
    assert_int_not_equal (access (named, F_OK), 0);
    assert_int_not_equal (access (young, F_OK), 0);
}

static void
test_many_files_without_a_row_are_removed_in_small_pieces (void **state)
{
    store_case_t *self = *state;
    enum { FILES = LIMIT_SWEEP_ENTRIES * 2 + 10 };
    char sha [DIGEST_HEX], path [256], text [16];
    for (int i = 0; i < FILES; i++) {
        snprintf (text, sizeof text, "%d", i);
        s_body_file (self, text, LIMIT_ORPHAN_MS + 1000, sha, path);
    }
    int calls = 0;
    while (store_tidy (self->store, s_now_ms) > 0)
        calls++;
    assert_int_equal (calls, 2);
    char dir [160];
    snprintf (dir, sizeof dir, "%s/state/events", self->dir);
    assert_int_equal (rmdir (dir), 0); //  empty
}

//  A row must not name a missing file, whoever removed it.
static void
test_an_event_whose_file_is_gone_is_told_apart (void **state)
{
    store_case_t *self = *state;
    char sha [DIGEST_HEX], path [256];
    s_body_file (self, "body", 0, sha, path);
    row_event_t row = {.source = "local", .event_id = "event-1"};
    memcpy (row.body_sha, sha, sizeof sha);
    ident_t found;
    assert_int_equal (store_known_event (self->store, &row, &found), 0);
    assert_int_equal (unlink (path), 0);
    assert_int_equal (store_known_event (self->store, &row, &found), -ENOENT);
    const row_incident_t incident = store_case_incident (1, INCIDENT_PENDING);
    store_case_put_incident (self->store, &incident);
    const step_write_t event = store_case_event (&incident, "{}", 5);
    store_case_apply (self->store, &event);
    assert_int_equal (store_known_event (self->store, &row, &found), 1); //  a repeat needs no file
}

//  When the delete cannot be committed, the file is kept.
static void
test_a_file_goes_only_after_its_row_is_durably_gone (void **state)
{
    store_case_t *self = *state;
    char sha [DIGEST_HEX], path [256];
    s_body_file (self, "body", 0, sha, path);
    const row_incident_t closed = store_case_incident (1, INCIDENT_REPORTED);
    store_case_put_incident (self->store, &closed);
    step_write_t event = store_case_event (&closed, NULL, 5);
    memcpy (event.as.event.body_sha, sha, sizeof sha);
    store_case_apply (self->store, &event);
    assert_int_equal (store_commit (self->store), 0);
    sqlite3 *other = NULL;
    assert_int_equal (sqlite3_open (self->path, &other), SQLITE_OK);
    assert_int_equal (sqlite3_exec (other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal (store_tidy (self->store, s_now_ms), 0);
    assert_int_equal (access (path, F_OK), 0);
    assert_int_equal (sqlite3_exec (other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close (other);
    assert_int_equal (store_tidy (self->store, s_now_ms), 0);
    assert_int_not_equal (access (path, F_OK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, store_case_setup, store_case_teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        TEST (test_old_event_ids_go_with_their_files_but_not_those_of_open_incidents),
        TEST (test_old_files_without_a_row_are_removed_and_no_others),
        TEST (test_many_files_without_a_row_are_removed_in_small_pieces),
        TEST (test_an_event_whose_file_is_gone_is_told_apart),
        TEST (test_a_file_goes_only_after_its_row_is_durably_gone),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
