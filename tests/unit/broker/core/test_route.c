//  Routes: patterns, the first match, `continue`, the default receiver.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/core/route.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof (array) / sizeof ((array) [0]))

static fault_t
s_fault (const char *cluster, const char *namespace_, const char *type,
         enum fault_severity severity)
{
    fault_t fault = {.severity = severity};
    snprintf (fault.cluster, sizeof fault.cluster, "%s", cluster);
    snprintf (fault.namespace_, sizeof fault.namespace_, "%s", namespace_);
    snprintf (fault.fault_type, sizeof fault.fault_type, "%s", type);
    return fault;
}

static const route_receiver_t s_receivers [] = {{.name = "a"},
                                                {.name = "b", .shows = true},
                                                {.name = "c", .ends = true},
                                                {.name = "d"},
                                                {.name = "r1"},
                                                {.name = "r2"}};

static step_settings_t
s_settings (const route_rule_t *rules, size_t count)
{
    return (step_settings_t){.slack = true,
                             .routing = {.rules = rules,
                                         .rule_count = count,
                                         .receivers = s_receivers,
                                         .receiver_count = COUNT (s_receivers)}};
}

//  The receivers of a fault as "a b c".
static const char *
s_told (const step_settings_t *settings, const fault_t *fault, char ret_text [512])
{
    route_target_t targets [LIMIT_RECEIVERS];
    const size_t count = route_match (settings, fault, targets, LIMIT_RECEIVERS);
    size_t at = 0;
    ret_text [0] = 0;
    for (size_t i = 0; i < count; i++)
        at += (size_t) snprintf (ret_text + at, 512 - at, "%s%.*s", i ? " " : "", ROW_NAME - 1,
                                 targets [i].receiver);
    assert_true (at < 512);
    return ret_text;
}

static void
test_patterns (void **state)
{
    static const struct {
        const char *pattern, *text;
        bool fits;
    } cases [] = {
        {"prod", "prod", true},
        {"prod", "prod-1", false},
        {"prod", "Prod", false},
        {"prod*", "prod-1", true},
        {"*", "", true},
        {"", "x", false},
        {"*-eu-*", "prod-eu-1", true},
        {"*-eu-*", "prod-eu", false},
        {"a*b*c", "aXbXbYc", true},
        {"a*b*c", "aXbXbY", false},
        {"**", "x", true},
        {"a|b", "b", true},
        {"a|b", "a|b", false},
        {"a*|x", "abc", true},
        {"|x", "", true},
        {"prod?", "prod1", false},
        {"[ab]", "a", false},
        {"\\*", "*", false},
        {"*", "*[?\\|", true},
        {"a\xff*", "a\xff\x01", true},
        {"*a", "aaaaaaaa", true},
        {"*a*a*a*b", "aaaaaaa", false},
    };
    for (size_t i = 0; i < COUNT (cases); i++)
        if (route_fits (cases [i].pattern, cases [i].text) != cases [i].fits)
            fail_msg ("%s against %s", cases [i].pattern, cases [i].text);
}

//  What no pattern may cost: a text without a match against many stars.
static void
test_a_pattern_of_stars_takes_a_bounded_time (void **state)
{
    char pattern [LIMIT_PATTERN_BYTES + 1], text [254];
    for (size_t i = 0; i + 2 < sizeof pattern; i += 2)
        memcpy (pattern + i, "*a", 3);
    memset (text, 'a', sizeof text - 1);
    text [sizeof text - 1] = 0;
    for (int i = 0; i < 10000; i++)
        assert_false (route_fits (pattern, text));
}

static void
test_the_first_match_wins_and_no_match_is_the_default (void **state)
{
    const route_rule_t rules [] = {
        {.cluster = "prod", .namespace_ = "", .fault_type = "", .receiver = "a"},
        {.cluster = "prod*", .namespace_ = "pay", .fault_type = "", .receiver = "b"},
        {.cluster = "", .namespace_ = "", .fault_type = "OOM*", .receiver = "c"},
    };
    step_settings_t settings = s_settings (rules, COUNT (rules));
    char told [512];
    fault_t fault = s_fault ("prod", "pay", "OOMKilled", FAULT_CRITICAL);
    assert_string_equal (s_told (&settings, &fault, told), "a");
    fault = s_fault ("prod-2", "pay", "OOMKilled", FAULT_CRITICAL);
    assert_string_equal (s_told (&settings, &fault, told), "b");
    fault = s_fault ("test", "", "OOMKilled", FAULT_INFO);
    assert_string_equal (s_told (&settings, &fault, told), "c");
    fault = s_fault ("test", "pay", "CrashLoop", FAULT_CRITICAL);
    assert_string_equal (s_told (&settings, &fault, told), "slack");
    settings.slack = false;
    assert_string_equal (s_told (&settings, &fault, told), "");
}

