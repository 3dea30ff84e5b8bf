//  Tests of common/base/durable: files are whole, and nothing is left beside them.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/buf.h"
#include "common/base/durable.h"
#include "common/base/own.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

typedef struct {
    char dir [64];
    int fd;
} fixture_t;

static int
s_setup (void **state)
{
    static fixture_t self;
    snprintf (self.dir, sizeof self.dir, "/tmp/test_durable.XXXXXX");
    assert_non_null (mkdtemp (self.dir));
    self.fd = open (self.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = &self;
    return self.fd < 0;
}

static int
s_teardown (void **state)
{
    fixture_t *self = *state;
    static const char *const names [] = {"one", "two", ".other", ".kept.tmp.not"};
    for (size_t i = 0; i < sizeof names / sizeof names [0]; i++)
        (void) unlinkat (self->fd, names [i], 0);
    (void) unlinkat (self->fd, "one", AT_REMOVEDIR);
    own_fd (&self->fd);
    return remove (self->dir);
}

static int
s_entries (const fixture_t *self)
{
    DIR *dir = opendir (self->dir);
    assert_non_null (dir);
    int count = 0;
    for (struct dirent *entry = readdir (dir); entry; entry = readdir (dir))
        count += strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0;
    closedir (dir);
    return count;
}

static void
s_make (const fixture_t *self, const char *name)
{
    own (own_fd) int fd = openat (self->fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true (fd >= 0);
}

static void
s_assert_text (const fixture_t *self, const char *name, const char *text)
{
    char path [128];
    snprintf (path, sizeof path, "%s/%s", self->dir, name);
    own (buf_fini) buf_t buf = buf_init (100);
    assert_int_equal (buf_read_file (&buf, path), 0);
    assert_int_equal (buf.size, strlen (text));
    assert_memory_equal (buf.data, text, buf.size);
}

static void
test_a_write_replaces_a_file_whole_and_leaves_nothing_else (void **state)
{
    fixture_t *self = *state;
    struct stat st;
    assert_int_equal (durable_write (self->fd, "one", "longer text", 11, "save"), 0);
    assert_int_equal (durable_write (self->fd, "one", "hello", 5, "save"), 0);
    s_assert_text (self, "one", "hello");
    assert_int_equal (fstatat (self->fd, "one", &st, 0), 0);
    assert_int_equal (st.st_mode & 0777, 0600);
    assert_int_equal (s_entries (self), 1);
}

static void
test_a_symbolic_link_is_replaced_not_followed (void **state)
{
    fixture_t *self = *state;
    struct stat st;
    s_make (self, "two");
    assert_int_equal (symlinkat ("two", self->fd, "one"), 0);
    assert_int_equal (durable_write (self->fd, "one", "x", 1, "save"), 0);
    assert_int_equal (fstatat (self->fd, "one", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true (S_ISREG (st.st_mode));
    s_assert_text (self, "two", "");
}

static void
test_a_failed_write_leaves_no_temporary (void **state)
{
    fixture_t *self = *state;
    assert_int_equal (durable_write (self->fd, "", "x", 1, "save"), -EINVAL);
    assert_int_equal (durable_write (self->fd, "a/b", "x", 1, "save"), -EINVAL);
    assert_int_equal (mkdirat (self->fd, "one", 0700), 0);
    assert_int_equal (durable_write (self->fd, "one", "x", 1, "save"), -EISDIR);
    assert_int_equal (s_entries (self), 1);
}

static void
test_a_sweep_takes_temporaries_only (void **state)
{
    fixture_t *self = *state;
    char name [DURABLE_TEMPORARY];
    for (int i = 0; i < 3; i++) {
        durable_temporary ("one", name);
        s_make (self, name);
    }
    s_make (self, "one");
    s_make (self, ".other");
    s_make (self, ".kept.tmp.not");
    durable_sweep (self->fd);
    assert_int_equal (s_entries (self), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        TEST (test_a_write_replaces_a_file_whole_and_leaves_nothing_else),
        TEST (test_a_symbolic_link_is_replaced_not_followed),
        TEST (test_a_failed_write_leaves_no_temporary),
        TEST (test_a_sweep_takes_temporaries_only),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
