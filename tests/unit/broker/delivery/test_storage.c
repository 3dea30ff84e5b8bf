//  Unit tests of storage and record: folders made complete, and a backend of the test's own.
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
#include <limits.h>
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

//  Save an incident through whatever backend is chosen.
static mail_effect_done_t
s_begin (storage_t *storage, const char *incident)
{
    row_effect_t effect = {.id = 7, .channel = ROW_CHANNEL_STORAGE};
    mail_effect_done_t end = {0};
    snprintf (effect.incident.text, sizeof effect.incident.text, "%s", incident);
    storage_begin (storage, &effect, "");
    if (!storage_ended (storage, &end))
        return (mail_effect_done_t){0};
    assert_false (storage_waits (storage));
    assert_int_equal (end.id, 7);
    return end;
}

static mail_effect_done_t
s_save_of (fixture_t *self, const char *incident, bool upload_failed)
{
    const settings_t settings = {.workspace_root = self->world.root,
                                 .upload_failed_investigations = upload_failed};
    const storage_env_t env = {.settings = &settings};
    own (storage_destroy) storage_t *storage =
        storage_new (storage_backends, &env, self->reader, NULL);
    assert_string_equal (storage_name (storage), "filesystem");
    const mail_effect_done_t end = s_begin (storage, incident);
    assert_int_equal (end.id, 7); //  at once
    return end;
}

static step_effect_result_t
s_save (fixture_t *self, bool upload_failed)
{
    return s_save_of (self, self->world.incident.id.text, upload_failed).result;
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
    assert_int_equal (unlinkat (output, "investigation.html", 0), 0);
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
test_the_result_tells_root_cause_and_confidence (void **state)
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
    s_expect_result (self, "\"usage\": null"); //  the worker said nothing of it
}

static void
test_a_report_without_findings_has_none_in_the_result (void **state)
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
    const mail_effect_done_t end = s_save_of (self, "019b76da-0000-7000-8000-000000000000", false);
    assert_int_equal (end.result, STEP_EFFECT_PERMANENT);
    assert_true (end.error [0] != 0);
}

static void
test_an_incident_without_its_event_is_saved_as_itself_after_another (void **state)
{
    fixture_t *self = *state;
    const ident_t first = self->world.incident.id;
    s_end (self, INCIDENT_AGENT_FAILED, 0);
    //  The store has deleted the event of the second one
    static const uint8_t random [10] = {9};
    self->world.incident.id = ident_make (1767225600001, random);
    self->world.incident.number = 2;
    snprintf (self->world.incident.event_id, sizeof self->world.incident.event_id, "event-2");
    world_save (&self->world);
    assert_int_equal (s_save (self, false), STEP_EFFECT_OK);
    own (own_mem) char *alone = world_read (&self->world, "incident.json");
    const storage_env_t env = {.settings = &self->world.settings};
    own (storage_destroy) storage_t *storage =
        storage_new (storage_backends, &env, self->reader, NULL);
    assert_int_equal (s_begin (storage, first.text).result, STEP_EFFECT_OK);
    const char *second = self->world.incident.id.text;
    assert_int_equal (s_begin (storage, second).result, STEP_EFFECT_OK);
    s_expect_text (self, "incident.json", alone);
    s_expect_text (self, "event.json", NULL);
}


//  --- the filesystem: checks and removals

static void
s_checked (storage_check_t *check)
{
    *(int *) check->arg += 1;
}

static storage_check_t
s_check_fs (const char *root)
{
    int answers = 0;
    const settings_t settings = {.workspace_root = root};
    const storage_env_t env = {.settings = &settings};
    storage_check_t check = {.env = &env, .checked = s_checked, .arg = &answers};
    storage_fs.check (&check);
    assert_int_equal (answers, 1);
    return check;
}

static void
test_a_folder_is_checked_by_a_file_that_is_written_and_read (void **state)
{
    fixture_t *self = *state;
    assert_int_equal (blob_make_dir (self->world.root), 0);
    const storage_check_t good = s_check_fs (self->world.root);
    assert_int_equal (good.found.count, 3);
    for (size_t i = 0; i < good.found.count; i++)
        assert_int_equal (good.found.steps [i].result, MAIL_STORAGE_GOOD);
    assert_string_equal (good.found.steps [0].text, self->world.root);
    char path [160];
    snprintf (path, sizeof path, "%s/.check", self->world.root);
    assert_int_equal (access (path, F_OK), -1); //  nothing stays
    assert_int_equal (symlink ("/dev/null", path), 0);
    const storage_check_t bad = s_check_fs (self->world.root);
    assert_string_equal (bad.found.steps [1].name, "write");
    assert_int_equal (bad.found.steps [1].result, MAIL_STORAGE_BAD);
    snprintf (path, sizeof path, "%s/none", self->world.root);
    const storage_check_t none = s_check_fs (path);
    assert_int_equal (none.found.count, 1);
    assert_int_equal (none.found.steps [0].result, MAIL_STORAGE_BAD);
    assert_non_null (strstr (none.found.steps [0].text, "No such file"));
}

