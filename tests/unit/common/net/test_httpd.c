//  Unit tests of common/net/httpd: a real server on a free loopback port, rude clients, one thread.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/clk.h"
#include "common/base/own.h"
#include "common/net/httpd.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { MIB = 1024 * 1024, BODY_BYTES = 4096, WAIT_MS = 10000 };

typedef struct {
    httpd_t *httpd;
    httpd_request_t *held; //  the last request to /hold or /stream
    int requests, gone;
    buf_t queued;   //  bytes that the stream still has
    int64_t at_end; //  HTTPD_NOTHING, or how the stream ends after them
    bool from_here;
    char query [64];
} s_world_t;

static bool
s_on_query (void *arg, const char *name, const char *value)
{
    s_world_t *self = arg;
    size_t size = strlen (self->query);
    snprintf (self->query + size, sizeof (self->query) - size, "%s=%s;", name, value);
    return strcmp (name, "stop") != 0;
}

//  /echo returns the body, /hold waits, /stream streams; everything else is 404.
static void
s_on_request (void *arg, httpd_request_t *request)
{
    s_world_t *self = arg;
    static const httpd_header_t headers [] = {{"Content-Type", "text/plain"}, {NULL, NULL}};
    self->requests++;
    self->from_here = httpd_from_here (request);
    httpd_query_each (request, s_on_query, self);
    if (httpd_too_large (request)) {
        httpd_reply (request, 413, NULL, 0, NULL);
    }
    else if (strcmp (httpd_path (request), "/echo") == 0) {
        size_t size = 0;
        const char *body = httpd_body (request, &size);
        char *copy = strndup (body, size);
        httpd_reply (request, 200, &copy, size, headers);
        assert_null (copy);
    }
    else if (strcmp (httpd_path (request), "/hold") == 0) {
        self->held = request;
    }
    else if (strcmp (httpd_path (request), "/stream") == 0) {
        httpd_set_tag (request, self);
        httpd_stream (request, headers, 60);
        self->held = request;
    }
    else {
        httpd_reply (request, 404, NULL, 0, NULL);
    }
}

static void
s_on_gone (void *arg, httpd_request_t *request)
{
    s_world_t *self = arg;
    self->gone++;
    if (self->held == request)
        self->held = NULL;
}

static int64_t
s_on_pull (void *arg, httpd_request_t *request, char *bytes, size_t max)
{
    s_world_t *self = arg;
    assert_ptr_equal (httpd_tag (request), self);
    size_t size = self->queued.size < max ? self->queued.size : max;
    if (size == 0)
        return self->at_end;
    memcpy (bytes, self->queued.data, size);
    buf_consume (&self->queued, size);
    return (int64_t) size;
}

static httpd_args_t
s_args (s_world_t *self)
{
    return (httpd_args_t){.option = "listen",
                          .address = "127.0.0.1:0",
                          .connections = 8,
                          .idle_s = 10,
                          .body_bytes = BODY_BYTES,
                          .body_kept = true,
                          .hooks = {s_on_request, s_on_gone, s_on_pull},
                          .arg = self};
}

static int
s_setup (void **state)
{
    s_world_t *self = calloc (1, sizeof (s_world_t));
    self->queued = buf_init (4 * MIB);
    httpd_args_t args = s_args (self);
    err_diag_t diag = {.text = ""};
    if (httpd_new (&args, &self->httpd, &diag))
        fail_msg ("%s", diag.text);
    *state = self;
    return 0;
}

static int
s_teardown (void **state)
{
    s_world_t *self = *state;
    httpd_destroy (&self->httpd);
    httpd_destroy (&self->httpd);
    assert_int_equal (self->requests, self->gone);
    buf_fini (&self->queued);
    free (self);
    return 0;
}

static void
s_turn (s_world_t *self)
{
    struct pollfd item = {.fd = httpd_fd (self->httpd), .events = POLLIN};
    assert_true (poll (&item, 1, (int) httpd_wait_ms (self->httpd, 20)) >= 0);
    httpd_run (self->httpd);
}

//  Run the server until the condition holds; fails the test after WAIT_MS.
#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        own (clk_destroy) clk_t *clk_ = clk_new ();                                                \
        int64_t end_ms_ = clk_now (clk_).boot_ms + WAIT_MS;                                        \
        while (!(condition)) {                                                                     \
            s_turn (self);                                                                         \
            if (clk_now (clk_).boot_ms > end_ms_)                                                  \
                fail_msg ("never: %s", #condition);                                                \
        }                                                                                          \
    } while (0)

static int
s_client (const s_world_t *self, const char *text)
{
    const char *colon = strrchr (httpd_address (self->httpd), ':');
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons ((uint16_t) strtoul (colon + 1, NULL, 10)),
                             .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal (connect (fd, (struct sockaddr *) &to, sizeof (to)), 0);
    assert_int_equal (send (fd, text, strlen (text), MSG_NOSIGNAL), (ssize_t) strlen (text));
    return fd;
}

