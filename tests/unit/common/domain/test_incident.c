//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/domain/incident.h"

static void
test_the_good_way_leads_from_admission_to_reported (void **state)
{
    incident_state_t at = incident_next (INCIDENT_NONE, INCIDENT_ON_ADMIT);
    assert_int_equal (at, INCIDENT_PENDING);
    at = incident_next (at, INCIDENT_ON_ASSIGN);
    assert_int_equal (at, INCIDENT_INVESTIGATING);
    at = incident_next (at, INCIDENT_ON_SUCCESS);
    assert_int_equal (at, INCIDENT_REPORTED);
}

static void
test_nothing_leads_out_of_reported (void **state)
{
    for (int event = 0; event < INCIDENT_EVENTS; event++)
        assert_int_equal (incident_next (INCIDENT_REPORTED, (incident_event_t) event),
                          INCIDENT_STATES);
}

static void
test_terminal_states_are_left_by_a_retry_only (void **state)
{
    for (int at = 0; at < INCIDENT_STATES; at++) {
        if (!incident_terminal ((incident_state_t) at))
            continue;
        for (int event = 0; event < INCIDENT_EVENTS; event++)
            if (event != INCIDENT_ON_RETRY)
                assert_int_equal (incident_next ((incident_state_t) at, (incident_event_t) event),
                                  INCIDENT_STATES);
    }
    assert_int_equal (incident_next (INCIDENT_FAILED, INCIDENT_ON_RETRY), INCIDENT_PENDING);
    assert_int_equal (incident_next (INCIDENT_SUPPRESSED, INCIDENT_ON_RETRY), INCIDENT_PENDING);
}

static void
test_a_late_report_resolves_a_pending_incident (void **state)
{
    assert_int_equal (incident_next (INCIDENT_PENDING, INCIDENT_ON_SUCCESS), INCIDENT_REPORTED);
}

static void
test_every_open_state_reaches_each_end (void **state)
{
    const incident_state_t open [] = {INCIDENT_PENDING, INCIDENT_INVESTIGATING};
    for (size_t i = 0; i < 2; i++) {
        assert_false (incident_terminal (open [i]));
        assert_int_equal (incident_next (open [i], INCIDENT_ON_AGENT_END), INCIDENT_AGENT_FAILED);
        assert_int_equal (incident_next (open [i], INCIDENT_ON_LOST_END), INCIDENT_FAILED);
        assert_int_equal (incident_next (open [i], INCIDENT_ON_CANCEL), INCIDENT_CANCELLED);
    }
}

static void
test_state_names_parse_back (void **state)
{
    for (int i = INCIDENT_PENDING; i < INCIDENT_STATES; i++) {
        incident_state_t parsed = INCIDENT_NONE;
        assert_true (incident_state_parse (incident_state_name ((incident_state_t) i), &parsed));
        assert_int_equal (parsed, i);
    }
    incident_state_t untouched = INCIDENT_FAILED;
    assert_false (incident_state_parse ("", &untouched));
    assert_false (incident_state_parse ("Reported", &untouched));
    assert_int_equal (untouched, INCIDENT_FAILED);
}

static void
test_an_old_name_is_read_and_never_written (void **state)
{
    incident_state_t parsed = INCIDENT_NONE;
    assert_true (incident_state_parse ("resolved", &parsed));
    assert_int_equal (parsed, INCIDENT_REPORTED);
    assert_string_equal (incident_state_name (parsed), "reported");
}

static void
test_reasons_have_names (void **state)
{
    for (int i = INCIDENT_SUPPRESS_FIRST; i < INCIDENT_SUPPRESS_REASONS; i++)
        assert_true (incident_suppress_name ((incident_suppress_t) i) [0] != 0);
    assert_string_equal (incident_suppress_name (INCIDENT_SUPPRESS_OVERFLOW), "overflow");
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_the_good_way_leads_from_admission_to_reported),
        cmocka_unit_test (test_nothing_leads_out_of_reported),
        cmocka_unit_test (test_terminal_states_are_left_by_a_retry_only),
        cmocka_unit_test (test_a_late_report_resolves_a_pending_incident),
        cmocka_unit_test (test_every_open_state_reaches_each_end),
        cmocka_unit_test (test_state_names_parse_back),
        cmocka_unit_test (test_an_old_name_is_read_and_never_written),
        cmocka_unit_test (test_reasons_have_names),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