static void
s_removed (storage_removal_t *removal)
{
    *(int *) removal->arg += 1;
}

static storage_file_t
s_remove_fs (fixture_t *self, const char *incident)
{
    int answers = 0;
    const storage_env_t env = {.settings = &self->world.settings};
    storage_removal_t removal = {
        .env = &env, .incident = incident, .removed = s_removed, .arg = &answers};
    storage_fs.remove (&removal);
    assert_int_equal (answers, 1);
    return removal.end;
}

static void
test_an_incident_is_removed_with_its_folder_and_only_that (void **state)
{
    fixture_t *self = *state;
    const char *id = self->world.incident.id.text;
    world_attempt (&self->world, 1, ROW_ATTEMPT_ENDED, VERDICT_SUCCESS, "local:a");
    s_sealed (self, 1, "text");
    s_end (self, INCIDENT_REPORTED, 1);
    assert_int_equal (s_save (self, false), STEP_EFFECT_OK);
    char other [160];
    snprintf (other, sizeof other, "%s/other", self->world.root);
    assert_int_equal (blob_make_dir (other), 0);
    assert_int_equal (s_remove_fs (self, id).result, STEP_EFFECT_OK);
    assert_int_equal (access (world_path (&self->world, ""), F_OK), -1);
    assert_int_equal (access (other, F_OK), 0);
    assert_int_equal (s_remove_fs (self, id).result, STEP_EFFECT_OK); //  again: nothing to do
    const storage_file_t end = s_remove_fs (self, "../other");
    assert_int_equal (end.result, STEP_EFFECT_RETRY);
    assert_true (end.error [0] != 0);
    assert_int_equal (access (other, F_OK), 0);
}


//  --- a second backend: these functions and a row

//  It keeps files in memory and answers when the test calls s_cloud_answer.
typedef struct {
    char names [16][LIMIT_PATH_BYTES];
    int count;
    storage_batch_t *batch; //  not answered yet
    const char *broken;     //  the file that it cannot take
    int cancelled, asked;
    bool in_hook; //  as in a hook of http: nothing may begin
} cloud_t;

static cloud_t s_cloud;

static bool
s_cloud_chosen (const settings_t *settings)
{
    return settings->external_url && settings->external_url [0];
}

static void
s_cloud_save (storage_batch_t *batch)
{
    assert_null (s_cloud.batch);
    assert_false (s_cloud.in_hook);
    s_cloud.batch = batch;
    batch->work = &s_cloud;
}

static void
s_cloud_go_on (void *work)
{
    assert_ptr_equal (work, &s_cloud);
    assert_non_null (s_cloud.batch);
    s_cloud.asked++;
}

static void
s_cloud_cancel (void *work)
{
    assert_ptr_equal (work, &s_cloud);
    s_cloud.cancelled++;
    s_cloud.batch = NULL;
}

static void
s_cloud_answer (void)
{
    storage_batch_t *batch = s_cloud.batch;
    assert_non_null (batch);
    s_cloud.batch = NULL;
    for (size_t i = 0; i < batch->count; i++) {
        storage_file_t *file = &batch->files [i];
        own (own_fd) int fd = folder_open_file (batch->folder_fd, file->path, O_RDONLY, NULL);
        assert_true (fd >= 0); //  there are bytes to send
        if (s_cloud.broken && strcmp (file->path, s_cloud.broken) == 0) {
            file->retry_after_ms = 4000;
            file->unreached = true;
            snprintf (file->error, sizeof file->error, "503 %s", file->path);
            continue;
        }
        file->result = STEP_EFFECT_OK;
        snprintf (s_cloud.names [s_cloud.count++], LIMIT_PATH_BYTES, "%s", file->path);
    }
    s_cloud.in_hook = true;
    batch->work = NULL;
    batch->saved (batch);
    s_cloud.in_hook = false;
}

static int
s_cloud_link (const storage_env_t *env, const char *incident, const char *path,
              storage_link_t *ret_link)
{
    if (strncmp (path, "attempts/", 9) == 0)
        return ERR_NONE;
    snprintf (ret_link->text, sizeof ret_link->text, "%s/%s/%s%s", env->settings->external_url,
              incident, path, *path ? "?sig=1" : "");
    ret_link->url = true;
    ret_link->expires_ms = 168;
    return 0;
}

static const storage_backend_t s_cloud_backend = {.name = "cloud",
                                                  .chosen = s_cloud_chosen,
                                                  .save = s_cloud_save,
                                                  .go_on = s_cloud_go_on,
                                                  .cancel = s_cloud_cancel,
                                                  .link = s_cloud_link};
