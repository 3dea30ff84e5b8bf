//  Tests of worker/gateway: CONNECT, forwarders, and the hand-over of listeners.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/own.h"
#include "tests/unit/worker/gateway/gateway_case.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool
s_hello (upstream_request_t *request)
{
    return upstream_reply (request->fd, "200 OK", "", "hello");
}

static void
test_connect (void **state)
{
    gateway_case_t self = {0};
    char rule [64], raw [256];
    gateway_spec_t spec = gateway_case_start (&self, "anthropic", s_hello);
    snprintf (rule, sizeof rule, "127.0.0.1:%d", self.upstream.port);
    spec.hosts [spec.host_count++] = rule;
    spec.hosts [spec.host_count++] = "localhost:1";
    gateway_case_open (&self, &spec);
    //  what follows the head of CONNECT at once belongs to the tunnel
    snprintf (raw, sizeof raw,
              "CONNECT %s HTTP/1.1\r\nHost: %s\r\n" GATEWAY_CASE_PROXY
              "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
              rule, rule);
    const int fd = upstream_connect (gateway_port (self.run));
    upstream_text (fd, raw);
    own (own_mem) char *answer = upstream_read_to (fd, "hello");
    assert_true (strncmp (answer, "HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK", 54)
                 == 0);
    upstream_text (fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    own (own_mem) char *again = upstream_read_to (fd, "hello");
    assert_non_null (strstr (again, "200 OK"));
    close (fd);
    const gateway_report_t report = gateway_case_end (&self);
    assert_int_equal (report.hosts_allowed, 1);
    assert_int_equal (report.hosts_refused, 0);
}

static void
test_connect_refused (void **state)
{
    gateway_case_t self = {0};
    static const struct {
        const char *target, *status;
    } rows [] = {{"example.com:443", " 403 "},     {"169.254.169.254:80", " 403 "},
                 {"127.0.0.1:22", " 403 "},        {"localhost:%d", " 403 "}, //  a loopback address
                 {"localhost:22", " 403 "},        {"example.com", " 400 "},
                 {"http://example.com/", " 400 "}, {"example.com:443:1", " 400 "},
                 {"example.com:443", " 403 "}};
    char rule [64], raw [256], target [64];
    gateway_spec_t spec = gateway_case_start (&self, "anthropic", s_hello);
    snprintf (rule, sizeof rule, "localhost:%d", self.upstream.port);
    spec.hosts [spec.host_count++] = rule;
    gateway_case_open (&self, &spec);
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        const char *text = i == 3 ? rule : rows [i].target;
        snprintf (target, sizeof target, "%s", text);
        snprintf (raw, sizeof raw, "CONNECT %s HTTP/1.1\r\nHost: x\r\n" GATEWAY_CASE_PROXY "\r\n",
                  target);
        own (own_mem) char *answer = gateway_case_talk (&self, raw);
        if (!strstr (answer, rows [i].status))
            fail_msg ("%s: %s", raw, answer);
    }
    assert_int_equal (upstream_count (&self.upstream), 0);
    const gateway_report_t report = gateway_case_end (&self);
    assert_int_equal (report.hosts_refused, 5); //  each host and port once
    assert_int_equal (report.hosts_allowed, 0);
}

//  Where it listens itself any local user can connect.
static void
test_connect_needs_the_token (void **state)
{
    gateway_case_t self = {0};
    static const char *const bad [] = {"",
                                       "Proxy-Authorization: Basic\r\n",
                                       "Proxy-Authorization: Basic cnVuOnJ1bi10b2tlbi0y\r\n",
                                       "Proxy-Authorization: Basic cnVuOnJ1bi10b2tlbi0\r\n",
                                       "Proxy-Authorization: Bearer run-token-1\r\n",
                                       "Authorization: Basic cnVuOnJ1bi10b2tlbi0x\r\n"};
    char rule [64], raw [256];
    gateway_spec_t spec = gateway_case_start (&self, "anthropic", s_hello);
    snprintf (rule, sizeof rule, "127.0.0.1:%d", self.upstream.port);
    spec.hosts [spec.host_count++] = rule;
    gateway_case_open (&self, &spec);
    for (size_t i = 0; i < sizeof bad / sizeof bad [0]; i++) {
        snprintf (raw, sizeof raw, "CONNECT %s HTTP/1.1\r\n%s\r\n", rule, bad [i]);
        own (own_mem) char *answer = gateway_case_talk (&self, raw);
        assert_non_null (strstr (answer, "HTTP/1.1 407 "));
        assert_non_null (strstr (answer, "\r\nProxy-Authenticate: Basic "));
    }
    assert_int_equal (upstream_count (&self.upstream), 0);
    const gateway_report_t report = gateway_case_end (&self);
    assert_int_equal (report.strangers, 6);
    assert_int_equal (report.hosts_allowed + report.hosts_refused, 0);
}

