//  Unit tests of common/domain/fault.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/json.h"
#include "common/base/own.h"
#include "common/domain/fault.h"
#include "common/domain/fault_view.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char FLAT [] =
    "{\"subscriptionId\":\"sub-1a2b3c4d\",\"cluster\":\"prod\",\"faultId\":\"eebe3f926f160c83\","
    "\"faultType\":\"CrashLoop\",\"severity\":\"critical\",\"resource\":{\"apiVersion\":\"v1\","
    "\"kind\":\"Pod\",\"name\":\"web-0\",\"namespace\":\"shop\",\"uid\":\"7f9c2a34\"},"
    "\"context\":\"Container entered CrashLoopBackOff state. Restart count: 4\","
    "\"timestamp\":\"2026-01-15T13:34:56+01:00\"}";

static fault_t
s_read (const char *body, const char *cluster)
{
    fault_t fault;
    fault_read (body, strlen (body), cluster, &fault);
    return fault;
}

static void
test_flat_fault_is_read_and_configured_cluster_wins (void **state)
{
    fault_t fault = s_read (FLAT, "berlin");
    assert_true (fault.parsed);
    assert_string_equal (fault.cluster, "berlin");
    assert_string_equal (fault.source_cluster, "prod");
    assert_string_equal (fault.fault_id, "eebe3f926f160c83");
    assert_string_equal (fault.subscription_id, "sub-1a2b3c4d");
    assert_string_equal (fault.fault_type, "CrashLoop");
    assert_int_equal (fault.severity, FAULT_CRITICAL);
    assert_string_equal (fault.api_version, "v1");
    assert_string_equal (fault.kind, "Pod");
    assert_string_equal (fault.name, "web-0");
    assert_string_equal (fault.namespace_, "shop");
    assert_string_equal (fault.uid, "7f9c2a34");
    assert_string_equal (fault.timestamp, "2026-01-15T13:34:56+01:00");
    assert_int_equal (fault.time_ms, 1768480496000);
    assert_string_equal (fault.summary, "Container entered CrashLoopBackOff state.");
}

static void
test_cluster_falls_back_to_the_event_and_then_to_default (void **state)
{
    assert_string_equal (s_read (FLAT, "").cluster, "prod");
    assert_string_equal (s_read ("{\"cluster\":\"\"}", "").cluster, "default");
    assert_string_equal (s_read ("not json", "").cluster, "default");
}

static void
test_older_nested_fault_is_named_by_its_reason (void **state)
{
    fault_t fault = s_read (
        "{\"subscriptionId\":\"sub-1\",\"cluster\":\"c\",\"event\":{\"namespace\":\"shop\","
        "\"timestamp\":\"2026-01-15T12:34:56Z\",\"type\":\"Warning\",\"reason\":\"BackOff\","
        "\"message\":\"Back-off restarting\\nmore\",\"involvedObject\":{\"apiVersion\":\"v1\","
        "\"kind\":\"Pod\",\"name\":\"web-0\",\"uid\":\"u\"}},"
        "\"logs\":[{\"container\":\"web\",\"previous\":true,\"hasPanic\":false,\"sample\":\"x\"}]}",
        "c");
    assert_true (fault.parsed);
    assert_string_equal (fault.fault_type, "BackOff");
    assert_int_equal (fault.severity, FAULT_WARNING);
    assert_string_equal (fault.kind, "Pod");
    assert_string_equal (fault.namespace_, "shop");
    assert_string_equal (fault.name, "web-0");
    assert_string_equal (fault.summary, "Back-off restarting");
    assert_int_equal (fault.time_ms, 1768480496000);
}

static void
test_an_event_is_named_by_its_reason_and_normal_is_info (void **state)
{
    const char *body = "{\"cluster\":\"c\",\"event\":{\"namespace\":\"shop\",\"type\":\"Normal\","
                       "\"reason\":\"Pulled\",\"message\":\"m\",\"involvedObject\":{\"kind\":"
                       "\"Pod\",\"name\":\"web-0\",\"namespace\":\"other\"}}}";
    fault_t fault = s_read (body, "c");
    assert_string_equal (fault.fault_type, "Pulled");
    assert_int_equal (fault.severity, FAULT_INFO);
    assert_string_equal (fault.namespace_, "other");

    fault_t killed = s_read ("{\"cluster\":\"c\",\"event\":{\"namespace\":\"shop\",\"type\":"
                             "\"Warning\",\"reason\":\"Killing\",\"message\":\"m\","
                             "\"involvedObject\":{\"kind\":\"Pod\",\"name\":\"web-0\","
                             "\"namespace\":\"other\"}}}",
                             "c");
    assert_int_equal (killed.severity, FAULT_WARNING);
    assert_string_not_equal (fault.key, killed.key);
}

