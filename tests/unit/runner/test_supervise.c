//  supervise - real scripts in a forked subreaper.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/clk.h"
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "runner/supervise.h"
#include "tests/unit/scratch.h"

#include <sys/wait.h>

static supervise_spec_t s_limits; //  cgroup and limits of the next run
static const char *s_logs = "";   //  folder of its logs, "/NAME" below its own

//  Run `sh -c script` to its end; returns the parsed run.json.  stop: close the control pipe at
//  once.
static json_t *
s_run (scratch_t *folder, const char *program, char *script, int64_t timeout_ms, bool stop)
{
    char out [128], err [128], result [128], flag [] = "-c";
    snprintf (out, sizeof out, "%s%s/out.log", folder->path, s_logs);
    snprintf (err, sizeof err, "%s%s/err.log", folder->path, s_logs);
    snprintf (result, sizeof result, "%s/run.json", folder->path);
    char name [64];
    snprintf (name, sizeof name, "%s", program);
    char *argv [] = {name, flag, script, NULL}, *envp [] = {NULL};
    int control [2];
    assert_int_equal (pipe (control), 0);
    supervise_spec_t spec = {.cgroup = s_limits.cgroup,
                             .memory = s_limits.memory,
                             .pids = s_limits.pids,
                             .disk = s_limits.disk,
                             .files = s_limits.files,
                             .workspace = folder->path,
                             .timeout_ms = timeout_ms,
                             .grace_ms = 500,
                             .stdout_path = out,
                             .stderr_path = err,
                             .result_path = result,
                             .argv = argv,
                             .envp = envp,
                             .control_fd = control [0],
                             .status_fd = -1};
    pid_t pid = fork ();
    if (pid == 0) {
        close (control [1]);
        _exit (supervise_run (&spec) == 0 ? 0 : 1);
    }
    close (control [0]);
    if (stop)
        close (control [1]);
    int status = -1;
    assert_int_equal (waitpid (pid, &status, 0), pid);
    if (!stop)
        close (control [1]);
    assert_int_equal (status, 0);

    own (buf_fini) buf_t text = buf_init (4096);
    assert_int_equal (buf_read_file (&text, result), 0);
    json_t *doc = NULL;
    assert_int_equal (json_parse (text.data, text.size, &doc, NULL), 0);
    return doc;
}

static bool
s_true (const json_t *doc, const char *key)
{
    return json_is_true (json_object_get (doc, key));
}

static void
test_exit_code_and_output_are_told (void **state)
{
    char script [] = "echo hello; echo oops >&2; pwd > where; exit 3";
    own (json_drop) json_t *doc = s_run (*state, "/bin/sh", script, 10000, false);
    assert_int_equal (json_member_int (doc, "exit_code", -9), 3);
    assert_int_equal (json_member_int (doc, "signal", -9), 0);
    assert_int_equal (json_member_int (doc, "stdout_bytes", -9), 6);
    assert_int_equal (json_member_int (doc, "stderr_bytes", -9), 5);
    assert_false (s_true (doc, "timed_out"));
    own (buf_fini) buf_t text = buf_init (4096);
    assert_int_equal (buf_read_file (&text, scratch_at (*state, "out.log")), 0);
    assert_string_equal (text.data, "hello\n");
    buf_reset (&text);
    assert_int_equal (buf_read_file (&text, scratch_at (*state, "where")), 0);
    assert_int_equal (strncmp (text.data, ((scratch_t *) *state)->path, text.size - 1), 0);
}

static void
test_a_signal_is_told_as_128_and_its_number (void **state)
{
    char script [] = "kill -SEGV $$";
    own (json_drop) json_t *doc = s_run (*state, "/bin/sh", script, 10000, false);
    assert_int_equal (json_member_int (doc, "exit_code", -9), 139);
    assert_int_equal (json_member_int (doc, "signal", -9), 11);
}

