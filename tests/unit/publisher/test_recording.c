//  Tests of publisher/recording: files become tapes, bad lines are reported, later rounds differ.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/digest.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "publisher/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#define FAULT(cluster, name, time)                                                                 \
    "{\"cluster\":\"" cluster "\",\"faultId\":\"aa\",\"faultType\":\"CrashLoop\",\"resource\":{"   \
    "\"kind\":\"Pod\",\"name\":\"" name "\",\"uid\":\"u-" name "\"},\"timestamp\":\"" time "\"}\n"
#define EVENT                                                                                      \
    "{\"cluster\":\"b\",\"event\":{\"reason\":\"BackOff\",\"timestamp\":\"2026-01-15T12:00:00Z\"," \
    "\"lastTimestamp\":\"2026-01-15T12:00:00Z\",\"involvedObject\":{\"name\":\"p\"}}%s}\n"

static const char *const both [] = {"one.jsonl", "two.jsonl"};
static char log_text [8192];

static void
s_put (const char *path, const char *text)
{
    FILE *file = fopen (path, "w");
    assert_non_null (file);
    assert_true (fputs (text, file) >= 0);
    assert_int_equal (fclose (file), 0);
}

//  Read, and keep the log lines in log_text.
static int
s_read (const recording_args_t *args, recording_t **ret_recording)
{
    FILE *file = tmpfile ();
    assert_non_null (file);
    log_set_fd (fileno (file));
    int rc = recording_read (args, ret_recording);
    log_set_fd (2);
    rewind (file);
    size_t size = fread (log_text, 1, sizeof (log_text) - 1, file);
    log_text [size] = 0;
    fclose (file);
    return rc;
}

static recording_args_t
s_args (size_t paths)
{
    return (recording_args_t){.paths = both, .path_count = paths, .cluster = "", .cancel_fd = -1};
}

static void
test_each_cluster_gets_its_faults_in_order (void **state)
{
    (void) state;
    own (recording_destroy) recording_t *recording = NULL;
    const recording_cluster_t *clusters = NULL;
    s_put ("one.jsonl", FAULT ("a", "x", "2026-01-15T12:00:00Z") "\n" FAULT (
                            "b", "y", "2026-01-15T12:00:05Z") "{\"odd\":true}\n");
    s_put ("two.jsonl", FAULT ("a", "z", "2026-01-15T12:00:09Z"));
    recording_args_t args = s_args (2);
    assert_int_equal (s_read (&args, &recording), 0);
    assert_int_equal (recording_clusters (recording, &clusters), 3);
    assert_string_equal (clusters [0].name, "a");
    assert_string_equal (clusters [1].name, "b");
    assert_string_equal (clusters [2].name, "default");
    assert_int_equal (clusters [0].tape->count, 2);
    assert_int_equal (clusters [0].tape->span_ms, 10000);
    assert_non_null (strstr (clusters [0].tape->faults [1].text, "u-z"));
}

static void
test_bad_lines_are_told_with_file_and_line_all_at_once (void **state)
{
    (void) state;
    own (recording_destroy) recording_t *recording = NULL;
    s_put ("one.jsonl", FAULT ("a", "x", "t") "{\"cut\":\n");
    s_put ("two.jsonl", "\n\n[1]\n");
    recording_args_t args = s_args (2);
    assert_int_equal (s_read (&args, &recording), ERR_CONFIG);
    assert_null (recording);
    assert_non_null (strstr (log_text, "file=one.jsonl line=2 reason=\"line 1 column"));
    assert_non_null (strstr (log_text, "file=two.jsonl line=3 reason=\"a JSON object is expected"));
}

static void
test_missing_and_empty_files_are_told (void **state)
{
    (void) state;
    own (recording_destroy) recording_t *recording = NULL;
    static const char *const none [] = {"nowhere.jsonl"};
    recording_args_t args = {.paths = none, .path_count = 1, .cluster = "", .cancel_fd = -1};
    assert_int_equal (s_read (&args, &recording), ERR_CONFIG);
    assert_non_null (strstr (log_text, "file=nowhere.jsonl"));
    s_put ("one.jsonl", "\n \n");
    args = s_args (1);
    assert_int_equal (s_read (&args, &recording), ERR_CONFIG);
    assert_non_null (strstr (log_text, "the files hold no fault"));
}