static void
test_fields_of_any_type_become_text (void **state)
{
    fault_t fault = s_read ("{\"faultId\":12345678901234,\"faultType\":true,\"severity\":7,"
                            "\"cluster\":null,\"timestamp\":[1],\"context\":{\"a\":1},"
                            "\"resource\":{\"kind\":1.5,\"name\":{\"x\":[]},\"uid\":false}}",
                            "c");
    assert_true (fault.parsed);
    assert_string_equal (fault.fault_id, "12345678901234");
    assert_string_equal (fault.fault_type, "true");
    assert_int_equal (fault.severity, FAULT_WARNING);
    assert_string_equal (fault.source_cluster, "");
    assert_string_equal (fault.timestamp, "[1]");
    assert_int_equal (fault.time_ms, 0);
    assert_string_equal (fault.kind, "1.5");
    assert_string_equal (fault.uid, "false");
    assert_non_null (strstr (fault.summary, "\"a\""));
}

static void
test_missing_fields_are_empty_and_still_parsed (void **state)
{
    fault_t fault = s_read ("{\"faultType\":\"CrashLoop\"}", "c");
    assert_true (fault.parsed);
    assert_string_equal (fault.fault_type, "CrashLoop");
    assert_string_equal (fault.name, "");
    assert_string_equal (fault.summary, "");
    assert_int_equal (strlen (fault.key), 64);
    assert_true (s_read ("{\"resource\":{\"name\":\"web\"},\"event\":7}", "c").parsed);
}

//  Events of both APIs, bare and from a watch, in every form that clients have.
static void
test_bare_kubernetes_events_are_read (void **state)
{
    static const char *const bodies [] = {
        "{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"type\":\"Warning\",\"reason\":\"BackOff\","
        "\"message\":\"m\","
        "\"involvedObject\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"api-0\","
        "\"namespace\":\"shop\"},"
        "\"firstTimestamp\":null,\"lastTimestamp\":null,\"eventTime\":\"2026-01-15T12:00:00."
        "123456Z\","
        "\"metadata\":{\"name\":\"api-0.17a\",\"namespace\":\"shop\"}}",
        "{\"apiVersion\":\"events.k8s.io/"
        "v1\",\"kind\":\"Event\",\"type\":\"Warning\",\"reason\":\"BackOff\","
        "\"note\":\"m\",\"regarding\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"api-0\"},"
        "\"deprecatedLastTimestamp\":\"2026-01-15T12:00:00.123456Z\",\"metadata\":{\"namespace\":"
        "\"shop\"}}",
        "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Event\",\"type\":\"Warning\",\"reason\":"
        "\"BackOff\",\"note\":\"m\","
        "\"regarding\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"api-0\",\"namespace\":"
        "\"shop\"},"
        "\"series\":{\"count\":3,\"lastObservedTime\":\"2026-01-15T12:00:00.123456Z\"}}}",
        "{\"subscriptionId\":\"s\",\"cluster\":\"x\",\"event\":{\"namespace\":\"shop\","
        "\"timestamp\":\"\",\"type\":"
        "\"Warning\",\"reason\":\"BackOff\",\"message\":\"m\",\"involvedObject\":{\"apiVersion\":"
        "\"v1\",\"kind\":"
        "\"Pod\",\"name\":\"api-0\"},\"lastTimestamp\":\"2026-01-15T12:00:00.123456Z\"}}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies [0]; i++) {
        fault_t fault = s_read (bodies [i], "c");
        assert_true (fault.parsed);
        assert_string_equal (fault.fault_type, "BackOff");
        assert_string_equal (fault.kind, "Pod");
        assert_string_equal (fault.name, "api-0");
        assert_string_equal (fault.namespace_, "shop");
        assert_string_equal (fault.summary, "m");
        assert_string_equal (fault.timestamp, "2026-01-15T12:00:00.123456Z");
        assert_int_equal (fault.severity, FAULT_WARNING);
        assert_string_equal (fault.key, s_read (bodies [0], "c").key);
    }
}

