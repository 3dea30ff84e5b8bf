//  test_admin_token - files without a valid token, wrong headers, and files that change meanwhile.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/admin/admin_token.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define TOKEN "0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210"

static void
s_write (const char *path, const char *bytes, size_t size)
{
    (void) unlink (path);
    own (own_fd) int fd = open (path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true (fd >= 0);
    assert_int_equal (write (fd, bytes, size), size);
}

static settings_t
s_settings (scratch_t *folder)
{
    snprintf (folder->text, sizeof folder->text, "%s/token", folder->path);
    return (settings_t){.admin_token_file = folder->text, .state_path = folder->text};
}

static bool
s_good (const admin_token_t *token, const char *header)
{
    bool good = true;
    assert_int_equal (admin_token_check (token, header, &good, NULL), 0);
    return good;
}

static void
test_a_file_is_one_token_or_none (void **state)
{
    scratch_t *folder = *state;
    const settings_t settings = s_settings (folder);
    static char huge [1 << 20], words [1 << 20], most [300];
    memset (huge, 'a', sizeof huge);
    memset (words, ' ', sizeof words);
    memcpy (words, TOKEN, sizeof TOKEN - 1);
    memset (most, ' ', sizeof most);
    memset (most + 8, 'm', 256); //  blanks before the longest token
    const struct {
        const char *bytes;
        size_t size;
        int rc;
    } cases [] = {{TOKEN, 32, 0},
                  {" \n" TOKEN "\r\n", 36, 0},
                  {most, sizeof most, 0},
                  {"0123456789abcde", 15, ERR_CONFIG},
                  {huge, sizeof huge, ERR_CONFIG},
                  {huge, 257, ERR_CONFIG},
                  {words, sizeof words, ERR_CONFIG},
                  {TOKEN "\nand more\n", 42, ERR_CONFIG},
                  {TOKEN "\0" TOKEN, 65, ERR_CONFIG},
                  {"\0\0\0", 3, ERR_CONFIG},
                  {" \n\n ", 4, ERR_CONFIG}};
    for (size_t i = 0; i < sizeof cases / sizeof cases [0]; i++) {
        admin_token_t token;
        s_write (folder->text, cases [i].bytes, cases [i].size);
        assert_int_equal (admin_token_open (&token, &settings, NULL), cases [i].rc);
        bool good = true;
        assert_int_equal (admin_token_check (&token, "Bearer ", &good, NULL), cases [i].rc);
        assert_false (good);
    }
    admin_token_t token;
    char header [300] = "Bearer ";
    s_write (folder->text, most, sizeof most);
    assert_int_equal (admin_token_open (&token, &settings, NULL), 0);
    memset (header + 7, 'm', 256);
    assert_true (s_good (&token, header));
    header [7 + 256] = 'x';
    assert_false (s_good (&token, header));
}

static void
test_only_a_file_of_its_owner_is_taken (void **state)
{
    scratch_t *folder = *state;
    const settings_t settings = s_settings (folder);
    admin_token_t token;
    char real [128];
    snprintf (real, sizeof real, "%s/real", folder->path);
    s_write (real, TOKEN, 32);
    assert_int_equal (symlink (real, folder->text), 0);
    assert_int_equal (admin_token_open (&token, &settings, NULL), -ELOOP);
    assert_int_equal (unlink (folder->text), 0);
    assert_int_equal (symlink ("nowhere", folder->text), 0);
    assert_int_equal (admin_token_open (&token, &settings, NULL), -ELOOP);
    assert_int_equal (unlink (folder->text), 0);
    assert_int_equal (mkfifo (folder->text, 0600), 0); //  a FIFO without a writer
    assert_int_equal (admin_token_open (&token, &settings, NULL), ERR_CONFIG);
    assert_int_equal (unlink (folder->text), 0);
    assert_int_equal (mkdir (folder->text, 0700), 0);
    assert_int_equal (admin_token_open (&token, &settings, NULL), ERR_CONFIG);
    assert_int_equal (rmdir (folder->text), 0);
    //  nothing is written into a file that others can read
    struct stat status;
    s_write (folder->text, "", 0);
    assert_int_equal (chmod (folder->text, 0644), 0);
    assert_int_equal (admin_token_open (&token, &settings, NULL), ERR_CONFIG);
    assert_int_equal (stat (folder->text, &status), 0);
    assert_int_equal (status.st_size, 0);
    s_write (folder->text, TOKEN, 32);
    if (geteuid () != 0)
        return; //  only root can change a file's owner
    assert_int_equal (chown (folder->text, 12345, 0), 0);
    assert_int_equal (admin_token_open (&token, &settings, NULL), ERR_CONFIG);
}

static void
test_only_the_token_itself_is_good (void **state)
{
    scratch_t *folder = *state;
    const settings_t settings = s_settings (folder);
    admin_token_t token;
    s_write (folder->text, TOKEN "\n", 33);
    assert_int_equal (admin_token_open (&token, &settings, NULL), 0);
    static const char *const bad [] = {"",
                                       "Bearer",
                                       "Bearer ",
                                       TOKEN,
                                       "Basic " TOKEN,
                                       "Bearer " OTHER,
                                       "Bearer " TOKEN "x",
                                       "Bearer " TOKEN " ",
                                       "Bearer  " TOKEN,
                                       "Bearer 0123456789abcdef",
                                       "Bearer x" TOKEN};
    for (size_t i = 0; i < sizeof bad / sizeof bad [0]; i++)
        assert_false (s_good (&token, bad [i]));
    assert_true (s_good (&token, "Bearer " TOKEN));
    assert_true (s_good (&token, "bearer " TOKEN));
}

//  An operator may do this: new files over it, without a pause.
static _Noreturn void
s_replace_for_ever (const scratch_t *folder)
{
    char next [128];
    snprintf (next, sizeof next, "%s/next", folder->path);
    for (bool odd = false;; odd = !odd) {
        const int fd = open (next, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fd < 0 || write (fd, odd ? TOKEN : OTHER, 32) != 32 || close (fd) != 0
            || rename (next, folder->text) != 0)
            _exit (1);
    }
}

static void
test_a_token_that_is_replaced_is_whole_at_each_moment (void **state)
{
    scratch_t *folder = *state;
    const settings_t settings = s_settings (folder);
    admin_token_t token;
    s_write (folder->text, TOKEN, 32);
    assert_int_equal (admin_token_open (&token, &settings, NULL), 0);
    const pid_t pid = fork ();
    assert_true (pid >= 0);
    if (pid == 0)
        s_replace_for_ever (folder);
    int first = 0, second = 0;
    for (int i = 0; i < 100000 && (i < 3000 || first == 0 || second == 0); i++) {
        first += s_good (&token, "Bearer " TOKEN);
        second += s_good (&token, "Bearer " OTHER);
        assert_false (s_good (&token, "Bearer 0123456789abcdeffedcba9876543210"));
    }
    assert_int_equal (kill (pid, SIGKILL), 0);
    assert_int_equal (waitpid (pid, NULL, 0), pid);
    assert_true (first > 0 && second > 0);
}

//  Brokers that share the file and start at once: each gets a token, and all get the same one.
static void
test_several_that_make_it_at_once_agree (void **state)
{
    enum { STARTS = 8, ROUNDS = 40 };
    scratch_t *folder = *state;
    const settings_t settings = s_settings (folder);
    for (int round = 0; round < ROUNDS; round++) {
        int go [2], failed = 0;
        assert_int_equal (pipe (go), 0);
        (void) unlink (folder->text);
        if (round % 2)
            s_write (folder->text, "", 0); //  like after a power failure
        for (int i = 0; i < STARTS; i++) {
            const pid_t pid = fork ();
            assert_true (pid >= 0);
            if (pid != 0)
                continue;
            char none;
            close (go [1]);
            const bool ready = read (go [0], &none, 1) == 0; //  all at the same moment
            admin_token_t token;
            bool good = false;
            int rc = ready ? admin_token_open (&token, &settings, NULL) : -1;
            rc = rc == 0 ? admin_token_check (&token, "Bearer " TOKEN, &good, NULL) : rc;
            _exit (rc != 0 || good);
        }
        close (go [0]);
        close (go [1]);
        for (int i = 0, status = 0; i < STARTS; i++) {
            assert_true (wait (&status) > 0);
            failed += status != 0;
        }
        assert_int_equal (failed, 0);
    }
}

//  A broker stopped during its write must not block the start of others forever.
static void
test_a_lock_that_somebody_keeps_is_told (void **state)
{
    scratch_t *folder = *state;
    const settings_t settings = s_settings (folder);
    admin_token_t token;
    err_diag_t diag = {""};
    s_write (folder->text, "", 0);
    own (own_fd) int fd = open (folder->text, O_RDWR);
    assert_true (fd >= 0);
    assert_int_equal (flock (fd, LOCK_EX), 0);
    assert_int_equal (admin_token_open (&token, &settings, &diag), -EWOULDBLOCK);
    assert_non_null (strstr (diag.text, "another program holds its lock"));
    assert_int_equal (flock (fd, LOCK_UN), 0);
    assert_int_equal (admin_token_open (&token, &settings, &diag), 0);
}

//  Comparing a prefix of a token takes as long as comparing a valid one.
static void
test_a_disk_that_takes_half_a_token_leaves_none (void **state)
{
    scratch_t *folder = *state;
    const settings_t settings = s_settings (folder);
    admin_token_t token;
    struct stat status;
    struct rlimit before;
    assert_int_equal (getrlimit (RLIMIT_FSIZE, &before), 0);
    (void) signal (SIGXFSZ, SIG_IGN);
    const struct rlimit little = {.rlim_cur = 30, .rlim_max = before.rlim_max};
    assert_int_equal (setrlimit (RLIMIT_FSIZE, &little), 0);
    const int rc = admin_token_open (&token, &settings, NULL);
    assert_int_equal (setrlimit (RLIMIT_FSIZE, &before), 0);
    assert_int_equal (rc, -EFBIG);
    assert_int_equal (admin_token_open (&token, &settings, NULL), 0);
    assert_int_equal (stat (folder->text, &status), 0);
    assert_int_equal (status.st_size, 65);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_a_file_is_one_token_or_none, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_only_a_file_of_its_owner_is_taken, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_only_the_token_itself_is_good, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_token_that_is_replaced_is_whole_at_each_moment,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_several_that_make_it_at_once_agree, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_lock_that_somebody_keeps_is_told, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_disk_that_takes_half_a_token_leaves_none,
                                         scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
