//  spool - files that are collected, kept and read back.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/own.h"
#include "tests/unit/scratch.h"
#include "worker/keeper/collect.h"
#include "worker/keeper/findings.h"
#include "worker/keeper/spool.h"

#include <errno.h>

static redact_t s_secrets;
static const char s_id [] = "0190163d-8694-739b-aea5-966c26f8ad91";

static void
s_workspace (scratch_t *folder)
{
    scratch_dir (folder, "job");
    scratch_dir (folder, "job/output");
    scratch_dir (folder, "job/logs");
    scratch_dir (folder, "spool");
}

static spool_verdict_t
s_report (void)
{
    spool_verdict_t verdict = {.attempt = 2,
                               .outcome = VERDICT_AGENT,
                               .class = RUN_CLASS_RATE_LIMITED,
                               .retry_ms = 7000,
                               .usage = usage_none (),
                               .exit_code = 7,
                               .reason = "agent exited with non-zero code: 7",
                               .started_ms = 1000,
                               .completed_ms = 2000};
    snprintf (verdict.incident.text, sizeof verdict.incident.text, "%s", s_id);
    return verdict;
}

static void
test_a_kept_report_is_read_back_as_it_was (void **state)
{
    scratch_t *folder = *state;
    s_workspace (folder);
    scratch_file (folder, "job/output/investigation.md", 500);
    scratch_file (folder, "job/logs/agent.stdout.log", 0);
    char dir [128], kept [128];
    snprintf (dir, sizeof dir, "%s/job", folder->path);
    snprintf (kept, sizeof kept, "%s/spool/job", folder->path);

    int unsynced = -1;
    spool_verdict_t verdict = s_report (), back;
    verdict.usage.turns = 3;
    snprintf (verdict.usage.model, sizeof verdict.usage.model, "opus");
    assert_int_equal (collect_files (dir, &s_secrets, NULL, &verdict, &unsynced), 0);
    assert_int_equal (verdict.file_count, 2);
    assert_int_equal (unsynced, 0);
    assert_int_equal (spool_keep (dir, kept, &verdict), 0);
    assert_int_not_equal (access (dir, F_OK), 0);
    assert_int_equal (spool_load (kept, &back), 0);
    assert_string_equal (back.incident.text, s_id);
    assert_string_equal (back.reason, verdict.reason);
    assert_int_equal (back.attempt, 2);
    assert_int_equal (back.outcome, VERDICT_AGENT);
    assert_int_equal (back.class, RUN_CLASS_RATE_LIMITED);
    assert_int_equal (back.retry_ms, 7000);
    assert_int_equal (back.usage.turns, 3);
    assert_int_equal (back.usage.calls, USAGE_UNKNOWN);
    assert_string_equal (back.usage.model, "opus");
    assert_int_equal (back.exit_code, 7);
    assert_int_equal (back.completed_ms, 2000);
    assert_int_equal (back.file_count, 2);
    assert_string_equal (back.files [0].path, "output/investigation.md");
    assert_int_equal (back.files [0].size, 500);
    assert_string_equal (back.files [0].sha256, verdict.files [0].sha256);
}

static void
test_links_and_odd_files_are_neither_a_report_nor_collected (void **state)
{
    scratch_t *folder = *state;
    s_workspace (folder);
    scratch_file (folder, "job/target.md", 500);
    char dir [128];
    snprintf (dir, sizeof dir, "%s/job", folder->path);
    assert_int_equal (symlink ("../target.md", scratch_at (folder, "job/output/investigation.md")),
                      0);
    assert_int_equal (mkfifo (scratch_at (folder, "job/logs/a.log"), 0600), 0);
    assert_int_equal (symlink ("/etc/passwd", scratch_at (folder, "job/logs/b.log")), 0);
    scratch_dir (folder, "job/logs/c.log");
    scratch_file (folder, "job/logs/bad name.log", 5);

    int unsynced = -1;
    spool_verdict_t verdict = s_report ();
    assert_int_equal (findings_report_size (dir), -1);
    assert_int_equal (collect_files (dir, &s_secrets, NULL, &verdict, &unsynced), 0);
    assert_int_equal (verdict.file_count, 0);
}