#define ALERT(labels, rest)                                                                        \
    "{\"labels\":{\"alertname\":\"KubePodCrashLooping\"," labels "\"severity\":\"critical\"},"     \
    "\"annotations\":{\"description\":\"Pod restarts\",\"summary\":\"s\"}" rest                    \
    ",\"startsAt\":\"2026-01-15T12:34:56Z\"}"

static void
test_alerts_are_read_by_their_labels (void **state)
{
    fault_t fault =
        s_read (ALERT ("\"instance\":\"10.0.0.1:80\",\"namespace\":\"shop\",\"pod\":\"web-0\","
                       "\"cluster\":\"prod\",",
                       ""),
                "");
    assert_true (fault.parsed);
    assert_string_equal (fault.fault_type, "KubePodCrashLooping");
    assert_string_equal (fault.cluster, "prod");
    assert_string_equal (fault.kind, "Pod");
    assert_string_equal (fault.name, "web-0");
    assert_string_equal (fault.namespace_, "shop");
    assert_string_equal (fault.summary, "Pod restarts");
    assert_int_equal (fault.severity, FAULT_CRITICAL);
    assert_int_equal (fault.time_ms, 1768480496000);
    //  Without an object the labels distinguish two alerts; a fingerprint does so alone.
    const char *one = ALERT ("\"device\":\"sda\",", ""), *two = ALERT ("\"device\":\"sdb\",", "");
    assert_string_not_equal (s_read (one, "").key, s_read (two, "").key);
    assert_string_equal (s_read (ALERT ("", ",\"fingerprint\":\"f1\""), "").fault_id, "f1");
    assert_int_equal (s_read (ALERT ("", ",\"status\":\"resolved\""), "").severity, FAULT_INFO);
    assert_int_equal (s_read (ALERT ("", ",\"status\":\"firing\""), "").severity, FAULT_CRITICAL);
}

static void
test_what_names_nothing_is_unparsed_by_itself (void **state)
{
    static const char *const bodies [] = {
        "{}",
        "{\"a\":1}",
        "{\"cluster\":\"prod\"}",
        "{\"resource\":\"web\",\"event\":7}",
        "{\"event\":{\"message\":\"x\"}}",
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"x\"}}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies [0]; i++) {
        fault_t fault = s_read (bodies [i], "");
        char hex [DIGEST_HEX];
        digest_hex (bodies [i], strlen (bodies [i]), hex);
        assert_false (fault.parsed);
        assert_string_equal (fault.fault_type, "Unparsed");
        assert_string_equal (fault.key, hex);
        assert_true (fault.summary [0]);
    }
    assert_string_equal (s_read ("{\"cluster\":\"prod\"}", "").cluster, "prod");
}

//  The meaning of such a duplicate is ambiguous; other keys are not read.
static void
test_a_key_that_matters_given_twice_is_unparsed (void **state)
{
    fault_t fault = s_read ("{\"faultType\":\"A\",\"faultTyp\\u0065\":\"B\"}", "c");
    assert_false (fault.parsed);
    assert_non_null (strstr (fault.summary, "faultType is given twice"));
    assert_false (
        s_read ("{\"faultType\":\"A\",\"resource\":{\"name\":\"a\",\"name\":\"b\"}}", "c").parsed);
    assert_true (s_read ("{\"faultType\":\"A\",\"x\":1,\"x\":2}", "c").parsed);
}

static void
test_odd_characters_are_shown_as_replacements (void **state)
{
    const char *body =
        "{\"faultType\":\"Crash\\u0000Loop\",\"resource\":{\"kind\":\"Pod\",\"name\":\"n\\ud800\"},"
        "\"cluster\":\"p\\u0000\",\"context\":\"message: a \\u0000\\u0000 b\\udfff\"}";
    fault_t fault = s_read (body, "");
    assert_true (fault.parsed);
    assert_string_equal (fault.fault_type, "Crash\xef\xbf\xbdLoop");
    assert_string_equal (fault.name, "n\xef\xbf\xbd");
    assert_string_equal (fault.cluster, "p\xef\xbf\xbd");
    assert_string_equal (fault.summary, "message: a \xef\xbf\xbd\xef\xbf\xbd b\xef\xbf\xbd");
    own (own_mem) char *context = fault_context (body, strlen (body), 1000);
    assert_string_equal (context, fault.summary);
}