//  The bytes received so far; *ret_end: 1 the connection was closed, -1 reset.
static void
s_read (int fd, buf_t *ret_text, int *ret_end)
{
    char chunk [65536];
    ssize_t size;
    while ((size = recv (fd, chunk, sizeof (chunk), MSG_DONTWAIT)) > 0)
        buf_append (ret_text, chunk, (size_t) size);
    if (size == 0)
        *ret_end = 1;
}

static bool
s_has (int fd, buf_t *text, int *end, const char *wanted)
{
    s_read (fd, text, end);
    return strstr (text->data, wanted) != NULL;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"


static void
test_a_body_comes_whole_and_goes_back (void **state)
{
    s_world_t *self = *state;
    own (buf_fini) buf_t text = buf_init (MIB);
    int end = 0;
    own (own_fd) int fd = s_client (self, "POST /echo?a=1&b&stop=2&c=3 HTTP/1.1\r\nHost: x\r\n"
                                          "Content-Length: 10\r\n\r\n01234");
    for (int turns = 0; turns < 3; turns++)
        s_turn (self);
    assert_int_equal (self->requests, 0);
    assert_int_equal (send (fd, "56789", 5, 0), 5);
    UNTIL (s_has (fd, &text, &end, "0123456789"));
    assert_non_null (strstr (text.data, "HTTP/1.1 200"));
    assert_non_null (strstr (text.data, "Content-Type: text/plain\r\n"));
    assert_string_equal (self->query, "a=1;b=;stop=2;");
    assert_true (self->from_here);
}

static void
test_a_body_over_the_limit_is_told_as_too_large (void **state)
{
    s_world_t *self = *state;
    own (buf_fini) buf_t text = buf_init (MIB), chunked = buf_init (MIB);
    int end = 0;
    own (own_fd) int known =
        s_client (self, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4097\r\n\r\n");
    UNTIL (s_has (known, &text, &end, "HTTP/1.1 413"));

    buf_reset (&text);
    buf_text (&chunked,
              "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1001\r\n");
    for (int at = 0; at < 4097; at++)
        buf_text (&chunked, "x");
    buf_text (&chunked, "\r\n0\r\n\r\n");
    own (own_fd) int unknown = s_client (self, chunked.data);
    UNTIL (s_has (unknown, &text, &end, "HTTP/1.1 413"));
}

static void
test_a_held_request_holds_up_nobody_and_is_answered_later (void **state)
{
    s_world_t *self = *state;
    own (buf_fini) buf_t text = buf_init (MIB), other = buf_init (MIB);
    int end = 0;
    own (own_fd) int fd = s_client (self, GET ("/hold"));
    UNTIL (self->held);
    own (own_fd) int second = s_client (self, GET ("/nowhere"));
    UNTIL (s_has (second, &other, &end, "HTTP/1.1 404"));
    assert_false (s_has (fd, &text, &end, "HTTP"));
    char *body = strdup ("late");
    httpd_reply (self->held, 200, &body, 4, NULL);
    UNTIL (s_has (fd, &text, &end, "late"));
}

static void
test_a_client_that_leaves_a_held_request_is_noticed (void **state)
{
    s_world_t *self = *state;
    int fd = s_client (self, GET ("/hold"));
    UNTIL (self->held);
    close (fd);
    UNTIL (!self->held);
    assert_int_equal (self->gone, 1);
}

static void
test_a_stream_sleeps_wakes_and_ends_in_order (void **state)
{
    s_world_t *self = *state;
    own (buf_fini) buf_t text = buf_init (MIB);
    int end = 0;
    own (own_fd) int fd = s_client (self, GET ("/stream"));
    UNTIL (s_has (fd, &text, &end, "\r\n\r\n"));
    for (int turns = 0; turns < 3; turns++)
        s_turn (self);
    buf_text (&self->queued, "first\n");
    httpd_wake (self->held);
    UNTIL (s_has (fd, &text, &end, "first\n"));
    buf_text (&self->queued, "second\n");
    httpd_wake (self->held);
    UNTIL (s_has (fd, &text, &end, "second\n"));
    self->at_end = HTTPD_END;
    httpd_wake (self->held);
    UNTIL (s_has (fd, &text, &end, "\r\n0\r\n\r\n"));
    UNTIL (!self->held);
}

static void
test_a_stream_that_is_cut_has_no_last_chunk (void **state)
{
    s_world_t *self = *state;
    own (buf_fini) buf_t text = buf_init (MIB);
    int end = 0;
    own (own_fd) int fd = s_client (self, GET ("/stream"));
    UNTIL (s_has (fd, &text, &end, "\r\n\r\n"));
    self->at_end = HTTPD_CUT;
    httpd_wake (self->held);
    UNTIL (s_has (fd, &text, &end, "never") || end);
    assert_null (strstr (text.data, "\r\n0\r\n\r\n"));
}

static void
test_a_client_that_leaves_a_sleeping_stream_is_noticed (void **state)
{
    s_world_t *self = *state;
    own (buf_fini) buf_t text = buf_init (MIB);
    int end = 0;
    int fd = s_client (self, GET ("/stream"));
    UNTIL (s_has (fd, &text, &end, "\r\n\r\n"));
    for (int turns = 0; turns < 3; turns++)
        s_turn (self);
    close (fd);
    UNTIL (!self->held);
}

static void
test_a_large_stream_comes_whole (void **state)
{
    s_world_t *self = *state;
    enum { LINES = 50000 };
    own (buf_fini) buf_t text = buf_init (4 * MIB);
    int end = 0;
    for (int line = 0; line < LINES; line++)
        buf_printf (&self->queued, "line %08d\n", line);
    self->at_end = HTTPD_END;
    own (own_fd) int fd = s_client (self, "GET /stream HTTP/1.0\r\nHost: x\r\n\r\n");
    UNTIL (s_has (fd, &text, &end, "line 00049999\n") || end);
    const char *body = strstr (text.data, "\r\n\r\n") + 4;
    assert_int_equal (strlen (body), LINES * 14);
}

static void
test_quiesced_it_takes_no_more_and_keeps_what_it_has (void **state)
{
    s_world_t *self = *state;
    own (buf_fini) buf_t text = buf_init (MIB);
    int end = 0;
    own (own_fd) int fd = s_client (self, GET ("/stream"));
    UNTIL (s_has (fd, &text, &end, "\r\n\r\n"));
    httpd_quiesce (self->httpd);
    const char *colon = strrchr (httpd_address (self->httpd), ':');
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons ((uint16_t) strtoul (colon + 1, NULL, 10)),
                             .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    own (own_fd) int late = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal (connect (late, (struct sockaddr *) &to, sizeof (to)), -1);
    buf_text (&self->queued, "still here\n");
    httpd_wake (self->held);
    UNTIL (s_has (fd, &text, &end, "still here\n"));
}

static void
test_destroyed_while_streams_and_held_requests_sleep (void **state)
{
    s_world_t *self = *state;
    own (own_fd) int stream = s_client (self, GET ("/stream"));
    UNTIL (self->requests == 1);
    own (own_fd) int held = s_client (self, GET ("/hold"));
    UNTIL (self->requests == 2);
    assert_true (stream >= 0 && held >= 0);
    httpd_destroy (&self->httpd);
    assert_int_equal (self->gone, 2);
}

static void
test_bad_addresses_name_the_option (void **state)
{
    s_world_t *self = *state;
    static const char *const bad [] = {"5580",          "127.0.0.1:",     "nosuch.host:1",
                                       ":5580",         "[::1]",          "127.0.0.1:65536",
                                       "127.0.0.1:-1",  "127.0.0.1:+1",   "127.0.0.1:4294967377",
                                       "127.0.0.1:80x", "127.0.0.1:99999"};
    for (size_t at = 0; at < sizeof (bad) / sizeof (bad [0]); at++) {
        httpd_args_t args = s_args (self);
        httpd_t *other = NULL;
        err_diag_t diag = {.text = ""};
        args.address = bad [at];
        assert_true (httpd_new (&args, &other, &diag) < 0);
        assert_null (other);
        assert_non_null (strstr (diag.text, "listen: "));
    }
}

static void
test_an_address_besides_loopback_wants_what_is_said (void **state)
{
    s_world_t *self = *state;
    own (httpd_destroy) httpd_t *other = NULL;
    err_diag_t diag = {.text = ""};
    httpd_args_t args = s_args (self);
    args.address = "*:*";
    args.only_local = "keys";
    assert_int_equal (httpd_new (&args, &other, &diag), ERR_CONFIG);
    assert_non_null (strstr (diag.text, "that needs keys"));
    args.only_local = NULL;
    assert_int_equal (httpd_new (&args, &other, &diag), 0);
    assert_false (httpd_local (other));
    assert_true (httpd_local (self->httpd));
}

#define WITH_WORLD(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        WITH_WORLD (test_a_body_comes_whole_and_goes_back),
        WITH_WORLD (test_a_body_over_the_limit_is_told_as_too_large),
        WITH_WORLD (test_a_held_request_holds_up_nobody_and_is_answered_later),
        WITH_WORLD (test_a_client_that_leaves_a_held_request_is_noticed),
        WITH_WORLD (test_a_stream_sleeps_wakes_and_ends_in_order),
        WITH_WORLD (test_a_stream_that_is_cut_has_no_last_chunk),
        WITH_WORLD (test_a_client_that_leaves_a_sleeping_stream_is_noticed),
        WITH_WORLD (test_a_large_stream_comes_whole),
        WITH_WORLD (test_quiesced_it_takes_no_more_and_keeps_what_it_has),
        WITH_WORLD (test_destroyed_while_streams_and_held_requests_sleep),
        WITH_WORLD (test_bad_addresses_name_the_option),
        WITH_WORLD (test_an_address_besides_loopback_wants_what_is_said),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
