//  Judging a webhook's answers, with a socket that sends each answer.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/delivery/notify.h"
#include "common/base/own.h"
#include "tests/unit/broker/world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

//  A webhook for one connection: reads the whole request, then sends `answer` ("" = nothing) and
//  closes.
typedef struct {
    int listen_fd, port;
    const char *answer;
    char request [16384];
    pthread_mutex_t hold;
    pthread_t thread;
} hook_t;

static void *
s_hook_main (void *arg)
{
    hook_t *self = arg;
    own (own_fd) int fd = accept (self->listen_fd, NULL, NULL);
    size_t size = 0;
    const char *body = NULL;
    while (fd >= 0 && size + 1 < sizeof self->request) {
        ssize_t count = read (fd, self->request + size, sizeof self->request - 1 - size);
        if (count <= 0)
            break;
        size += (size_t) count;
        self->request [size] = 0;
        body = strstr (self->request, "\r\n\r\n");
        const char *length = strcasestr (self->request, "content-length: ");
        if (body && length && strlen (body + 4) >= strtoul (length + 16, NULL, 10))
            break;
    }
    pthread_mutex_lock (&self->hold); //  a test may hold the answer back
    pthread_mutex_unlock (&self->hold);
    if (fd >= 0 && *self->answer)
        assert_true (write (fd, self->answer, strlen (self->answer)) > 0);
    return NULL;
}

static void
s_hook_start (hook_t *self, const char *answer)
{
    memset (self, 0, sizeof *self);
    self->answer = answer;
    pthread_mutex_init (&self->hold, NULL);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    self->listen_fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal (bind (self->listen_fd, (struct sockaddr *) &address, sizeof address), 0);
    assert_int_equal (listen (self->listen_fd, 1), 0);
    assert_int_equal (getsockname (self->listen_fd, (struct sockaddr *) &address, &size), 0);
    self->port = ntohs (address.sin_port);
    assert_int_equal (pthread_create (&self->thread, NULL, s_hook_main, self), 0);
}

static void
s_hook_stop (hook_t *self)
{
    shutdown (self->listen_fd, SHUT_RDWR); //  nobody has connected: end accept
    pthread_join (self->thread, NULL);
    own_fd (&self->listen_fd);
}

typedef struct {
    world_t world;
    store_reader_t *reader;
    http_t *http;
    storage_t *storage;
    notify_t *notify;
    char url [128];
    bool forgets; //  a new configuration has no webhook, once the message is under way
} fixture_t;

static int
s_setup (void **state)
{
    fixture_t *self = calloc (1, sizeof *self);
    world_init (&self->world, "{}", 2);
    step_write_t write = {.kind = STEP_WRITE_ALERT};
    write.as.alert = (row_alert_t){.key = "degraded/1", .count = 3, .first_ms = 1, .last_ms = 2};
    assert_int_equal (store_apply (self->world.store, &write), 0);
    assert_int_equal (store_commit (self->world.store), 0);
    assert_int_equal (store_reader_open (self->world.state_path, &self->reader, NULL), 0);
    self->http = http_new ();
    const storage_env_t env = {.settings = &self->world.settings, .http = self->http};
    self->storage = storage_new (storage_backends, &env, self->reader, NULL);
    assert_non_null (self->storage);
    self->notify =
        notify_new (&self->world.settings, self->http, self->storage, self->reader, NULL);
    assert_non_null (self->notify);
    *state = self;
    return 0;
}

static int
s_teardown (void **state)
{
    fixture_t *self = *state;
    notify_destroy (&self->notify);
    storage_destroy (&self->storage);
    http_destroy (&self->http);
    store_reader_destroy (&self->reader);
    world_fini (&self->world);
    free (self);
    return 0;
}

