//  Tests of worker/loop/facts: when what the gateway saw last is the reason of a run's end.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "worker/loop/facts.h"

static facts_t
s_observe (gateway_report_t report)
{
    static const driver_t driver = {.version = "1.2"};
    facts_t facts = {0};
    facts_observe (&report, "claude", &driver, &facts);
    return facts;
}

static void
test_failures (void **state)
{
    facts_t facts = s_observe ((gateway_report_t){0});
    assert_false (facts.observed.answered);
    assert_int_equal (facts.observed.class, RUN_CLASS_NONE);
    assert_int_equal (facts.seen.calls, USAGE_UNKNOWN);

    facts = s_observe ((gateway_report_t){.calls = 2, .input = 5, .cost_micro_usd = -1});
    assert_true (facts.observed.answered);
    assert_int_equal (facts.seen.calls, 2);
    assert_int_equal (facts.seen.input, 5);
    assert_int_equal (facts.seen.cost_micro_usd, USAGE_UNKNOWN);

    gateway_report_t report = {.calls = 2, .failed_calls = 1};
    report.failure.class = RUN_CLASS_OVERLOADED;
    report.failure.retry_ms = 7000;
    facts = s_observe (report);
    assert_false (facts.observed.answered);
    assert_int_equal (facts.observed.class, RUN_CLASS_OVERLOADED);
    assert_int_equal (facts.observed.retry_ms, 7000);
    report.ok_after_failure = true;
    assert_true (s_observe (report).observed.answered);
}

//  An agent that got an answer asks for a model that there is not, or shows another organization.
static void
test_failures_that_an_agent_can_make (void **state)
{
    gateway_report_t report = {.calls = 5, .failed_calls = 4};
    const run_class_t classes [] = {RUN_CLASS_AUTH, RUN_CLASS_CONFIG};
    for (size_t i = 0; i < 2; i++) {
        report.failure.class = classes [i];
        const facts_t facts = s_observe (report);
        assert_true (facts.observed.answered && facts.observed.served);
        assert_int_equal (facts.observed.class, RUN_CLASS_NONE);
    }
    report.failed_calls = 5;
    assert_int_equal (s_observe (report).observed.class, RUN_CLASS_CONFIG);
    report.failed_calls = 4;
    report.failure.class = RUN_CLASS_QUOTA; //  credit ends in the middle of a run
    assert_int_equal (s_observe (report).observed.class, RUN_CLASS_QUOTA);
}

//  The model refuses with status 200; the budget refuses before any call.
static void
test_refusals (void **state)
{
    gateway_report_t report = {.calls = 1};
    report.failure.class = RUN_CLASS_REFUSED;
    report.failure.status = 200;
    assert_int_equal (s_observe (report).observed.class, RUN_CLASS_REFUSED);
    report = (gateway_report_t){.budget_refused = 1};
    report.failure.class = RUN_CLASS_LIMIT;
    const facts_t facts = s_observe (report);
    assert_int_equal (facts.observed.class, RUN_CLASS_LIMIT);
    assert_int_equal (facts.seen.calls, USAGE_UNKNOWN);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_failures),
        cmocka_unit_test (test_failures_that_an_agent_can_make),
        cmocka_unit_test (test_refusals),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
