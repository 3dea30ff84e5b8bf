//  Tests of worker/gateway/hosts: which hosts and addresses a run may reach.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "worker/gateway/hosts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static void
test_rules (void **state)
{
    static const char *const bad [] = {"",       ":443",  "a:",         "a:0",        "a:65536",
                                       "a:1x",   "a b",   "a/b",        "user@host",  "*.10.0.0.1",
                                       "*",      "a.*",   "[::1",       "[a]",        "::1",
                                       "0x7f.1", "127.1", "2130706433", "0177.0.0.1", "host.0x7f",
                                       "-a",     ".a",    "a\r\nb",     "1.2.3.4.5"};
    hosts_t hosts = {0};
    err_diag_t diag;
    for (size_t i = 0; i < sizeof bad / sizeof bad [0]; i++)
        if (hosts_add (&hosts, bad [i], &diag) == 0)
            fail_msg ("%s is taken", bad [i]);
    assert_int_equal (hosts.count, 0);
}

static void
test_find (void **state)
{
    static const char *const rules [] = {"api.example.com", "10.0.0.1:6443", "*.Example.org:8443",
                                         "[fd00::1]:6443"};
    static const struct {
        const char *asked;
        int rule; //  -1 = none
    } rows [] = {
        {"api.example.com:443", 0},     {"API.Example.COM:443", 0},   {"api.example.com:444", -1},
        {"xapi.example.com:443", -1},   {"api.example.com.:443", -1}, {"10.0.0.1:6443", 1},
        {"10.0.0.10:6443", -1},         {"a.example.org:8443", 2},    {"a.b.example.org:8443", 2},
        {"example.org:8443", -1},       {"badexample.org:8443", -1},  {"[fd00::1]:6443", 3},
        {"a.example.org.evil:8443", -1}};
    hosts_t hosts = {0};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal (hosts_add (&hosts, rules [i], NULL), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        hosts_rule_t asked;
        const hosts_rule_t *rule = NULL;
        if (hosts_parse (rows [i].asked, 0, &asked) == 0)
            rule = hosts_find (&hosts, &asked);
        if ((rule ? (int) (rule - hosts.rules) : -1) != rows [i].rule)
            fail_msg ("%s", rows [i].asked);
    }
}

static bool
s_may (const char *rule_text, const char *address)
{
    hosts_t hosts = {0};
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    assert_int_equal (hosts_add (&hosts, rule_text, NULL), 0);
    if (inet_pton (AF_INET, address, &four.sin_addr) == 1)
        return hosts_address (&hosts.rules [0], (struct sockaddr *) &four);
    assert_int_equal (inet_pton (AF_INET6, address, &six.sin6_addr), 1);
    return hosts_address (&hosts.rules [0], (struct sockaddr *) &six);
}

static void
test_addresses (void **state)
{
    static const char *const never [] = {"127.0.0.1",
                                         "127.8.8.8",
                                         "169.254.169.254",
                                         "0.0.0.0",
                                         "224.0.0.1",
                                         "255.255.255.255",
                                         "::1",
                                         "::",
                                         "fe80::1",
                                         "ff02::1",
                                         "::ffff:127.0.0.1",
                                         "::ffff:169.254.169.254",
                                         "64:ff9b::7f00:1",
                                         "2002:7f00:1::",
                                         "100::1",
                                         "168.63.129.16",
                                         "100.100.100.200",
                                         "fd00:ec2::254"};
    static const char *const private [] = {
        "10.1.2.3", "172.16.0.1",      "172.31.255.255", "192.168.0.1",  "100.64.0.1", "fd00::1",
        "fc00::1",  "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "198.18.0.1"};
    static const char *const public [] = {"8.8.8.8",     "172.32.0.1",     "192.169.0.1",
                                          "169.253.0.1", "100.128.0.1",    "2606:4700::1",
                                          "128.0.0.1",   "::ffff:8.8.8.8", "223.255.255.255"};
    for (size_t i = 0; i < sizeof never / sizeof never [0]; i++)
        if (s_may ("name.test", never [i]) || s_may ("*.test", never [i]))
            fail_msg ("%s", never [i]);
    for (size_t i = 0; i < sizeof private / sizeof private [0]; i++)
        if (!s_may ("name.test", private [i]) || s_may ("*.test", private [i]))
            fail_msg ("%s", private [i]);
    for (size_t i = 0; i < sizeof public / sizeof public [0]; i++)
        if (!s_may ("name.test", public [i]) || !s_may ("*.test", public [i]))
            fail_msg ("%s", public [i]);
    //  a rule that is an address stands for this one alone
    assert_true (s_may ("127.0.0.1:6443", "127.0.0.1"));
    assert_true (s_may ("[::1]:6443", "::1"));
    assert_false (s_may ("127.0.0.1:6443", "127.0.0.2"));
    assert_false (s_may ("8.8.8.8", "10.0.0.1"));
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_rules),
        cmocka_unit_test (test_find),
        cmocka_unit_test (test_addresses),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
