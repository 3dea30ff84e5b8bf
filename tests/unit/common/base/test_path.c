//  Tests of common/base/path.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
s_is (const char *path, const char *root, const char *below)
{
    char found [PATH_MAX], wanted [PATH_MAX];
    snprintf (wanted, sizeof wanted, "%s%s", root, below);
    assert_string_equal (path_absolute (path, found), wanted);
}

static void
test_a_path_is_absolute_whether_it_exists_or_not (void **state)
{
    char root [] = "/tmp/test_path.XXXXXX";
    assert_non_null (mkdtemp (root));
    assert_int_equal (chdir (root), 0);
    assert_int_equal (mkdir ("there", 0700), 0);
    assert_int_equal (symlink ("there", "link"), 0);
    s_is ("./there", root, "/there");
    s_is ("there/../link", root, "/there");
    s_is ("./not/yet", root, "/not/yet");
    s_is ("not-yet", root, "/not-yet");
    s_is ("/nowhere/at/all", "", "/nowhere/at/all");
    assert_int_equal (unlink ("link") + rmdir ("there") + rmdir (root), 0);
    s_is ("there", "", "there"); //  no current folder any more
    assert_int_equal (chdir ("/"), 0);
}

static void
test_a_path_that_is_too_long_is_cut_and_not_overrun (void **state)
{
    char found [PATH_MAX];
    char *path = malloc (2 * PATH_MAX);
    assert_non_null (path);
    memset (path, 'a', 2 * PATH_MAX);
    path [2 * PATH_MAX - 1] = 0;
    assert_int_equal (strlen (path_absolute (path, found)), PATH_MAX - 1);
    free (path);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_path_is_absolute_whether_it_exists_or_not),
        cmocka_unit_test (test_a_path_that_is_too_long_is_cut_and_not_overrun),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
