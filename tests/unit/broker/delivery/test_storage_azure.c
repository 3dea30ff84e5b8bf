//  Uploads to Azure, removals and checks, against a small server that keeps blobs in memory.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/delivery/storage_azure.h"
#include "broker/disk/artifact_dir.h"
#include "common/base/own.h"
#include "tests/unit/broker/delivery/blob_server.h"
#include "tests/unit/broker/world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { S_FILES = 12, S_LARGE = 5 * 1024 * 1024 + 7 };

#define HEAD(status, code, more)                                                                   \
    "HTTP/1.1 " status "\r\nx-ms-error-code: " code "\r\n" more                                    \
    "Connection: close\r\nContent-Length: 0\r\n\r\n"

typedef struct {
    world_t world;
    blob_server_t server;
    http_t *http;
    clk_t *clk;
    char connection [256];
    storage_env_t env;
    int folder_fd;
    storage_file_t files [S_FILES];
    storage_batch_t batch;
    int ends;
} fixture_t;

static int
s_setup (void **state)
{
    fixture_t *self = calloc (1, sizeof *self);
    world_init (&self->world, "{}", 2);
    blob_server_start (&self->server);
    snprintf (self->connection, sizeof self->connection,
              "AccountName=account;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:%d/account",
              self->server.port);
    self->world.settings.azure_storage_connection_string = self->connection;
    self->world.settings.azure_storage_account = self->world.settings.azure_storage_key = "";
    self->world.settings.azure_storage_container = "box";
    self->world.settings.azure_sas_expiry_ms = 60000;
    self->http = http_new ();
    self->clk = clk_new ();
    self->env =
        (storage_env_t){.settings = &self->world.settings, .http = self->http, .clk = self->clk};
    self->folder_fd = artifact_dir_open (self->world.root, self->world.incident.id.text, true);
    assert_true (self->folder_fd >= 0);
    *state = self;
    return 0;
}

static int
s_teardown (void **state)
{
    fixture_t *self = *state;
    own_fd (&self->folder_fd);
    http_destroy (&self->http);
    clk_destroy (&self->clk);
    blob_server_stop (&self->server);
    blob_server_clear (&self->server);
    world_fini (&self->world);
    free (self);
    return 0;
}

static void
s_file (fixture_t *self, const char *path, const char *bytes, size_t size)
{
    assert_int_equal (artifact_dir_write (self->folder_fd, path, bytes, size, "save"), 0);
}

static void
s_saved (storage_batch_t *batch)
{
    fixture_t *self = batch->arg;
    assert_null (batch->work);
    self->ends++;
}

//  Save these files, up to NULL.
static void
s_save (fixture_t *self, const char *const *paths)
{
    self->batch = (storage_batch_t){.env = &self->env,
                                    .incident = self->world.incident.id.text,
                                    .folder_fd = self->folder_fd,
                                    .files = self->files,
                                    .saved = s_saved,
                                    .arg = self};
    for (; paths [self->batch.count]; self->batch.count++) {
        storage_file_t *file = &self->files [self->batch.count];
        *file = (storage_file_t){.result = STEP_EFFECT_RETRY};
        snprintf (file->path, sizeof file->path, "%s", paths [self->batch.count]);
    }
    self->ends = 0;
    storage_azure.save (&self->batch);
    while (self->batch.work) {
        http_poll (self->http, -1, 1000);
        if (self->batch.work)
            storage_azure.go_on (self->batch.work);
    }
    assert_int_equal (self->ends, 1);
}

static void
s_expect_all (const fixture_t *self, step_effect_result_t result)
{
    for (size_t i = 0; i < self->batch.count; i++)
        if (self->files [i].result != result)
            fail_msg ("%s: %d, %s", self->files [i].path, (int) self->files [i].result,
                      self->files [i].error);
}

static const char *const s_small [] = {"event.json",
                                       "output/investigation.md",
                                       "output/investigation.html",
                                       "output/other.html",
                                       "logs/agent",
                                       "output/data",
                                       NULL};