static void
test_a_log_over_its_limit_is_left_out (void **state)
{
    scratch_t *folder = *state;
    s_workspace (folder);
    char dir [128];
    snprintf (dir, sizeof dir, "%s/job", folder->path);
    scratch_file (folder, "job/logs/big.log", LIMIT_LOG_HEAD_BYTES + LIMIT_LOG_TAIL_BYTES + 1);
    scratch_file (folder, "job/logs/full.log", LIMIT_LOG_HEAD_BYTES + LIMIT_LOG_TAIL_BYTES);
    int unsynced = -1;
    spool_verdict_t verdict = s_report ();
    assert_int_equal (collect_files (dir, &s_secrets, NULL, &verdict, &unsynced), 0);
    assert_int_equal (verdict.file_count, 1);
    assert_string_equal (verdict.files [0].path, "logs/full.log");
}

static void
test_files_that_the_broker_would_refuse_are_left_out (void **state)
{
    scratch_t *folder = *state;
    s_workspace (folder);
    char dir [128];
    snprintf (dir, sizeof dir, "%s/job", folder->path);
    scratch_file (folder, "job/output/investigation.md", LIMIT_REPORT_BYTES);
    scratch_file (folder, "job/output/agent-result.json", LIMIT_REPORT_BYTES);
    int unsynced = -1;
    spool_verdict_t verdict = s_report ();
    assert_int_equal (collect_files (dir, &s_secrets, NULL, &verdict, &unsynced), 0);
    assert_int_equal (verdict.file_count, 1);
    assert_string_equal (verdict.files [0].path, "output/investigation.md");
}