static void
test_a_summary_keeps_the_end_of_a_message (void **state)
{
    static const char head [] =
        "Container entered CrashLoopBackOff state, restart count: 4, last exit code: 1, "
        "termination message: ";
    static const char end [] = "dial tcp 10.96.14.7:5432: connect: connection refused";
    char body [4096], filler [2001] = "";
    for (size_t size = 0; size <= 1900; size += 10) {
        fault_t fault;
        snprintf (body, sizeof body, "{\"faultType\":\"CrashLoop\",\"context\":\"%s%s\\n%s\\n\"}",
                  head, filler, end);
        fault = s_read (body, "c");
        assert_true (strlen (fault.summary) < 512);
        assert_memory_equal (fault.summary, head, strlen (head));
        assert_string_equal (fault.summary + strlen (fault.summary) - strlen (end), end);
        assert_null (strchr (fault.summary, '\n'));
        memcpy (filler + size, "some. word", 11);
    }
}

static void
test_a_summary_is_cut_at_words (void **state)
{
    char body [2048] = "{\"faultType\":\"x\",\"context\":\"";
    for (int i = 0; i < 100; i++)
        snprintf (body + strlen (body), sizeof body - strlen (body), "word%03d ", i);
    strcat (body, "\"}");
    fault_t fault = s_read (body, "c");
    assert_int_equal (strlen (fault.summary), 511);
    assert_string_equal (fault.summary + 504, "word063");
}

static void
test_an_event_of_many_values_takes_no_heap (void **state)
{
    const size_t size = LIMIT_EVENT_BYTES;
    own (own_mem) char *body = malloc (size);
    const int head = snprintf (body, size, "{\"faultType\":\"x\",\"list\":[");
    size_t at = (size_t) head;
    for (; at + 6 < size; at += 3)
        memcpy (body + at, "{},", 3);
    memcpy (body + at - 1, "]}", 2);
    const size_t before = mallinfo2 ().uordblks;
    fault_t fault;
    fault_read (body, at + 1, "c", &fault);
    assert_true (fault.parsed);
    assert_true (mallinfo2 ().uordblks <= before + 4096);
}

static void
test_what_is_not_a_json_object_is_unparsed_with_the_key_of_its_bytes (void **state)
{
    static const char *const bodies [] = {"",
                                          "not json",
                                          "[1]",
                                          "\"text\"",
                                          "null",
                                          "{} {}",
                                          "{\"a\":\xC3\x28}",
                                          "{\"a\":\"\xFF\"}",
                                          "{\"a\":\"\\\xE2\x82\xAC\"}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies [0]; i++) {
        fault_t fault = s_read (bodies [i], "c");
        assert_false (fault.parsed);
        assert_string_equal (fault.fault_type, "Unparsed");
        char hex [DIGEST_HEX];
        digest_hex (bodies [i], strlen (bodies [i]), hex);
        assert_string_equal (fault.key, hex);
        assert_true (fault.summary [0]);
        assert_true (json_utf8_valid (fault.summary, strlen (fault.summary)));
        own (own_mem) char *context = fault_context (bodies [i], strlen (bodies [i]), 100);
        assert_string_equal (context, "");
    }
}

//  At the depth limit and one deeper.  A build with sanitizers notices a write outside the arrays.
static void
test_values_in_the_deepest_place_are_passed_over (void **state)
{
    static const char *const values [] = {"1", "\"cluster\"", "null", "{\"cluster\":\"x\"}"};
    for (int depth = LIMIT_JSON_DEPTH - 2; depth <= LIMIT_JSON_DEPTH + 1; depth++)
        for (int i = 0; i < 4; i++) {
            char body [512] = "{\"a\":", *at = body + strlen (body);
            memset (at, '[', (size_t) depth - 1);
            at = stpcpy (at + depth - 1, values [i]);
            memset (at, ']', (size_t) depth - 1);
            strcpy (at + depth - 1, ",\"cluster\":\"c\",\"faultType\":\"F\"}");
            const fault_t fault = s_read (body, "");
            const bool read = depth + (i == 3) <= LIMIT_JSON_DEPTH;
            assert_int_equal (fault.parsed, read);
            assert_string_equal (fault.cluster, read ? "c" : "default");
        }
}

