//  What a check of Slack calls and what it makes of the answers, with a server that plays a script.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/delivery/notify_check.h"
#include "common/base/json.h"
#include "common/base/own.h"
#include "tests/unit/broker/world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOKEN "xoxb-1-SECRET"
#define AUTH "{\"ok\":true,\"team\":\"acme\",\"user\":\"triage\"}"
#define INFO(more) "{\"ok\":true,\"channel\":{\"name\":\"ops\"," more "}}"
#define NO(error) "{\"ok\":false,\"error\":\"" error "\"}"

enum { REQUEST = 4096, CALLS = 8 };

//  One call that is expected, and the body of its answer; NULL: the connection ends without one.
typedef struct {
    const char *method;
    int code;
    const char *body;
} turn_t;

typedef struct {
    int listen_fd, port;
    const turn_t *script;
    atomic_size_t served; //  their requests are whole
    char requests [CALLS][REQUEST];
    pthread_t thread;
} peer_t;

typedef struct {
    world_t world;
    settings_receiver_t receivers [2];
    http_t *http;
    notify_check_t *check;
    mailbox_t *reply;
    peer_t peer;
    char url [64];
} fixture_t;

static void
s_read (int fd, char request [REQUEST])
{
    size_t size = 0;
    while (size + 1 < REQUEST) {
        const ssize_t count = read (fd, request + size, REQUEST - 1 - size);
        if (count <= 0)
            return;
        size += (size_t) count;
        request [size] = 0;
        const char *body = strstr (request, "\r\n\r\n");
        const char *length = strcasestr (request, "content-length: ");
        if (body && (!length || strlen (body + 4) >= strtoul (length + 16, NULL, 10)))
            return;
    }
}

static void *
s_peer_main (void *arg)
{
    peer_t *self = arg;
    for (;;) {
        own (own_fd) int fd = accept (self->listen_fd, NULL, NULL);
        if (fd < 0 || self->served == CALLS)
            return NULL;
        const turn_t *turn = &self->script [self->served];
        s_read (fd, self->requests [self->served]);
        if (!self->requests [self->served][0]) //  a call that was cancelled
            continue;
        self->served++;
        if (turn->method && turn->body)
            dprintf (fd, "HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
                     turn->code, strlen (turn->body), turn->body);
    }
}

static int
s_setup (void **state)
{
    fixture_t *self = calloc (1, sizeof *self);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    peer_t *peer = &self->peer;
    peer->listen_fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal (bind (peer->listen_fd, (struct sockaddr *) &address, sizeof address), 0);
    assert_int_equal (listen (peer->listen_fd, 4), 0);
    assert_int_equal (getsockname (peer->listen_fd, (struct sockaddr *) &address, &size), 0);
    peer->port = ntohs (address.sin_port);
    snprintf (self->url, sizeof self->url, "http://127.0.0.1:%d/api", peer->port);
    world_init (&self->world, "{}", 2);
    settings_t *settings = &self->world.settings;
    settings->slack_bot_token = TOKEN;
    settings->slack_channel = "C0123456789";
    settings->slack_api_url = self->url;
    self->receivers [0] = (settings_receiver_t){.name = "hook",
                                                .slack_webhook_url = "http://127.0.0.1:1/SECRET",
                                                .slack_channel = "",
                                                .webhook_url = "",
                                                .webhook_secret = ""};
    self->receivers [1] = (settings_receiver_t){.name = "other",
                                                .slack_webhook_url = "",
                                                .slack_channel = "C0OTHER999",
                                                .webhook_url = "",
                                                .webhook_secret = ""};
    settings->receivers.items = self->receivers;
    settings->receivers.count = 2;
    self->http = http_new ();
    self->reply = mailbox_new (4, mail_item_destroy);
    self->check = notify_check_new (settings, self->http);
    assert_non_null (self->check);
    *state = self;
    return 0;
}

static void
s_serve (fixture_t *self, const turn_t *script)
{
    self->peer.script = script;
    assert_int_equal (pthread_create (&self->peer.thread, NULL, s_peer_main, &self->peer), 0);
}