static void
test_more_clusters_than_the_limit_are_refused (void **state)
{
    (void) state;
    own (recording_destroy) recording_t *recording = NULL;
    FILE *file = fopen ("one.jsonl", "w");
    assert_non_null (file);
    for (int at = 0; at < 257; at++)
        fprintf (file, "{\"cluster\":\"c%d\"}\n", at);
    assert_int_equal (fclose (file), 0);
    recording_args_t args = s_args (1);
    assert_int_equal (s_read (&args, &recording), ERR_LIMIT);
    assert_non_null (strstr (log_text, "line=257 reason=\"over a limit: 256 clusters"));
}

static void
test_copies_play_everything_under_names_of_their_own (void **state)
{
    (void) state;
    own (recording_destroy) recording_t *recording = NULL;
    const recording_cluster_t *clusters = NULL;
    s_put ("one.jsonl", FAULT ("a", "x", "t") FAULT ("b", "y", "t"));
    recording_args_t args = s_args (1);
    args.copies = 3;
    args.cluster = "load";
    assert_int_equal (s_read (&args, &recording), 0);
    assert_int_equal (recording_clusters (recording, &clusters), 3);
    assert_string_equal (clusters [0].name, "load-1");
    assert_string_equal (clusters [2].name, "load-3");
    assert_int_equal (clusters [2].tape->count, 2);
    own (json_drop) json_t *played = recording_play (&clusters [2], 1, 0, false);
    assert_string_equal (json_member_text (played, "cluster", ""), "load-3");
}

static void
test_the_first_round_is_as_recorded (void **state)
{
    (void) state;
    own (recording_destroy) recording_t *recording = NULL;
    const recording_cluster_t *clusters = NULL;
    s_put ("one.jsonl", FAULT ("a", "x", "2026-01-15T13:00:00+01:00"));
    recording_args_t args = s_args (1);
    assert_int_equal (s_read (&args, &recording), 0);
    (void) recording_clusters (recording, &clusters);
    own (json_drop) json_t *played = recording_play (&clusters [0], 0, 0, true);
    own (own_mem) char *line = json_line (played);
    assert_string_equal (line, "{\"cluster\":\"a\",\"faultId\":\"aa\",\"faultType\":\"CrashLoop\","
                               "\"resource\":{\"kind\":\"Pod\",\"name\":\"x\",\"uid\":\"u-x\"},"
                               "\"timestamp\":\"2026-01-15T13:00:00+01:00\"}");
}

static void
test_later_rounds_go_on_in_time_and_distinct_ones_are_new_conditions (void **state)
{
    (void) state;
    own (recording_destroy) recording_t *recording = NULL;
    const recording_cluster_t *clusters = NULL;
    s_put ("one.jsonl",
           FAULT ("a", "x", "2026-01-15T12:00:00Z") FAULT ("a", "y", "2026-01-15T12:00:29Z"));
    recording_args_t args = s_args (1);
    assert_int_equal (s_read (&args, &recording), 0);
    (void) recording_clusters (recording, &clusters);
    own (json_drop) json_t *same = recording_play (&clusters [0], 0, 2, false);
    assert_string_equal (json_member_text (same, "timestamp", ""), "2026-01-15T12:01:00Z");
    assert_string_equal (json_member_text (same, "faultId", ""), "aa");

    own (json_drop) json_t *other = recording_play (&clusters [0], 0, 2, true);
    const json_t *resource = json_object_get (other, "resource");
    assert_string_equal (json_member_text (resource, "name", ""), "x-3");
    assert_string_equal (json_member_text (resource, "uid", ""), "u-x-3");
    char hex [DIGEST_HEX];
    const char hashed [] = "a:CrashLoop:u-x-3:";
    digest_hex (hashed, strlen (hashed), hex);
    assert_int_equal (strlen (json_member_text (other, "faultId", "")), 16);
    assert_memory_equal (json_member_text (other, "faultId", ""), hex, 16);
}

