//  Tests of publisher/ids: the ids kept of an input that may never end.
//  SPDX-License-Identifier: Apache-2.0
#include "publisher/ids.h"

#include "common/base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char s_dir [32];

static int
setup (void **state)
{
    strcpy (s_dir, "/tmp/ids.XXXXXX");
    return mkdtemp (s_dir) ? 0 : -1;
}

static int
teardown (void **state)
{
    char command [64];
    snprintf (command, sizeof command, "rm -r %s", s_dir);
    return system (command);
}

static off_t
s_bytes (void)
{
    off_t bytes = 0;
    DIR *dir = opendir (s_dir);
    assert_non_null (dir);
    const struct dirent *entry;
    struct stat info;
    while ((entry = readdir (dir)))
        if (fstatat (dirfd (dir), entry->d_name, &info, 0) == 0 && S_ISREG (info.st_mode))
            bytes += info.st_size;
    closedir (dir);
    return bytes;
}

//  Send `count` lines of this input; return the ids of the first and of the last.
static void
s_read (const char *input, int count, ident_t *ret_first, ident_t *ret_last)
{
    const char *inputs [] = {input};
    ids_t *ids = NULL;
    assert_int_equal (ids_open (s_dir, inputs, 1, &ids, NULL), 0);
    for (int i = 0; i < count; i++)
        assert_int_equal (ids_next (ids, "{}", 2, 1767225600000, i == 0 ? ret_first : ret_last), 0);
    ids_destroy (&ids);
}

static void
test_of_standard_input_a_bounded_number_is_kept (void **state)
{
    ident_t first, last, again, last_again;
    s_read ("-", LIMIT_PUBLISH_IDS + 1000, &first, &last);
    const off_t bytes = s_bytes ();
    assert_true (bytes > 0 && bytes <= (off_t) LIMIT_PUBLISH_IDS * 72);
    s_read ("-", LIMIT_PUBLISH_IDS + 1000, &again, &last_again);
    assert_string_equal (first.text, again.text);
    assert_string_not_equal (last.text, last_again.text);
    assert_int_equal (s_bytes (), bytes);
}

static void
test_of_a_file_all_are_kept (void **state)
{
    ident_t first, last, again, last_again;
    s_read ("/etc/hosts", LIMIT_PUBLISH_IDS + 10, &first, &last);
    s_read ("/etc/hosts", LIMIT_PUBLISH_IDS + 10, &again, &last_again);
    assert_string_equal (last.text, last_again.text);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_of_standard_input_a_bounded_number_is_kept, setup,
                                         teardown),
        cmocka_unit_test_setup_teardown (test_of_a_file_all_are_kept, setup, teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
