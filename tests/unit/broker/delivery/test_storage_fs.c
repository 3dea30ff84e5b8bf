//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/base/blob.h"
#include "broker/delivery/storage_fs.h"
#include "broker/disk/artifact_dir.h"
#include "broker/disk/artifact_stage.h"
#include "common/base/folder.h"
#include "common/base/json.h"
#include "common/base/own.h"
#include "tests/unit/broker/world.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char s_body [] = "{\"faultType\":\"CrashLoop\",\"context\":\"x\"}";

typedef struct {
    world_t world;
    store_reader_t *reader;
} fixture_t;

static int
s_setup (void **state)
{
    fixture_t *self = calloc (1, sizeof *self);
    assert_non_null (self);
    world_init (&self->world, s_body, sizeof s_body - 1);
    assert_int_equal (store_reader_open (self->world.state_path, &self->reader, NULL), 0);
    *state = self;
    return 0;
}

static int
s_teardown (void **state)
{
    fixture_t *self = *state;
    store_reader_destroy (&self->reader);
    world_fini (&self->world);
    free (self);
    return 0;
}

//  A report with this text, and a log with the attempt's name.
static void
s_sealed (fixture_t *self, int64_t attempt, const char *text)
{
    char log [LIMIT_PATH_BYTES];
    snprintf (log, sizeof log, "logs/run%d.log", (int) attempt);
    world_seal (&self->world, attempt, (const char *const [2]){"output/investigation.md", log},
                (const char *const [2]){text, text});
}

static step_effect_result_t
s_save (fixture_t *self, bool upload_failed)
{
    char error [LIMIT_REASON_BYTES];
    const settings_t settings = {.workspace_root = self->world.root,
                                 .upload_failed_investigations = upload_failed};
    return storage_fs_save (self->reader, NULL, &settings, self->world.incident.id.text, error);
}

static void
s_expect_text (fixture_t *self, const char *path, const char *expected)
{
    own (own_mem) char *text = world_read (&self->world, path);
    if (!expected)
        assert_null (text);
    else {
        assert_non_null (text);
        assert_string_equal (text, expected);
    }
}

static void
s_expect_status (fixture_t *self, const char *expected)
{
    own (own_mem) char *text = world_read (&self->world, "result.json");
    assert_non_null (text);
    own (json_drop) json_t *doc = NULL;
    assert_int_equal (json_parse (text, strlen (text), &doc, NULL), 0);
    assert_string_equal (json_member_text (doc, "status", ""), expected);
}

static void
s_end (fixture_t *self, incident_state_t state, int64_t winner)
{
    self->world.incident.state = state;
    self->world.incident.winner = winner;
    self->world.incident.completed_ms = 1767225700000;
    self->world.incident.exit_code = winner ? 0 : 7;
    world_save (&self->world);
}

static void
test_the_winner_is_promoted_and_saving_twice_is_the_same (void **state)
{
    fixture_t *self = *state;
    world_attempt (&self->world, 1, ROW_ATTEMPT_ENDED, VERDICT_AGENT, "local:a");
    world_attempt (&self->world, 2, ROW_ATTEMPT_ENDED, VERDICT_SUCCESS, "local:b");
    s_sealed (self, 1, "first");
    s_sealed (self, 2, "second");
    s_end (self, INCIDENT_REPORTED, 2);
    for (int round = 0; round < 2; round++) {
        assert_int_equal (s_save (self, false), STEP_EFFECT_OK);
        s_expect_text (self, "output/investigation.md", "second");
        s_expect_text (self, "logs/run2.log", "second");
        s_expect_text (self, "logs/run1.log", NULL);
        s_expect_text (self, "attempts/1/output/investigation.md", "first");
        s_expect_status (self, "success");
    }
    own (own_mem) char *incident = world_read (&self->world, "incident.json");
    assert_non_null (strstr (incident, "\"status\": \"reported\""));
    own (own_mem) char *event = world_read (&self->world, "event.json");
    assert_non_null (strstr (event, self->world.incident.id.text));
    own (own_fd) int fd = artifact_dir_open (self->world.root, self->world.incident.id.text, false);
    own (own_fd) int output = folder_open (fd, "output", false);
    struct stat st;
    assert_int_equal (fstat (output, &st), 0);
    assert_int_equal (st.st_mode & 0777, 0700);
    //  no temporary remains: renaming one link of a file over another has no effect
    assert_int_equal (unlinkat (output, "investigation.md", 0), 0);
    assert_int_equal (unlinkat (fd, "output", AT_REMOVEDIR), 0);
}

static void
test_a_failed_incident_keeps_its_files_in_the_attempt_unless_told_to_upload (void **state)
{
    fixture_t *self = *state;
    world_attempt (&self->world, 1, ROW_ATTEMPT_ENDED, VERDICT_AGENT, "local:a");
    s_sealed (self, 1, "partial");
    s_end (self, INCIDENT_AGENT_FAILED, 0);
    assert_int_equal (s_save (self, false), STEP_EFFECT_OK);
    s_expect_text (self, "output/investigation.md", NULL);
    s_expect_text (self, "attempts/1/output/investigation.md", "partial");
    s_expect_status (self, "failed");
    assert_int_equal (s_save (self, true), STEP_EFFECT_OK);
    s_expect_text (self, "output/investigation.md", "partial");

    //  A retry wins: nothing of the failure remains at the top
    world_attempt (&self->world, 2, ROW_ATTEMPT_ENDED, VERDICT_SUCCESS, "local:a");
    s_sealed (self, 2, "whole");
    s_end (self, INCIDENT_REPORTED, 2);
    assert_int_equal (s_save (self, false), STEP_EFFECT_OK);
    s_expect_text (self, "output/investigation.md", "whole");
    s_expect_text (self, "logs/run1.log", NULL);
}

