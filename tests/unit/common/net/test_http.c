//  Tests of common/net/http: which requests use the environment's proxy.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/own.h"
#include "common/net/http.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

//  Listen on a free port of a loopback address; -1: there is no such address.
static int
s_listen (int family, int *ret_port)
{
    const int fd = socket (family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    struct sockaddr *any =
        family == AF_INET ? (struct sockaddr *) &four : (struct sockaddr *) &address;
    socklen_t size = family == AF_INET ? sizeof four : sizeof address;
    if (fd < 0 || bind (fd, any, size) < 0 || listen (fd, 8) < 0)
        return -1;
    getsockname (fd, any, &size);
    *ret_port = ntohs (family == AF_INET ? four.sin_port : address.sin6_port);
    return fd;
}

static bool
s_called (int fd)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};
    return poll (&item, 1, 0) == 1;
}

static void
s_on_done (void *arg, http_transfer_t *transfer, int rc, const char *reason)
{
    *(bool *) arg = true;
}

//  Request url; returns whether it went to the proxy.  The server closes at once.
static bool
s_proxy_hears (int proxy, int server, const char *url)
{
    own (http_destroy) http_t *http = http_new ();
    static const http_hooks_t hooks = {.done = s_on_done};
    const http_request_t request = {.method = "GET", .url = url, .total_ms = 5000};
    http_transfer_t *transfer = NULL;
    bool done = false, heard = false;
    assert_int_equal (http_start (http, &request, &hooks, &done, &transfer), 0);
    while (!done && !heard) {
        http_poll (http, -1, 10);
        heard = s_called (proxy);
        if (server >= 0 && s_called (server))
            close (accept (server, NULL, NULL));
    }
    if (heard)
        close (accept (proxy, NULL, NULL));
    return heard;
}

static void
s_proxy_is (int port)
{
    char url [64];
    snprintf (url, sizeof url, "http://127.0.0.1:%d", port);
    setenv ("http_proxy", url, 1);
    setenv ("all_proxy", url, 1);
    unsetenv ("no_proxy");
    unsetenv ("NO_PROXY");
}

static void
test_a_proxy_of_the_environment_never_hears_of_loopback (void **state)
{
    int proxy_port = 0, four_port = 0, six_port = 0;
    const int proxy = s_listen (AF_INET, &proxy_port), four = s_listen (AF_INET, &four_port);
    const int six =
        s_listen (AF_INET6, &six_port); //  -1 without IPv6: refused, and the proxy not used
    static const char *const hosts [] = {"127.0.0.1", "127.8.9.10",         "localhost",
                                         "LocalHost", "2130706433",         "0x7f.1",
                                         "[::1]",     "[::ffff:127.0.0.1]", "user:pw@127.0.0.1"};
    s_proxy_is (proxy_port);
    for (size_t i = 0; i < sizeof hosts / sizeof hosts [0]; i++) {
        char url [128];
        const bool is_six = strcmp (hosts [i], "[::1]") == 0;
        snprintf (url, sizeof url, "http://%s:%d/mcp", hosts [i],
                  is_six && six >= 0 ? six_port : four_port);
        if (s_proxy_hears (proxy, is_six ? six : four, url))
            fail_msg ("the proxy was asked for %s", url);
    }
    close (proxy);
    close (four);
    if (six >= 0)
        close (six);
}

static void
test_a_proxy_of_the_environment_is_used_for_the_rest (void **state)
{
    int port = 0;
    const int proxy = s_listen (AF_INET, &port);
    s_proxy_is (port);
    assert_true (s_proxy_hears (proxy, -1, "http://mcp.example.invalid/mcp"));
    assert_true (s_proxy_hears (proxy, -1, "http://localhost.example.invalid/mcp"));
    close (proxy);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_proxy_of_the_environment_never_hears_of_loopback),
        cmocka_unit_test (test_a_proxy_of_the_environment_is_used_for_the_rest),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