static void
test_a_long_name_ends_in_a_digest_of_the_whole (void **state)
{
    char name [261] = "", body [512];
    for (size_t i = 0; i < 260; i += 2)
        memcpy (name + i, "\xC3\xA4", 2); //  260 bytes of two-byte letters
    snprintf (body, sizeof body, "{\"resource\":{\"name\":\"%s\"}}", name);
    fault_t fault = s_read (body, "c");
    assert_true (fault.parsed);
    assert_true (fault.shortened);
    assert_int_equal (strlen (fault.name), 253);
    assert_int_equal (strspn (strchr (fault.name, '~') + 1, "0123456789abcdef"), 16);
    assert_true (json_utf8_valid (fault.name, strlen (fault.name)));
}

//  For every name of an incident: two that differ only at their end stay distinct.
static void
test_long_names_that_differ_at_their_end_stay_two (void **state)
{
    static const char *const heads [] = {
        "{\"cluster\":\"", "{\"faultType\":\"", "{\"resource\":{\"kind\":\"",
        "{\"resource\":{\"namespace\":\"", "{\"resource\":{\"name\":\""};
    for (size_t i = 0; i < sizeof heads / sizeof heads [0]; i++) {
        char one [1024], two [1024];
        snprintf (one, sizeof one, "%s%0500d\"%s}", heads [i], 1, i < 2 ? "" : "}");
        snprintf (two, sizeof two, "%s%0500d\"%s}", heads [i], 2, i < 2 ? "" : "}");
        fault_t first = s_read (one, ""), second = s_read (two, "");
        assert_true (first.shortened && second.shortened);
        assert_string_not_equal (first.key, second.key);
        assert_true (strcmp (first.cluster, second.cluster) || strcmp (first.kind, second.kind)
                     || strcmp (first.namespace_, second.namespace_)
                     || strcmp (first.fault_type, second.fault_type)
                     || strcmp (first.name, second.name));
    }
}

static void
test_a_cluster_name_of_253_bytes_is_whole (void **state)
{
    char name [255], body [512];
    snprintf (name, sizeof name, "%0253d", 1);
    snprintf (body, sizeof body, "{\"cluster\":\"%s\"}", name);
    assert_string_equal (s_read (body, "").cluster, name);
    assert_string_equal (s_read ("{}", name).cluster, name);
    assert_false (s_read (body, "").shortened);
}

static void
test_key_is_upstream_id_with_configured_cluster (void **state)
{
    assert_string_equal (s_read (FLAT, "a").key, s_read (FLAT, "a").key);
    assert_string_not_equal (s_read (FLAT, "a").key, s_read (FLAT, "b").key);

    fault_t moved = s_read ("{\"faultId\":\"eebe3f926f160c83\",\"cluster\":\"other\"}", "a");
    assert_string_equal (moved.key, s_read (FLAT, "a").key);
}

#define OBJECT                                                                                     \
    "{\"faultType\":\"%s\",\"severity\":\"%s\",\"resource\":{\"kind\":\"%s\",\"namespace\":\"%"    \
    "s\","                                                                                         \
    "\"name\":\"%s\"}}"

static void
test_key_without_upstream_id_is_made_of_the_object (void **state)
{
    static const char *const rows [][5] = {
        {"CrashLoop", "info", "Pod", "shop", "web"},   {"PodCrash", "info", "Pod", "shop", "web"},
        {"CrashLoop", "info", "Node", "shop", "web"},  {"CrashLoop", "info", "Pod", "shopw", "eb"},
        {"CrashLoop", "info", "Pod", "shop", "web-1"},
    };
    char keys [5][DIGEST_HEX];
    for (size_t i = 0; i < 5; i++) {
        char body [256];
        snprintf (body, sizeof body, OBJECT, rows [i][0], rows [i][1], rows [i][2], rows [i][3],
                  rows [i][4]);
        memcpy (keys [i], s_read (body, "c").key, DIGEST_HEX);
        for (size_t other = 0; other < i; other++)
            assert_string_not_equal (keys [i], keys [other]);
    }
    char body [256];
    snprintf (body, sizeof body, OBJECT, "CrashLoop", "critical", "Pod", "shop", "web");
    assert_string_equal (s_read (body, "c").key, keys [0]);
}