//  Connections that do not show the token are closed when those of the run need room.
static void
test_strangers_give_way (void **state)
{
    gateway_case_t self = {0};
    enum { S_STRANGERS = 100 };
    int fds [S_STRANGERS];
    char rule [64], raw [256];
    gateway_spec_t spec = gateway_case_start (&self, "anthropic", s_hello);
    snprintf (rule, sizeof rule, "127.0.0.1:%d", self.upstream.port);
    spec.hosts [spec.host_count++] = rule;
    gateway_case_open (&self, &spec);
    snprintf (raw, sizeof raw, "CONNECT %s HTTP/1.1\r\n" GATEWAY_CASE_PROXY "\r\n", rule);
    const int tunnel = upstream_connect (gateway_port (self.run));
    upstream_text (tunnel, raw);
    free (upstream_read_to (tunnel, "\r\n\r\n"));
    for (int i = 0; i < S_STRANGERS; i++)
        fds [i] = upstream_connect (gateway_port (self.run));
    const int other = upstream_connect (gateway_port (self.run));
    upstream_text (other, raw);
    own (own_mem) char *answer = upstream_read_to (other, "\r\n\r\n");
    assert_non_null (strstr (answer, " 200 "));
    upstream_text (tunnel, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    own (own_mem) char *hello = upstream_read_to (tunnel, "hello");
    assert_non_null (strstr (hello, "200 OK"));
    for (int i = 0; i < S_STRANGERS; i++)
        close (fds [i]);
    close (tunnel);
    close (other);
    gateway_case_end (&self);
}

//  proxy: no key is added, and the provider's own host is open.
static void
test_proxy (void **state)
{
    gateway_case_t self = {0};
    char raw [256];
    gateway_spec_t spec = gateway_case_start (&self, "anthropic", s_hello);
    spec.proxy = true;
    gateway_case_open (&self, &spec);
    own (own_mem) char *answer = gateway_case_post (&self, "/v1/messages", "", "{}");
    assert_non_null (strstr (answer, " 404 "));
    snprintf (raw, sizeof raw,
              "CONNECT 127.0.0.1:%d HTTP/1.1\r\n" GATEWAY_CASE_PROXY "\r\nGET / HTTP/1.1\r\n\r\n",
              self.upstream.port);
    const int fd = upstream_connect (gateway_port (self.run));
    upstream_text (fd, raw);
    own (own_mem) char *hello = upstream_read_to (fd, "hello");
    assert_non_null (strstr (hello, "hello"));
    close (fd);
    assert_int_equal (gateway_case_end (&self).calls, 0);
}

//  --- the hand-over

//  A listener on a free port (0) of an address.  *ret_port: its port.
static int
s_listen (uint32_t address, int type, uint16_t *ret_port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (address)};
    socklen_t size = sizeof in;
    in.sin_port = htons (*ret_port);
    const int on = 1, fd = socket (AF_INET, type | SOCK_CLOEXEC, 0);
    assert_true (fd >= 0);
    setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal (bind (fd, (struct sockaddr *) &in, size), 0);
    if (type == SOCK_STREAM)
        assert_int_equal (listen (fd, 8), 0);
    getsockname (fd, (struct sockaddr *) &in, &size);
    *ret_port = ntohs (in.sin_port);
    return fd;
}

