//  enter - arguments; each step, in a child that becomes what it says; refusals.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/own.h"
#include "runner/enter/enter.h"
#include "runner/enter/landlock.h"
#include "tests/unit/scratch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, WORDS = 64 };

//  Split words at blanks and parse them.
static bool
s_parse (char *text, enter_spec_t *ret_spec)
{
    static char name [] = "triage-enter";
    static char *argv [WORDS];
    int argc = 0;
    argv [argc++] = name;
    for (char *word = strtok (text, " "); word && argc + 1 < WORDS; word = strtok (NULL, " "))
        argv [argc++] = word;
    argv [argc] = NULL;
    optind = 0; //  begin anew
    return enter_parse (argc, argv, ret_spec);
}

static void
test_arguments_are_read (void **state)
{
    char text [] = "--user 65534:65533 --processes 9 --file-bytes 8 --gateway-fd 3 --listen 8377 "
                   "--listen 6443 --report-fd 4 --init --seccomp --shared --landlock 7 --tcp "
                   "--read /usr --must-read /a --write /w --connect 1 -- /bin/sh -c x";
    enter_spec_t spec;
    assert_true (s_parse (text, &spec));
    assert_true (spec.has_user && spec.init && spec.seccomp && spec.shared && spec.tcp);
    assert_int_equal (spec.uid, NOBODY);
    assert_int_equal (spec.gid, NOBODY - 1);
    assert_int_equal (spec.listen [1], 6443);
    assert_int_equal (spec.listen_count, 2);
    assert_int_equal (spec.landlock, 7);
    assert_string_equal (spec.read [0], "/usr");
    assert_string_equal (spec.must_read [0], "/a");
    assert_string_equal (spec.write [0], "/w");
    assert_string_equal (spec.argv [2], "x");
}

static void
test_wrong_arguments_are_refused (void **state)
{
    static const char *const wrong [] = {
        "--user 5 -- /x",       "--user 5:-1 -- /x", "--user -1:5 -- /x", "--user 5:x -- /x",
        "--listen 0 -- /x",     "--listen x -- /x",  "--read usr -- /x",  "--landlock -1 -- /x",
        "--processes 1x -- /x", "--no-such -- /x",   "--seccomp",         "--seccomp --"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong [0]; i++) {
        char text [128];
        snprintf (text, sizeof text, "%s", wrong [i]);
        enter_spec_t spec;
        assert_false (s_parse (text, &spec));
    }
}

