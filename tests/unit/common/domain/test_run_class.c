//  SPDX-License-Identifier: Apache-2.0
#include "common/domain/run_class.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static run_class_t
s_of (const char *name, verdict_outcome_t outcome)
{
    return run_class_of_verdict (name, strlen (name), outcome);
}

static void
test_every_class_has_a_name_that_parses (void **state)
{
    for (int i = RUN_CLASS_SUCCESS; i < RUN_CLASSES; i++) {
        const char *name = run_class_name ((run_class_t) i);
        run_class_t class = RUN_CLASS_NONE;
        assert_true (*name);
        assert_true (run_class_parse (name, strlen (name), &class));
        assert_int_equal (class, i);
        assert_int_equal (s_of (name, run_class_rule (class)->outcome), i);
    }
    assert_string_equal (run_class_name (RUN_CLASS_NONE), "");
    run_class_t class = RUN_CLASS_OOM;
    assert_false (run_class_parse ("", 0, &class));
    assert_false (run_class_parse ("killed!", 7, &class));
    assert_int_equal (class, RUN_CLASS_OOM);
}

//  Only what the agent did wrong uses up an attempt.
static void
test_a_run_is_charged_or_given_back_or_holds_its_worker (void **state)
{
    static const char *const charged [] = {"partial",   "invalid_output", "refused", "limit",
                                           "too_large", "timeout",        "oom",     "killed"};
    static const char *const back [] = {"rate_limited", "overloaded", "provider"};
    static const char *const holds [] = {"auth", "quota", "config"};
    int sums [3] = {0};
    for (int i = RUN_CLASS_NONE; i < RUN_CLASSES; i++) {
        const run_class_rule_t *rule = run_class_rule ((run_class_t) i);
        assert_in_range (rule->charged + rule->given_back + rule->holds, 0, 1);
        assert_int_equal (rule->counts, rule->outcome == VERDICT_AGENT);
        assert_int_equal (rule->wait_ms > 0, rule->given_back);
        assert_int_equal (run_class_may_hold ((run_class_t) i),
                          rule->holds || i == RUN_CLASS_INFRA);
        sums [0] += rule->charged;
        sums [1] += rule->given_back;
        sums [2] += rule->holds;
    }
    for (size_t i = 0; i < sizeof charged / sizeof charged [0]; i++)
        assert_true (run_class_rule (s_of (charged [i], VERDICT_AGENT))->charged);
    for (size_t i = 0; i < sizeof back / sizeof back [0]; i++)
        assert_true (run_class_rule (s_of (back [i], VERDICT_AGENT))->given_back);
    for (size_t i = 0; i < sizeof holds / sizeof holds [0]; i++)
        assert_true (run_class_rule (s_of (holds [i], VERDICT_AGENT))->holds);
    assert_int_equal (sums [0], sizeof charged / sizeof charged [0]);
    assert_int_equal (sums [1], sizeof back / sizeof back [0]);
    assert_int_equal (sums [2], sizeof holds / sizeof holds [0]);
}

static void
test_an_unknown_or_contrary_class_counts_as_its_outcome (void **state)
{
    assert_int_equal (s_of ("melted", VERDICT_AGENT), RUN_CLASS_NONE);
    assert_int_equal (s_of ("success", VERDICT_AGENT), RUN_CLASS_NONE);
    assert_int_equal (s_of ("overloaded", VERDICT_HOST), RUN_CLASS_NONE);
    assert_int_equal (s_of ("infra", VERDICT_HOST), RUN_CLASS_INFRA);
    assert_int_equal (run_class_of_verdict (NULL, 0, VERDICT_AGENT), RUN_CLASS_NONE);
    assert_true (run_class_rule_of (RUN_CLASS_NONE, VERDICT_AGENT)->charged);
    assert_true (run_class_rule_of (RUN_CLASS_NONE, VERDICT_AGENT)->counts);
    assert_false (run_class_rule_of (RUN_CLASS_NONE, VERDICT_HOST)->charged);
    assert_false (run_class_rule_of (RUN_CLASS_NONE, VERDICT_LOST)->counts);
    assert_true (run_class_rule_of (RUN_CLASS_AUTH, VERDICT_AGENT)->holds);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_every_class_has_a_name_that_parses),
        cmocka_unit_test (test_a_run_is_charged_or_given_back_or_holds_its_worker),
        cmocka_unit_test (test_an_unknown_or_contrary_class_counts_as_its_outcome),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