static int
s_teardown (void **state)
{
    fixture_t *self = *state;
    notify_check_destroy (&self->check);
    shutdown (self->peer.listen_fd, SHUT_RDWR);
    if (self->peer.script)
        pthread_join (self->peer.thread, NULL);
    own_fd (&self->peer.listen_fd);
    http_destroy (&self->http);
    mailbox_destroy (&self->reply);
    world_fini (&self->world);
    free (self);
    return 0;
}

static void
s_ask_kind (fixture_t *self, mail_kind_t kind, uint64_t cookie)
{
    const mail_t ask = {.kind = kind, .as.slack = {.reply = self->reply, .cookie = cookie}};
    notify_check_ask (self->check, &ask);
}

static void
s_ask (fixture_t *self, uint64_t cookie)
{
    s_ask_kind (self, MAIL_SLACK_CHECK, cookie);
}

//  Go on until the check rests or has an answer.  Own: fresh, NULL without an answer.
static json_t *
s_run (fixture_t *self, uint64_t cookie)
{
    enum { S_LONG_MS = 100000 };
    json_t *doc = NULL;
    own (mail_destroy) mail_t *mail = NULL;
    while (!(mail = notify_check_mail (self->check))) {
        const int64_t wait_ms = notify_check_wait_ms (self->check, S_LONG_MS);
        if (wait_ms == S_LONG_MS)
            return NULL;
        http_poll (self->http, -1, wait_ms);
        notify_check_go_on (self->check);
    }
    assert_int_equal (mail->kind, MAIL_SLACK_CHECKED);
    assert_int_equal (mail->as.slack.cookie, cookie);
    assert_ptr_equal (mail->as.slack.reply, self->reply);
    assert_null (strstr (mail->as.slack.text, "SECRET"));
    assert_int_equal (json_parse (mail->as.slack.text, strlen (mail->as.slack.text), &doc, NULL),
                      0);
    return doc;
}

static void
s_is (const json_t *doc, size_t at, const char *receiver, const char *result, const char *says)
{
    const json_t *row = json_array_get (json_object_get (doc, "receivers"), at);
    assert_string_equal (json_member_text (row, "receiver", "-"), receiver);
    if (strcmp (json_member_text (row, "result", "-"), result) != 0
        || !strstr (json_member_text (row, "text", "-"), says))
        fail_msg ("%s: %s: %s", receiver, json_member_text (row, "result", "-"),
                  json_member_text (row, "text", "-"));
}

//  The first call is the start's.
static void
test_each_receiver_is_told_and_nothing_is_posted (void **state)
{
    fixture_t *self = *state;
    static const turn_t script [CALLS] = {
        {"auth.test", 200, AUTH},
        {"auth.test", 200, AUTH},
        {"conversations.info", 200, INFO ("\"is_member\":true")},
        {"conversations.info", 200, INFO ("\"is_member\":false")}};
    s_serve (self, script);
    assert_null (s_run (self, 0));
    assert_int_equal (self->peer.served, 1);
    s_ask (self, 7);
    own (json_drop) json_t *doc = s_run (self, 7);
    s_is (doc, 0, "slack", "ok", "it is triage in #ops of acme");
    s_is (doc, 1, "hook", "skipped", "cannot be asked without posting");
    s_is (doc, 2, "other", "failed", "invite it");
    assert_true (json_is_false (json_object_get (doc, "works")));
    const json_t *row = json_array_get (json_object_get (doc, "receivers"), 0);
    assert_true (json_is_true (json_object_get (row, "member")));
    assert_string_equal (json_member_text (row, "channel_name", ""), "ops");
    assert_int_equal (self->peer.served, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_non_null (strstr (self->peer.requests [i], script [i].method));
        assert_non_null (strstr (self->peer.requests [i], "Authorization: Bearer " TOKEN));
    }
    assert_non_null (strstr (self->peer.requests [2], "channel=C0123456789"));
    assert_non_null (strstr (self->peer.requests [3], "channel=C0OTHER999"));
}

