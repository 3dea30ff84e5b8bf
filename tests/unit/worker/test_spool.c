//  spool - what is collected, kept and read back.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/worker/folder.h"
#include "worker/spool.h"

#include <errno.h>

static const char s_id [] = "0190163d-8694-739b-aea5-966c26f8ad91";

static void
s_workspace (folder_t *folder)
{
    folder_dir (folder, "job");
    folder_dir (folder, "job/output");
    folder_dir (folder, "job/logs");
    folder_dir (folder, "spool");
}

static spool_report_t
s_report (void)
{
    spool_report_t report = {.attempt = 2,
                             .outcome = VERDICT_AGENT,
                             .exit_code = 7,
                             .reason = "agent exited with non-zero code: 7",
                             .started_ms = 1000,
                             .completed_ms = 2000};
    snprintf (report.incident.text, sizeof report.incident.text, "%s", s_id);
    return report;
}

static void
test_a_kept_report_is_read_back_as_it_was (void **state)
{
    folder_t *folder = *state;
    s_workspace (folder);
    folder_file (folder, "job/output/investigation.md", 500);
    folder_file (folder, "job/logs/agent.stdout.log", 0);
    char dir [128], kept [128];
    snprintf (dir, sizeof dir, "%s/job", folder->path);
    snprintf (kept, sizeof kept, "%s/spool/job", folder->path);

    spool_report_t report = s_report (), back;
    assert_int_equal (spool_collect (dir, &report), 0);
    assert_int_equal (report.file_count, 2);
    assert_int_equal (spool_keep (dir, kept, &report), 0);
    assert_int_not_equal (access (dir, F_OK), 0);
    assert_int_equal (spool_load (kept, &back), 0);
    assert_string_equal (back.incident.text, s_id);
    assert_string_equal (back.reason, report.reason);
    assert_int_equal (back.attempt, 2);
    assert_int_equal (back.outcome, VERDICT_AGENT);
    assert_int_equal (back.exit_code, 7);
    assert_int_equal (back.completed_ms, 2000);
    assert_int_equal (back.file_count, 2);
    assert_string_equal (back.files [0].path, "output/investigation.md");
    assert_int_equal (back.files [0].size, 500);
    assert_string_equal (back.files [0].sha256, report.files [0].sha256);
}

static void
test_links_and_odd_files_are_neither_a_report_nor_collected (void **state)
{
    folder_t *folder = *state;
    s_workspace (folder);
    folder_file (folder, "job/target.md", 500);
    char dir [128];
    snprintf (dir, sizeof dir, "%s/job", folder->path);
    assert_int_equal (symlink ("../target.md", folder_at (folder, "job/output/investigation.md")),
                      0);
    assert_int_equal (mkfifo (folder_at (folder, "job/logs/a.log"), 0600), 0);
    assert_int_equal (symlink ("/etc/passwd", folder_at (folder, "job/logs/b.log")), 0);
    folder_dir (folder, "job/logs/c.log");
    folder_file (folder, "job/logs/bad name.log", 5);

    spool_report_t report = s_report ();
    assert_int_equal (spool_report_size (dir), -1);
    assert_int_equal (spool_collect (dir, &report), 0);
    assert_int_equal (report.file_count, 0);
}

static void
test_a_log_over_its_limit_is_left_out (void **state)
{
    folder_t *folder = *state;
    s_workspace (folder);
    char dir [128];
    snprintf (dir, sizeof dir, "%s/job", folder->path);
    folder_file (folder, "job/logs/big.log", LIMIT_LOG_HEAD_BYTES + LIMIT_LOG_TAIL_BYTES + 1);
    folder_file (folder, "job/logs/full.log", LIMIT_LOG_HEAD_BYTES + LIMIT_LOG_TAIL_BYTES);
    spool_report_t report = s_report ();
    assert_int_equal (spool_collect (dir, &report), 0);
    assert_int_equal (report.file_count, 1);
    assert_string_equal (report.files [0].path, "logs/full.log");
}

static void
test_no_more_files_than_an_attempt_may_have (void **state)
{
    folder_t *folder = *state;
    s_workspace (folder);
    char dir [128];
    snprintf (dir, sizeof dir, "%s/job", folder->path);
    for (int i = 0; i < LIMIT_ATTEMPT_FILES + 10; i++) {
        char name [64];
        snprintf (name, sizeof name, "job/logs/%d.log", i);
        folder_file (folder, name, 1);
    }
    spool_report_t report = s_report ();
    assert_int_equal (spool_collect (dir, &report), 0);
    assert_int_equal (report.file_count, LIMIT_ATTEMPT_FILES);
}

static void
test_a_verdict_file_that_is_not_ours_is_refused (void **state)
{
    folder_t *folder = *state;
    folder_file (folder, "verdict.json", 10);
    spool_report_t report;
    assert_int_equal (spool_load (folder->path, &report), ERR_PROTO);
    assert_int_equal (spool_load (folder_at (folder, "nothing"), &report), -ENOENT);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_a_kept_report_is_read_back_as_it_was, folder_setup,
                                         folder_teardown),
        cmocka_unit_test_setup_teardown (
            test_links_and_odd_files_are_neither_a_report_nor_collected, folder_setup,
            folder_teardown),
        cmocka_unit_test_setup_teardown (test_a_log_over_its_limit_is_left_out, folder_setup,
                                         folder_teardown),
        cmocka_unit_test_setup_teardown (test_no_more_files_than_an_attempt_may_have, folder_setup,
                                         folder_teardown),
        cmocka_unit_test_setup_teardown (test_a_verdict_file_that_is_not_ours_is_refused,
                                         folder_setup, folder_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