static void
test_a_script_that_is_not_there_is_a_result (void **state)
{
    char script [] = "";
    own (json_drop) json_t *doc = s_run (*state, "/nonexistent/agent", script, 10000, false);
    assert_string_equal (json_member_text (doc, "start_error", ""),
                         "/nonexistent/agent: No such file or directory");
    assert_int_equal (json_member_int (doc, "exit_code", -9), -1);
}

static void
test_the_deadline_ends_a_tree_that_ignores_term (void **state)
{
    char script [] = "trap '' TERM; (trap '' TERM; setsid sleep 60) & sleep 60; sleep 60; sleep 60";
    own (clk_destroy) clk_t *clk = clk_new ();
    int64_t begin_ms = clk_now (clk).boot_ms;
    own (json_drop) json_t *doc = s_run (*state, "/bin/sh", script, 300, false);
    assert_true (s_true (doc, "timed_out"));
    assert_int_equal (json_member_int (doc, "left", -9), 0);
    assert_in_range (clk_now (clk).boot_ms - begin_ms, 300, 10000);
}

static void
test_a_closed_control_pipe_stops_the_agent (void **state)
{
    char script [] = "sleep 60";
    own (json_drop) json_t *doc = s_run (*state, "/bin/sh", script, 60000, true);
    assert_true (s_true (doc, "stopped"));
    assert_false (s_true (doc, "timed_out"));
}

static void
test_a_long_log_keeps_head_and_tail_within_its_limit (void **state)
{
    char script [] = "echo first; head -c 8000000 /dev/zero | tr '\\0' m; echo last";
    own (json_drop) json_t *doc = s_run (*state, "/bin/sh", script, 20000, false);
    assert_int_equal (json_member_int (doc, "stdout_bytes", 0), 8000011);
    own (buf_fini) buf_t text = buf_init (LIMIT_LOG_HEAD_BYTES + LIMIT_LOG_TAIL_BYTES);
    assert_int_equal (buf_read_file (&text, scratch_at (*state, "out.log")), 0);
    assert_int_equal (strncmp (text.data, "first\n", 6), 0);
    assert_string_equal (text.data + text.size - 6, "mlast\n");
    const char *mark = strstr (text.data, "\n[... ");
    assert_non_null (mark);
    assert_ptr_equal (mark, text.data + LIMIT_LOG_HEAD_BYTES);
    long long cut = strtoll (mark + 6, NULL, 10);
    const char *tail = strstr (mark + 1, "]\n") + 2;
    assert_int_equal (LIMIT_LOG_HEAD_BYTES + cut + (text.data + text.size - tail), 8000011);
}

static void
test_a_link_in_place_of_the_folder_of_logs_is_not_followed (void **state)
{
    scratch_t *folder = *state;
    scratch_dir (folder, "outside");
    scratch_file (folder, "outside/out.log", 5);
    assert_int_equal (symlink ("outside", scratch_at (folder, "logs")), 0);
    char script [] = "echo bytes of the agent";
    s_logs = "/logs";
    own (json_drop) json_t *doc = s_run (folder, "/bin/sh", script, 10000, false);
    s_logs = "";
    assert_true (json_member_text (doc, "start_error", "") [0]);
    struct stat status;
    assert_int_equal (stat (scratch_at (folder, "outside/out.log"), &status), 0);
    assert_int_equal (status.st_size, 5);
    assert_int_not_equal (access (scratch_at (folder, "outside/err.log"), F_OK), 0);
}

static void
test_a_link_in_place_of_a_log_is_replaced_not_followed (void **state)
{
    scratch_t *folder = *state;
    scratch_file (folder, "victim", 3);
    assert_int_equal (symlink ("victim", scratch_at (folder, "out.log")), 0);
    char script [] = "echo hello";
    own (json_drop) json_t *doc = s_run (folder, "/bin/sh", script, 10000, false);
    assert_int_equal (json_member_int (doc, "stdout_bytes", -9), 6);
    struct stat status;
    assert_int_equal (stat (scratch_at (folder, "victim"), &status), 0);
    assert_int_equal (status.st_size, 3);
}