static const storage_backend_t *const s_backends [] = {&s_cloud_backend, &storage_fs, NULL};

//  A reported incident, and a storage with both backends that chooses the cloud.
static storage_t *
s_with_cloud (fixture_t *self)
{
    s_cloud = (cloud_t){0};
    world_attempt (&self->world, 1, ROW_ATTEMPT_ENDED, VERDICT_SUCCESS, "local:a");
    s_sealed (self, 1, "text");
    s_end (self, INCIDENT_REPORTED, 1);
    self->world.settings.external_url = "https://cloud";
    const storage_env_t env = {.settings = &self->world.settings};
    return storage_new (s_backends, &env, self->reader, NULL);
}

static bool
s_cloud_has (const char *name, int from, int to)
{
    for (int i = from; i < to; i++)
        if (strcmp (s_cloud.names [i], name) == 0)
            return true;
    return false;
}

//  result.json has links to these files, and to no others.
static void
s_expect_links (fixture_t *self)
{
    static const char *const rows [][2] = {{"event.json", "event.json"},
                                           {"result.json", "result.json"},
                                           {"investigation.md", "output/investigation.md"},
                                           {"investigation.html", "output/investigation.html"}};
    own (own_mem) char *text = world_read (&self->world, "result.json");
    own (json_drop) json_t *doc = NULL;
    char url [256];
    assert_int_equal (json_parse (text, strlen (text), &doc, NULL), 0);
    const json_t *links = json_object_get (doc, "presigned_urls");
    assert_int_equal (json_object_size (links), 4);
    for (size_t i = 0; i < 4; i++) {
        snprintf (url, sizeof url, "https://cloud/%s/%s?sig=1", self->world.incident.id.text,
                  rows [i][1]);
        assert_string_equal (json_member_text (links, rows [i][0], ""), url);
    }
    assert_string_equal (json_member_text (doc, "presigned_urls_expire_at", ""),
                         "1970-01-01T00:00:00.168Z");
}

static void
test_a_second_backend_saves_all_files_and_the_result_last (void **state)
{
    fixture_t *self = *state;
    const char *id = self->world.incident.id.text;
    own (storage_destroy) storage_t *storage = s_with_cloud (self);
    assert_string_equal (storage_name (storage), "cloud");
    assert_int_equal (s_begin (storage, id).id, 0); //  not yet
    s_expect_text (self, "result.json", NULL);
    s_cloud_answer ();
    assert_int_equal (s_cloud.count, 5);
    assert_true (s_cloud_has ("output/investigation.html", 0, 5));
    assert_true (s_cloud_has ("event.json", 0, 5) && s_cloud_has ("incident.json", 0, 5));
    assert_true (s_cloud_has ("output/investigation.md", 0, 5));
    assert_true (s_cloud_has ("logs/run1.log", 0, 5));
    //  The second batch begins after the hook
    s_expect_text (self, "result.json", NULL);
    assert_true (storage_waits (storage));
    mail_effect_done_t end;
    assert_false (storage_ended (storage, &end));
    assert_false (storage_waits (storage));
    s_expect_status (self, "success");
    s_expect_links (self);
    s_cloud_answer ();
    assert_int_equal (s_cloud.count, 6);
    assert_string_equal (s_cloud.names [5], "result.json");
    assert_true (storage_ended (storage, &end));
    assert_int_equal (end.result, STEP_EFFECT_OK);
}

static void
test_a_place_that_changes_during_a_save_gets_all_files (void **state)
{
    fixture_t *self = *state;
    const char *id = self->world.incident.id.text;
    own (storage_destroy) storage_t *storage = s_with_cloud (self);
    settings_t other = self->world.settings;
    mail_effect_done_t end;
    other.external_url = "https://another";
    assert_int_equal (s_begin (storage, id).id, 0);
    storage_configure (storage, &other);
    s_cloud_answer ();
    assert_true (storage_ended (storage, &end)); //  result.json does not go there alone
    assert_int_equal (end.result, STEP_EFFECT_RETRY);
    assert_non_null (strstr (end.error, "another place"));
    s_expect_text (self, "result.json", NULL);
    assert_int_equal (s_begin (storage, id).id, 0);
    storage_configure (storage, &other); //  the same place
    s_cloud_answer ();
    assert_int_equal (s_cloud.count, 10);
    assert_false (storage_ended (storage, &end));
    s_cloud_answer ();
    assert_true (storage_ended (storage, &end));
    assert_int_equal (end.result, STEP_EFFECT_OK);
}