//  A token that is no good needs no further call.
static void
test_what_slack_says_of_the_token_is_what_to_do (void **state)
{
    fixture_t *self = *state;
    static const turn_t script [CALLS] = {
        {"auth.test", 200, AUTH},     {"auth.test", 200, NO ("invalid_auth")},
        {"auth.test", 200, "<html>"}, {"auth.test", 404, ""},
        {"auth.test", 503, ""},       {"auth.test", 429, ""},
        {"auth.test", 0, NULL}};
    static const char *const says [] = {
        "", "Bot User OAuth Token", "slack_api_url", "404", "503", "pause", "auth.test: "};
    s_serve (self, script);
    assert_null (s_run (self, 0));
    for (size_t i = 1; i < sizeof says / sizeof says [0]; i++) {
        s_ask (self, i);
        own (json_drop) json_t *doc = s_run (self, i);
        s_is (doc, 0, "slack", "failed", says [i]);
        s_is (doc, 2, "other", "failed", says [i]);
        assert_int_equal (self->peer.served, i + 1);
    }
}

static void
test_what_slack_says_of_a_channel_is_what_to_do (void **state)
{
    fixture_t *self = *state;
    static const turn_t script [CALLS] = {
        {"auth.test", 200, AUTH},
        {"conversations.info", 200,
         "{\"ok\":false,\"error\":\"missing_scope\",\"needed\":\"channels:read\"}"},
        {"conversations.info", 200, NO ("channel_not_found")},
        {"auth.test", 200, AUTH},
        {"conversations.info", 200, INFO ("\"is_member\":true,\"is_archived\":true")},
        {"conversations.info", 200, "{\"ok\":true}"}};
    s_serve (self, script);
    s_ask (self, 1); //  before the start's own: one check does for both
    own (json_drop) json_t *one = s_run (self, 1);
    s_is (one, 0, "slack", "ok", "lacks the scope channels:read");
    s_is (one, 2, "other", "failed", "check slack_channel");
    s_ask (self, 2);
    own (json_drop) json_t *two = s_run (self, 2);
    s_is (two, 0, "slack", "failed", "set another slack_channel");
    s_is (two, 2, "other", "failed", "lacks the channel");
}

//  Each ask has an answer; of too many asks the oldest has none.
static void
test_whoever_asks_is_answered_and_without_a_bot_nothing_is_called (void **state)
{
    fixture_t *self = *state;
    self->world.settings.slack_bot_token = "";
    self->world.settings.receivers.count = 1;
    assert_null (s_run (self, 0));
    for (uint64_t i = 1; i < 10; i++)
        s_ask (self, i);
    for (uint64_t i = 2; i < 10; i++) {
        own (json_drop) json_t *doc = s_run (self, i);
        s_is (doc, 0, "hook", "skipped", "without posting");
        assert_true (json_is_true (json_object_get (doc, "works")));
    }
    assert_null (s_run (self, 0));
    self->world.settings.receivers.count = 0;
    notify_check_configure (self->check, &self->world.settings);
    s_ask (self, 11);
    own (json_drop) json_t *none = s_run (self, 11);
    assert_int_equal (json_array_size (json_object_get (none, "receivers")), 0);
}

//  A new configuration ends the check under way, and the one that asked is answered by the next.
static void
test_a_new_configuration_is_checked_anew (void **state)
{
    fixture_t *self = *state;
    static const turn_t script [CALLS] = {
        {"auth.test", 200, AUTH},
        {"conversations.info", 200, "{\"ok\":true,\"channel\":{\"is_im\":true}}"}};
    s_ask (self, 3);
    notify_check_go_on (self->check); //  nobody answers yet
    assert_true (notify_check_wait_ms (self->check, 100000) <= LIMIT_SLACK_CHECK_MS);
    self->world.settings.receivers.count = 0;
    notify_check_configure (self->check, &self->world.settings);
    s_serve (self, script);
    own (json_drop) json_t *doc = s_run (self, 3);
    assert_int_equal (json_array_size (json_object_get (doc, "receivers")), 1);
    s_is (doc, 0, "slack", "ok", "it is triage in C0123456789 of acme");
    assert_null (s_run (self, 0));
}

//  The default receiver is a bot, the others a webhook of Slack and a signed one.
static void
s_use_webhooks (fixture_t *self)
{
    self->receivers [0].slack_webhook_url = self->url;
    self->receivers [1] = (settings_receiver_t){.name = "signed",
                                                .slack_webhook_url = "",
                                                .slack_channel = "",
                                                .webhook_url = self->url,
                                                .webhook_secret = "SECRET-of-16-bytes"};
}