static mail_effect_done_t
s_send_to (fixture_t *self, const char *receiver, const char *key, int port)
{
    mail_effect_done_t end;
    row_effect_t effect = {.id = 7, .channel = ROW_CHANNEL_MESSAGE};
    snprintf (effect.key, sizeof effect.key, "%s", key);
    snprintf (self->url, sizeof self->url, "http://127.0.0.1:%d/services/SECRET", port);
    self->world.settings.slack_webhook_url = port ? self->url : "";
    snprintf (effect.receiver, sizeof effect.receiver, "%s", receiver);
    notify_begin (self->notify, &effect);
    if (self->forgets)
        self->world.settings.slack_webhook_url = "";
    while (!notify_ended (self->notify, &end))
        http_poll (self->http, -1, notify_wait_ms (self->notify, 1000));
    assert_false (notify_ended (self->notify, &end));
    assert_int_equal (end.id, 7);
    assert_null (strstr (end.error, "SECRET"));
    return end;
}

static mail_effect_done_t
s_send (fixture_t *self, const char *key, int port)
{
    return s_send_to (self, row_default_receiver, key, port);
}

typedef struct {
    const char *answer;
    step_effect_result_t result;
    int64_t retry_after_ms;
    int reason; //  -1 = none
} answer_t;

#define ANSWER(line, more) "HTTP/1.1 " line "\r\n" more "Content-Length: 2\r\n\r\nok"

#define REFUSAL(line, body) "HTTP/1.1 " line "\r\nConnection: close\r\n\r\n" body
#define TEN "0123456789"

