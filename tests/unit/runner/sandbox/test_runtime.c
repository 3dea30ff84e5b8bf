//  runtime - each box of this host passes its own look from inside; holes by ABI; refusals.
//  SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/own.h"
#include "runner/enter/landlock.h"
#include "runner/sandbox/engine.h"
#include "runner/sandbox/hole.h"
#include "runner/sandbox/probe.h"
#include "runner/sandbox/runtime.h"
#include "runner/sandbox/workspace.h"
#include "tests/unit/scratch.h"

#include <dirent.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static char s_program_dir [PATH_MAX];

static int
s_programs (void **state)
{
    ssize_t size = readlink ("/proc/self/exe", s_program_dir, sizeof s_program_dir - 1);
    s_program_dir [size > 0 ? size : 0] = 0;
    char *slash = strrchr (s_program_dir, '/');
    if (slash)
        *slash = 0;
    return slash ? 0 : -1;
}

static sandbox_spec_t
s_spec (const scratch_t *folder)
{
    return (sandbox_spec_t){.workspace = folder->path,
                            .program_dir = s_program_dir,
                            .has_user = geteuid () == 0,
                            .uid = NOBODY,
                            .gid = NOBODY};
}

static int
s_entries (const char *path)
{
    DIR *folder = opendir (path);
    int count = 0;
    while (folder && readdir (folder))
        count++;
    closedir (folder);
    return count - 2;
}

//  Where a runtime does not hold, it must say why in a sentence.
static void
test_each_runtime_holds_or_says_why (void **state)
{
    const scratch_t *folder = *state;
    assert_int_equal (chmod (folder->path, 0711), 0);
    for (size_t i = 0; runtime_at (i); i++) {
        err_diag_t diag = {""};
        const sandbox_spec_t spec = s_spec (folder);
        int rc = runtime_probe (runtime_at (i), &spec, &diag);
        print_message ("%s: %d %s\n", runtime_at (i)->name, rc, diag.text);
        assert_true (rc == 0 || strlen (diag.text) > 10);
        assert_int_equal (s_entries (folder->path), 0);
    }
}

//  The look is worth nothing if it passes whatever happens.
static void
test_a_folder_that_the_user_cannot_reach_is_told (void **state)
{
    const scratch_t *folder = *state;
    const runtime_t *landlock = runtime_find ("landlock");
    if (landlock_abi (0) == 0 || geteuid () != 0)
        skip ();
    assert_int_equal (chmod (folder->path, 0700), 0);
    err_diag_t diag = {""};
    const sandbox_spec_t spec = s_spec (folder);
    assert_int_equal (runtime_probe (landlock, &spec, &diag), ERR_CONFIG);
    assert_non_null (strstr (diag.text, "user 65534 cannot write to /tmp/triage-test-"));
    assert_non_null (strstr (diag.text, "Permission denied"));
}

static void
test_root_is_refused_as_the_user_of_an_agent (void **state)
{
    sandbox_spec_t spec = s_spec (*state);
    spec.has_user = true;
    spec.uid = 0;
    err_diag_t diag = {""};
    own (words_fini) words_t words = {0};
    assert_true (runtime_find ("landlock")->command (&spec, &words, &diag) < 0);
    assert_true (runtime_find ("bwrap")->command (&spec, &words, &diag) < 0);
    assert_int_equal (words.count, 0);
}