static void
test_long_upstream_ids_with_a_common_head_are_two_conditions (void **state)
{
    char one [256], two [256];
    snprintf (one, sizeof one, "{\"faultId\":\"%0200d1\"}", 0);
    snprintf (two, sizeof two, "{\"faultId\":\"%0200d2\"}", 0);
    assert_string_not_equal (s_read (one, "c").fault_id, s_read (two, "c").fault_id);
    assert_string_not_equal (s_read (one, "c").key, s_read (two, "c").key);
}

static void
test_control_characters_in_names_stay (void **state)
{
    fault_t fault = s_read ("{\"resource\":{\"name\":\"a\\u001b[2J\\nb\"}}", "c");
    assert_string_equal (fault.name, "a\x1b[2J\nb");
}

static void
test_event_id_depends_on_source_and_body (void **state)
{
    fault_t fault = s_read (FLAT, "a");
    char one [DIGEST_HEX], two [DIGEST_HEX], three [DIGEST_HEX];
    fault_event_id ("mcp:a", &fault, FLAT, strlen (FLAT), one);
    fault_event_id ("mcp:a", &fault, FLAT, strlen (FLAT), two);
    assert_string_equal (one, two);
    fault_event_id ("mcp:b", &fault, FLAT, strlen (FLAT), three);
    assert_string_not_equal (one, three);
    fault_event_id ("mcp:a", &fault, FLAT, strlen (FLAT) - 1, three);
    assert_string_not_equal (one, three);
}

