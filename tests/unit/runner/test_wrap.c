//  wrap - triage-run in each box of this host; the start error when no box stands.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/own.h"
#include "runner/sandbox/runtime.h"
#include "tests/unit/scratch.h"

#include <limits.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { NOBODY = 65534, ARGUMENTS = 48 };

typedef struct {
    words_t words;
    pid_t pid;
    int control_fd;
    char result [PATH_MAX];
} run_t;

static char s_program_dir [PATH_MAX];

static int
s_programs (void **state)
{
    ssize_t size = readlink ("/proc/self/exe", s_program_dir, sizeof s_program_dir - 64);
    s_program_dir [size > 0 ? size : 0] = 0;
    char *slash = strrchr (s_program_dir, '/');
    if (slash)
        *slash = 0;
    return slash ? 0 : -1;
}

static void
s_path (words_t *words, const char *flag, const scratch_t *folder, const char *name)
{
    words_add (words, "--%s", flag);
    words_add (words, "%s/%s", folder->path, name);
}

//  triage-run of the shell script in the box of this spec; the scratch folder is the workspace.
static void
s_start (run_t *self, const scratch_t *folder, sandbox_spec_t *box, const char *script)
{
    *self = (run_t){.pid = 0};
    if (geteuid () == 0 && strcmp (box->runtime, "none") != 0) {
        box->has_user = true;
        box->uid = box->gid = NOBODY;
    }
    snprintf (self->result, sizeof self->result, "%s/run.json", folder->path);
    words_add (&self->words, "%s/triage-run", s_program_dir);
    words_flag (&self->words, "--workspace", folder->path);
    words_flag (&self->words, "--timeout-ms", "20000");
    words_flag (&self->words, "--grace-ms", "8000");
    s_path (&self->words, "stdout", folder, "out.log");
    s_path (&self->words, "stderr", folder, "err.log");
    s_path (&self->words, "result", folder, "run.json");
    sandbox_words (box, &self->words);
    words_add (&self->words, "--");
    words_add (&self->words, "/bin/sh");
    words_flag (&self->words, "-c", script);
    assert_int_equal (self->words.failed, 0);
    int control [2];
    assert_int_equal (pipe2 (control, O_CLOEXEC), 0);
    self->pid = fork ();
    if (self->pid == 0) {
        dup2 (control [0], STDIN_FILENO);
        freopen ("/dev/null", "w", stdout);
        execv (self->words.items [0], self->words.items);
        _exit (99);
    }
    close (control [0]);
    self->control_fd = control [1];
}

//  Wait for its end; its run.json.
static json_t *
s_end (run_t *self)
{
    int status = -1;
    assert_int_equal (waitpid (self->pid, &status, 0), self->pid);
    close (self->control_fd);
    words_fini (&self->words);
    assert_int_equal (status, 0);
    own (buf_fini) buf_t text = buf_init (65536);
    assert_int_equal (buf_read_file (&text, self->result), 0);
    json_t *doc = NULL;
    assert_int_equal (json_parse (text.data, text.size, &doc, NULL), 0);
    return doc;
}

static json_t *
s_run (const scratch_t *folder, sandbox_spec_t *box, const char *script)
{
    run_t run;
    s_start (&run, folder, box, script);
    return s_end (&run);
}

//  Runtimes that hold here; the others have said why in test_runtime.
static bool
s_here (const scratch_t *folder, const runtime_t *runtime)
{
    assert_int_equal (chmod (folder->path, 0711), 0);
    const sandbox_spec_t spec = {.workspace = folder->path,
                                 .program_dir = s_program_dir,
                                 .has_user = geteuid () == 0,
                                 .uid = NOBODY,
                                 .gid = NOBODY};
    return runtime_probe (runtime, &spec, NULL) == 0;
}

static void
s_log (const scratch_t *folder, const char *name, buf_t *ret_text)
{
    char path [PATH_MAX];
    snprintf (path, sizeof path, "%s/%s", folder->path, name);
    assert_int_equal (buf_read_file (ret_text, path), 0);
}

static void
test_a_script_runs_in_each_box_and_its_exit_code_is_told (void **state)
{
    const scratch_t *folder = *state;
    for (size_t i = 0; runtime_at (i); i++) {
        if (!s_here (folder, runtime_at (i)))
            continue;
        sandbox_spec_t box = {.runtime = runtime_at (i)->name};
        own (json_drop) json_t *doc =
            s_run (folder, &box, "echo hello; pwd > where; test -w .tmp || exit 9; exit 3");
        own (buf_fini) buf_t out = buf_init (4096);
        own (buf_fini) buf_t where = buf_init (4096);
        s_log (folder, "out.log", &out);
        s_log (folder, "where", &where);
        assert_string_equal (out.data, "hello\n");
        assert_memory_equal (where.data, folder->path, strlen (folder->path));
        assert_string_equal (json_member_text (doc, "start_error", "?"), "");
        assert_int_equal (json_member_int (doc, "exit_code", -9), 3);
        struct stat st;
        assert_int_equal (stat (folder->path, &st), 0);
        assert_int_equal (st.st_uid, geteuid ());
    }
}