static void
test_a_test_message_goes_once_to_each_receiver (void **state)
{
    fixture_t *self = *state;
    static const turn_t script [CALLS] = {
        {"auth.test", 200, AUTH},    {"chat.postMessage", 200, "{\"ok\":true}"},
        {"/api", 200, "ok"},         {"/api", 204, ""},
        {"auth.test", 200, AUTH},    {"chat.postMessage", 200, NO ("is_archived")},
        {"/api", 404, "no_service"}, {"/api", 500, "sorry"}};
    s_use_webhooks (self);
    s_serve (self, script);
    s_ask_kind (self, MAIL_SLACK_SEND, 1);
    own (json_drop) json_t *good = s_run (self, 1);
    assert_true (json_is_true (json_object_get (good, "works")));
    assert_int_equal (self->peer.served, 4);
    for (size_t i = 0; i < 3; i++) {
        static const char *const names [] = {"slack", "hook", "signed"};
        s_is (good, i, names [i], "ok", "a test message was sent");
    }
    assert_non_null (strstr (self->peer.requests [1], "\"channel\":\"C0123456789\""));
    assert_non_null (strstr (self->peer.requests [1], "Test Message"));
    assert_non_null (strstr (self->peer.requests [2], "Test Message"));
    assert_null (strstr (self->peer.requests [2], TOKEN));
    assert_non_null (strstr (self->peer.requests [3], "X-Triage-Event: test\r\n"));
    assert_non_null (strstr (self->peer.requests [3], "X-Triage-Signature: v1="));
    assert_non_null (strstr (self->peer.requests [3], "\"incident\":null"));
    s_ask_kind (self, MAIL_SLACK_SEND, 2);
    own (json_drop) json_t *bad = s_run (self, 2);
    assert_true (json_is_false (json_object_get (bad, "works")));
    s_is (bad, 0, "slack", "failed", "set another slack_channel");
    s_is (bad, 1, "hook", "failed", "404: no_service: the webhook was removed");
    s_is (bad, 2, "signed", "failed", "500: sorry");
    assert_null (s_run (self, 0));
    assert_int_equal (self->peer.served, CALLS);
}

//  What was being sent is not sent again for the new configuration; a check is made again.
static void
test_a_new_configuration_sends_nothing_twice (void **state)
{
    fixture_t *self = *state;
    static const turn_t script [CALLS] = {{"auth.test", 200, AUTH}};
    s_ask_kind (self, MAIL_SLACK_SEND, 1);
    notify_check_go_on (self->check); //  nobody answers yet
    notify_check_configure (self->check, &self->world.settings);
    s_serve (self, script);
    assert_null (s_run (self, 0));
    assert_int_equal (self->peer.served, 1);
}

//  The connection stands, and nobody answers.
static void
test_a_check_ends_in_time (void **state)
{
    fixture_t *self = *state;
    setenv ("TRIAGE_SLACK_CHECK_MS", "100", 1);
    s_ask (self, 4);
    own (json_drop) json_t *doc = s_run (self, 4);
    s_is (doc, 0, "slack", "failed", "no answer in time");
    s_is (doc, 1, "hook", "skipped", "without posting");
    s_is (doc, 2, "other", "failed", "no answer in time");
    unsetenv ("TRIAGE_SLACK_CHECK_MS");
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_each_receiver_is_told_and_nothing_is_posted, s_setup,
                                         s_teardown),
        cmocka_unit_test_setup_teardown (test_what_slack_says_of_the_token_is_what_to_do, s_setup,
                                         s_teardown),
        cmocka_unit_test_setup_teardown (test_what_slack_says_of_a_channel_is_what_to_do, s_setup,
                                         s_teardown),
        cmocka_unit_test_setup_teardown (
            test_whoever_asks_is_answered_and_without_a_bot_nothing_is_called, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_a_new_configuration_is_checked_anew, s_setup,
                                         s_teardown),
        cmocka_unit_test_setup_teardown (test_a_test_message_goes_once_to_each_receiver, s_setup,
                                         s_teardown),
        cmocka_unit_test_setup_teardown (test_a_new_configuration_sends_nothing_twice, s_setup,
                                         s_teardown),
        cmocka_unit_test_setup_teardown (test_a_check_ends_in_time, s_setup, s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