static void
test_severity_words_of_all_scales_are_mapped (void **state)
{
    static const struct {
        const char *text;
        enum fault_severity severity;
    } rows [] = {{"DEBUG", FAULT_INFO},        {"info", FAULT_INFO},
                 {"notice", FAULT_INFO},       {"WARNING", FAULT_WARNING},
                 {"warn", FAULT_WARNING},      {"ERROR", FAULT_CRITICAL},
                 {"Critical", FAULT_CRITICAL}, {"emergency", FAULT_CRITICAL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        enum fault_severity severity = FAULT_SEVERITIES;
        assert_int_equal (fault_severity_parse (rows [i].text, &severity), 0);
        assert_int_equal (severity, rows [i].severity);
    }
    enum fault_severity kept = FAULT_CRITICAL;
    assert_int_equal (fault_severity_parse ("loud", &kept), ERR_PROTO);
    assert_int_equal (kept, FAULT_CRITICAL);
    assert_string_equal (fault_severity_name (FAULT_WARNING), "warning");
}

static void
test_context_is_text_or_json_and_cut_at_a_character (void **state)
{
    own (own_mem) char *text = fault_context (FLAT, strlen (FLAT), 9);
    assert_string_equal (text, "Container");

    const char *object = "{\"context\":[{\"container\":\"web\"}]}";
    own (own_mem) char *json = fault_context (object, strlen (object), 1000);
    own (json_drop) json_t *doc = NULL;
    assert_int_equal (json_parse (json, strlen (json), &doc, NULL), 0);
    assert_true (json_is_array (doc));

    const char *letters = "{\"context\":\"a\xC3\xA4\"}";
    own (own_mem) char *cut = fault_context (letters, strlen (letters), 2);
    assert_string_equal (cut, "a");

    const char *nested = "{\"event\":{\"message\":\"why\"}}";
    own (own_mem) char *message = fault_context (nested, strlen (nested), 100);
    assert_string_equal (message, "why");
}

//  Parse 4 MiB of copies of this member; returns the shortest of three times, in seconds.
static double
s_view_s (const char *member)
{
    enum { SIZE = 4 << 20 };
    const size_t length = strlen (member);
    own (own_mem) char *body = malloc (SIZE);
    assert_non_null (body);
    size_t size = 1;
    body [0] = '{';
    for (; size + length < SIZE; size += length)
        memcpy (body + size, member, length);
    body [size - 1] = '}';
    double least_s = 1e9;
    for (int i = 0; i < 3; i++) {
        static fault_view_t view;
        const clock_t before = clock ();
        assert_int_equal (fault_view_read (body, size, &view, NULL), 0);
        const double spent_s = (double) (clock () - before) / CLOCKS_PER_SEC;
        least_s = spent_s < least_s ? spent_s : least_s;
    }
    return least_s;
}

//  A key is decoded once, no matter how many rows it is compared with.
static void
test_keys_with_escapes_cost_no_more_than_others (void **state)
{
    const double plain_s = s_view_s ("\"kk\":1,");
    assert_true (s_view_s ("\"\\u006b\":1,") < 2 * plain_s + 0.02);
    assert_true (s_view_s ("\"\\nk\":1,") < 2 * plain_s + 0.02);
}

static void
test_known_keys_may_be_written_with_escapes (void **state)
{
    static const char *const good [] = {
        "{\"clust\\u0065r\":\"c\"}",
        "{\"\\u0063\\u006c\\u0075\\u0073\\u0074\\u0065\\u0072\":\"c\"}"};
    static const char *const other [] = {
        "{\"cluster\\n\":\"c\"}", "{\"cluster\\u0000\":\"c\"}", "{\"\":\"c\"}",
        "{\"cluste\":\"c\"}", "{\"clusterclusterclusterclusterclusterclust\\u0065r\":\"c\"}"};
    fault_view_t view;
    for (size_t i = 0; i < sizeof good / sizeof good [0]; i++) {
        assert_int_equal (fault_view_read (good [i], strlen (good [i]), &view, NULL), 0);
        assert_non_null (view.cluster);
    }
    for (size_t i = 0; i < sizeof other / sizeof other [0]; i++) {
        assert_int_equal (fault_view_read (other [i], strlen (other [i]), &view, NULL), 0);
        assert_null (view.cluster);
    }
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_keys_with_escapes_cost_no_more_than_others),
        cmocka_unit_test (test_known_keys_may_be_written_with_escapes),
        cmocka_unit_test (test_flat_fault_is_read_and_configured_cluster_wins),
        cmocka_unit_test (test_cluster_falls_back_to_the_event_and_then_to_default),
        cmocka_unit_test (test_older_nested_fault_is_named_by_its_reason),
        cmocka_unit_test (test_an_event_is_named_by_its_reason_and_normal_is_info),
        cmocka_unit_test (test_bare_kubernetes_events_are_read),
        cmocka_unit_test (test_alerts_are_read_by_their_labels),
        cmocka_unit_test (test_what_names_nothing_is_unparsed_by_itself),
        cmocka_unit_test (test_a_key_that_matters_given_twice_is_unparsed),
        cmocka_unit_test (test_odd_characters_are_shown_as_replacements),
        cmocka_unit_test (test_a_summary_keeps_the_end_of_a_message),
        cmocka_unit_test (test_a_summary_is_cut_at_words),
        cmocka_unit_test (test_an_event_of_many_values_takes_no_heap),
        cmocka_unit_test (test_fields_of_any_type_become_text),
        cmocka_unit_test (test_missing_fields_are_empty_and_still_parsed),
        cmocka_unit_test (test_what_is_not_a_json_object_is_unparsed_with_the_key_of_its_bytes),
        cmocka_unit_test (test_values_in_the_deepest_place_are_passed_over),
        cmocka_unit_test (test_a_long_name_ends_in_a_digest_of_the_whole),
        cmocka_unit_test (test_long_names_that_differ_at_their_end_stay_two),
        cmocka_unit_test (test_a_cluster_name_of_253_bytes_is_whole),
        cmocka_unit_test (test_key_is_upstream_id_with_configured_cluster),
        cmocka_unit_test (test_key_without_upstream_id_is_made_of_the_object),
        cmocka_unit_test (test_long_upstream_ids_with_a_common_head_are_two_conditions),
        cmocka_unit_test (test_control_characters_in_names_stay),
        cmocka_unit_test (test_event_id_depends_on_source_and_body),
        cmocka_unit_test (test_severity_words_of_all_scales_are_mapped),
        cmocka_unit_test (test_context_is_text_or_json_and_cut_at_a_character),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
