//  test_tap_view - records as lines, and the detection of gaps.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/own.h"
#include "tools/tap_view.h"

#include <string.h>

static json_t *
s_record (const char *topic, int64_t seq, int64_t prev)
{
    const msg_record_t record = {.seq = seq,
                                 .prev = prev,
                                 .at_ms = 1700000000123,
                                 .kind = codec_text ("incident"),
                                 .cluster = codec_text ("prod"),
                                 .change = codec_text ("reported"),
                                 .reason = codec_text ("evil\033[2J\n{\"seq\":1}"),
                                 .attempt = 2,
                                 .worker = codec_text ("w1"),
                                 .occurrences = 3};
    return tap_record (topic, &record);
}

static void
s_expect_seen (const tap_watch_t *watch, const char *topic, int64_t seq, int64_t prev,
               tap_seen_t wanted, int64_t wanted_last)
{
    own (json_drop) json_t *record = s_record (topic, seq, prev);
    int64_t last = -7;
    assert_int_equal (tap_watch_look (watch, record, &last), wanted);
    assert_int_equal (last, wanted_last);
}

static void
s_shown (tap_watch_t *watch, const char *topic, int64_t seq)
{
    own (json_drop) json_t *record = s_record (topic, seq, 0);
    assert_int_equal (tap_watch_shown (watch, record), 0);
}

static void
test_a_line_for_people_cannot_act_on_the_terminal (void **state)
{
    own (json_drop) json_t *record = s_record ("incident/prod/", 5, 4);
    own (buf_fini) buf_t plain = buf_init (4096);
    assert_int_equal (tap_view_line (record, false, &plain), 0);
    assert_null (strpbrk (plain.data, "\033\n\r"));
    assert_non_null (strstr (plain.data, "22:13:20.123Z  incident  reported"));
    assert_non_null (strstr (plain.data, "evil\\x1b[2J\\x0a"));
    assert_non_null (strstr (plain.data, "#2  on w1"));
    assert_non_null (strstr (plain.data, "x3"));
    own (buf_fini) buf_t color = buf_init (4096);
    assert_int_equal (tap_view_line (record, true, &color), 0);
    assert_non_null (strstr (color.data, "\033[32mreported"));
    assert_non_null (strstr (color.data, "\033[0m"));
}

static void
s_expect_end (msg_record_t record, const char *wanted)
{
    record.kind = codec_text ("incident");
    record.change = codec_text ("pending");
    own (json_drop) json_t *value = tap_record ("incident/c/", &record);
    own (buf_fini) buf_t line = buf_init (4096);
    assert_int_equal (tap_view_line (value, false, &line), 0);
    assert_string_equal (strstr (line.data, "pending"), wanted);
}

static void
test_lines_stand_in_columns_also_without_a_namespace (void **state)
{
    const msg_record_t pod = {.cluster = codec_text ("prod"),
                              .severity = codec_text ("critical"),
                              .fault_type = codec_text ("CrashLoop"),
                              .resource = codec_text ("Pod/shop/web-0")};
    const msg_record_t node = {.cluster = codec_text ("a-cluster-with-a-long-name"),
                               .severity = codec_text ("info"),
                               .fault_type = codec_text ("NodeUnhealthy"),
                               .resource = codec_text ("Node//edge-2")};
    const msg_record_t source = {.cluster = codec_text ("prod"),
                                 .severity = codec_text ("info"),
                                 .reason = codec_text ("subscribed")};
    s_expect_end (pod, "pending        prod            critical CrashLoop         Pod/shop/web-0");
    s_expect_end (node, "pending        a-cluster-with-a-long-name info NodeUnhealthy Node/edge-2");
    s_expect_end (source, "pending        prod            info: subscribed");
}

static void
test_a_json_line_has_every_field_and_is_ascii (void **state)
{
    own (json_drop) json_t *record = s_record ("incident/pröd/", 5, 4);
    own (buf_fini) buf_t line = buf_init (4096);
    assert_int_equal (tap_view_json (record, &line), 0);
    for (size_t i = 0; i < line.size; i++)
        assert_true (line.data [i] >= 0x20 && line.data [i] < 0x7f);
    own (json_drop) json_t *again = NULL;
    assert_int_equal (json_parse (line.data, line.size, &again, NULL), 0);
    assert_int_equal (json_equal (record, again), 1);
    assert_int_equal (json_object_size (again), 15);
}

static void
test_a_gap_shows_per_topic (void **state)
{
    own (tap_watch_destroy) tap_watch_t *watch = tap_watch_new ();
    s_expect_seen (watch, "a", 10, 9, TAP_NEXT, -7);
    s_shown (watch, "a", 10);
    s_expect_seen (watch, "b", 20, 15, TAP_NEXT, -7);
    s_shown (watch, "b", 20);
    s_expect_seen (watch, "a", 30, 10, TAP_NEXT, 10);
    s_expect_seen (watch, "a", 40, 30, TAP_GAP, 10);
    s_expect_seen (watch, "a", 10, 9, TAP_OLD, 10);
    s_expect_seen (watch, "a", 0, 0, TAP_NEXT, -7);
}

static void
test_after_a_replay_new_topics_are_watched_from_its_end (void **state)
{
    own (tap_watch_destroy) tap_watch_t *watch = tap_watch_new ();
    s_shown (watch, "a", 10);
    tap_watch_floor (watch, 50);
    s_expect_seen (watch, "new", 60, 0, TAP_NEXT, 50);
    s_expect_seen (watch, "new", 60, 55, TAP_GAP, 50);
    s_expect_seen (watch, "a", 45, 10, TAP_OLD, 50);
    s_expect_seen (watch, "a", 51, 10, TAP_NEXT, 50);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_line_for_people_cannot_act_on_the_terminal),
        cmocka_unit_test (test_lines_stand_in_columns_also_without_a_namespace),
        cmocka_unit_test (test_a_json_line_has_every_field_and_is_ascii),
        cmocka_unit_test (test_a_gap_shows_per_topic),
        cmocka_unit_test (test_after_a_replay_new_topics_are_watched_from_its_end),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