//  A shield that keeps TERM from the agent, or kills the box at once, loses the report.
static void
test_term_reaches_the_script_in_each_box (void **state)
{
    const scratch_t *folder = *state;
    for (size_t i = 0; runtime_at (i); i++) {
        if (!s_here (folder, runtime_at (i)))
            continue;
        sandbox_spec_t box = {.runtime = runtime_at (i)->name};
        run_t run;
        char ready [PATH_MAX];
        snprintf (ready, sizeof ready, "%s/ready", folder->path);
        (void) unlink (ready);
        s_start (
            &run, folder, &box,
            "trap 'echo told > told; exit 5' TERM; echo > ready; while :; do sleep 0.05; done");
        for (int tries = 0; tries < 1000 && access (ready, F_OK) != 0; tries++)
            usleep (10000);
        assert_int_equal (write (run.control_fd, "T", 1), 1);
        own (json_drop) json_t *doc = s_end (&run);
        own (buf_fini) buf_t told = buf_init (4096);
        s_log (folder, "told", &told);
        assert_string_equal (told.data, "told\n");
        assert_int_equal (json_member_int (doc, "exit_code", -9), 5);
        assert_true (json_is_true (json_object_get (doc, "stopped")));
    }
}

static void
test_what_keeps_the_box_from_standing_is_the_start_error (void **state)
{
    const scratch_t *folder = *state;
    for (size_t i = 0; runtime_at (i); i++) {
        if (!runtime_at (i)->inherits || !s_here (folder, runtime_at (i)))
            continue;
        sandbox_spec_t box = {
            .runtime = runtime_at (i)->name, .read_only = {"/no/such/path"}, .read_only_count = 1};
        own (json_drop) json_t *doc = s_run (folder, &box, "echo > ran");
        assert_int_equal (json_member_int (doc, "exit_code", -9), -1);
        assert_memory_equal (json_member_text (doc, "start_error", ""), box.runtime,
                             strlen (box.runtime));
        char ran [PATH_MAX];
        snprintf (ran, sizeof ran, "%s/ran", folder->path);
        assert_int_equal (access (ran, F_OK), -1);
    }
    sandbox_spec_t unknown = {.runtime = "chroot"};
    own (json_drop) json_t *doc = s_run (folder, &unknown, "true");
    assert_string_equal (json_member_text (doc, "start_error", ""), "there is no runtime chroot");
}

//  A listener of the box's own loopback, accepted outside of it.
static void
test_the_gateway_gets_a_listener_of_the_box (void **state)
{
    const scratch_t *folder = *state;
    char path [PATH_MAX];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf (path, sizeof path, "%s/g.sock", folder->path);
    snprintf (address.sun_path, sizeof address.sun_path, "%.100s", path);
    if (!s_here (folder, runtime_find ("bwrap")))
        skip ();
    own (own_fd) int gateway = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal (bind (gateway, (struct sockaddr *) &address, sizeof address), 0);
    assert_int_equal (listen (gateway, 4), 0);
    sandbox_spec_t box = {.runtime = "bwrap", .gateway = path, .listen = {6443}, .listen_count = 1};
    run_t run;
    s_start (&run, folder, &box,
             "exec bash -c 'exec 9<>/dev/tcp/127.0.0.1/6443; read -u 9 line; test $line = yes'");
    own (own_fd) int visitor = accept (gateway, NULL, NULL);
    assert_true (visitor >= 0);
    int fds [2] = {-1, -1};
    for (int i = 0; i < 2; i++) {
        char line [64], control [128];
        struct iovec part = {.iov_base = line, .iov_len = sizeof line};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof control};
        assert_true (recvmsg (visitor, &message, MSG_CMSG_CLOEXEC) > 0);
        memcpy (&fds [i], CMSG_DATA (CMSG_FIRSTHDR (&message)), sizeof fds [i]);
    }
    own (own_fd) int caller = accept (fds [1], NULL, NULL);
    assert_int_equal (write (caller, "yes\n", 4), 4);
    own (json_drop) json_t *doc = s_end (&run);
    assert_int_equal (json_member_int (doc, "exit_code", -9), 0);
    close (fds [0]);
    close (fds [1]);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_a_script_runs_in_each_box_and_its_exit_code_is_told,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_term_reaches_the_script_in_each_box, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_what_keeps_the_box_from_standing_is_the_start_error,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_the_gateway_gets_a_listener_of_the_box, scratch_setup,
                                         scratch_teardown),
    };
    return cmocka_run_group_tests (tests, s_programs, NULL);
}
