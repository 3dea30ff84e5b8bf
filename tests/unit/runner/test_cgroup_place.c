//  cgroup_place - real mountinfo and cgroup files of several hosts.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runner/cgroup_place.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const char *host, *mountinfo, *cgroup;
    const char *v2, *memory, *pids, *cpu; //  "" = none
} case_t;

static const case_t s_cases [] = {
    {"Debian 12, a service",
     "24 30 0:22 / /sys rw,nosuid - sysfs sysfs rw\n"
     "29 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
     "0::/system.slice/triage-worker.service\n",
     "/sys/fs/cgroup/system.slice/triage-worker.service", "", "", ""},
    {"the same, in its leaf", "29 24 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n",
     "0::/system.slice/w.service/triage-worker\n", "/sys/fs/cgroup/system.slice/w.service", "", "",
     ""},
    {"hybrid, root",
     "30 28 0:27 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
     "31 28 0:28 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct\n"
     "34 28 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
     "37 28 0:34 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n"
     "39 28 0:36 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n",
     "8:pids:/\n4:memory:/a/b\n2:cpuacct:/x\n1:cpu:/\n0::/\n", "/sys/fs/cgroup/unified",
     "/sys/fs/cgroup/memory/a/b", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/cpu"},
    {"version 1, controllers together, a container's mount",
     "40 1 0:30 /docker/77 /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
     "41 1 0:31 /docker/77 /sys/fs/cgroup/memory ro master:9 - cgroup cgroup rw,memory\n",
     "4:memory:/docker/77/in\n3:cpu,cpuacct:/docker/77\n", "", "/sys/fs/cgroup/memory/in", "",
     "/sys/fs/cgroup/cpu,cpuacct"},
    {"outside of what the mount shows",
     "41 1 0:31 /docker/77 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
     "42 1 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
     "4:memory:/docker/778\n0::/../other\n", "", "", "", ""},
    {"nothing mounted", "", "0::/\n", "", "", "", ""},
    {"damaged", "29 24\n - cgroup2\n29 24 0:1 / /x rw\n", "0:\n:::\n0::\n", "", "", "", ""},
};

static void
test_places_are_found (void **state)
{
    for (size_t i = 0; i < sizeof s_cases / sizeof s_cases [0]; i++) {
        const case_t *one = &s_cases [i];
        cgroup_place_t v2, v1 [CGROUP_PARTS];
        print_message ("%s\n", one->host);
        cgroup_place_parse (one->mountinfo, one->cgroup, &v2, v1);
        assert_string_equal (v2.path, one->v2);
        assert_int_equal (v2.by, *one->v2 ? CGROUP_V2 : CGROUP_POLLED);
        assert_string_equal (v1 [CGROUP_MEMORY].path, one->memory);
        assert_int_equal (v1 [CGROUP_MEMORY].by, *one->memory ? CGROUP_V1 : CGROUP_POLLED);
        assert_string_equal (v1 [CGROUP_PIDS].path, one->pids);
        assert_string_equal (v1 [CGROUP_CPU].path, one->cpu);
        assert_int_equal (v1 [CGROUP_KILL].by, CGROUP_POLLED);
    }
}

static void
test_a_long_path_is_no_place (void **state)
{
    char mountinfo [4096], cgroup [4096], word [400];
    memset (word, 'a', sizeof word);
    word [0] = '/';
    word [sizeof word - 1] = 0;
    snprintf (mountinfo, sizeof mountinfo, "29 24 0:26 / %s rw - cgroup2 cgroup2 rw\n", word);
    snprintf (cgroup, sizeof cgroup, "0::%s%s\n", word, word);
    cgroup_place_t v2, v1 [CGROUP_PARTS];
    cgroup_place_parse (mountinfo, cgroup, &v2, v1);
    assert_int_equal (v2.by, CGROUP_POLLED);
    snprintf (cgroup, sizeof cgroup, "0::%s\n", word);
    cgroup_place_parse (mountinfo, cgroup, &v2, v1);
    assert_int_equal (v2.by, CGROUP_V2);
    assert_int_equal (strlen (v2.path), 2 * strlen (word));
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_places_are_found),
        cmocka_unit_test (test_a_long_path_is_no_place),
    };
    return cmocka_run_group_tests_name ("cgroup_place", tests, NULL, NULL);
}
