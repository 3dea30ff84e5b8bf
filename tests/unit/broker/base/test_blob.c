//  Files that are whole or absent.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/base/blob.h"

#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/own.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

static char s_dir [64];

static int
s_setup (void **state)
{
    snprintf (s_dir, sizeof s_dir, "/tmp/test_blob.XXXXXX");
    return mkdtemp (s_dir) ? 0 : -1;
}

static int
s_teardown (void **state)
{
    char path [128];
    static const char *const names [] = {"a/b/c/one", "a/b/c", "a/b", "a", "one", "file"};
    for (size_t i = 0; i < sizeof names / sizeof names [0]; i++) {
        snprintf (path, sizeof path, "%s/%s", s_dir, names [i]);
        remove (path);
    }
    return remove (s_dir);
}

static int
s_entries (const char *dir)
{
    DIR *stream = opendir (dir);
    assert_non_null (stream);
    int count = 0;
    for (struct dirent *entry = readdir (stream); entry; entry = readdir (stream))
        count += strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0;
    closedir (stream);
    return count;
}

static void
test_a_written_file_holds_the_bytes_and_nothing_else_is_left (void **state)
{
    char path [128];
    struct stat st;
    assert_int_equal (blob_write (s_dir, "one", "hello", 5, "save"), 0);
    snprintf (path, sizeof path, "%s/one", s_dir);
    own (buf_fini) buf_t buf = buf_init (100);
    assert_int_equal (buf_read_file (&buf, path), 0);
    assert_string_equal (buf.data, "hello");
    assert_int_equal (stat (path, &st), 0);
    assert_int_equal (st.st_mode & 0777, 0600);
    assert_int_equal (s_entries (s_dir), 1);
}

static void
test_a_second_write_replaces_the_first (void **state)
{
    char path [128];
    assert_int_equal (blob_write (s_dir, "one", "longer text", 11, "save"), 0);
    assert_int_equal (blob_write (s_dir, "one", "", 0, "save"), 0);
    snprintf (path, sizeof path, "%s/one", s_dir);
    struct stat st;
    assert_int_equal (stat (path, &st), 0);
    assert_int_equal (st.st_size, 0);
    assert_int_equal (s_entries (s_dir), 1);
}

static void
test_a_failed_write_leaves_nothing (void **state)
{
    assert_int_equal (blob_write (s_dir, "a/b", "x", 1, "save"), -EINVAL);
    assert_int_equal (blob_write (s_dir, "", "x", 1, "save"), -EINVAL);
    assert_int_equal (blob_write ("/tmp/test_blob.not.there", "one", "x", 1, "save"), -ENOENT);
    assert_int_equal (s_entries (s_dir), 0);
}

static void
test_a_folder_in_the_way_is_told_and_no_temporary_stays (void **state)
{
    char path [128];
    snprintf (path, sizeof path, "%s/one", s_dir);
    assert_int_equal (mkdir (path, 0700), 0);
    assert_int_equal (blob_write (s_dir, "one", "x", 1, "save"), -EISDIR);
    assert_int_equal (s_entries (s_dir), 1);
}

static void
test_folders_are_made_with_their_parents_and_twice (void **state)
{
    char path [128];
    struct stat st;
    snprintf (path, sizeof path, "%s/a/b/c", s_dir);
    assert_int_equal (blob_make_dir (path), 0);
    assert_int_equal (blob_make_dir (path), 0);
    assert_int_equal (stat (path, &st), 0);
    assert_int_equal (st.st_mode & 0777, 0700);
    assert_int_equal (blob_write (path, "one", "x", 1, "save"), 0);
}

static void
test_a_file_where_a_folder_should_be_is_an_error (void **state)
{
    char path [128];
    assert_int_equal (blob_write (s_dir, "file", "x", 1, "save"), 0);
    snprintf (path, sizeof path, "%s/file", s_dir);
    assert_int_equal (blob_make_dir (path), -ENOTDIR);
    assert_int_equal (blob_make_dir (""), -EINVAL);
}

static void
test_large_events_live_beside_the_store (void **state)
{
    char path [128];
    blob_event_path ("/var/lib/x/broker.db", "abc", path, sizeof path);
    assert_string_equal (path, "/var/lib/x/events/abc.json");
    blob_event_path ("broker.db", "abc", path, sizeof path);
    assert_string_equal (path, "./events/abc.json");
    blob_events_dir ("/var/lib/x/broker.db", path, sizeof path);
    assert_string_equal (path, "/var/lib/x/events");
    blob_events_dir ("broker.db", path, sizeof path);
    assert_string_equal (path, "./events");
    blob_event_path ("broker.db", "abc", path, 10); //  too small: cut
    assert_string_equal (path, "./events/");
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (
            test_a_written_file_holds_the_bytes_and_nothing_else_is_left, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_a_second_write_replaces_the_first, s_setup,
                                         s_teardown),
        cmocka_unit_test_setup_teardown (test_a_failed_write_leaves_nothing, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_a_folder_in_the_way_is_told_and_no_temporary_stays,
                                         s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_folders_are_made_with_their_parents_and_twice,
                                         s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_a_file_where_a_folder_should_be_is_an_error, s_setup,
                                         s_teardown),
        cmocka_unit_test (test_large_events_live_beside_the_store),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