static const answer_t s_answers [] = {
    {ANSWER ("200 OK", ""), STEP_EFFECT_OK, 0, -1},
    {ANSWER ("201 Created", ""), STEP_EFFECT_OK, 0, -1},
    {ANSWER ("202 Accepted", ""), STEP_EFFECT_OK, 0, -1},
    {"HTTP/1.1 204 No Content\r\n\r\n", STEP_EFFECT_OK, 0, -1},
    {ANSWER ("429 Too Many", "Retry-After: 30\r\n"), STEP_EFFECT_RETRY, 30000, NOTIFY_RATE_LIMITED},
    {ANSWER ("429 Too Many", "Retry-After: 99999999999\r\n"), STEP_EFFECT_RETRY,
     LIMIT_EFFECT_RETRY_MAX_MS, NOTIFY_RATE_LIMITED},
    {ANSWER ("429 Too Many", "Retry-After: soon\r\n"), STEP_EFFECT_RETRY, 0, NOTIFY_RATE_LIMITED},
    {ANSWER ("429 Too Many", "Retry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\n"), STEP_EFFECT_RETRY,
     LIMIT_EFFECT_RETRY_MAX_MS, NOTIFY_RATE_LIMITED},
    {ANSWER ("429 Too Many", "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), STEP_EFFECT_RETRY,
     0, NOTIFY_RATE_LIMITED},
    {ANSWER ("429 Too Many", "Retry-After: -5\r\n"), STEP_EFFECT_RETRY, 0, NOTIFY_RATE_LIMITED},
    {ANSWER ("500 Oops", ""), STEP_EFFECT_RETRY, 0, NOTIFY_SERVER_ERROR},
    {ANSWER ("503 Busy", "Retry-After: 5\r\n"), STEP_EFFECT_RETRY, 5000, NOTIFY_SERVER_ERROR},
    {ANSWER ("400 invalid_blocks", ""), STEP_EFFECT_PERMANENT, 0, NOTIFY_CLIENT_ERROR},
    {ANSWER ("404 no_service", ""), STEP_EFFECT_PERMANENT, 0, NOTIFY_CLIENT_ERROR},
    {ANSWER ("403 invalid_token", ""), STEP_EFFECT_PERMANENT, 0, NOTIFY_AUTH_ERROR},
    {ANSWER ("302 Found", "Location: http://127.0.0.1:1/\r\n"), STEP_EFFECT_PERMANENT, 0,
     NOTIFY_CLIENT_ERROR},
    //  answered, but incompletely
    {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok", STEP_EFFECT_OK, 0, -1},
    //  no answer, or an unreadable one: the message may have arrived
    {"", STEP_EFFECT_UNSURE, 0, NOTIFY_OTHER},
    {"HTTP/1.1 20", STEP_EFFECT_UNSURE, 0, NOTIFY_OTHER},
};

static void
test_each_answer_is_judged_and_counted_by_reason (void **state)
{
    fixture_t *self = *state;
    notify_stats_t before, after;
    for (size_t i = 0; i < sizeof s_answers / sizeof s_answers [0]; i++) {
        hook_t hook;
        s_hook_start (&hook, s_answers [i].answer);
        notify_stats (self->notify, &before);
        const mail_effect_done_t end = s_send (self, "degraded/1", hook.port);
        s_hook_stop (&hook);
        notify_stats (self->notify, &after);
        if (end.result != s_answers [i].result
            || end.retry_after_ms != s_answers [i].retry_after_ms)
            fail_msg ("%s: %d after %d ms, %s", s_answers [i].answer, (int) end.result,
                      (int) end.retry_after_ms, end.error);
        assert_int_equal (end.down, s_answers [i].reason == NOTIFY_RATE_LIMITED
                                        || s_answers [i].reason == NOTIFY_SERVER_ERROR);
        assert_int_equal (after.posts_total - before.posts_total, 1);
        for (int k = 0; k < NOTIFY_REASONS; k++)
            assert_int_equal (after.failed_total [k] - before.failed_total [k],
                              k == s_answers [i].reason);
    }
}

//  A refusal's own word, and what to do when it is one of Slack's.
static const struct {
    const char *answer, *error;
} s_refusals [] = {
    {REFUSAL ("404 Not Found", "no_service"),
     "the webhook answered 404: no_service: the webhook was removed: make a new one"},
    {REFUSAL ("410 Gone", "channel_is_archived\r\nmore"),
     "the webhook answered 410: channel_is_archived: the channel is archived: make a webhook for "
     "another channel"},
    {REFUSAL ("400 Bad", "invalid_blocks\n"),
     "the webhook answered 400: invalid_blocks: Slack does not take the form of the message"},
    {REFUSAL ("400 Bad", "a new\x1b[31m word \xc3\xa4"),
     "the webhook answered 400: a new?[31m word ??"},
    {REFUSAL ("503 Busy", "back at 9"), "the webhook answered 503: back at 9"},
    {REFUSAL ("404 Not Found", ""), "the webhook answered 404"},
    {REFUSAL ("502 Bad", "<html><body>"), "the webhook answered 502"},
    {REFUSAL ("404 Not Found", "Cannot POST /services/SECRET"), "the webhook answered 404"},
    {REFUSAL ("404 Not Found", "ices/SEC"), "the webhook answered 404"},
    {REFUSAL ("400 Bad", TEN TEN TEN TEN TEN TEN TEN TEN TEN),
     "the webhook answered 400: " TEN TEN TEN TEN TEN TEN TEN TEN},
};

static void
test_a_refusal_is_told_in_its_own_words_and_without_the_url (void **state)
{
    for (size_t i = 0; i < sizeof s_refusals / sizeof s_refusals [0]; i++) {
        hook_t hook;
        s_hook_start (&hook, s_refusals [i].answer);
        const mail_effect_done_t end = s_send (*state, "degraded/1", hook.port);
        s_hook_stop (&hook);
        assert_string_equal (end.error, s_refusals [i].error);
    }
}

static void
test_the_request_is_json_to_the_path_of_the_webhook (void **state)
{
    hook_t hook;
    s_hook_start (&hook, ANSWER ("200 OK", ""));
    (void) s_send (*state, "degraded/1", hook.port);
    s_hook_stop (&hook);
    assert_true (strncmp (hook.request, "POST /services/SECRET HTTP/1.1\r\n", 32) == 0);
    assert_non_null (strcasestr (hook.request, "\r\nContent-Type: application/json"));
    assert_non_null (strstr (hook.request, "AI Agent System Degraded"));
}

static void
test_what_has_arrived_is_delivered_whatever_is_configured_since (void **state)
{
    fixture_t *self = *state;
    hook_t hook;
    self->forgets = true;
    s_hook_start (&hook, ANSWER ("200 OK", ""));
    assert_int_equal (s_send (self, "degraded/1", hook.port).result, STEP_EFFECT_OK);
    s_hook_stop (&hook);
}

static void
test_a_connection_that_is_refused_has_taken_nothing (void **state)
{
    hook_t hook;
    s_hook_start (&hook, "");
    s_hook_stop (&hook); //  nothing listens on its port now
    const mail_effect_done_t end = s_send (*state, "degraded/1", hook.port);
    assert_int_equal (end.result, STEP_EFFECT_RETRY);
}

static void
test_what_cannot_be_made_or_has_nowhere_to_go_is_permanent (void **state)
{
    fixture_t *self = *state;
    const mail_effect_done_t end = s_send (self, "degraded/1", 0);
    assert_int_equal (end.result, STEP_EFFECT_PERMANENT);
    assert_string_equal (end.error, "receiver slack is not configured");
    assert_string_equal (s_send_to (self, "night", "degraded/1", 1).error,
                         "receiver night is not configured");
    assert_int_equal (s_send (self, "degraded/2", 1).result, STEP_EFFECT_PERMANENT);
    assert_int_equal (s_send (self, "unheard-of/1", 1).result, STEP_EFFECT_PERMANENT);
}

static void
s_begin_to (fixture_t *self, int64_t id, const char *receiver)
{
    row_effect_t effect = {.id = id, .channel = ROW_CHANNEL_MESSAGE, .key = "degraded/1"};
    snprintf (effect.receiver, sizeof effect.receiver, "%s", receiver);
    notify_begin (self->notify, &effect);
}

static mail_effect_done_t
s_next_end (fixture_t *self)
{
    mail_effect_done_t end;
    while (!notify_ended (self->notify, &end))
        http_poll (self->http, -1, notify_wait_ms (self->notify, 1000));
    return end;
}

//  The first receiver takes the connection and does not answer before the second one has.
static void
test_a_slow_receiver_holds_no_other (void **state)
{
    fixture_t *self = *state;
    hook_t slow, quick;
    char url [128];
    s_hook_start (&quick, ANSWER ("200 OK", ""));
    s_hook_start (&slow, ANSWER ("200 OK", ""));
    pthread_mutex_lock (&slow.hold);
    settings_receiver_t night = {.name = "night",
                                 .slack_webhook_url = url,
                                 .slack_channel = "",
                                 .webhook_url = "",
                                 .webhook_secret = ""};
    snprintf (url, sizeof url, "http://127.0.0.1:%d/", quick.port);
    snprintf (self->url, sizeof self->url, "http://127.0.0.1:%d/", slow.port);
    self->world.settings.slack_webhook_url = self->url;
    self->world.settings.receivers = (conf_table_t){.items = &night, .count = 1};
    s_begin_to (self, 1, row_default_receiver);
    s_begin_to (self, 2, "night");
    assert_int_equal (s_next_end (self).id, 2);
    pthread_mutex_unlock (&slow.hold);
    assert_int_equal (s_next_end (self).id, 1);
    s_hook_stop (&slow);
    s_hook_stop (&quick);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        TEST (test_each_answer_is_judged_and_counted_by_reason),
        TEST (test_a_refusal_is_told_in_its_own_words_and_without_the_url),
        TEST (test_the_request_is_json_to_the_path_of_the_webhook),
        TEST (test_what_has_arrived_is_delivered_whatever_is_configured_since),
        TEST (test_a_connection_that_is_refused_has_taken_nothing),
        TEST (test_what_cannot_be_made_or_has_nowhere_to_go_is_permanent),
        TEST (test_a_slow_receiver_holds_no_other),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
