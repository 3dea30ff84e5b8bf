//  resume - when a run is resumed, and what is kept of its first part.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/scratch.h"
#include "worker/loop/resume.h"

#include <errno.h>

#define REPORT                                                                                     \
    "# Report\n\nThe memory limit of the container is too low for its heap, so the kernel kills "  \
    "it again and again.\n"

static void
s_write (scratch_t *folder, const char *name, const char *text)
{
    FILE *file = fopen (scratch_at (folder, name), "w");
    assert_non_null (file);
    assert_true (fputs (text, file) >= 0);
    assert_int_equal (fclose (file), 0);
}

static void
s_expect (scratch_t *folder, const char *name, const char *wanted)
{
    char text [1024] = "";
    int fd = open (scratch_at (folder, name), O_RDONLY | O_NOFOLLOW);
    assert_true (read (fd, text, sizeof text - 1) >= 0);
    close (fd);
    assert_string_equal (text, wanted);
}

static int
s_setup (void **state)
{
    if (scratch_setup (state) != 0)
        return -1;
    scratch_dir (*state, "output");
    scratch_dir (*state, "logs");
    return 0;
}

static void
test_only_a_report_and_some_time_are_worth_a_stop (void **state)
{
    scratch_t *folder = *state;
    assert_false (resume_due (folder->path, 8000));
    scratch_file (folder, "output/investigation.md", 100);
    assert_false (resume_due (folder->path, 8000));
    scratch_file (folder, "output/investigation.md", 101);
    assert_true (resume_due (folder->path, 8000));
    assert_true (resume_due (folder->path, 4000));
    assert_false (resume_due (folder->path, 3999));
    scratch_file (folder, "output/investigation.md", RESUME_LOOK_BYTES + 1);
    assert_false (resume_due (folder->path, 8000));
}

static void
test_a_run_is_resumed_that_would_be_partial_and_has_room (void **state)
{
    scratch_t *folder = *state;
    facts_t facts = findings_no_facts ();
    facts.run = (verdict_run_t){.started = true, .timed_out = true};
    assert_false (resume_wanted (folder->path, &facts)); //  there is no report
    s_write (folder, "output/investigation.md", REPORT);
    assert_true (resume_wanted (folder->path, &facts));
    facts.run.timed_out = false;
    facts.run.exit_code = 1;
    assert_false (resume_wanted (folder->path, &facts)); //  why it failed is not known
    s_write (folder, "output/agent-result.json", "{\"subtype\":\"error_max_turns\"}");
    assert_true (resume_wanted (folder->path, &facts));
    facts.observed.class = RUN_CLASS_LIMIT; //  the budget
    assert_false (resume_wanted (folder->path, &facts));
    facts.observed.class = RUN_CLASS_NONE;
    snprintf (facts.run.limit, sizeof facts.run.limit, "disk");
    assert_false (resume_wanted (folder->path, &facts));
    facts.run.limit [0] = 0;
    assert_true (resume_wanted (folder->path, &facts));
    assert_int_equal (rmdir (scratch_at (folder, "logs")), 0);
    assert_int_equal (symlink ("output", scratch_at (folder, "logs")), 0);
    assert_false (resume_wanted (folder->path, &facts)); //  logs would be written elsewhere
}

static void
test_what_the_first_run_has_left_is_kept (void **state)
{
    scratch_t *folder = *state;
    s_write (folder, "output/investigation.md", REPORT);
    s_write (folder, "logs/agent.stdout.log", "first out");
    s_write (folder, "logs/agent.stderr.log", "first err");
    s_write (folder, "run.json", "{}");
    assert_int_equal (resume_prepare (folder->path), 0);
    s_expect (folder, "logs/agent-first.stdout.log", "first out");
    s_expect (folder, "logs/agent-first.stderr.log", "first err");
    assert_int_not_equal (access (scratch_at (folder, "run.json"), F_OK), 0);
    s_write (folder, "output/investigation.md", "");
    resume_restore (folder->path);
    s_expect (folder, "output/investigation.md", REPORT);
    s_write (folder, "output/investigation.md", "# Another " REPORT);
    resume_restore (folder->path);
    s_expect (folder, "output/investigation.md", "# Another " REPORT);
}

static void
test_traps_of_the_agent_touch_nothing_outside (void **state)
{
    scratch_t *folder = *state;
    s_write (folder, "outside", "untouched");
    s_write (folder, "output/investigation.md", REPORT);
    assert_int_equal (symlink ("outside", scratch_at (folder, ".first-report.md")), 0);
    scratch_dir (folder, "run.json");
    assert_int_equal (resume_prepare (folder->path), 0);
    s_expect (folder, "outside", "untouched");
    s_expect (folder, ".first-report.md", REPORT);
    //  The second run puts a folder, then a link, where the report was.
    assert_int_equal (unlink (scratch_at (folder, "output/investigation.md")), 0);
    scratch_dir (folder, "output/investigation.md");
    resume_restore (folder->path);
    s_expect (folder, "output/investigation.md", REPORT);
    assert_int_equal (unlink (scratch_at (folder, "output/investigation.md")), 0);
    assert_int_equal (symlink ("../outside", scratch_at (folder, "output/investigation.md")), 0);
    resume_restore (folder->path);
    s_expect (folder, "output/investigation.md", REPORT);
    s_expect (folder, "outside", "untouched");
    //  Without a copy there is nothing to put back.
    assert_int_equal (unlink (scratch_at (folder, ".first-report.md")), 0);
    assert_int_equal (unlink (scratch_at (folder, "output/investigation.md")), 0);
    resume_restore (folder->path);
    assert_int_not_equal (access (scratch_at (folder, "output/investigation.md"), F_OK), 0);
    assert_true (resume_prepare (folder->path) < 0);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_only_a_report_and_some_time_are_worth_a_stop, s_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_run_is_resumed_that_would_be_partial_and_has_room,
                                         s_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_what_the_first_run_has_left_is_kept, s_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_traps_of_the_agent_touch_nothing_outside, s_setup,
                                         scratch_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