//  Enter in a child, whose stderr is quiet.  Returns its exit code; *ret_report: what it reported.
static int
s_enter (enter_spec_t *spec, char ret_report [256])
{
    int ends [2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    pid_t pid = fork ();
    if (pid == 0) {
        int quiet = open ("/dev/null", O_WRONLY);
        dup2 (quiet, STDERR_FILENO);
        spec->report_fd = ends [1];
        _exit (enter_run (spec));
    }
    close (ends [1]);
    int status = -1;
    assert_int_equal (waitpid (pid, &status, 0), pid);
    ssize_t got = read (ends [0], ret_report, 255);
    ret_report [got > 0 ? got : 0] = 0;
    close (ends [0]);
    assert_true (WIFEXITED (status));
    return WEXITSTATUS (status);
}

//  A spec of a shared box with this folder as its workspace.
static void
s_box (const scratch_t *folder, enter_spec_t *ret_spec, char *const *argv)
{
    *ret_spec = (enter_spec_t){
        .gateway_fd = -1,
        .report_fd = -1,
        .seccomp = true,
        .shared = true,
        .tcp = true,
        .landlock = landlock_abi (0),
        .read = {"/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/proc", "/lib32"},
        .read_count = 7,
        .write = {folder->path},
        .write_count = 1,
        .argv = argv};
    if (geteuid () == 0) {
        ret_spec->has_user = true;
        ret_spec->uid = ret_spec->gid = NOBODY;
        assert_int_equal (chown (folder->path, NOBODY, NOBODY), 0);
        assert_int_equal (chmod (folder->path, 0700), 0);
    }
}

static int
s_shell (const scratch_t *folder, char *script, char ret_report [256])
{
    char program [] = "/bin/sh", flag [] = "-c";
    char *argv [] = {program, flag, script, NULL};
    enter_spec_t spec;
    s_box (folder, &spec, argv);
    return s_enter (&spec, ret_report);
}

static void
test_the_script_runs_without_rights (void **state)
{
    char report [256];
    char script [] = "set -e; test $(id -u) != 0; "
                     "test $(grep -c '^Cap[PEIA][a-z]*:.0*$' /proc/self/status) = 4; "
                     "grep -q 'NoNewPrivs:.1' /proc/self/status; "
                     "grep -q 'Seccomp:.2' /proc/self/status; test $(ulimit -c) = 0; exit 7";
    assert_int_equal (s_shell (*state, script, report), 7);
    assert_string_equal (report, "+");
}

static void
test_only_the_workspace_can_be_written (void **state)
{
    const scratch_t *folder = *state;
    if (landlock_abi (0) == 0)
        skip ();
    char report [256], script [512];
    snprintf (script, sizeof script,
              "echo x > %s/file && mv %s/file %s/other && ! echo x > /tmp/enter-test.$$ && "
              "! cat /etc/passwd && ! ls / && ! ls /tmp",
              folder->path, folder->path, folder->path);
    assert_int_equal (s_shell (folder, script, report), 0);
}

//  Of the user, who may have many: the worker and its other agents.
static void
test_priorities_of_all_its_users_processes_are_not_set (void **state)
{
    char report [256];
    char script [] = "exec /usr/bin/python3 -c 'import os\n"
                     "try:\n os.setpriority(os.PRIO_USER, 0, os.getpriority(0, 0))\n"
                     "except OSError as error: os._exit(40 + error.errno)'";
    assert_int_equal (s_shell (*state, script, report), 40 + EPERM);
}

static void
test_a_self_test_passes_with_each_abi (void **state)
{
    for (int abi = 1; abi <= landlock_abi (0); abi++) {
        char report [256];
        enter_spec_t spec;
        s_box (*state, &spec, NULL);
        spec.landlock = landlock_abi (abi);
        spec.self_test = true;
        assert_int_equal (spec.landlock, abi);
        assert_int_equal (s_enter (&spec, report), 0);
    }
}

//  A self-test that cannot fail would be worth nothing.
static void
test_a_self_test_fails_without_a_part (void **state)
{
    char report [256];
    enter_spec_t spec;
    s_box (*state, &spec, NULL);
    spec.self_test = true;
    spec.landlock = 0;
    if (geteuid () != 0)
        spec.write [spec.write_count++] = "/tmp";
    spec.write [0] = "/nowhere";
    assert_int_equal (s_enter (&spec, report), ENTER_FAILED);
    assert_non_null (strstr (report, "cannot write to /nowhere"));
    s_box (*state, &spec, NULL);
    spec.self_test = spec.init = true;
    assert_int_equal (s_enter (&spec, report), ENTER_FAILED);
    assert_string_equal (report, "has no PID namespace");
}

static void
test_what_cannot_be_set_up_is_not_executed (void **state)
{
    char report [256], program [] = "/bin/true";
    char *argv [] = {program, NULL};
    enter_spec_t spec;
    s_box (*state, &spec, argv);
    spec.must_read [spec.must_read_count++] = "/no/such/path";
    assert_int_equal (s_enter (&spec, report), ENTER_FAILED);
    assert_string_equal (report, "/no/such/path: No such file or directory");

    s_box (*state, &spec, argv);
    spec.landlock = 99;
    assert_int_equal (s_enter (&spec, report), ENTER_FAILED);

    s_box (*state, &spec, argv);
    spec.listen [spec.listen_count++] = 8377;
    assert_int_equal (s_enter (&spec, report), ENTER_FAILED);
    assert_string_equal (report, "the gateway cannot be reached");

    s_box (*state, &spec, argv);
    spec.has_user = true;
    spec.uid = spec.gid = 0;
    spec.landlock = 0;
    assert_int_equal (s_enter (&spec, report), ENTER_FAILED);

    char missing [] = "/no/such/program";
    argv [0] = missing;
    s_box (*state, &spec, argv);
    assert_int_equal (s_enter (&spec, report), 127);
    assert_string_equal (report, "/no/such/program: No such file or directory");
}

static uint16_t
s_free_port (void)
{
    own (own_fd) int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_int_equal (bind (fd, (struct sockaddr *) &address, size), 0);
    assert_int_equal (getsockname (fd, (struct sockaddr *) &address, &size), 0);
    return ntohs (address.sin_port);
}

static void
test_a_listener_is_handed_over (void **state)
{
    int pair [2];
    assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    char report [256], program [] = "/bin/true";
    char *argv [] = {program, NULL};
    enter_spec_t spec;
    s_box (*state, &spec, argv);
    spec.gateway_fd = pair [1];
    const uint16_t port = s_free_port ();
    spec.listen [spec.listen_count++] = port;
    assert_int_equal (s_enter (&spec, report), 0);
    char line [64] = "", control [128], expected [64];
    struct iovec part = {.iov_base = line, .iov_len = sizeof line - 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    assert_true (recvmsg (pair [0], &message, MSG_CMSG_CLOEXEC) > 0);
    snprintf (expected, sizeof expected, "{\"port\":%u}\n", port);
    assert_string_equal (line, expected);
    const struct cmsghdr *header = CMSG_FIRSTHDR (&message);
    assert_non_null (header);
    int fd = -1, listens = 0;
    socklen_t size = sizeof listens;
    memcpy (&fd, CMSG_DATA (header), sizeof fd);
    assert_int_equal (getsockopt (fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size), 0);
    assert_int_equal (listens, 1);
    close (fd);
    close (pair [0]);
    close (pair [1]);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_arguments_are_read),
        cmocka_unit_test (test_wrong_arguments_are_refused),
        cmocka_unit_test_setup_teardown (test_the_script_runs_without_rights, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_only_the_workspace_can_be_written, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_priorities_of_all_its_users_processes_are_not_set,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_self_test_passes_with_each_abi, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_self_test_fails_without_a_part, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_what_cannot_be_set_up_is_not_executed, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_listener_is_handed_over, scratch_setup,
                                         scratch_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