static void
test_each_of_several_routes_that_go_on_is_told_once (void **state)
{
    const route_rule_t rules [] = {
        {.cluster = "", .namespace_ = "", .fault_type = "", .receiver = "d", .goes_on = true},
        {.cluster = "x", .namespace_ = "", .fault_type = "", .receiver = "a", .goes_on = true},
        {.cluster = "*", .namespace_ = "", .fault_type = "", .receiver = "d", .goes_on = true},
        {.cluster = "x", .namespace_ = "", .fault_type = "", .receiver = "slack"},
        {.cluster = "", .namespace_ = "", .fault_type = "", .receiver = "b"},
    };
    const step_settings_t settings = s_settings (rules, COUNT (rules));
    char told [512];
    fault_t fault = s_fault ("x", "", "", FAULT_INFO);
    assert_string_equal (s_told (&settings, &fault, told), "d a slack");
    fault = s_fault ("y", "", "", FAULT_INFO);
    assert_string_equal (s_told (&settings, &fault, told), "d b");
    //  a route matched, so the default receiver is not asked
    const step_settings_t less = s_settings (rules, 1);
    assert_string_equal (s_told (&less, &fault, told), "d");
}

static void
test_none_makes_no_message_and_the_default_may_be_missing (void **state)
{
    const route_rule_t rules [] = {
        {.cluster = "noisy", .namespace_ = "", .fault_type = "", .receiver = "none"},
        {.cluster = "half",
         .namespace_ = "",
         .fault_type = "",
         .receiver = "none",
         .goes_on = true},
        {.cluster = "half", .namespace_ = "", .fault_type = "", .receiver = "a"},
        {.cluster = "s", .namespace_ = "", .fault_type = "", .receiver = "slack"},
    };
    step_settings_t settings = s_settings (rules, COUNT (rules));
    char told [512];
    fault_t fault = s_fault ("noisy", "", "", FAULT_CRITICAL);
    assert_string_equal (s_told (&settings, &fault, told), "");
    fault = s_fault ("half", "", "", FAULT_CRITICAL);
    assert_string_equal (s_told (&settings, &fault, told), "a");
    fault = s_fault ("s", "", "", FAULT_CRITICAL);
    assert_string_equal (s_told (&settings, &fault, told), "slack");
    settings.slack = false;
    assert_string_equal (s_told (&settings, &fault, told), "");
}

static void
test_labels_are_those_of_the_cluster_and_each_must_hold (void **state)
{
    static const route_label_t of_prod [] = {{"env", "prod"}, {"team", "pay-eu"}},
                                       of_test [] = {{"env", "test"}};
    static const route_cluster_t clusters [] = {{"p", of_prod, 2}, {"t", of_test, 1}};
    static const route_label_t both [] = {{"team", "pay*"}, {"env", "prod|stage"}},
                                    any [] = {{"team", "*"}};
    const route_rule_t rules [] = {
        {"", "", "", 0, both, 2, "a", false},
        {"", "", "", 0, any, 1, "b", false},
    };
    step_settings_t settings = s_settings (rules, COUNT (rules));
    settings.routing.clusters = clusters;
    settings.routing.cluster_count = COUNT (clusters);
    char told [512];
    fault_t fault = s_fault ("p", "", "", FAULT_INFO);
    assert_string_equal (s_told (&settings, &fault, told), "a");
    fault = s_fault ("t", "", "", FAULT_INFO); //  it has no team
    assert_string_equal (s_told (&settings, &fault, told), "slack");
    fault = s_fault ("unknown", "", "", FAULT_INFO);
    assert_string_equal (s_told (&settings, &fault, told), "slack");
}

static void
test_a_severity_is_that_one_and_not_those_above (void **state)
{
    const route_rule_t rules [] = {{"", "", "", 1U << FAULT_WARNING, NULL, 0, "a", false}};
    const step_settings_t settings = s_settings (rules, COUNT (rules));
    static const char *const expected [FAULT_SEVERITIES] = {"slack", "a", "slack"};
    char told [512];
    for (int i = 0; i < FAULT_SEVERITIES; i++) {
        const fault_t fault = s_fault ("x", "", "", (enum fault_severity) i);
        assert_string_equal (s_told (&settings, &fault, told), expected [i]);
    }
}