static void
s_write (scratch_t *folder, const char *name, const char *text)
{
    int fd = open (scratch_at (folder, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal (write (fd, text, strlen (text)), (ssize_t) strlen (text));
    close (fd);
}

static void
s_expect (scratch_t *folder, const char *name, const char *wanted)
{
    char text [256] = "";
    int fd = open (scratch_at (folder, name), O_RDONLY);
    assert_true (read (fd, text, sizeof text - 1) >= 0);
    close (fd);
    assert_string_equal (text, wanted);
}

static void
test_secrets_are_removed_from_the_copy_that_travels_only (void **state)
{
    scratch_t *folder = *state;
    s_workspace (folder);
    char dir [128], other [512];
    snprintf (dir, sizeof dir, "%s/job", folder->path);
    s_write (folder, "job/output/investigation.md", "a sk-0123456789 b sk-0123456789");
    s_write (folder, "keys", "key: sk-0123456789\n");
    snprintf (other, sizeof other, "%s", scratch_at (folder, "keys"));
    assert_int_equal (link (other, scratch_at (folder, "job/logs/keys.log")), 0);
    int unsynced = -1;
    spool_verdict_t verdict = s_report ();
    assert_int_equal (collect_files (dir, &s_secrets, NULL, &verdict, &unsynced), 0);
    assert_int_equal (unsynced, 0);
    assert_int_equal (verdict.file_count, 2);
    s_expect (folder, "job/output/investigation.md", "a ************* b *************");
    s_expect (folder, "job/logs/keys.log", "key: *************\n");
    s_expect (folder, "keys", "key: sk-0123456789\n");
    char sha256 [DIGEST_HEX];
    digest_hex ("a ************* b *************", 31, sha256);
    assert_string_equal (verdict.files [0].sha256, sha256);
}

static void
test_a_file_that_is_closed_to_us_does_not_cost_the_others (void **state)
{
    scratch_t *folder = *state;
    s_workspace (folder);
    char dir [128];
    snprintf (dir, sizeof dir, "%s/job", folder->path);
    scratch_file (folder, "job/output/investigation.md", 500);
    scratch_file (folder, "job/logs/closed.log", 5);
    assert_int_equal (chmod (scratch_at (folder, "job/logs/closed.log"), 0), 0);
    scratch_as_nobody (folder);
    int unsynced = -1;
    spool_verdict_t verdict = s_report ();
    assert_int_equal (collect_files (dir, &s_secrets, NULL, &verdict, &unsynced), 0);
    assert_int_equal (verdict.file_count, 1);
    assert_int_equal (chmod (scratch_at (folder, "job/output/investigation.md"), 0), 0);
    assert_int_equal (collect_files (dir, &s_secrets, NULL, &verdict, &unsynced), -EACCES);
    scratch_as_before ();
}

static void
test_no_more_files_than_an_attempt_may_have (void **state)
{
    scratch_t *folder = *state;
    s_workspace (folder);
    char dir [128];
    snprintf (dir, sizeof dir, "%s/job", folder->path);
    for (int i = 0; i < LIMIT_ATTEMPT_FILES + 10; i++) {
        char name [64];
        snprintf (name, sizeof name, "job/logs/%d.log", i);
        scratch_file (folder, name, 1);
    }
    int unsynced = -1;
    spool_verdict_t verdict = s_report ();
    assert_int_equal (collect_files (dir, &s_secrets, NULL, &verdict, &unsynced), 0);
    assert_int_equal (verdict.file_count, LIMIT_ATTEMPT_FILES);
}

static void
test_a_verdict_file_that_is_not_ours_is_refused (void **state)
{
    scratch_t *folder = *state;
    scratch_file (folder, "verdict.json", 10);
    spool_verdict_t verdict;
    assert_int_equal (spool_load (folder->path, &verdict), ERR_PROTO);
    assert_int_equal (spool_load (scratch_at (folder, "nothing"), &verdict), -ENOENT);
}

static spool_verdict_t s_loaded;

//  verdict.json as an older worker wrote it, with one part replaced.
static int
s_load_with (scratch_t *folder, const char *part, const char *other)
{
    static const char whole [] =
        "{\"incident\": \"0190163d-8694-739b-aea5-966c26f8ad91\", \"attempt\": 1, \"outcome\": "
        "\"success\", \"exit_code\": 0, \"reason\": \"\", \"started_ms\": 1, \"completed_ms\": 2, "
        "\"files\": [{\"path\": \"run.json\", \"size\": 5, \"sha256\": "
        "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}]}";
    char text [1024];
    const char *at = strstr (whole, part);
    assert_non_null (at);
    int size = snprintf (text, sizeof text, "%.*s%s%s", (int) (at - whole), whole, other,
                         at + strlen (part));
    int fd = open (scratch_at (folder, "verdict.json"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal (write (fd, text, (size_t) size), size);
    close (fd);
    return spool_load (folder->path, &s_loaded);
}

static void
test_a_verdict_of_an_older_worker_has_no_class_and_no_usage (void **state)
{
    assert_int_equal (s_load_with (*state, "\"reason\"", "\"reason\""), 0);
    assert_int_equal (s_loaded.class, RUN_CLASS_NONE);
    assert_int_equal (s_loaded.retry_ms, 0);
    assert_false (usage_known (&s_loaded.usage));
    //  nor does a class that contradicts the outcome count
    assert_int_equal (s_load_with (*state, "\"reason\"", "\"class\": \"auth\", \"reason\""), 0);
    assert_int_equal (s_loaded.class, RUN_CLASS_NONE);
    assert_int_equal (s_load_with (*state, "\"reason\"", "\"retry_ms\": -5, \"reason\""), 0);
    assert_int_equal (s_loaded.retry_ms, 0);
}

static void
test_a_verdict_with_impossible_values_is_refused (void **state)
{
    static const char *const bad [][2] = {
        {"\"size\": 5", "\"size\": -1"},
        {"\"size\": 5", "\"size\": 9000000000000000000"},
        {"\"size\": 5", "\"size\": 5242881"},
        {"\"size\": 5, ", ""},
        {"e3b0", "XXXX"},
        {"e3b0", "e3b"},
        {"run.json", "../run.json"},
        {"\"attempt\": 1", "\"attempt\": 0"},
        {"\"attempt\": 1", "\"attempt\": 4294967296"},
        {"\"exit_code\": 0", "\"exit_code\": 256"},
        {"\"success\"", "\"lost\""},
        {"\"started_ms\": 1", "\"started_ms\": -9000000000000000000"},
        {"\"completed_ms\": 2", "\"completed_ms\": 253402300800000"},
        {"0190163d", "../../xx"},
    };
    assert_int_equal (s_load_with (*state, "\"reason\"", "\"reason\""), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad [0]; i++)
        assert_int_equal (s_load_with (*state, bad [i][0], bad [i][1]), ERR_PROTO);
}

static void
s_text (scratch_t *folder, const char *name, const char *text)
{
    FILE *file = fopen (scratch_at (folder, name), "w");
    assert_non_null (file);
    assert_true (fputs (text, file) >= 0);
    assert_int_equal (fclose (file), 0);
}

//  The log keeps its start and its end.  A cut may leave half of a secret in each.
static void
test_a_secret_that_a_log_was_cut_in_is_removed (void **state)
{
    scratch_t *folder = *state;
    s_workspace (folder);
    static const char mark [] = "\n[... 70000 bytes cut ...]\n";
    enum { HEAD = LIMIT_LOG_HEAD_BYTES };
    own (own_mem) char *text = malloc (HEAD + 200);
    assert_non_null (text);
    memset (text, 'x', HEAD);
    memcpy (text + HEAD - 8, "sk-01234", 8);
    int size = snprintf (text + HEAD, 200, "%s%s", mark, "23456789 is no key 23456789\n");
    snprintf (folder->text, sizeof folder->text, "%s/job/logs/agent.stdout.log", folder->path);
    int fd = open (folder->text, O_CREAT | O_WRONLY, 0600);
    assert_int_equal (write (fd, text, (size_t) (HEAD + size)), HEAD + size);
    close (fd);
    char dir [128];
    snprintf (dir, sizeof dir, "%s/job", folder->path);
    int unsynced = 0;
    spool_verdict_t verdict = s_report ();
    assert_int_equal (collect_files (dir, &s_secrets, NULL, &verdict, &unsynced), 0);
    assert_int_equal (verdict.file_count, 1);
    fd = open (folder->text, O_RDONLY);
    char got [100] = "";
    assert_int_equal (pread (fd, got, sizeof got - 1, HEAD - 10), 10 + size);
    close (fd);
    assert_string_equal (got,
                         "xx********\n[... 70000 bytes cut ...]\n******** is no key 23456789\n");
}

static void
test_a_secret_in_the_agents_result_is_not_in_the_reason (void **state)
{
    scratch_t *folder = *state;
    s_workspace (folder);
    s_text (folder, "job/output/investigation.md",
            "# Report\n\nThe memory limit of the container is too low for its heap, so the kernel "
            "kills it again and again.\n");
    s_text (folder, "job/output/agent-result.json",
            "{\"is_error\": true, \"result\": \"bad key sk-0123456789\"}");
    char dir [128];
    snprintf (dir, sizeof dir, "%s/job", folder->path);

    int unsynced = -1;
    spool_verdict_t verdict = s_report ();
    assert_int_equal (collect_files (dir, &s_secrets, NULL, &verdict, &unsynced), 0);
    facts_t facts = findings_no_facts ();
    facts.run = (verdict_run_t){.started = true, .exit_code = 7};
    assert_int_equal (findings_judge (dir, &facts, SIZE_MAX, &verdict), 0);
    assert_string_equal (verdict.reason,
                         "agent exited with non-zero code: 7: bad key *************");
    facts.run.exit_code = 0;
    assert_int_equal (findings_judge (dir, &facts, SIZE_MAX, &verdict), 0);
    assert_int_equal (verdict.outcome, VERDICT_AGENT);
    assert_string_equal (verdict.reason, "agent reported an error: bad key *************");
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_a_kept_report_is_read_back_as_it_was, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (
            test_links_and_odd_files_are_neither_a_report_nor_collected, scratch_setup,
            scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_log_over_its_limit_is_left_out, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_files_that_the_broker_would_refuse_are_left_out,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_file_that_is_closed_to_us_does_not_cost_the_others,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_secrets_are_removed_from_the_copy_that_travels_only,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_secret_that_a_log_was_cut_in_is_removed,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_secret_in_the_agents_result_is_not_in_the_reason,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_verdict_with_impossible_values_is_refused,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (
            test_a_verdict_of_an_older_worker_has_no_class_and_no_usage, scratch_setup,
            scratch_teardown),
        cmocka_unit_test_setup_teardown (test_no_more_files_than_an_attempt_may_have, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_verdict_file_that_is_not_ours_is_refused,
                                         scratch_setup, scratch_teardown),
    };
    redact_add (&s_secrets, "sk-0123456789", 13);
    int rc = cmocka_run_group_tests (tests, NULL, NULL);
    redact_fini (&s_secrets);
    return rc;
}