static void
s_write_small (fixture_t *self)
{
    for (size_t i = 0; s_small [i]; i++)
        s_file (self, s_small [i], s_small [i], strlen (s_small [i]));
}

static void
test_each_file_is_a_blob_with_its_bytes_its_md5_and_its_type (void **state)
{
    fixture_t *self = *state;
    static const char *const types [] = {
        "application/json; charset=utf-8", "text/markdown; charset=utf-8",
        "text/html; charset=utf-8",        "text/plain; charset=utf-8",
        "text/plain; charset=utf-8",       "application/octet-stream"};
    s_write_small (self);
    s_save (self, s_small);
    s_expect_all (self, STEP_EFFECT_OK);
    for (size_t i = 0; s_small [i]; i++) {
        const blob_server_blob_t *blob = blob_server_find (&self->server, s_small [i]);
        assert_non_null (blob);
        assert_int_equal (blob->size, strlen (s_small [i]));
        assert_memory_equal (blob->bytes, s_small [i], blob->size);
        assert_string_equal (blob->type, types [i]);
        assert_int_equal (strlen (blob->md5), 24);
    }
}

static void
test_a_blob_that_is_the_same_stays_and_another_is_replaced (void **state)
{
    fixture_t *self = *state;
    s_write_small (self);
    s_save (self, s_small);
    s_file (self, "event.json", "changed", 7);
    s_save (self, s_small);
    s_expect_all (self, STEP_EFFECT_OK);
    assert_int_equal (blob_server_asked (&self->server, "HEAD", ""), 6);
    assert_int_equal (blob_server_asked (&self->server, "PUT", "logs/agent"), 2);
    assert_int_equal (blob_server_asked (&self->server, "PUT", "event.json"), 3);
    const blob_server_blob_t *blob = blob_server_find (&self->server, "event.json");
    assert_int_equal (blob->size, 7);
    assert_memory_equal (blob->bytes, "changed", 7);
}

static void
test_a_large_file_is_made_of_blocks_once (void **state)
{
    fixture_t *self = *state;
    static const char *const paths [] = {"logs/large.log", "logs/empty.log", NULL};
    own (own_mem) char *bytes = malloc (S_LARGE);
    for (size_t i = 0; i < S_LARGE; i++)
        bytes [i] = (char) ('a' + i % 23);
    s_file (self, paths [0], bytes, S_LARGE);
    s_file (self, paths [1], "", 0);
    for (int round = 0; round < 2; round++) {
        s_save (self, paths);
        s_expect_all (self, STEP_EFFECT_OK);
        assert_int_equal (blob_server_asked (&self->server, "PUT", "comp=block&"), 3);
        assert_int_equal (blob_server_asked (&self->server, "PUT", "comp=blocklist"), 1);
    }
    const blob_server_blob_t *blob = blob_server_find (&self->server, "large.log");
    assert_int_equal (blob->size, S_LARGE);
    assert_memory_equal (blob->bytes, bytes, S_LARGE);
    assert_string_equal (blob->type, "text/plain; charset=utf-8");
    assert_int_equal (blob_server_find (&self->server, "empty.log")->size, 0);
    bytes [S_LARGE - 1] = '!'; //  another one of the same size replaces it
    s_file (self, paths [0], bytes, S_LARGE);
    s_save (self, paths);
    s_expect_all (self, STEP_EFFECT_OK);
    assert_memory_equal (blob->bytes, bytes, S_LARGE);
}

static void
test_a_file_that_is_gone_is_tried_again_and_the_others_go_up (void **state)
{
    fixture_t *self = *state;
    static const char *const paths [] = {"event.json", "logs/gone.log", "output/data", NULL};
    s_write_small (self);
    s_save (self, paths);
    assert_int_equal (self->files [0].result, STEP_EFFECT_OK);
    assert_int_equal (self->files [1].result, STEP_EFFECT_RETRY);
    assert_false (self->files [1].unreached);
    assert_non_null (strstr (self->files [1].error, "logs/gone.log"));
    assert_int_equal (self->files [2].result, STEP_EFFECT_OK);
}

