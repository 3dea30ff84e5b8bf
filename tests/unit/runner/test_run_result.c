//  run_result - the result that a supervisor left.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/own.h"
#include "runner/run_result.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void
s_write (scratch_t *folder, const char *text)
{
    int fd = open (scratch_at (folder, "run.json"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal (write (fd, text, strlen (text)), (ssize_t) strlen (text));
    close (fd);
}

static void
test_a_result_of_this_boot_is_read (void **state)
{
    scratch_t *folder = *state;
    char boot [RUN_RESULT_BOOT], text [512];
    run_result_boot (boot);
    assert_int_equal (strlen (boot), RUN_RESULT_BOOT - 1);
    snprintf (text, sizeof text,
              "{\"exit_code\": 7, \"timed_out\": false, \"stopped\": false, \"timeout_ms\": 300, "
              "\"started_ms\": 5, \"completed_ms\": 6, \"left\": 0, \"boot\": \"%s\"}",
              boot);
    s_write (folder, text);
    run_result_t result = {0};
    assert_int_equal (run_result_load (folder->path, &result), 0);
    assert_true (run_result_final (&result));
    assert_int_equal (result.exit_code, 7);
    assert_int_equal (result.timeout_ms, 300);
    assert_false (result.left);
}

static void
test_a_result_of_another_boot_or_none_at_all_is_refused (void **state)
{
    scratch_t *folder = *state;
    run_result_t result = {0};
    assert_int_equal (run_result_load (folder->path, &result), -ENOENT);
    s_write (folder, "{\"exit_code\": 0, \"boot\": \"2d1c7a52-6d1e-4b6e-9d35-0e5b7d1f3c11\"}");
    assert_int_equal (run_result_load (folder->path, &result), ERR_STALE);
    s_write (folder, "{\"exit_code\": 0}");
    assert_int_equal (run_result_load (folder->path, &result), ERR_STALE);
    static const char *const bad [] = {"",
                                       "[]",
                                       "7",
                                       "{}",
                                       "{\"exit_code\": \"0\"}",
                                       "{\"exit_code\": 256}",
                                       "{\"exit_code\": -2}",
                                       "{\"exit_code\": 0, \"timeout_ms\": 9223372036854775807}",
                                       "{\"exit_code\": 0, \"timeout_ms\": -1}",
                                       "{\"exit_code\": 0, \"started_ms\": -9223372036854775807}",
                                       "{\"exit_code\": 0, \"completed_ms\": 253402300800000}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad [0]; i++) {
        s_write (folder, bad [i]);
        assert_int_equal (run_result_load (folder->path, &result), ERR_PROTO);
    }
    assert_false (result.valid);
}

static void
test_an_end_from_outside_is_not_its_own (void **state)
{
    assert_false (run_result_final (&(run_result_t){.valid = false}));
    assert_false (run_result_final (&(run_result_t){.valid = true, .stopped = true}));
    assert_false (run_result_final (&(run_result_t){.valid = true, .timed_out = true}));
    assert_true (run_result_final (&(run_result_t){.valid = true, .exit_code = 1}));
}

static void
test_a_result_that_is_told_is_read_as_it_was (void **state)
{
    const run_result_t told = {.valid = true,
                               .exit_code = 137,
                               .signal = 9,
                               .timed_out = true,
                               .stopped = true,
                               .left = 1,
                               .timeout_ms = 1,
                               .started_ms = 2,
                               .completed_ms = 3,
                               .stdout_bytes = 4,
                               .stderr_bytes = 5,
                               .start_error = "agent: \"not\" there"};
    run_result_t result = {0};
    own (json_drop) json_t *doc = run_result_json (&told);
    own (own_mem) char *line = json_line (doc);
    assert_int_equal (run_result_parse (line, strlen (line), &result), 0);
    assert_true (result.valid);
    own (json_drop) json_t *again = run_result_json (&result);
    own (own_mem) char *same = json_line (again);
    assert_string_equal (same, line);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_a_result_of_this_boot_is_read, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_result_of_another_boot_or_none_at_all_is_refused,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test (test_an_end_from_outside_is_not_its_own),
        cmocka_unit_test (test_a_result_that_is_told_is_read_as_it_was),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
