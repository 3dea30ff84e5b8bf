//  Tests of worker/gateway/request: what is read, and all that is refused.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/own.h"
#include "worker/gateway/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_MAX = 64 };

//  Feed in pieces; the last answer.  *ret_taken: bytes taken in all.
static int
s_feed (request_t *self, const char *text, size_t size, size_t piece, size_t *ret_taken)
{
    int rc = REQUEST_MORE;
    for (*ret_taken = 0; *ret_taken < size && rc < REQUEST_READY;) {
        size_t taken = 0;
        const size_t left = size - *ret_taken;
        rc = request_feed (self, text + *ret_taken, left < piece ? left : piece, BODY_MAX, &taken);
        *ret_taken += taken;
        if (taken == 0 && rc == REQUEST_MORE)
            fail_msg ("stuck at %zu", *ret_taken);
    }
    return rc;
}

static void
test_read (void **state)
{
    static const char text [] =
        "POST /v1/messages?beta=true HTTP/1.1\r\nHost: a\r\nX-Two:  b c \t\r\n"
        "Empty:\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n";
    for (size_t piece = 1; piece < sizeof text + 4; piece++) {
        own (request_destroy) request_t *self = request_new ();
        char more [sizeof text + 3];
        size_t taken = 0;
        snprintf (more, sizeof more, "%sGET", text);
        assert_false (request_begun (self));
        assert_int_equal (s_feed (self, more, strlen (more), piece, &taken), REQUEST_READY);
        assert_int_equal (taken, sizeof text - 1);
        assert_string_equal (request_method (self), "POST");
        assert_string_equal (request_path (self), "/v1/messages");
        assert_string_equal (request_query (self), "beta=true");
        assert_string_equal (request_header (self, "x-two"), "b c");
        assert_string_equal (request_header (self, "empty"), "");
        assert_string_equal (request_headers (self) [0].name, "Host");
        assert_null (request_headers (self) [4].name);
        assert_string_equal (request_body (self)->data, "abcde");
        assert_true (request_keeps (self));
        assert_false (request_waits (self));
        request_reset (self);
        assert_false (request_begun (self));
    }
}

static void
test_more_of_the_kind (void **state)
{
    static const struct {
        const char *text;
        int rc;
        bool keeps, old, waits;
    } rows [] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", REQUEST_READY, true, false, false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", REQUEST_READY, false, false,
         false},
        {"GET / HTTP/1.0\r\n\r\n", REQUEST_READY, false, true, false},
        {"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", REQUEST_READY, true, false, false},
        {"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n", REQUEST_HEAD, true,
         false, true},
        {"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", REQUEST_READY, true, false, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        own (request_destroy) request_t *self = request_new ();
        size_t taken = 0;
        const int rc = s_feed (self, rows [i].text, strlen (rows [i].text), 7, &taken);
        if (rc != rows [i].rc)
            fail_msg ("%s: %d %s", rows [i].text, rc, request_why (self));
        assert_int_equal (request_old (self), rows [i].old);
        assert_int_equal (request_waits (self), rows [i].waits);
        if (rc == REQUEST_READY)
            assert_int_equal (request_keeps (self), rows [i].keeps);
    }
}

#define X16 "xxxxxxxxxxxxxxxx"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

static const struct {
    const char *text;
    int status;
} s_refused [] = {{POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
                  {POST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n", 400},
                  {POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400},
                  {POST "Content-Length: 1, 1\r\n\r\nx", 400},
                  {POST "Content-Length: +1\r\n\r\nx", 400},
                  {POST "Content-Length: -1\r\n\r\nx", 400},
                  {POST "Content-Length: 0x1\r\n\r\nx", 400},
                  {POST "Content-Length: 1 1\r\n\r\nx", 400},
                  {POST "Content-Length: 18446744073709551617\r\n\r\nx", 400},
                  {POST "Content-Length: 65\r\n\r\n", 413},
                  {POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
                  {POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400},
                  {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", 400},
                  {POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400},
                  {POST "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
                  {POST "Transfer-Encoding: chunked\r\n\r\n41\r\n" X16 X16 X16 X16 "x", 413},
                  {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
                  {POST "X: a\r\n b\r\n\r\n", 400},
                  {POST "X: a\r\n\tb\r\n\r\n", 400},
                  {POST "X : a\r\n\r\n", 400},
                  {POST " X: a\r\n\r\n", 400},
                  {POST "X\r\n\r\n", 400},
                  {POST ": a\r\n\r\n", 400},
                  {POST "X: a\nY: b\r\n\r\n", 400},
                  {POST "X: a\rY: b\r\n\r\n", 400},
                  {POST "X: \x01\r\n\r\n", 400},
                  {POST "Host: b\r\n\r\n", 400},
                  {POST "Authorization: a\r\nAuthorization: b\r\n\r\n", 400},
                  {POST "x-api-key: a\r\nX-API-Key: a\r\n\r\n", 400},
                  {POST "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 400},
                  {"CONNECT a:1 HTTP/1.1\r\nContent-Length: 3\r\n\r\n", 400},
                  {"GET / HTTP/2.0\r\n\r\n", 400},
                  {"GET  / HTTP/1.1\r\n\r\n", 400},
                  {"GET / HTTP/1.1 \r\n\r\n", 400},
                  {"GET /\x7f HTTP/1.1\r\n\r\n", 400},
                  {"GET /a#b HTTP/1.1\r\n\r\n", 400},
                  {"GET /\r\n\r\n", 400},
                  {"GET ?a=b HTTP/1.1\r\n\r\n", 400},
                  {"\r\n\r\n", 400},
                  {"\r\nGET / HTTP/1.1\r\n\r\n", 400},
                  {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400}};

static void
test_refused (void **state)
{
    for (size_t i = 0; i < sizeof s_refused / sizeof s_refused [0]; i++)
        for (size_t piece = 1; piece < 200; piece += 13) {
            own (request_destroy) request_t *self = request_new ();
            size_t taken = 0;
            const int rc =
                s_feed (self, s_refused [i].text, strlen (s_refused [i].text), piece, &taken);
            if (rc != s_refused [i].status)
                fail_msg ("%s in pieces of %zu: %d", s_refused [i].text, piece, rc);
            assert_true (request_why (self) [0]);
        }
}

static void
test_limits (void **state)
{
    own (request_destroy) request_t *self = request_new ();
    static char long_head [REQUEST_HEAD_BYTES + 1];
    size_t taken = 0;
    memset (long_head, 'a', sizeof long_head);
    assert_int_equal (request_feed (self, long_head, sizeof long_head, BODY_MAX, &taken), 431);
    request_reset (self);
    assert_int_equal (s_feed (self, "GET / HTTP/1.1\r\n", 16, 16, &taken), REQUEST_MORE);
    int rc = REQUEST_MORE;
    for (int i = 0; i < REQUEST_HEADERS + 1 && rc == REQUEST_MORE; i++)
        rc = s_feed (self, "a: b\r\n", 6, 6, &taken);
    assert_int_equal (rc, REQUEST_MORE);
    assert_int_equal (s_feed (self, "\r\n", 2, 2, &taken), 400);
    //  a NUL anywhere in the head
    request_reset (self);
    assert_int_equal (s_feed (self, "GET / HTTP/1.1\r\na: \0b\r\n\r\n", 26, 26, &taken), 400);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_read),
        cmocka_unit_test (test_more_of_the_kind),
        cmocka_unit_test (test_refused),
        cmocka_unit_test (test_limits),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