static void
test_an_answer_says_if_the_file_or_the_whole_storage_is_refused (void **state)
{
    fixture_t *self = *state;
    static const struct {
        const char *answer;
        step_effect_result_t result;
        bool whole;
        int64_t retry_after_ms;
        const char *part;
    } rows [] = {
        {HEAD ("403 Forbidden", "AuthenticationFailed", ""), STEP_EFFECT_RETRY, true, 0, "key"},
        {HEAD ("404 Not Found", "ContainerNotFound", ""), STEP_EFFECT_RETRY, true, 0, "box"},
        {HEAD ("503 Busy", "ServerBusy", "Retry-After: 7\r\n"), STEP_EFFECT_RETRY, true, 7000,
         "busy"},
        {HEAD ("507 Full", "InsufficientStorage", ""), STEP_EFFECT_RETRY, true, 0, "507"},
        {HEAD ("500 Oops", "InternalError", ""), STEP_EFFECT_RETRY, true, 0, "500"},
        {HEAD ("413 Large", "RequestBodyTooLarge", ""), STEP_EFFECT_PERMANENT, false, 0, "large"},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", STEP_EFFECT_RETRY,
         true, 0, "no Blob service"},
        {"", STEP_EFFECT_RETRY, true, 0, "does not answer"},
        {"HTTP/1.1 20", STEP_EFFECT_RETRY, true, 0, "does not answer"}};
    s_write_small (self);
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        blob_server_answer (&self->server, rows [i].answer, rows [i].answer);
        const int before = blob_server_count (&self->server);
        s_save (self, s_small);
        s_expect_all (self, rows [i].result);
        for (size_t k = 0; k < self->batch.count; k++) {
            assert_int_equal (self->files [k].unreached, rows [i].whole);
            assert_int_equal (self->files [k].retry_after_ms, rows [i].retry_after_ms);
            if (!strstr (self->files [k].error, rows [i].part))
                fail_msg ("no %s in %s", rows [i].part, self->files [k].error);
            assert_null (strstr (self->files [k].error, "a2V5"));
        }
        const int asked = blob_server_count (&self->server) - before;
        assert_true (rows [i].whole ? asked <= 4 : asked == 6); //  the rest is not tried
    }
}

//  A blob that is there for whoever makes it, and gone for whoever looks.
static void
test_a_server_that_contradicts_itself_is_not_asked_for_ever (void **state)
{
    fixture_t *self = *state;
    static const char *const paths [] = {"event.json", NULL};
    s_write_small (self);
    blob_server_answer (&self->server, HEAD ("409 Conflict", "BlobAlreadyExists", ""),
                        HEAD ("404 Not Found", "BlobNotFound", ""));
    s_save (self, paths);
    s_expect_all (self, STEP_EFFECT_RETRY);
    assert_true (blob_server_count (&self->server) <= 8);
}

static void
test_a_save_under_way_can_be_given_up (void **state)
{
    fixture_t *self = *state;
    s_write_small (self);
    self->batch = (storage_batch_t){.env = &self->env,
                                    .incident = self->world.incident.id.text,
                                    .folder_fd = self->folder_fd,
                                    .count = 1,
                                    .files = self->files,
                                    .saved = s_saved,
                                    .arg = self};
    snprintf (self->files [0].path, sizeof self->files [0].path, "event.json");
    storage_azure.save (&self->batch);
    assert_non_null (self->batch.work);
    storage_azure.cancel (self->batch.work);
    assert_null (self->batch.work);
    assert_int_equal (self->ends, 0);
}


//  --- removals and checks

static void
s_removed (storage_removal_t *removal)
{
    fixture_t *self = removal->arg;
    assert_null (removal->work);
    self->ends++;
}

static storage_file_t
s_remove (fixture_t *self)
{
    storage_removal_t removal = {.env = &self->env,
                                 .incident = self->world.incident.id.text,
                                 .removed = s_removed,
                                 .arg = self};
    self->ends = 0;
    storage_azure.remove (&removal);
    while (removal.work) {
        http_poll (self->http, -1, 1000);
        if (removal.work)
            storage_azure.go_on (removal.work);
    }
    assert_int_equal (self->ends, 1);
    return removal.end;
}