static void
test_an_incident_whose_attempts_left_nothing_still_has_its_record (void **state)
{
    fixture_t *self = *state;
    world_attempt (&self->world, 1, ROW_ATTEMPT_ENDED, VERDICT_HOST, "local:a");
    s_end (self, INCIDENT_AGENT_FAILED, 0);
    assert_int_equal (s_save (self, true), STEP_EFFECT_OK);
    s_expect_status (self, "error");
}

static void
test_a_failure_of_the_disk_is_tried_again_and_leaves_no_result (void **state)
{
    fixture_t *self = *state;
    world_attempt (&self->world, 1, ROW_ATTEMPT_ENDED, VERDICT_SUCCESS, "local:a");
    s_end (self, INCIDENT_REPORTED, 1);
    assert_int_equal (s_save (self, false), STEP_EFFECT_RETRY); //  the winner's files are missing
    s_expect_text (self, "result.json", NULL);
    s_sealed (self, 1, "late");
    //  A symlink in place of the folder is not followed
    char aside [160];
    snprintf (aside, sizeof aside, "%s/aside", self->world.dir);
    assert_int_equal (blob_make_dir (aside), 0);
    assert_int_equal (symlink (aside, world_path (&self->world, "output")), 0);
    assert_int_equal (s_save (self, false), STEP_EFFECT_RETRY);
    assert_int_equal (rmdir (aside), 0); //  empty
    assert_int_equal (unlink (world_path (&self->world, "output")), 0);
    assert_int_equal (s_save (self, false), STEP_EFFECT_OK);
    s_expect_text (self, "output/investigation.md", "late");
}

static void
s_expect_result (fixture_t *self, const char *part)
{
    own (own_mem) char *text = world_read (&self->world, "result.json");
    assert_non_null (text);
    if (!strstr (text, part))
        fail_msg ("no %s in %s", part, text);
}

static void
test_the_result_tells_root_cause_confidence_and_usage (void **state)
{
    fixture_t *self = *state;
    world_attempt (&self->world, 1, ROW_ATTEMPT_ENDED, VERDICT_SUCCESS, "local:a");
    world_seal (
        &self->world, 1,
        (const char *const [2]){"output/investigation.md", "output/agent-result.json"},
        (const char *const [2]){"## Root Cause\n\nDisk **full**.\n\nConfidence: HIGH\n",
                                "{\"usage\": {\"output_tokens\": 321}, \"result\": \"x\"}"});
    s_end (self, INCIDENT_REPORTED, 1);
    assert_int_equal (s_save (self, false), STEP_EFFECT_OK);
    s_expect_result (self, "\"root_cause\": \"Disk full.\"");
    s_expect_result (self, "\"confidence\": \"HIGH\"");
    s_expect_result (self, "\"output_tokens\": 321");
}

static void
test_an_agent_result_that_is_no_json_leaves_no_usage (void **state)
{
    fixture_t *self = *state;
    world_attempt (&self->world, 1, ROW_ATTEMPT_ENDED, VERDICT_SUCCESS, "local:a");
    world_seal (&self->world, 1,
                (const char *const [2]){"output/investigation.md", "output/agent-result.json"},
                (const char *const [2]){"A report without any heading.", "{\"usage\": {"});
    s_end (self, INCIDENT_REPORTED, 1);
    assert_int_equal (s_save (self, false), STEP_EFFECT_OK);
    s_expect_result (self, "\"root_cause\": \"See investigation report for details\"");
    s_expect_result (self, "\"confidence\": \"UNKNOWN\"");
    s_expect_result (self, "\"usage\": null");
}

static void
test_an_unknown_incident_is_a_permanent_error (void **state)
{
    fixture_t *self = *state;
    char error [LIMIT_REASON_BYTES];
    const settings_t settings = {.workspace_root = self->world.root};
    assert_int_equal (storage_fs_save (self->reader, NULL, &settings,
                                       "019b76da-0000-7000-8000-000000000000", error),
                      STEP_EFFECT_PERMANENT);
    assert_true (error [0] != 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        TEST (test_the_winner_is_promoted_and_saving_twice_is_the_same),
        TEST (test_a_failed_incident_keeps_its_files_in_the_attempt_unless_told_to_upload),
        TEST (test_an_incident_whose_attempts_left_nothing_still_has_its_record),
        TEST (test_a_failure_of_the_disk_is_tried_again_and_leaves_no_result),
        TEST (test_the_result_tells_root_cause_confidence_and_usage),
        TEST (test_an_agent_result_that_is_no_json_leaves_no_usage),
        TEST (test_an_unknown_incident_is_a_permanent_error),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