//  A socket's address has room for 107 bytes.
static void
test_the_gateway_has_a_short_path_in_a_container (void **state)
{
    char gateway [300];
    memset (gateway, 'x', sizeof gateway - 1);
    gateway [0] = '/';
    gateway [sizeof gateway - 1] = 0;
    static const char *const names [] = {"podman", "docker"};
    for (size_t i = 0; i < 2; i++) {
        sandbox_spec_t spec = s_spec (*state);
        spec.runtime = names [i];
        spec.image = "i:1";
        spec.gateway = gateway;
        spec.has_user = true;
        spec.uid = spec.gid = NOBODY;
        err_diag_t diag = {""};
        own (words_fini) words_t words = {0};
        if (!engine_program (names [i]))
            continue;
        assert_int_equal (runtime_find (names [i])->command (&spec, &words, &diag), 0);
        const char *inside = NULL, *mount = NULL;
        for (size_t at = 0; at + 1 < words.count; at++) {
            if (strcmp (words.items [at], "--gateway") == 0)
                inside = words.items [at + 1];
            if (strncmp (words.items [at], gateway, strlen (gateway)) == 0)
                mount = words.items [at] + strlen (gateway);
        }
        assert_non_null (inside);
        assert_true (strlen (inside) < 108);
        assert_non_null (mount);
        assert_memory_equal (mount + 1, inside, strlen (inside));
    }
}

static unsigned
s_holes (const char *runtime, int abi, sandbox_network_t network)
{
    const sandbox_spec_t spec = {.landlock_abi = abi, .network = network};
    return runtime_find (runtime)->holes (&spec);
}

static void
test_holes_follow_the_abi_and_the_network (void **state)
{
    assert_int_equal (s_holes ("none", 0, SANDBOX_GATEWAY), HOLE_ALL);
    assert_int_equal (s_holes ("bwrap", 0, SANDBOX_GATEWAY), HOLE_ROOM);
    assert_int_equal (s_holes ("bwrap", 0, SANDBOX_HOST), HOLE_ROOM | HOLE_NETWORK);
    const unsigned always = HOLE_ROOM | HOLE_PROCESSES | HOLE_METADATA | HOLE_OWN_FILES;
    if (landlock_abi (0) < LANDLOCK_ABI_SCOPE)
        skip ();
    assert_int_equal (s_holes ("landlock", 6, SANDBOX_GATEWAY), always | HOLE_TCP_PORTS);
    assert_int_equal (s_holes ("landlock", 5, SANDBOX_PROXY),
                      always | HOLE_TCP_PORTS | HOLE_SIGNALS);
    assert_int_equal (s_holes ("landlock", 3, SANDBOX_GATEWAY), always | HOLE_TCP | HOLE_SIGNALS);
    assert_int_equal (s_holes ("landlock", 7, SANDBOX_HOST), always | HOLE_NETWORK);
}

static void
test_a_probe_keeps_what_its_command_says (void **state)
{
    own (words_fini) words_t variables = {0};
    words_add (&variables, "NAME=value");
    own (words_fini) words_t words = {0};
    words_add (&words, "/bin/sh");
    words_flag (&words, "-c", "echo a warning >&2; echo first $NAME; echo second");
    char answer [10];
    const probe_spec_t spec = {.words = &words,
                               .environment = &variables,
                               .limit_ms = 5000,
                               .answer = answer,
                               .answer_size = sizeof answer};
    err_diag_t diag = {""};
    assert_int_equal (probe_run (&spec, &diag), 0);
    assert_string_equal (answer, "first val");
    own (words_fini) words_t slow = {0};
    words_add (&slow, "/bin/sh");
    words_flag (&slow, "-c", "sleep 60");
    const probe_spec_t late = {.words = &slow, .limit_ms = 50};
    assert_int_equal (probe_run (&late, &diag), -ETIMEDOUT);
}

static void
test_a_probe_that_fails_says_its_last_line (void **state)
{
    own (words_fini) words_t words = {0};
    words_add (&words, "/bin/sh");
    words_flag (&words, "-c", "echo first >&2; echo out; echo last >&2; exit 3");
    err_diag_t diag = {""};
    const probe_spec_t spec = {.words = &words, .limit_ms = 5000};
    assert_int_equal (probe_run (&spec, &diag), ERR_CONFIG);
    assert_string_equal (diag.text, "last");
    own (words_fini) words_t missing = {0};
    words_add (&missing, "/no/such/program");
    const probe_spec_t none = {.words = &missing, .limit_ms = 5000};
    assert_true (probe_run (&none, &diag) < 0);
    assert_non_null (strstr (diag.text, "/no/such/program"));
}