static void
test_links_are_the_backend_s_or_paths_on_this_host (void **state)
{
    fixture_t *self = *state;
    const char *id = self->world.incident.id.text;
    own (storage_destroy) storage_t *storage = s_with_cloud (self);
    storage_link_t link;
    char expected [256];
    assert_int_equal (storage_link (storage, id, "result.json", &link), 0);
    snprintf (expected, sizeof expected, "https://cloud/%s/result.json?sig=1", id);
    assert_string_equal (link.text, expected);
    assert_true (link.url && link.expires_ms == 168);
    //  Not kept by it: the path on this host, as everything is with the other backend
    assert_int_equal (storage_link (storage, id, "attempts/1/run.json", &link), 0);
    snprintf (expected, sizeof expected, "%s/%s/attempts/1/run.json", self->world.root, id);
    assert_string_equal (link.text, expected);
    assert_false (link.url || link.expires_ms);
    const settings_t without = {.workspace_root = self->world.root};
    storage_configure (storage, &without);
    assert_string_equal (storage_name (storage), "filesystem");
    assert_int_equal (storage_link (storage, id, "", &link), 0);
    snprintf (expected, sizeof expected, "%s/%s", self->world.root, id);
    assert_string_equal (link.text, expected);
    assert_int_equal (storage_link (storage, "", "", &link), 0);
    assert_string_equal (link.text, self->world.root);
}

static void
test_a_link_fits_for_any_root_that_can_be_opened (void **state)
{
    fixture_t *self = *state;
    char root [PATH_MAX];
    memset (root, 'r', sizeof root);
    root [0] = '/';
    root [sizeof root - 1] = 0;
    const settings_t settings = {.workspace_root = root};
    const storage_env_t env = {.settings = &settings};
    own (storage_destroy) storage_t *storage =
        storage_new (storage_backends, &env, self->reader, NULL);
    storage_link_t link;
    const char *id = self->world.incident.id.text;
    assert_int_equal (storage_link (storage, id, "attempts/3/output/investigation.md", &link), 0);
    assert_memory_equal (link.text, root, sizeof root - 1);
    assert_non_null (strstr (link.text, "/output/investigation.md"));
}

static void
test_one_file_that_is_not_saved_is_the_answer_for_all (void **state)
{
    fixture_t *self = *state;
    const char *id = self->world.incident.id.text;
    own (storage_destroy) storage_t *storage = s_with_cloud (self);
    mail_effect_done_t end;
    s_cloud.broken = "logs/run1.log";
    assert_int_equal (s_begin (storage, id).id, 0);
    s_cloud_answer ();
    assert_true (storage_ended (storage, &end));
    assert_int_equal (end.result, STEP_EFFECT_RETRY);
    assert_int_equal (end.retry_after_ms, 4000);
    assert_true (end.unreached);
    assert_string_equal (end.error, "503 logs/run1.log");
    s_expect_text (self, "result.json", NULL);
    s_cloud.broken = NULL;
    assert_int_equal (s_begin (storage, id).id, 0);
    s_cloud_answer ();
    assert_false (storage_ended (storage, &end));
    s_cloud_answer ();
    assert_true (storage_ended (storage, &end));
    assert_int_equal (end.result, STEP_EFFECT_OK);
}

static void
test_a_batch_under_way_is_given_up_at_the_end (void **state)
{
    fixture_t *self = *state;
    storage_t *storage = s_with_cloud (self);
    assert_int_equal (s_begin (storage, self->world.incident.id.text).id, 0);
    storage_destroy (&storage);
    assert_int_equal (s_cloud.cancelled, 1);
}

static void
test_a_batch_with_its_results_is_not_given_up_at_the_end (void **state)
{
    fixture_t *self = *state;
    storage_t *storage = s_with_cloud (self);
    assert_int_equal (s_begin (storage, self->world.incident.id.text).id, 0);
    s_cloud_answer ();
    storage_destroy (&storage);
    assert_int_equal (s_cloud.cancelled, 0);
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
        TEST (test_the_result_tells_root_cause_and_confidence),
        TEST (test_a_report_without_findings_has_none_in_the_result),
        TEST (test_an_unknown_incident_is_a_permanent_error),
        TEST (test_an_incident_without_its_event_is_saved_as_itself_after_another),
        TEST (test_a_folder_is_checked_by_a_file_that_is_written_and_read),
        TEST (test_an_incident_is_removed_with_its_folder_and_only_that),
        TEST (test_a_second_backend_saves_all_files_and_the_result_last),
        TEST (test_a_place_that_changes_during_a_save_gets_all_files),
        TEST (test_links_are_the_backend_s_or_paths_on_this_host),
        TEST (test_a_link_fits_for_any_root_that_can_be_opened),
        TEST (test_one_file_that_is_not_saved_is_the_answer_for_all),
        TEST (test_a_batch_under_way_is_given_up_at_the_end),
        TEST (test_a_batch_with_its_results_is_not_given_up_at_the_end),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
