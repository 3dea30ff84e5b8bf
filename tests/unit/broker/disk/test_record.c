//  Each record has the broker's own page.  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/disk/artifact_dir.h"
#include "broker/disk/record.h"
#include "common/base/own.h"
#include "tests/unit/broker/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char s_body [] = "{\"faultType\":\"CrashLoop\",\"context\":\"x\"}";
static const char s_report [] = "# Root Cause\n\nThe disk is full.\n";

static int
s_setup (void **state)
{
    world_t *self = calloc (1, sizeof *self);
    assert_non_null (self);
    world_init (self, s_body, sizeof s_body - 1);
    *state = self;
    return 0;
}

static int
s_teardown (void **state)
{
    world_fini (*state);
    free (*state);
    return 0;
}

static void
s_seal (world_t *self)
{
    world_seal (self, 1, (const char *const [2]){"output/investigation.md", "logs/run1.log"},
                (const char *const [2]){s_report, "log"});
}

//  Complete the record with one attempt.
static void
s_complete (world_t *self, incident_state_t state, verdict_outcome_t outcome, poison_t *poison)
{
    static record_files_t files;
    record_t record = {.incident = self->incident, .attempt_count = 1};
    const bool reported = outcome == VERDICT_SUCCESS;
    record.incident.state = state;
    record.incident.winner = reported;
    record.attempts [0] =
        (row_attempt_t){.number = 1, .state = ROW_ATTEMPT_ENDED, .outcome = outcome};
    own (own_fd) int fd = artifact_dir_open (self->root, self->incident.id.text, true);
    assert_int_equal (record_complete (&record, fd, &self->settings, poison, &files), 0);
    bool listed = false;
    for (size_t i = 0; i < files.count; i++)
        listed = listed || strcmp (files.paths [i], record_page_path) == 0;
    assert_true (listed);
    assert_string_equal (record.report.root_cause, reported ? "The disk is full." : "");
}

//  The page is whole and has this part, once.
static void
s_expect (world_t *self, const char *part)
{
    own (own_mem) char *html = world_read (self, record_page_path);
    assert_non_null (html);
    const char *found = strstr (html, part);
    if (!found)
        print_error ("not on the page: %s\n", part);
    assert_non_null (found);
    assert_null (strstr (found + 1, part));
    assert_non_null (strstr (html, "</html>"));
}

static void
test_a_record_has_a_page_and_no_other_file_stands_in_its_place (void **state)
{
    static const char mine [] = "<h1>mine</h1>";
    static const char *const places [] = {"output/investigation.html",
                                          "attempts/1/output/investigation.html"};
    world_t *self = *state;
    s_seal (self);
    own (own_fd) int fd = artifact_dir_open (self->root, self->incident.id.text, false);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal (artifact_dir_put (fd, places [i], mine, sizeof mine - 1, "save"), 0);
        s_complete (self, INCIDENT_REPORTED, VERDICT_SUCCESS, NULL);
        s_expect (self, "<p class=\"what\">The disk is full.</p>");
        s_expect (self, "<p>The disk is full.</p>");
    }
    own (own_mem) char *theirs = world_read (self, places [1]);
    assert_string_equal (theirs, mine);
}

static void
test_the_page_of_an_incident_without_a_report_says_why (void **state)
{
    world_t *self = *state;
    snprintf (self->incident.reason, sizeof self->incident.reason, "no <credit>");
    s_complete (self, INCIDENT_AGENT_FAILED, VERDICT_AGENT, NULL);
    s_expect (self, "Reason: no &lt;credit&gt;");
    s_expect (self, "triagectl incidents retry ");
}

//  A process that dies while it makes the page.
static void
s_die (const char *db, const char *name)
{
    const pid_t pid = fork ();
    assert_true (pid >= 0);
    if (pid == 0)
        _exit (poison_begin (poison_open (db, "delivery"), name) ? 1 : 0);
    int status = 0;
    assert_int_equal (waitpid (pid, &status, 0), pid);
    assert_int_equal (status, 0);
}

static void
test_a_report_that_the_broker_died_of_is_not_on_the_page (void **state)
{
    world_t *self = *state;
    char db [200], name [IDENT_SIZE + 32];
    s_seal (self);
    snprintf (db, sizeof db, "%s/reading.db", self->dir);
    snprintf (name, sizeof name, "page %s/1", self->incident.id.text);
    for (int i = 0; i < LIMIT_POISON_DEATHS; i++)
        s_die (db, name);
    own (poison_destroy) poison_t *poison = poison_open (db, "delivery");
    s_complete (self, INCIDENT_REPORTED, VERDICT_SUCCESS, poison);
    s_expect (self, "The report is not shown: it could not be read.");
    s_expect (self, "<p class=\"what\">The disk is full.</p>");
    own (own_mem) char *report = world_read (self, "output/investigation.md");
    assert_string_equal (report, s_report);
}

#define TEST(name_) cmocka_unit_test_setup_teardown (name_, s_setup, s_teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        TEST (test_a_record_has_a_page_and_no_other_file_stands_in_its_place),
        TEST (test_the_page_of_an_incident_without_a_report_says_why),
        TEST (test_a_report_that_the_broker_died_of_is_not_on_the_page),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