static void
test_a_workspace_changes_hands_and_links_are_not_followed (void **state)
{
    const scratch_t *folder = *state;
    if (geteuid () != 0)
        skip ();
    char outside [128], link [512], inner [256], workspace [128];
    snprintf (outside, sizeof outside, "%s/outside", folder->path);
    snprintf (workspace, sizeof workspace, "%s/w", folder->path);
    snprintf (inner, sizeof inner, "%s/inner", workspace);
    assert_int_equal (mkdir (outside, 0700) | mkdir (workspace, 0700) | mkdir (inner, 0700), 0);
    snprintf (link, sizeof link, "%s/link", inner);
    assert_int_equal (symlink (outside, link), 0);
    assert_int_equal (workspace_give (workspace, NOBODY, NOBODY), 0);
    struct stat st;
    assert_int_equal (lstat (link, &st), 0);
    assert_int_equal (st.st_uid, NOBODY);
    assert_int_equal (stat (outside, &st), 0);
    assert_int_equal (st.st_uid, 0);
    assert_int_equal (stat (workspace, &st), 0);
    assert_int_equal (st.st_uid, NOBODY);
    //  What is not of that user stays as it is.
    assert_int_equal (lchown (link, 7, 7), 0);
    workspace_take (workspace, NOBODY);
    assert_int_equal (lstat (link, &st), 0);
    assert_int_equal (st.st_uid, 7);
    assert_int_equal (stat (inner, &st), 0);
    assert_int_equal (st.st_uid, 0);
    assert_int_equal (stat (workspace, &st), 0);
    assert_int_equal (st.st_uid, 0);
}

//  Before a run is resumed, its agent may have put anything there.
static void
test_temporary_folders_are_new_in_each_run (void **state)
{
    const scratch_t *folder = *state;
    const uid_t user = geteuid () == 0 ? NOBODY : geteuid ();
    char outside [128], workspace [128], temporary [256], shared [256], inner [512];
    snprintf (outside, sizeof outside, "%s/outside", folder->path);
    snprintf (workspace, sizeof workspace, "%s/w", folder->path);
    snprintf (temporary, sizeof temporary, "%s/" WORKSPACE_TMP, workspace);
    snprintf (shared, sizeof shared, "%s/" WORKSPACE_SHM, workspace);
    snprintf (inner, sizeof inner, "%s/left", temporary);
    assert_int_equal (mkdir (outside, 0700) | mkdir (workspace, 0700), 0);
    assert_int_equal (workspace_give (workspace, user, getegid ()), 0);
    assert_int_equal (s_entries (workspace), 1);
    assert_int_equal (mkdir (inner, 0700), 0);
    assert_int_equal (workspace_give (workspace, user, getegid ()), 0);
    assert_int_equal (access (inner, F_OK), -1);
    assert_int_equal (s_entries (workspace), 2);
    assert_int_equal (rmdir (shared) | rmdir (temporary) | symlink (outside, temporary), 0);
    assert_int_equal (workspace_give (workspace, user, getegid ()), 0);
    assert_int_equal (s_entries (outside), 0);
    struct stat st;
    assert_int_equal (lstat (shared, &st), 0);
    assert_true (S_ISDIR (st.st_mode));
    assert_int_equal (st.st_uid, user);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_each_runtime_holds_or_says_why, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_folder_that_the_user_cannot_reach_is_told,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_root_is_refused_as_the_user_of_an_agent,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_the_gateway_has_a_short_path_in_a_container,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test (test_holes_follow_the_abi_and_the_network),
        cmocka_unit_test (test_a_probe_keeps_what_its_command_says),
        cmocka_unit_test (test_a_probe_that_fails_says_its_last_line),
        cmocka_unit_test_setup_teardown (test_a_workspace_changes_hands_and_links_are_not_followed,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_temporary_folders_are_new_in_each_run, scratch_setup,
                                         scratch_teardown),
    };
    return cmocka_run_group_tests (tests, s_programs, NULL);
}
