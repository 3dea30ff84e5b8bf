//  Tests of worker/loop/session: log lines of a worker while nobody answers.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/worker/loop/session_case.h"

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

//  Number of log lines that hold this text.
static int
s_lines (FILE *log, const char *text)
{
    char line [4096];
    int count = 0;
    rewind (log);
    while (fgets (line, sizeof line, log))
        count += strstr (line, text) != NULL;
    return count;
}

static void
test_a_broker_that_is_away_is_told_seldom_and_its_return_once (void **state)
{
    const curve_keys_t plain = {.enabled = false};
    link_t *broker = link_bind (LINK_WORK, "tcp://127.0.0.1:*", &plain, NULL);
    link_t *files = link_bind (LINK_FILES, "tcp://127.0.0.1:*", &plain, NULL);
    const session_spec_t spec = session_case_spec (broker, link_endpoint (files), &plain);
    FILE *log = tmpfile ();
    assert_non_null (log);
    log_set_fd (fileno (log));
    session_t *session = session_new (&spec, NULL);
    int64_t now_ms = 1;
    for (; now_ms < 11 * 60000; now_ms += 10000) //  it accepts connections but sends nothing
        session_tick (session, now_ms, now_ms);
    assert_int_equal (s_lines (log, "no answer from the broker"), 1);
    assert_int_equal (s_lines (log, "still nobody answers"), 2);
    assert_int_equal (s_lines (log, "the broker answers again"), 0);
    assert_false (session_told (session));
    for (const int64_t from_ms = now_ms; !session_ready (session); now_ms += 20) {
        assert_true (now_ms < from_ms + 20000);
        session_drain (session, now_ms, now_ms);
        session_case_welcome (broker);
    }
    assert_true (session_told (session));
    log_set_fd (2);
    assert_int_equal (s_lines (log, "the broker answers again"), 1);
    fclose (log);
    session_destroy (&session);
    link_destroy (&broker);
    link_destroy (&files);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_broker_that_is_away_is_told_seldom_and_its_return_once),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