//  Connect to the gateway's socket in a folder, by a short path: that of the build may be long.
static int
s_visit (const gateway_case_t *self, const char *folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf (address.sun_path, sizeof address.sun_path, "%s/%s", folder,
              strrchr (gateway_socket (self->run), '/') + 1);
    const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect (fd, (struct sockaddr *) &address, sizeof address) < 0) {
        close (fd);
        return -1;
    }
    return fd;
}

static void
s_hand (int fd, const char *line, int given)
{
    union {
        char bytes [CMSG_SPACE (sizeof (int))];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec from = {.iov_base = (void *) (uintptr_t) line, .iov_len = strlen (line)};
    struct msghdr message = {.msg_iov = &from, .msg_iovlen = 1};
    if (given >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *part = CMSG_FIRSTHDR (&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN (sizeof (int));
        memcpy (CMSG_DATA (part), &given, sizeof given);
    }
    assert_true (sendmsg (fd, &message, MSG_NOSIGNAL) > 0);
}

//  Is the connection cut by the gateway?
static bool
s_is_cut (int fd)
{
    char byte;
    return recv (fd, &byte, 1, 0) <= 0;
}

static void
test_hand_over (void **state)
{
    gateway_case_t self = {0};
    char here [] = "hand_over_XXXXXX", line [64], path [512];
    struct stat st;
    gateway_spec_t spec = gateway_case_start (&self, "anthropic", s_hello);
    assert_non_null (mkdtemp (here));
    spec.socket_dir = here;
    spec.ports [spec.port_count++] = self.upstream.port; //  as if it was this host's API server
    gateway_case_open (&self, &spec);
    snprintf (path, sizeof path, "%s", gateway_socket (self.run));
    assert_int_equal (gateway_port (self.run), GATEWAY_PORT);
    assert_int_equal (stat (path, &st), 0);

    //  What is refused cuts the connection, and the next one may try.
    uint16_t any = 0, all = 0, datagram = 0;
    own (own_fd) int other = s_listen (INADDR_LOOPBACK, SOCK_STREAM, &any);
    own (own_fd) int wide = s_listen (INADDR_ANY, SOCK_STREAM, &all);
    own (own_fd) int udp = s_listen (INADDR_LOOPBACK, SOCK_DGRAM, &datagram);
    const struct {
        int port, fd;
    } bad [] = {{any, other},        {GATEWAY_PORT, other}, {GATEWAY_PORT, wide}, {all, wide},
                {GATEWAY_PORT, udp}, {GATEWAY_PORT, -1},    {0, other},           {70000, other}};
    for (size_t i = 0; i < sizeof bad / sizeof bad [0]; i++) {
        own (own_fd) int fd = s_visit (&self, here);
        assert_true (fd >= 0);
        snprintf (line, sizeof line, "{\"port\":%d}\n", bad [i].port);
        s_hand (fd, line, bad [i].fd);
        assert_true (s_is_cut (fd));
    }
    own (own_fd) int babble = s_visit (&self, here);
    s_hand (
        babble,
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        -1);
    assert_true (s_is_cut (babble));
    gateway_case_end (&self);
    assert_int_not_equal (stat (path, &st), 0);
    assert_int_equal (rmdir (here), 0); //  no file is left
}

//  In a network namespace of its own the fixed port is free, and the forwarded one too.
static void
test_forward (void **state)
{
    gateway_case_t self = {0};
    char here [] = "forward_XXXXXX", line [64];
    struct stat st;
    //  No namespace here: the host's port is that of the provider, so what stands for the inside is
    //  another loopback address with the same port.
    gateway_spec_t spec = gateway_case_start (&self, "anthropic", s_hello);
    assert_non_null (mkdtemp (here));
    spec.socket_dir = here;
    spec.ports [spec.port_count++] = self.upstream.port;
    gateway_case_open (&self, &spec);
    uint16_t port = self.upstream.port, fixed = GATEWAY_PORT;
    //  an address of this process alone, so that tests can run beside each other
    const uint32_t inside = INADDR_LOOPBACK + 256U * (uint32_t) (1 + getpid () % 60000);
    own (own_fd) int forward = s_listen (inside, SOCK_STREAM, &port);
    own (own_fd) int main_port = s_listen (inside, SOCK_STREAM, &fixed);
    for (int round = 0; round < 2; round++) { //  a run, and its resume
        assert_int_equal (stat (gateway_socket (self.run), &st), 0);
        own (own_fd) int fd = s_visit (&self, here);
        snprintf (line, sizeof line, "{\"port\":%d}\n", port);
        s_hand (fd, line, forward);
        snprintf (line, sizeof line, "{\"port\":%d}\n", fixed);
        s_hand (fd, line, main_port);
        assert_true (s_is_cut (fd)); //  all are there
    }
    assert_int_not_equal (stat (gateway_socket (self.run), &st), 0);

    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons (port), .sin_addr.s_addr = htonl (inside)};
    own (own_fd) int agent = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal (connect (agent, (const struct sockaddr *) &address, sizeof address), 0);
    upstream_text (agent, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    own (own_mem) char *answer = upstream_read_to (agent, "hello");
    assert_non_null (strstr (answer, "200 OK"));
    //  in its namespace nobody else can connect: a tunnel needs no token
    const struct sockaddr_in door = {
        .sin_family = AF_INET, .sin_port = htons (fixed), .sin_addr.s_addr = htonl (inside)};
    own (own_fd) int asking = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal (connect (asking, (const struct sockaddr *) &door, sizeof door), 0);
    upstream_text (asking, "CONNECT nobody:1 HTTP/1.1\r\n\r\n");
    own (own_mem) char *refused = upstream_read_to (asking, NULL);
    assert_non_null (strstr (refused, "HTTP/1.1 403 "));
    //  the agent's end reaches the other side, and comes back
    shutdown (agent, SHUT_WR);
    assert_true (s_is_cut (agent));
    gateway_case_end (&self);
    assert_int_equal (rmdir (here), 0);
}

static void
test_bad_specs (void **state)
{
    gateway_case_t self = {0};
    err_diag_t diag;
    gateway_case_begin (&self, "anthropic", s_hello);
    gateway_run_t *run = NULL;
    gateway_spec_t spec = {.name = "x", .token = "t", .key_count = 1};
    spec.keys [0] = (gateway_key_t){.provider = "nobody", .base_url = "", .key = "k"};
    assert_int_equal (gateway_open (self.gateway, &spec, &run, &diag), ERR_CONFIG);
    spec.keys [0] = (gateway_key_t){.provider = "openai", .base_url = "ftp://a", .key = "k"};
    assert_int_equal (gateway_open (self.gateway, &spec, &run, &diag), ERR_CONFIG);
    assert_non_null (strstr (diag.text, "ftp://a: the base URL of openai"));
    spec.keys [0] = (gateway_key_t){.provider = "openai", .base_url = "https://u@a", .key = "k"};
    assert_int_equal (gateway_open (self.gateway, &spec, &run, &diag), ERR_CONFIG);
    spec.keys [0] = (gateway_key_t){.provider = "openai", .base_url = "", .key = "a\nb"};
    assert_int_equal (gateway_open (self.gateway, &spec, &run, &diag), ERR_CONFIG);
    spec.keys [0].key = "k";
    spec.hosts [spec.host_count++] = "a b";
    assert_int_equal (gateway_open (self.gateway, &spec, &run, &diag), ERR_CONFIG);
    spec.host_count = 0;
    spec.socket_dir = "/nonexistent/folder";
    assert_int_equal (gateway_open (self.gateway, &spec, &run, &diag), -ENOENT);
    assert_null (run);
    gateway_case_end (&self);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_connect),
        cmocka_unit_test (test_connect_refused),
        cmocka_unit_test (test_connect_needs_the_token),
        cmocka_unit_test (test_strangers_give_way),
        cmocka_unit_test (test_proxy),
        cmocka_unit_test (test_hand_over),
        cmocka_unit_test (test_forward),
        cmocka_unit_test (test_bad_specs),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