static void
test_rounds_beyond_the_calendar_end_with_it (void **state)
{
    (void) state;
    own (recording_destroy) recording_t *recording = NULL;
    const recording_cluster_t *clusters = NULL;
    s_put ("one.jsonl",
           FAULT ("a", "x", "1970-01-02T00:00:00Z") FAULT ("a", "y", "9999-12-31T00:00:00Z"));
    recording_args_t args = s_args (1);
    assert_int_equal (s_read (&args, &recording), 0);
    (void) recording_clusters (recording, &clusters);
    own (json_drop) json_t *far = recording_play (&clusters [0], 0, INT64_MAX / 2, false);
    assert_string_equal (json_member_text (far, "timestamp", ""), "9999-12-31T23:59:59Z");
}

static void
test_events_are_told_from_faults_and_shift_too (void **state)
{
    (void) state;
    own (recording_destroy) recording_t *recording = NULL;
    const recording_cluster_t *clusters = NULL;
    char text [1024];
    int size = snprintf (text, sizeof (text), EVENT, "");
    snprintf (text + size, sizeof (text) - (size_t) size, EVENT, ",\"logs\":[]");
    s_put ("one.jsonl", text);
    recording_args_t args = s_args (1);
    assert_int_equal (s_read (&args, &recording), 0);
    (void) recording_clusters (recording, &clusters);
    assert_true (clusters [0].tape->faults [0].event);
    assert_false (clusters [0].tape->faults [1].event); //  a fault of an older event server
    own (json_drop) json_t *played = recording_play (&clusters [0], 0, 1, true);
    const json_t *event = json_object_get (played, "event");
    assert_string_equal (json_member_text (event, "timestamp", ""), "2026-01-15T12:00:01Z");
    assert_string_equal (json_member_text (event, "lastTimestamp", ""), "2026-01-15T12:00:01Z");
    assert_string_equal (json_member_text (json_object_get (event, "involvedObject"), "name", ""),
                         "p-2");
    assert_null (json_object_get (played, "faultId"));
}

//  Standard input that never ends; the caller's signal ends the reading.
static void
test_reading_standard_input_can_be_cancelled (void **state)
{
    (void) state;
    own (recording_destroy) recording_t *recording = NULL;
    static const char *const input [] = {"-"};
    int ends [2];
    assert_int_equal (pipe (ends), 0);
    assert_int_equal (dup2 (ends [0], STDIN_FILENO), STDIN_FILENO);
    own (own_fd) int cancel = eventfd (1, EFD_CLOEXEC);
    recording_args_t args = {.paths = input, .path_count = 1, .cluster = "", .cancel_fd = cancel};
    assert_int_equal (s_read (&args, &recording), -EINTR);
    assert_int_equal (write (ends [1], "{}\n", 3), 3);
    close (ends [1]);
    args.cancel_fd = -1;
    assert_int_equal (s_read (&args, &recording), 0);
    close (ends [0]);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_each_cluster_gets_its_faults_in_order),
        cmocka_unit_test (test_bad_lines_are_told_with_file_and_line_all_at_once),
        cmocka_unit_test (test_missing_and_empty_files_are_told),
        cmocka_unit_test (test_more_clusters_than_the_limit_are_refused),
        cmocka_unit_test (test_copies_play_everything_under_names_of_their_own),
        cmocka_unit_test (test_the_first_round_is_as_recorded),
        cmocka_unit_test (test_later_rounds_go_on_in_time_and_distinct_ones_are_new_conditions),
        cmocka_unit_test (test_rounds_beyond_the_calendar_end_with_it),
        cmocka_unit_test (test_events_are_told_from_faults_and_shift_too),
        cmocka_unit_test (test_reading_standard_input_can_be_cancelled),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
