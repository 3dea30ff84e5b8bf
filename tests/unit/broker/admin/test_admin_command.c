//  test_admin_command - commands to the admin, who may give them, and where it listens.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/admin/admin_token.h"
#include "tests/unit/broker/admin/admin_case.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sys/stat.h>

//  --- methods, bodies, origins

static void
test_a_wrong_method_names_the_right_one (void **state)
{
    admin_case_t *self = *state;
    admin_answer_t answer = admin_case_request (self, "POST", "/api/v1/status", ADMIN_CASE_JSON);
    assert_non_null (strstr (answer.text.data, "Allow: GET, HEAD\r\n"));
    admin_case_expect_error (answer, 405, "method");
    answer = admin_case_get (self, "/api/v1/workers/w1/drain");
    assert_non_null (strstr (answer.text.data, "Allow: POST\r\n"));
    admin_case_expect_error (answer, 405, "method");
    answer = admin_case_request (self, "HEAD", "/healthz", "");
    assert_string_equal (answer.body, "");
    admin_case_expect_status (answer, 200);
}

static void
test_a_large_body_is_refused (void **state)
{
    admin_case_t *self = *state;
    admin_case_expect_error (admin_case_request (self, "POST", "/api/v1/workers/w1/drain",
                                                 "Content-Length: 1048577\r\n"),
                             413, "too_large");

    own (own_fd) int fd = admin_case_connect (self);
    own (buf_fini) buf_t chunk = buf_init (LIMIT_MIB (2));
    own (own_mem) char *zeros = calloc (1, LIMIT_KIB (64) + 1);
    memset (zeros, 'a', LIMIT_KIB (64));
    admin_case_send_text (
        fd, "POST /api/v1/workers/w1/drain HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            "Transfer-Encoding: chunked\r\n\r\n");
    buf_printf (&chunk, "10000\r\n%s\r\n", zeros);
    for (int i = 0; i < 17; i++)
        admin_case_send_text (fd, chunk.data);
    admin_case_send_text (fd, "0\r\n\r\n");
    admin_answer_t answer;
    admin_case_read_answer (fd, &answer);
    admin_case_expect_error (answer, 413, "too_large");
    assert_int_equal (mailbox_count (self->inbox), 0);
}

static void
test_web_pages_cannot_command (void **state)
{
    admin_case_t *self = *state;
    admin_case_expect_error (admin_case_request (self, "POST", "/api/v1/workers/w1/drain",
                                                 "Origin: http://evil.example\r\n" ADMIN_CASE_JSON),
                             403, "forbidden");
    //  A form, which a web page may send without asking, is no command either.
    admin_case_expect_error (admin_case_request (self, "POST", "/api/v1/workers/w1/drain",
                                                 "Content-Type: text/plain; x=application/json\r\n"
                                                 "Content-Length: 0\r\n"),
                             415, "content_type");
    admin_case_expect_error (
        admin_case_request (self, "POST", "/api/v1/workers/w1/drain", "Content-Length: 0\r\n"), 415,
        "content_type");
    assert_int_equal (mailbox_count (self->inbox), 0);
}

//  DNS rebinding: the page's own name points here, so its browser sends that name.
static void
test_a_host_that_is_no_address_is_refused (void **state)
{
    static const struct {
        const char *host;
        int status;
    } cases [] = {
        {"evil.example", 403},        {"evil.example:5580", 403}, {"127.0.0.1.evil.example", 403},
        {"localhost.evil", 403},      {"127.0.0.1@evil", 403},    {"[::1].evil", 403},
        {"127.0.0.1:5580.evil", 403}, {"127.0.0.1:5580", 200},    {"LOCALHOST:1", 200},
        {"[::1]:5580", 200},          {"192.168.0.7", 200},
    };
    admin_case_t *self = *state;
    for (size_t i = 0; i < sizeof (cases) / sizeof (cases [0]); i++) {
        admin_answer_t answer;
        own (own_fd) int fd = admin_case_connect (self);
        own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
        buf_printf (&text, "GET /api/v1/status HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                    cases [i].host);
        admin_case_send_text (fd, text.data);
        admin_case_read_answer (fd, &answer);
        if (answer.status != cases [i].status)
            fail_msg ("%s: %d", cases [i].host, answer.status);
        buf_fini (&answer.text);
    }
}

//  --- commands

typedef struct {
    admin_case_t *fixture;
    int rc;
    step_command_t command;
    char worker [ROW_NAME];
    ident_t incident;
    int64_t effect;
    char channel [ROW_NAME];
} answerer_t;

//  Stands in for the broker's loop: takes one COMMAND and answers it.
static void *
s_loop (void *arg)
{
    answerer_t *self = arg;
    struct pollfd item = {.fd = mailbox_fd (self->fixture->inbox), .events = POLLIN};
    if (poll (&item, 1, 10000) != 1)
        return NULL;
    own (mail_destroy) mail_t *mail = mailbox_recv (self->fixture->inbox);
    self->command = mail->as.command.command;
    self->incident = mail->as.command.incident;
    self->effect = mail->as.command.effect;
    memcpy (self->worker, mail->as.command.worker, ROW_NAME);
    memcpy (self->channel, mail->as.command.channel, ROW_NAME);
    own (mail_destroy) mail_t *reply = mail_new (MAIL_COMMAND_REPLY);
    reply->as.command_reply.cookie = mail->as.command.cookie;
    reply->as.command_reply.rc = self->rc;
    if (mailbox_send (mail->as.command.reply, &reply))
        return NULL;
    return self;
}

static admin_answer_t
s_post (admin_case_t *self, const char *path, int rc, answerer_t *ret_seen)
{
    pthread_t thread;
    *ret_seen = (answerer_t){.fixture = self, .rc = rc};
    assert_int_equal (pthread_create (&thread, NULL, s_loop, ret_seen), 0);
    admin_answer_t answer = admin_case_request (self, "POST", path, ADMIN_CASE_JSON);
    pthread_join (thread, NULL);
    return answer;
}

static void
test_a_command_goes_to_the_loop_and_its_answer_comes_back (void **state)
{
    admin_case_t *self = *state;
    answerer_t seen;
    admin_case_expect_status (s_post (self, "/api/v1/workers/w%2F1/drain", 0, &seen), 200);
    assert_int_equal (seen.command, STEP_COMMAND_DRAIN);
    assert_string_equal (seen.worker, "w/1");

    char path [128];
    snprintf (path, sizeof (path), "/api/v1/incidents/%s/retry", self->ids [2]);
    admin_case_expect_error (s_post (self, path, ERR_STALE, &seen), 409, "conflict");
    assert_int_equal (seen.command, STEP_COMMAND_RETRY);
    assert_string_equal (seen.incident.text, self->ids [2]);
    admin_case_expect_error (s_post (self, path, ERR_NONE, &seen), 404, "not_found");
    admin_case_expect_status (s_post (self, "/api/v1/incidents/2/cancel", 0, &seen), 200);
    assert_string_equal (seen.incident.text, self->ids [2]);
    admin_case_expect_error (
        admin_case_request (self, "POST", "/api/v1/incidents/999/cancel", ADMIN_CASE_JSON), 404,
        "not_found");
    admin_case_expect_error (s_post (self, path, ERR_STORE, &seen), 503, "refused");

    admin_case_expect_status (s_post (self, "/api/v1/effects/17/retry", 0, &seen), 200);
    assert_int_equal (seen.command, STEP_COMMAND_EFFECT_RETRY);
    assert_int_equal (seen.effect, 17);
    admin_case_expect_status (s_post (self, "/api/v1/effects/18/cancel", 0, &seen), 200);
    assert_int_equal (seen.command, STEP_COMMAND_EFFECT_CANCEL);
    assert_int_equal (seen.effect, 18);
    admin_case_expect_error (s_post (self, "/api/v1/breaker/probe", ERR_STALE, &seen), 409,
                             "conflict");
    assert_int_equal (seen.command, STEP_COMMAND_PROBE);
    admin_case_expect_status (s_post (self, "/api/v1/channels/team/retry", 0, &seen), 200);
    assert_int_equal (seen.command, STEP_COMMAND_CHANNEL_RETRY);
    assert_string_equal (seen.channel, "team");
    admin_case_expect_error (
        admin_case_request (self, "POST", "/api/v1/effects/0/retry", ADMIN_CASE_JSON), 404,
        "not_found");
    admin_case_expect_error (
        admin_case_request (self, "POST", "/api/v1/effects/1x/retry", ADMIN_CASE_JSON), 404,
        "not_found");
}

#define PLAIN "Content-Type: application/json\r\nContent-Length: 0\r\n"

//  A proxy on this host makes any client look local.
static void
test_a_client_from_here_without_the_token_cannot_command (void **state)
{
    admin_case_t *self = *state;
    static const char *const headers [] = {
        PLAIN,
        PLAIN "Authorization: Bearer \r\n",
        PLAIN "Authorization: Bearer wrong-token-of-some-size\r\n",
        PLAIN "Authorization: Bearer " ADMIN_CASE_TOKEN "x\r\n",
        PLAIN "Authorization: Bearer token-of-the-unit-test\r\n",
        PLAIN "Authorization: " ADMIN_CASE_TOKEN "\r\n",
        PLAIN "Authorization: Basic " ADMIN_CASE_TOKEN "\r\n",
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers [0]; i++) {
        admin_answer_t answer =
            admin_case_request (self, "POST", "/api/v1/workers/w1/drain", headers [i]);
        assert_non_null (strstr (answer.text.data, "WWW-Authenticate: Bearer\r\n"));
        assert_non_null (strstr (answer.body, self->token)); //  the path of the token file
        assert_null (strstr (answer.body, ADMIN_CASE_TOKEN));
        admin_case_expect_error (answer, 401, "unauthorized");
    }
    assert_int_equal (mailbox_count (self->inbox), 0);
    admin_case_expect_status (admin_case_get (self, "/api/v1/status"), 200); //  reads need no token
}

static void
test_a_new_token_counts_at_once_and_a_bad_file_takes_no_command (void **state)
{
    admin_case_t *self = *state;
    //  unknown: 404 once the token is accepted
    static const char path [] = "/api/v1/incidents/999/cancel";
    admin_case_expect_error (admin_case_request (self, "POST", path, ADMIN_CASE_JSON), 404,
                             "not_found");
    admin_case_token (self, "  another-token-of-the-tests \n");
    admin_case_expect_error (admin_case_request (self, "POST", path, ADMIN_CASE_JSON), 401,
                             "unauthorized");
    admin_case_expect_error (
        admin_case_request (self, "POST", path,
                            PLAIN "Authorization: bearer another-token-of-the-tests\r\n"),
        404, "not_found");
    admin_case_token (self, "short\n");
    admin_case_expect_error (admin_case_request (self, "POST", path, ADMIN_CASE_JSON), 503,
                             "token");
    admin_case_token (self, ADMIN_CASE_TOKEN);
    assert_int_equal (chmod (self->token, 0644), 0);
    admin_case_expect_error (admin_case_request (self, "POST", path, ADMIN_CASE_JSON), 503,
                             "token");
    assert_int_equal (unlink (self->token), 0);
    assert_int_equal (symlink ("/etc/hostname", self->token), 0);
    admin_case_expect_error (admin_case_request (self, "POST", path, ADMIN_CASE_JSON), 503,
                             "token");
}

static void
test_a_token_is_made_once_beside_the_store (void **state)
{
    admin_case_t *self = *state;
    settings_t settings = self->settings;
    settings.admin_token_file = "";
    admin_token_t first, again;
    assert_int_equal (admin_token_open (&first, &settings, &self->diag), 0);
    char expected [128];
    snprintf (expected, sizeof expected, "%s/admin.token", self->dir);
    assert_string_equal (first.path, expected);
    struct stat status;
    assert_int_equal (stat (first.path, &status), 0);
    assert_int_equal (status.st_mode & 07777, 0600);
    own (buf_fini) buf_t one = buf_init (256), two = buf_init (256);
    assert_int_equal (buf_read_file (&one, first.path), 0);
    assert_int_equal (strspn (one.data, "0123456789abcdef"), 64);
    assert_int_equal (admin_token_open (&again, &settings, &self->diag), 0);
    assert_int_equal (buf_read_file (&two, first.path), 0);
    assert_string_equal (one.data, two.data);
    //  Truncated by a power failure: nobody knows this token.
    assert_int_equal (truncate (first.path, 0), 0);
    assert_int_equal (admin_token_open (&again, &settings, &self->diag), 0);
    assert_int_equal (stat (first.path, &status), 0);
    assert_int_equal (status.st_size, 65);
    assert_int_equal (chmod (first.path, 0640), 0);
    assert_int_equal (admin_token_open (&again, &settings, &self->diag), ERR_CONFIG);
    assert_non_null (strstr (self->diag.text, "chmod 600"));
}

static void
test_a_silent_loop_costs_two_seconds_and_holds_up_nobody (void **state)
{
    admin_case_t *self = *state;
    own (own_fd) int fd = admin_case_connect (self);
    int64_t from_ms = clk_now (self->clk).boot_ms;
    admin_case_send_text (fd, "POST /api/v1/workers/w1/resume HTTP/1.1\r\nHost: "
                              "localhost\r\nConnection: close\r\n" ADMIN_CASE_JSON "\r\n");
    struct pollfd item = {.fd = mailbox_fd (self->inbox), .events = POLLIN};
    assert_int_equal (poll (&item, 1, 10000), 1);
    admin_case_expect_status (admin_case_get (self, "/healthz"), 200);
    assert_true (clk_now (self->clk).boot_ms - from_ms < LIMIT_COMMAND_MS);
    admin_answer_t answer;
    admin_case_read_answer (fd, &answer);
    assert_true (clk_now (self->clk).boot_ms - from_ms >= LIMIT_COMMAND_MS);
    admin_case_expect_error (answer, 504, "timeout");
    admin_case_expect_status (admin_case_get (self, "/healthz"), 200);
}

static void
test_a_full_inbox_is_told_at_once (void **state)
{
    admin_case_t *self = *state;
    for (int i = 0; i < 4; i++) {
        mail_t *mail = mail_new (MAIL_SOURCE);
        assert_int_equal (mailbox_send (self->inbox, &mail), 0);
    }
    admin_case_expect_error (
        admin_case_request (self, "POST", "/api/v1/workers/w1/drain", ADMIN_CASE_JSON), 503,
        "busy");
}

static void
test_stopping_answers_who_waits (void **state)
{
    admin_case_t *self = *state;
    own (own_fd) int fd = admin_case_connect (self);
    admin_case_send_text (fd, "POST /api/v1/workers/w1/resume HTTP/1.1\r\nHost: "
                              "localhost\r\nConnection: close\r\n" ADMIN_CASE_JSON "\r\n");
    struct pollfd item = {.fd = mailbox_fd (self->inbox), .events = POLLIN};
    assert_int_equal (poll (&item, 1, 10000), 1);
    admin_destroy (&self->admin);
    admin_answer_t answer;
    admin_case_read_answer (fd, &answer);
    admin_case_expect_error (answer, 503, "draining");
}

//  --- addresses

//  Start and end a second admin; returns the result of admin_new.
static int
s_other (admin_case_t *self, err_diag_t *diag)
{
    admin_t *other = NULL;
    int rc = admin_new (&self->settings, self->snapshot, self->inbox, &other, diag);
    assert_int_equal (rc == 0, other != NULL);
    admin_destroy (&other);
    return rc;
}

static void
test_a_foreign_address_needs_keys (void **state)
{
    admin_case_t *self = *state;
    err_diag_t diag = {.text = ""};
    self->settings.admin_listen = "0.0.0.0:0";
    assert_int_equal (s_other (self, &diag), ERR_CONFIG);
    assert_non_null (strstr (diag.text, "loopback"));
    assert_int_equal (mkdir (self->keys, 0700), 0);
    assert_int_equal (s_other (self, &diag), 0);
}

static void
test_a_bad_or_taken_address_is_said (void **state)
{
    admin_case_t *self = *state;
    static const char *const bad [] = {"5580", "127.0.0.1", "127.0.0.1:", "nosuch.host:1", ":5580"};
    for (size_t i = 0; i < sizeof (bad) / sizeof (bad [0]); i++) {
        err_diag_t diag = {.text = ""};
        self->settings.admin_listen = bad [i];
        assert_int_equal (s_other (self, &diag), ERR_CONFIG);
        assert_non_null (strstr (diag.text, "admin_listen"));
    }
    err_diag_t diag = {.text = ""};
    self->settings.admin_listen = admin_address (self->admin);
    assert_int_equal (s_other (self, &diag), -EADDRINUSE);
    assert_non_null (strstr (diag.text, "admin_listen"));
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        ADMIN_CASE (test_a_wrong_method_names_the_right_one),
        ADMIN_CASE (test_a_large_body_is_refused),
        ADMIN_CASE (test_web_pages_cannot_command),
        ADMIN_CASE (test_a_client_from_here_without_the_token_cannot_command),
        ADMIN_CASE (test_a_new_token_counts_at_once_and_a_bad_file_takes_no_command),
        ADMIN_CASE (test_a_token_is_made_once_beside_the_store),
        ADMIN_CASE (test_a_host_that_is_no_address_is_refused),
        ADMIN_CASE (test_a_command_goes_to_the_loop_and_its_answer_comes_back),
        ADMIN_CASE (test_a_silent_loop_costs_two_seconds_and_holds_up_nobody),
        ADMIN_CASE (test_a_full_inbox_is_told_at_once),
        ADMIN_CASE (test_stopping_answers_who_waits),
        ADMIN_CASE (test_a_foreign_address_needs_keys),
        ADMIN_CASE (test_a_bad_or_taken_address_is_said),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
