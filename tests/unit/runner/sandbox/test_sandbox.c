//  sandbox - what is written as flags is read back the same; bad values are refused.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/own.h"
#include "runner/sandbox/hole.h"
#include "runner/sandbox/runtime.h"

#include <stdio.h>
#include <string.h>

static void
s_read (const words_t *words, sandbox_spec_t *ret_spec)
{
    *ret_spec = (sandbox_spec_t){0};
    assert_int_equal (words->failed, 0);
    assert_int_equal (words->count % 2, 0);
    for (size_t i = 0; i < words->count; i += 2) {
        assert_memory_equal (words->items [i], "--", 2);
        assert_int_equal (sandbox_parse_flag (ret_spec, words->items [i] + 2, words->items [i + 1]),
                          0);
    }
}

static void
test_every_member_survives_the_way_through_flags (void **state)
{
    const sandbox_spec_t spec = {.runtime = "bwrap",
                                 .has_user = true,
                                 .uid = 65534,
                                 .gid = 65533,
                                 .memory = 1LL << 31,
                                 .cpus_milli = 1500,
                                 .pids = 256,
                                 .disk = 1LL << 40,
                                 .files = 16384,
                                 .read_only = {"/opt/a b", "/etc/kube"},
                                 .read_only_count = 2,
                                 .gateway = "/run/x.sock",
                                 .gateway_port = 65535,
                                 .listen = {6443, 1},
                                 .listen_count = 2,
                                 .network = SANDBOX_PROXY,
                                 .landlock_abi = 3,
                                 .cgroup = "c",
                                 .name = "triage-agent-1-2",
                                 .image = "i:1"};
    own (words_fini) words_t first = {0};
    own (words_fini) words_t second = {0};
    sandbox_spec_t again;
    sandbox_words (&spec, &first);
    s_read (&first, &again);
    sandbox_words (&again, &second);
    assert_int_equal (first.count, 36);
    assert_int_equal (second.count, first.count);
    for (size_t i = 0; i < first.count; i++)
        assert_string_equal (second.items [i], first.items [i]);
    assert_int_equal (again.uid, 65534);
    assert_int_equal (again.gid, 65533);
    assert_int_equal (again.listen [1], 1);
    assert_string_equal (again.read_only [1], "/etc/kube");
    assert_int_equal (again.network, SANDBOX_PROXY);
}

static void
test_bad_values_are_refused (void **state)
{
    static const char *const bad [][2] = {{"user", "1"},
                                          {"user", "1:"},
                                          {"user", ":1"},
                                          {"user", "-1:0"},
                                          {"user", "1:2:3"},
                                          {"memory", ""},
                                          {"memory", "-1"},
                                          {"memory", "1x"},
                                          {"memory", " 1"},
                                          {"pids", "1e9"},
                                          {"listen", "0"},
                                          {"listen", "65536"},
                                          {"read-only", "etc"},
                                          {"network", "all"},
                                          {"gateway-port", "0"},
                                          {"user", "4294967295:0"},
                                          {"disk", "9223372036854775808"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad [0]; i++) {
        sandbox_spec_t spec = {0};
        assert_int_equal (sandbox_parse_flag (&spec, bad [i][0], bad [i][1]), ERR_CONFIG);
    }
    sandbox_spec_t spec = {0};
    assert_int_equal (sandbox_parse_flag (&spec, "workspace", "/"), ERR_NONE);
    for (int i = 0; i < SANDBOX_PORTS; i++)
        assert_int_equal (sandbox_parse_flag (&spec, "listen", "80"), 0);
    assert_int_equal (sandbox_parse_flag (&spec, "listen", "80"), ERR_LIMIT);
}

static void
test_words_stop_at_their_limit (void **state)
{
    own (words_fini) words_t words = {0};
    for (int i = 0; i <= WORDS_COUNT; i++)
        words_add (&words, "%d", i);
    assert_int_equal (words.failed, ERR_LIMIT);
    assert_int_equal (words.count, WORDS_COUNT);
    assert_null (words.items [WORDS_COUNT]);
}

static void
test_each_runtime_and_hole_has_a_name_and_a_text (void **state)
{
    for (size_t i = 0; runtime_at (i); i++) {
        assert_ptr_equal (runtime_find (runtime_at (i)->name), runtime_at (i));
        assert_non_null (runtime_at (i)->holds);
    }
    assert_null (runtime_find ("chroot"));
    for (unsigned hole = 1; hole < HOLE_END; hole <<= 1) {
        assert_non_null (hole_name ((hole_t) hole));
        assert_true (strlen (hole_text ((hole_t) hole)) > 10);
    }
    assert_null (hole_name (HOLE_END));
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_every_member_survives_the_way_through_flags),
        cmocka_unit_test (test_bad_values_are_refused),
        cmocka_unit_test (test_words_stop_at_their_limit),
        cmocka_unit_test (test_each_runtime_and_hole_has_a_name_and_a_text),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