typedef struct {
    char script [160];
    bool cgroup;
    supervise_spec_t limits;
    const char *limit; //  "" = the run is left alone
    int exit_code;
} over_t;

static over_t s_over [] = {
    {"exec dd if=/dev/zero of=big bs=64K", true, {.disk = LIMIT_MIB (16)}, "disk", 137},
    {"exec 5>gone; rm gone; exec dd if=/dev/zero bs=64K >&5",
     false,
     {.disk = LIMIT_MIB (16)},
     "disk",
     137},
    {"ulimit -f 64; exec 5>gone; rm gone; exec dd if=/dev/zero bs=64K >&5",
     false,
     {.disk = LIMIT_MIB (16)},
     "disk",
     153},
    {"while :; do i=$((i+1)); : >f$i; done", true, {.files = 200}, "files", 137},
    {"for i in 1 2 3 4 5 6 7 8; do sleep 60 & done; wait", false, {.pids = 6}, "pids", 137},
    {"exec dd if=/dev/zero of=/dev/null bs=64M", true, {.memory = LIMIT_MIB (16)}, "memory", 137},
    {"exec dd if=/dev/zero of=/dev/null bs=65M", false, {.memory = LIMIT_MIB (16)}, "memory", 137},
    {"head -c 1000000 /dev/zero >f; exit 3",
     true,
     {.disk = LIMIT_MIB (16), .files = 5000, .memory = LIMIT_MIB (64), .pids = 20},
     "",
     3},
};

static void
test_a_run_over_a_limit_is_killed_and_says_which (void **state)
{
    char name [64];
    snprintf (name, sizeof name, "triage-test-supervise-%d", (int) getpid ());
    for (size_t i = 0; i < sizeof s_over / sizeof s_over [0]; i++) {
        over_t *one = &s_over [i];
        print_message ("%s\n", one->script);
        s_limits = one->limits;
        s_limits.cgroup = one->cgroup ? name : NULL;
        own (json_drop) json_t *doc = s_run (*state, "/bin/sh", one->script, 20000, false);
        s_limits = (supervise_spec_t){0};
        assert_string_equal (json_member_text (doc, "limit", "?"), one->limit);
        assert_int_equal (json_member_int (doc, "exit_code", -9), one->exit_code);
        assert_int_equal (json_member_int (doc, "left", -9), 0);
        assert_false (s_true (doc, "timed_out"));
        assert_int_equal (unlink (scratch_at (*state, "big")), i == 0 ? 0 : -1);
    }
}

static void
test_refused_processes_count_only_for_a_run_that_failed (void **state)
{
    static char scripts [][96] = {"for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; exit 0",
                                  "(for i in 1 2 3 4 5 6 7 8; do sleep 1 & done); exit 5"};
    char name [64];
    snprintf (name, sizeof name, "triage-test-refused-%d", (int) getpid ());
    for (int i = 0; i < 2; i++) {
        s_limits = (supervise_spec_t){.cgroup = name, .pids = 4};
        own (json_drop) json_t *doc = s_run (*state, "/bin/bash", scripts [i], 20000, false);
        s_limits = (supervise_spec_t){0};
        const char *by = json_member_text (json_object_get (doc, "held"), "pids", "?");
        if (strcmp (by, "polled") == 0)
            skip ();
        const bool failed = json_member_int (doc, "exit_code", -9) != 0;
        assert_string_equal (json_member_text (doc, "limit", "?"), failed ? "pids" : "");
        assert_true (i == 0 || failed);
    }
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_exit_code_and_output_are_told, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_signal_is_told_as_128_and_its_number, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_script_that_is_not_there_is_a_result, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_the_deadline_ends_a_tree_that_ignores_term,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_run_over_a_limit_is_killed_and_says_which,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_refused_processes_count_only_for_a_run_that_failed,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_closed_control_pipe_stops_the_agent, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_long_log_keeps_head_and_tail_within_its_limit,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_link_in_place_of_the_folder_of_logs_is_not_followed,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_link_in_place_of_a_log_is_replaced_not_followed,
                                         scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
