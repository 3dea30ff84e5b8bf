//  Unit tests of link: which way leads to a report, with a backend of the test's own.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/delivery/link.h"
#include "broker/delivery/storage_fs.h"
#include "common/base/own.h"
#include "tests/unit/broker/world.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#define EXPIRES_MS 1767225700000

typedef struct {
    world_t world;
    store_reader_t *reader;
    settings_t settings;
} fixture_t;

static bool
s_chosen (const settings_t *settings)
{
    return true;
}

static int
s_link (const storage_env_t *env, const char *incident, const char *path, storage_link_t *ret_link)
{
    *ret_link = (storage_link_t){.url = true, .expires_ms = EXPIRES_MS};
    snprintf (ret_link->text, sizeof ret_link->text, "https://signed/%s?sig=x", path);
    return 0;
}

static int
s_no_link (const storage_env_t *env, const char *incident, const char *path,
           storage_link_t *ret_link)
{
    return ERR_NONE;
}

static const storage_backend_t s_signs = {.name = "signs", .chosen = s_chosen, .link = s_link};
static const storage_backend_t s_only_keeps = {
    .name = "keeps", .chosen = s_chosen, .link = s_no_link};

static int
s_setup (void **state)
{
    fixture_t *self = calloc (1, sizeof *self);
    assert_non_null (self);
    world_init (&self->world, "{}", 2);
    self->settings = self->world.settings;
    self->settings.workspace_root = self->world.root;
    self->settings.external_url = self->settings.artifacts_url = "";
    assert_int_equal (store_reader_open (self->world.state_path, &self->reader, NULL), 0);
    world_attempt (&self->world, 2, ROW_ATTEMPT_ENDED, VERDICT_SUCCESS, "local:b");
    world_seal (&self->world, 2, (const char *const [2]){"output/investigation.md", "logs/a.log"},
                (const char *const [2]){"report", "log"});
    self->world.incident.state = INCIDENT_REPORTED;
    self->world.incident.winner = 2;
    self->world.incident.completed_ms = 5;
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

static void
s_file (fixture_t *self, const char *path)
{
    (void) mkdir (world_path (&self->world, "output"), 0700);
    own (own_fd) int fd = open (world_path (&self->world, path), O_CREAT | O_WRONLY, 0600);
    assert_true (fd >= 0);
}

//  The incident was saved, and perhaps uploaded.
static void
s_saved (fixture_t *self, bool uploaded)
{
    step_write_t write = {.kind = STEP_WRITE_FOLDER};
    write.as.folder = (row_folder_t){
        .incident = self->world.incident.id, .bytes = 1, .saved_ms = 5, .uploaded = uploaded};
    assert_int_equal (store_apply (self->world.store, &write), 0);
    assert_int_equal (store_commit (self->world.store), 0);
}

static void
s_expect (fixture_t *self, const storage_backend_t *backend, const char *url, const char *path)
{
    const storage_backend_t *const backends [] = {backend, NULL};
    const storage_env_t env = {.settings = &self->settings};
    char expected [STORAGE_LINK_BYTES], host [LINK_HOST];
    link_way_t way;
    own (storage_destroy) storage_t *storage = storage_new (backends, &env, self->reader, NULL);
    assert_int_equal (
        link_report (storage, self->reader, &self->settings, &self->world.incident, &way), 0);
    const char *id = strstr (url, "ID");
    snprintf (expected, sizeof expected, "%.*s%s%s", (int) (id ? id - url : (int) strlen (url)),
              url, id ? self->world.incident.id.text : "", id ? id + 2 : "");
    assert_string_equal (way.url, expected);
    assert_string_equal (way.path, world_path (&self->world, path));
    assert_int_equal (gethostname (host, sizeof host), 0);
    assert_string_equal (way.host, host);
    assert_int_equal (way.expires_ms, strncmp (url, "https://signed", 14) == 0 ? EXPIRES_MS : 0);
}

static void
test_a_signed_url_leads_to_the_page_once_it_is_uploaded (void **state)
{
    fixture_t *self = *state;
    static const char page [] = "output/investigation.html";
    s_file (self, "output/investigation.md");
    s_file (self, page);
    s_expect (self, &s_signs, "", page); //  nothing is saved yet
    s_saved (self, false);
    s_expect (self, &s_signs, "", page); //  it was saved by another backend
    s_saved (self, true);
    s_expect (self, &s_signs, "https://signed/output/investigation.html?sig=x", page);
    self->world.incident.completed_ms = 9; //  a later report, which is not uploaded yet
    s_expect (self, &s_signs, "", page);
    self->world.incident.completed_ms = 5;
    self->settings.external_url = "https://triage/";
    s_expect (self, &s_signs, "https://signed/output/investigation.html?sig=x", page);
    s_expect (self, &s_only_keeps, "https://triage/api/v1/incidents/ID", page);
}

static void
test_else_the_brokers_address_then_the_web_server_then_the_path (void **state)
{
    fixture_t *self = *state;
    static const char page [] = "output/investigation.html";
    s_file (self, page);
    s_expect (self, &storage_fs, "", page);
    self->settings.artifacts_url = "http://files.example:8080/triage/";
    s_expect (self, &storage_fs, "http://files.example:8080/triage/ID/output/investigation.html",
              page);
    self->settings.artifacts_url = "http://files.example";
    s_expect (self, &storage_fs, "http://files.example/ID/output/investigation.html", page);
    self->settings.external_url = "https://triage";
    s_expect (self, &storage_fs, "https://triage/api/v1/incidents/ID", page);
}

static void
test_without_a_page_the_report_itself_is_shown (void **state)
{
    fixture_t *self = *state;
    s_expect (self, &storage_fs, "", "attempts/2/output/investigation.md");
    s_file (self, "output/investigation.md");
    s_expect (self, &storage_fs, "", "output/investigation.md");
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_a_signed_url_leads_to_the_page_once_it_is_uploaded,
                                         s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (
            test_else_the_brokers_address_then_the_web_server_then_the_path, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_without_a_page_the_report_itself_is_shown, s_setup,
                                         s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