static void
test_what_a_receiver_is_told (void **state)
{
    step_settings_t settings = s_settings (NULL, 0);
    route_target_t target = {.receiver = "before"};
    assert_false (route_receiver (&settings, "nobody", &target));
    assert_false (route_receiver (&settings, "none", &target));
    assert_string_equal (target.receiver, "before");
    assert_true (route_receiver (&settings, "b", &target));
    assert_true (target.shows && !target.ends);
    assert_true (route_receiver (&settings, "c", &target));
    assert_true (target.ends && !target.shows);
    settings.slack_shows = true;
    assert_true (route_receiver (&settings, "slack", &target));
    assert_true (target.shows && !target.ends);
    settings.slack = false;
    assert_false (route_receiver (&settings, "slack", &target));
}

//  --- a naive reference, and random tables

static uint32_t s_seed = 1;

static unsigned
s_random (unsigned below)
{
    s_seed = s_seed * 1664525U + 1013904223U;
    return (s_seed >> 8) % below;
}

static bool
s_plain_glob (const char *glob, const char *text)
{
    if (*glob == '*')
        return s_plain_glob (glob + 1, text) || (*text && s_plain_glob (glob, text + 1));
    return *glob == *text && (!*glob || s_plain_glob (glob + 1, text + 1));
}

static bool
s_plain_rule (const route_rule_t *rule, const fault_t *fault)
{
    return (!*rule->cluster || s_plain_glob (rule->cluster, fault->cluster))
           && (!*rule->namespace_ || s_plain_glob (rule->namespace_, fault->namespace_))
           && (!*rule->fault_type || s_plain_glob (rule->fault_type, fault->fault_type))
           && (!rule->severities || rule->severities >> fault->severity & 1U);
}

static void
s_plain_told (const route_rule_t *rules, size_t count, const fault_t *fault, char ret_text [512])
{
    bool any = false, ended = false;
    ret_text [0] = 0;
    for (size_t i = 0; i < count && !ended; i++) {
        if (!s_plain_rule (&rules [i], fault))
            continue;
        any = true;
        ended = !rules [i].goes_on;
        if (strcmp (rules [i].receiver, "none") != 0 && !strstr (ret_text, rules [i].receiver))
            snprintf (ret_text + strlen (ret_text), 64, "%s%s", *ret_text ? " " : "",
                      rules [i].receiver);
    }
    if (!any)
        snprintf (ret_text, 512, "slack");
}

static void
test_random_tables_agree_with_a_naive_reading (void **state)
{
    static const char *const globs [] = {"", "", "*", "a", "b", "a*", "*b", "*a*", "ab", "a*b"};
    static const char *const texts [] = {"", "a", "b", "ab", "ba", "aab", "bab", "*", "a*b"};
    static const char *const names [] = {"d", "r1", "r2", "slack", "none"};
    int several = 0, defaults = 0;
    for (int round = 0; round < 20000; round++) {
        route_rule_t rules [6];
        const size_t count = s_random (COUNT (rules) + 1);
        for (size_t i = 0; i < count; i++)
            rules [i] = (route_rule_t){.cluster = globs [s_random (COUNT (globs))],
                                       .namespace_ = globs [s_random (COUNT (globs))],
                                       .fault_type = globs [s_random (COUNT (globs))],
                                       .severities = s_random (2) ? s_random (8) : 0,
                                       .receiver = names [s_random (COUNT (names))],
                                       .goes_on = s_random (2)};
        const step_settings_t settings = s_settings (rules, count);
        const fault_t fault =
            s_fault (texts [s_random (COUNT (texts))], texts [s_random (COUNT (texts))],
                     texts [s_random (COUNT (texts))], s_random (FAULT_SEVERITIES));
        char told [512], expected [512];
        s_plain_told (rules, count, &fault, expected);
        if (strcmp (s_told (&settings, &fault, told), expected) != 0)
            fail_msg ("round %d: %s instead of %s", round, told, expected);
        several += strchr (told, ' ') != NULL;
        defaults += strcmp (told, "slack") == 0;
    }
    assert_true (several > 200 && defaults > 1000);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_patterns),
        cmocka_unit_test (test_a_pattern_of_stars_takes_a_bounded_time),
        cmocka_unit_test (test_the_first_match_wins_and_no_match_is_the_default),
        cmocka_unit_test (test_each_of_several_routes_that_go_on_is_told_once),
        cmocka_unit_test (test_none_makes_no_message_and_the_default_may_be_missing),
        cmocka_unit_test (test_labels_are_those_of_the_cluster_and_each_must_hold),
        cmocka_unit_test (test_a_severity_is_that_one_and_not_those_above),
        cmocka_unit_test (test_what_a_receiver_is_told),
        cmocka_unit_test (test_random_tables_agree_with_a_naive_reading),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
