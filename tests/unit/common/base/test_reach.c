//  test_reach - checks of what can be made, written and read; they leave no trace.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/reach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
setup (void **state)
{
    static char folder [64];
    snprintf (folder, sizeof folder, "reach_test.%d", (int) getpid ());
    *state = folder;
    return mkdir (folder, 0755) || chdir (folder) || mkdir ("there", 0755)
           || symlink ("nothing", "loose") || symlink ("there", "link")
           || symlink ("file", "filelink") || mkfifo ("pipe", 0600) || close (creat ("file", 0600));
}

static int
teardown (void **state)
{
    static const char *const files [] = {"loose", "link", "filelink", "pipe", "file"};
    for (size_t i = 0; i < sizeof files / sizeof files [0]; i++)
        (void) unlink (files [i]);
    return rmdir ("there") || chdir ("..") || rmdir (*state);
}

static void
test_a_folder_is_there_or_can_be_made (void **state)
{
    static const char *const good [] = {"there", "there/", "link", "new", "./new", "new/", "."};
    for (size_t i = 0; i < sizeof good / sizeof good [0]; i++)
        assert_int_equal (reach_folder (good [i], false, NULL), 0);
    assert_int_equal (reach_folder ("a/b/c", true, NULL), 0);
    assert_int_equal (reach_folder ("link/b//c/", true, NULL), 0);
    assert_int_equal (access ("a", F_OK), -1);
}

static void
test_a_folder_that_cannot_be_made_is_told_with_the_part_to_blame (void **state)
{
    static const struct {
        const char *path;
        bool parents;
        int rc;
        const char *says;
    } rows [] = {
        {"", true, -EINVAL, ""},
        {"a/b", false, -ENOENT, "a: "},
        {"file", true, -ENOTDIR, "file: "},
        {"file/x", true, -ENOTDIR, "file: Not a directory"},
        {"file/x/y", true, -ENOTDIR, "file: Not a directory"},
        {"loose", true, -EEXIST, "loose: a symbolic link to nothing"},
        {"loose/x", true, -EEXIST, "loose: a symbolic link to nothing"},
        {"/proc/x/y", true, -EPERM, "/proc: cannot be written"},
        {"/sys", true, -EPERM, "/sys: cannot be written"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        err_diag_t diag = {""};
        assert_int_equal (reach_folder (rows [i].path, rows [i].parents, &diag), rows [i].rc);
        assert_memory_equal (diag.text, rows [i].says, strlen (rows [i].says));
    }
    char longest [5000];
    memset (longest, 'x', sizeof longest - 1);
    longest [sizeof longest - 1] = 0;
    assert_int_equal (reach_folder (longest, true, NULL), -ENAMETOOLONG);
}

static void
test_a_file_to_write_is_regular_or_can_be_made (void **state)
{
    assert_int_equal (reach_writable ("file", false, NULL), 0);
    assert_int_equal (reach_writable ("new", false, NULL), 0);
    assert_int_equal (reach_writable ("there/new", false, NULL), 0);
    assert_int_equal (reach_writable ("a/b", true, NULL), 0);
    assert_int_equal (reach_writable ("a/b", false, NULL), -ENOENT);
    assert_int_equal (reach_writable ("file/x", true, NULL), -ENOTDIR);
    assert_int_equal (reach_writable ("there", true, NULL), -EISDIR);
    assert_int_equal (reach_writable ("filelink", true, NULL), -ELOOP);
    assert_int_equal (reach_writable ("pipe", true, NULL), -ELOOP);
    assert_int_equal (access ("new", F_OK), -1);
}

static void
test_a_file_to_read_is_regular (void **state)
{
    assert_int_equal (reach_readable ("file", NULL), 0);
    assert_int_equal (reach_readable ("filelink", NULL), 0);
    assert_int_equal (reach_readable ("new", NULL), -ENOENT);
    assert_int_equal (reach_readable ("there", NULL), -EISDIR);
    err_diag_t diag = {.text = ""};
    assert_int_equal (reach_readable ("pipe", &diag), -ELOOP);
    assert_string_equal (diag.text, "pipe: not a regular file");
    assert_int_equal (reach_writable ("filelink", true, &diag), -ELOOP);
    assert_string_equal (diag.text, "filelink: not a regular file");
}

//  Checked with the effective ids, which may differ from those of the user who started it.
static void
test_the_effective_user_counts (void **state)
{
    const bool root = geteuid () == 0;
    assert_int_equal (chmod ("there", 0555) || chmod ("file", 0), 0);
    assert_int_equal (reach_folder ("there/x", true, NULL), root ? 0 : -EACCES);
    assert_int_equal (reach_readable ("file", NULL), root ? 0 : -EACCES);
    assert_int_equal (root ? seteuid (65534) : 0, 0);
    err_diag_t diag = {""};
    const int made = reach_folder ("there/x", true, &diag);
    const int read = reach_readable ("file", NULL), written = reach_writable ("file", true, NULL);
    assert_int_equal (root ? seteuid (0) : 0, 0);
    assert_int_equal (chmod ("there", 0755) || chmod ("file", 0600), 0);
    assert_int_equal (made, -EACCES);
    assert_int_equal (read, -EACCES);
    assert_int_equal (written, -EACCES);
    assert_string_equal (diag.text, "there: cannot be written: Permission denied");
}

static void
test_the_folder_above (void **state)
{
    static const char *const rows [][2] = {{"a/b", "a"}, {"a//b/", "a"}, {"a", "."}, {"./a", "."},
                                           {"/a", "/"},  {"/", "/"},     {"..", "."}};
    char folder [PATH_MAX];
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        assert_int_equal (reach_above (rows [i][0], folder), 0);
        assert_string_equal (folder, rows [i][1]);
    }
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_folder_is_there_or_can_be_made),
        cmocka_unit_test (test_a_folder_that_cannot_be_made_is_told_with_the_part_to_blame),
        cmocka_unit_test (test_a_file_to_write_is_regular_or_can_be_made),
        cmocka_unit_test (test_a_file_to_read_is_regular),
        cmocka_unit_test (test_the_effective_user_counts),
        cmocka_unit_test (test_the_folder_above),
    };
    return cmocka_run_group_tests (tests, setup, teardown);
}