static void
test_a_removal_leaves_no_blob_and_begins_with_the_result (void **state)
{
    fixture_t *self = *state;
    s_write_small (self);
    s_save (self, s_small);
    const int before = blob_server_count (&self->server);
    const storage_file_t end = s_remove (self);
    assert_int_equal (end.result, STEP_EFFECT_OK);
    assert_null (blob_server_find (&self->server, ""));
    assert_non_null (strstr (self->server.requests [before], "/result.json"));
    assert_int_equal (s_remove (self).result, STEP_EFFECT_OK); //  nothing is left to do
}

static void
test_blobs_of_others_are_not_removed_whatever_the_list_says (void **state)
{
    fixture_t *self = *state;
    s_write_small (self);
    s_save (self, s_small);
    blob_server_blob_t *blob = blob_server_find (&self->server, "output/data");
    snprintf (blob->name, sizeof blob->name, "somebody/else");
    const storage_file_t end = s_remove (self);
    assert_int_equal (end.result, STEP_EFFECT_RETRY);
    assert_false (end.unreached);
    assert_non_null (blob_server_find (&self->server, "somebody/else"));
    assert_int_equal (blob_server_asked (&self->server, "DELETE", "somebody"), 0);
}

static void
test_a_removal_that_is_refused_is_tried_again (void **state)
{
    fixture_t *self = *state;
    blob_server_answer (&self->server, NULL, HEAD ("503 Busy", "ServerBusy", "Retry-After: 3\r\n"));
    const storage_file_t end = s_remove (self);
    assert_int_equal (end.result, STEP_EFFECT_RETRY);
    assert_true (end.unreached);
    assert_int_equal (end.retry_after_ms, 3000);
}

static void
s_checked (storage_check_t *check)
{
    assert_null (check->work);
}

static mail_storage_t
s_check (fixture_t *self)
{
    storage_check_t check = {.env = &self->env, .checked = s_checked, .arg = self};
    storage_azure.check (&check);
    while (check.work) {
        http_poll (self->http, -1, 1000);
        if (check.work)
            storage_azure.go_on (check.work);
    }
    return check.found;
}

static void
test_a_check_names_the_step_that_fails (void **state)
{
    fixture_t *self = *state;
    static const struct {
        const char *answer;
        size_t steps;
        const char *bad;
    } rows [] = {{"", 1, "reach"},
                 {HEAD ("403 Forbidden", "AuthenticationFailed", ""), 2, "key"},
                 {HEAD ("404 Not Found", "ContainerNotFound", ""), 3, "container"},
                 {HEAD ("507 Full", "InsufficientStorage", ""), 4, "write"}};
    mail_storage_t found = s_check (self);
    assert_int_equal (found.count, 6);
    assert_null (mail_storage_bad (&found));
    assert_false (found.stops);
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        blob_server_answer (&self->server, rows [i].answer, rows [i].answer);
        found = s_check (self);
        assert_int_equal (found.count, rows [i].steps);
        assert_string_equal (mail_storage_bad (&found)->name, rows [i].bad);
        assert_true (found.stops);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        TEST (test_each_file_is_a_blob_with_its_bytes_its_md5_and_its_type),
        TEST (test_a_blob_that_is_the_same_stays_and_another_is_replaced),
        TEST (test_a_large_file_is_made_of_blocks_once),
        TEST (test_a_file_that_is_gone_is_tried_again_and_the_others_go_up),
        TEST (test_an_answer_says_if_the_file_or_the_whole_storage_is_refused),
        TEST (test_a_server_that_contradicts_itself_is_not_asked_for_ever),
        TEST (test_a_save_under_way_can_be_given_up),
        TEST (test_a_removal_leaves_no_blob_and_begins_with_the_result),
        TEST (test_blobs_of_others_are_not_removed_whatever_the_list_says),
        TEST (test_a_removal_that_is_refused_is_tried_again),
        TEST (test_a_check_names_the_step_that_fails),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
