//  Unit tests of folder: links, FIFOs, hostile names, deep trees, folders that change meanwhile.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/folder.h"

#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { S_SHOWN = 64 };

typedef struct {
    char path [64];
    int fd;
    char shown [S_SHOWN][128];
    int count;
} fixture_t;

static int
s_setup (void **state)
{
    fixture_t *self = calloc (1, sizeof *self);
    assert_non_null (self);
    snprintf (self->path, sizeof self->path, "/tmp/triage-test-XXXXXX");
    assert_non_null (mkdtemp (self->path));
    self->fd = folder_open_path (self->path);
    assert_true (self->fd >= 0);
    *state = self;
    return 0;
}

static int
s_remove_one (const char *path, const struct stat *status, int kind, struct FTW *at)
{
    return remove (path);
}

static int
s_teardown (void **state)
{
    fixture_t *self = *state;
    close (self->fd);
    assert_int_equal (nftw (self->path, s_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    free (self);
    return 0;
}

static void
s_dir (const fixture_t *self, const char *path)
{
    own (own_fd) int fd = folder_open (self->fd, path, true);
    assert_true (fd >= 0);
}

static void
s_file (const fixture_t *self, const char *path, const char *text)
{
    own (own_fd) int fd = folder_open_file (self->fd, path, O_WRONLY | O_CREAT | O_TRUNC, NULL);
    assert_true (fd >= 0);
    assert_int_equal (write (fd, text, strlen (text)), strlen (text));
}

static void
s_link (const fixture_t *self, const char *target, const char *path)
{
    assert_int_equal (symlinkat (target, self->fd, path), 0);
}

//  The entries of a walk, each path after its kind: f file, d folder, l link, o other, < left.
static int
s_walk (fixture_t *self, const char *path, folder_rules_t rules)
{
    own (folder_walk_destroy) folder_walk_t *walk = NULL;
    folder_entry_t entry;
    int rc = folder_walk_new (self->fd, path, &rules, &walk);
    self->count = 0;
    while (rc == 0 && (rc = folder_walk_next (walk, &entry)) > 0) {
        assert_true (self->count < S_SHOWN);
        const char kind = entry.left                   ? '<'
                          : S_ISREG (entry.st.st_mode) ? 'f'
                          : S_ISDIR (entry.st.st_mode) ? 'd'
                          : S_ISLNK (entry.st.st_mode) ? 'l'
                                                       : 'o';
        snprintf (self->shown [self->count++], sizeof self->shown [0], "%c %s", kind, entry.path);
        const char *slash = strrchr (entry.path, '/');
        assert_string_equal (entry.name, slash ? slash + 1 : entry.path);
        rc = kind == 'd' ? folder_walk_enter (walk) : 0;
        if (rc == ERR_LIMIT)
            rc = 0;
    }
    return rc;
}

static int
s_place (const fixture_t *self, const char *shown)
{
    for (int i = 0; i < self->count; i++)
        if (strcmp (self->shown [i], shown) == 0)
            return i;
    return -1;
}

static void
test_a_path_is_opened_component_by_component (void **state)
{
    fixture_t *self = *state;
    assert_int_equal (folder_open (self->fd, "a/b", false), -ENOENT);
    s_dir (self, "a/b");
    s_file (self, "a/b/file", "12345");
    own (own_fd) int base = folder_open (self->fd, "", false);
    own (own_fd) int nested = folder_open (base, "a/b", false);
    int64_t size = 0;
    own (own_fd) int file = folder_open_file (nested, "file", O_RDONLY, &size);
    assert_true (file >= 0);
    assert_int_equal (size, 5);
    assert_int_equal (folder_open (self->fd, "a/b/file", false), -ENOTDIR);
    static const char *const bad [] = {"/", "/a", "a//b", ".", "..", "a/..", "a/./b", "../x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad [0]; i++)
        assert_int_equal (folder_open (self->fd, bad [i], true), -EINVAL);
    static const char *const bad_files [] = {"", "/a", "//a", "a/", "a/.", "a/..", "./a", "../a"};
    for (size_t i = 0; i < sizeof bad_files / sizeof bad_files [0]; i++) {
        assert_int_equal (folder_open_file (self->fd, bad_files [i], O_RDONLY, NULL), -EINVAL);
        assert_int_equal (folder_look_file (self->fd, bad_files [i], NULL), -EINVAL);
        assert_int_equal (folder_remove (self->fd, bad_files [i], 1), -EINVAL);
    }
    char longest [NAME_MAX + 2];
    memset (longest, 'n', sizeof longest);
    longest [NAME_MAX + 1] = 0;
    assert_int_equal (folder_open (self->fd, longest, true), -EINVAL);
    longest [NAME_MAX] = 0;
    s_dir (self, longest);
}

static void
test_a_link_is_never_followed (void **state)
{
    fixture_t *self = *state;
    int64_t size = 7;
    s_dir (self, "real");
    s_file (self, "real/file", "12345");
    s_link (self, "real", "link");
    s_link (self, "real/file", "name");
    s_link (self, "nothing", "dangling");
    assert_true (folder_open (self->fd, "link", false) < 0);
    assert_true (folder_open (self->fd, "link/new", true) < 0);
    assert_true (folder_open_file (self->fd, "link/file", O_RDONLY, NULL) < 0);
    assert_true (folder_look_file (self->fd, "link/file", &size) < 0);
    assert_int_equal (folder_open_file (self->fd, "name", O_RDONLY, &size), -ELOOP);
    assert_int_equal (folder_open_file (self->fd, "name", O_WRONLY | O_TRUNC, &size), -ELOOP);
    assert_int_equal (folder_open_file (self->fd, "dangling", O_WRONLY | O_CREAT, NULL), -ELOOP);
    assert_int_equal (folder_look_file (self->fd, "name", &size), -ELOOP);
    assert_int_equal (folder_look_file (self->fd, "nothing", &size), -ENOENT);
    assert_int_equal (size, 7);
    assert_int_equal (folder_look_file (self->fd, "real/file", &size), 0);
    assert_int_equal (size, 5);
    char path [128];
    snprintf (path, sizeof path, "%s/link", self->path);
    assert_true (folder_open_path (path) < 0);
}

static void
test_only_regular_files_are_opened (void **state)
{
    fixture_t *self = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf (address.sun_path, sizeof address.sun_path, "%s/socket", self->path);
    own (own_fd) int listener = socket (AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal (bind (listener, (struct sockaddr *) &address, sizeof address), 0);
    assert_int_equal (mkfifoat (self->fd, "fifo", 0600), 0);
    s_dir (self, "dir");
    static const char *const others [] = {"socket", "fifo", "dir"};
    for (size_t i = 0; i < sizeof others / sizeof others [0]; i++) { //  and no open blocks
        const int error = i < 2 ? -ENXIO : -EISDIR;
        assert_int_equal (folder_open_file (self->fd, others [i], O_RDONLY, NULL), error);
        assert_int_equal (folder_open_file (self->fd, others [i], O_WRONLY | O_CREAT, NULL), error);
        assert_int_equal (folder_look_file (self->fd, others [i], NULL), error);
    }
    //  Another name of a file is a file
    s_file (self, "one", "x");
    assert_int_equal (linkat (self->fd, "one", self->fd, "dir/two", 0), 0);
    own (own_fd) int file = folder_open_file (self->fd, "dir/two", O_RDONLY, NULL);
    assert_true (file >= 0);
}

static void
test_a_walk_shows_what_is_there_and_enters_what_it_is_told_to (void **state)
{
    fixture_t *self = *state;
    s_dir (self, "a/b");
    s_dir (self, "empty");
    s_file (self, "a/b/file", "x");
    s_file (self, "a/.hidden", "x");
    s_file (self, "top", "x");
    s_link (self, "a", "link");
    s_link (self, "..", "a/up");
    assert_int_equal (mkfifoat (self->fd, "a/fifo", 0600), 0);
    for (int i = 0; i < 2; i++) { //  twice: the read position of the folder is not shared
        assert_int_equal (s_walk (self, "", (folder_rules_t){.depth = 4}), 0);
        assert_int_equal (self->count, 12);
        static const char *const all [] = {"d a",     "d a/b",  "f a/b/file", "f a/.hidden",
                                           "f top",   "l link", "l a/up",     "o a/fifo",
                                           "d empty", "< a",    "< a/b",      "< empty"};
        for (size_t k = 0; k < sizeof all / sizeof all [0]; k++)
            assert_true (s_place (self, all [k]) >= 0);
        assert_true (s_place (self, "d a") < s_place (self, "d a/b"));
        assert_true (s_place (self, "d a/b") < s_place (self, "f a/b/file"));
        assert_true (s_place (self, "f a/b/file") < s_place (self, "< a/b"));
        assert_true (s_place (self, "< a/b") < s_place (self, "< a"));
        assert_true (s_place (self, "o a/fifo") < s_place (self, "< a"));
    }
    assert_int_equal (s_walk (self, "a/b", (folder_rules_t){.depth = 1}), 0);
    assert_int_equal (self->count, 1);
    assert_string_equal (self->shown [0], "f file");
    assert_true (s_walk (self, "link", (folder_rules_t){.depth = 1}) < 0);
    assert_int_equal (s_walk (self, "nothing", (folder_rules_t){.depth = 1}), -ENOENT);
    assert_int_equal (s_walk (self, "top", (folder_rules_t){.depth = 1}), -ENOTDIR);
}

static void
test_a_walk_is_bounded (void **state)
{
    fixture_t *self = *state;
    s_dir (self, "1/2/3/4");
    assert_int_equal (s_walk (self, "", (folder_rules_t){.depth = 3}), 0);
    assert_int_equal (self->count, 5); //  the third is shown but not entered
    assert_string_equal (self->shown [2], "d 1/2/3");
    assert_string_equal (self->shown [4], "< 1");
    for (int i = 0; i < 10; i++) {
        char name [16];
        snprintf (name, sizeof name, "file%d", i);
        s_file (self, name, "");
    }
    assert_int_equal (s_walk (self, "", (folder_rules_t){.depth = 1, .entries = 7}), ERR_LIMIT);
    assert_int_equal (self->count, 7);
    assert_int_equal (s_walk (self, "", (folder_rules_t){.depth = 1, .entries = 11}), 0);
    assert_int_equal (self->count, 11);
}

static void
test_names_may_be_anything (void **state)
{
    fixture_t *self = *state;
    char longest [NAME_MAX + 1];
    memset (longest, 'n', sizeof longest - 1);
    longest [NAME_MAX] = 0;
    static const char *const names [] = {"...", "-rf", " ", "\n", "\\", "\xff\xfe", "%s%n", "a\"b"};
    for (size_t i = 0; i < sizeof names / sizeof names [0]; i++)
        s_file (self, names [i], "x");
    s_dir (self, longest);
    char deep [2 * NAME_MAX + 2];
    snprintf (deep, sizeof deep, "%s/%s", longest, longest);
    s_file (self, deep, "x");
    const folder_rules_t rules = {.depth = 2};
    own (folder_walk_destroy) folder_walk_t *walk = NULL;
    folder_entry_t entry;
    bool seen = false;
    int count = 0;
    assert_int_equal (folder_walk_new (self->fd, "", &rules, &walk), 0);
    for (; folder_walk_next (walk, &entry) > 0; count++) {
        seen |= strcmp (entry.path, deep) == 0;
        if (!entry.left && S_ISDIR (entry.st.st_mode))
            assert_int_equal (folder_walk_enter (walk), 0);
    }
    assert_int_equal (count, 11);
    assert_true (seen);
}

static void
test_a_folder_may_change_while_it_is_walked (void **state)
{
    fixture_t *self = *state;
    s_dir (self, "safe");
    s_file (self, "safe/secret", "x");
    s_dir (self, "walked/a");
    s_dir (self, "walked/b");
    const folder_rules_t rules = {.depth = 2};
    own (folder_walk_destroy) folder_walk_t *walk = NULL;
    folder_entry_t entry;
    assert_int_equal (folder_walk_new (self->fd, "walked", &rules, &walk), 0);
    assert_int_equal (folder_walk_next (walk, &entry), 1);
    assert_true (S_ISDIR (entry.st.st_mode));
    //  The entry just shown becomes a link, the other one vanishes
    char other [2] = {entry.name [0] == 'a' ? 'b' : 'a', 0};
    assert_int_equal (unlinkat (entry.dir_fd, entry.name, AT_REMOVEDIR), 0);
    assert_int_equal (symlinkat ("../safe", entry.dir_fd, entry.name), 0);
    assert_int_equal (unlinkat (entry.dir_fd, other, AT_REMOVEDIR), 0);
    assert_true (folder_walk_enter (walk) < 0);
    assert_int_equal (folder_walk_next (walk, &entry), 0);
    assert_int_equal (folder_walk_next (walk, &entry), 0);
}

static void
test_a_tree_is_removed_and_nothing_beside_it (void **state)
{
    fixture_t *self = *state;
    s_dir (self, "keep");
    s_file (self, "keep/file", "x");
    s_dir (self, "tree/a/b");
    s_file (self, "tree/a/b/file", "x");
    s_link (self, "../keep", "tree/link");
    s_link (self, "../../keep/file", "tree/a/name");
    assert_int_equal (linkat (self->fd, "keep/file", self->fd, "tree/second", 0), 0);
    assert_int_equal (folder_remove (self->fd, "tree", 2), ERR_LIMIT);
    assert_int_equal (folder_remove (self->fd, "tree", 3), 0);
    assert_int_equal (folder_remove (self->fd, "tree", 3), 0);
    assert_int_equal (folder_look_file (self->fd, "keep/file", NULL), 0);
    s_link (self, "keep", "link");
    assert_true (folder_remove (self->fd, "link/file", 3) < 0);
    assert_int_equal (folder_remove (self->fd, "link", 3), 0);
    assert_int_equal (folder_look_file (self->fd, "keep/file", NULL), 0);
    assert_int_equal (folder_remove (self->fd, "keep/file", 3), 0);
    assert_int_equal (folder_remove (self->fd, "nothing/here", 3), 0);
    assert_int_equal (folder_remove (self->fd, "..", 3), -EINVAL);
    char path [sizeof self->path + 8];
    s_dir (self, "tree");
    snprintf (path, sizeof path, "%s/tree", self->path);
    assert_int_equal (folder_remove_path (path, 3), 0);
    assert_int_equal (folder_look_file (self->fd, "tree", NULL), -ENOENT);
    assert_int_equal (folder_remove_path (path, 3), 0);
    assert_int_equal (folder_remove_path ("tree", 3), -EINVAL);
    assert_int_equal (s_walk (self, "", (folder_rules_t){.depth = 1}), 0);
    assert_int_equal (self->count, 1);
}

static void
test_a_closed_folder_is_entered_when_it_may_be_unlocked (void **state)
{
    fixture_t *self = *state;
    s_dir (self, "closed");
    s_file (self, "closed/file", "x");
    const bool root = geteuid () == 0;
    if (root) { //  as a user bound by file modes
        assert_int_equal (chown (self->path, 65534, 65534), 0);
        assert_int_equal (fchownat (self->fd, "closed", 65534, 65534, 0), 0);
        assert_int_equal (seteuid (65534), 0);
    }
    assert_int_equal (fchmodat (self->fd, "closed", 0, 0), 0);
    assert_int_equal (s_walk (self, "", (folder_rules_t){.depth = 2}), -EACCES);
    assert_int_equal (s_walk (self, "", (folder_rules_t){.depth = 2, .unlock = true}), 0);
    assert_true (s_place (self, "f closed/file") == 1);
    if (root)
        assert_int_equal (seteuid (0), 0);
}

int
main (void)
{
#define S_TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)
    const struct CMUnitTest tests [] = {
        S_TEST (test_a_path_is_opened_component_by_component),
        S_TEST (test_a_link_is_never_followed),
        S_TEST (test_only_regular_files_are_opened),
        S_TEST (test_a_walk_shows_what_is_there_and_enters_what_it_is_told_to),
        S_TEST (test_a_walk_is_bounded),
        S_TEST (test_names_may_be_anything),
        S_TEST (test_a_folder_may_change_while_it_is_walked),
        S_TEST (test_a_tree_is_removed_and_nothing_beside_it),
        S_TEST (test_a_closed_folder_is_entered_when_it_may_be_unlocked),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
