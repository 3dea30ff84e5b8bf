//  runtime bwrap - namespaces of the kernel, set up by bubblewrap.
//
//  Root sets the namespaces up by its own rights, and triage-enter then becomes the agent's user:
//  so folders above the workspace may be closed to that user.  Any other user needs a user
//  namespace.
//  SPDX-License-Identifier: Apache-2.0
#include "runner/sandbox/hole.h"
#include "runner/sandbox/runtime_part.h"
#include "runner/sandbox/system.h"
#include "runner/sandbox/workspace.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const s_programs [] = {"/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"};

enum { PROGRAMS = sizeof s_programs / sizeof s_programs [0] };

static const char *
s_program (void)
{
    for (int i = 0; i < PROGRAMS; i++)
        if (access (s_programs [i], X_OK) == 0)
            return s_programs [i];
    return NULL;
}

static int
s_look (const sandbox_spec_t *spec, err_diag_t *diag)
{
    if (s_program ())
        return runtime_user (spec, diag);
    err_diag (diag, "bwrap is not installed: apt-get install bubblewrap");
    return ERR_NONE;
}

static void
s_namespaces (const sandbox_spec_t *spec, words_t *words)
{
    static const char *const flags [] = {
        "--unshare-pid",     "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
        "--die-with-parent", "--new-session", "--as-pid-1",    NULL};
    for (const char *const *flag = flags; *flag; flag++)
        words_add (words, "%s", *flag);
    if (geteuid () != 0)
        words_add (words, "--unshare-user");
    if (spec->network != SANDBOX_HOST)
        words_add (words, "--unshare-net");
}

static void
s_bind (words_t *words, const char *how, const char *from, const char *to)
{
    words_add (words, "%s", how);
    words_add (words, "%s", from);
    words_add (words, "%s", to);
}

//  The folder that holds a path can be passed; bwrap would close it as the path is closed.
static void
s_above (words_t *words, const char *path)
{
    const char *slash = strrchr (path, '/');
    if (slash <= path)
        return;
    words_add (words, "--dir");
    words_add (words, "%.*s", (int) (slash - path), path);
}

//  The system's folders: a symbolic link, as /bin where it lies in /usr, stays one.
static void
s_system (words_t *words)
{
    for (const char *const *path = system_folders; *path; path++) {
        char target [PATH_MAX];
        ssize_t size = readlink (*path, target, sizeof target - 1);
        target [size > 0 ? size : 0] = 0;
        if (size > 0)
            s_bind (words, "--symlink", target, *path);
        else
            s_bind (words, "--ro-bind-try", *path, *path);
    }
    for (const char *const *path = system_etc; *path; path++) {
        s_above (words, *path);
        s_bind (words, "--ro-bind-try", *path, *path);
    }
}

//  What is bound first must not cover what follows: the workspace may lie in /tmp.
static void
s_files (const sandbox_spec_t *spec, words_t *words)
{
    words_flag (words, "--proc", "/proc");
    words_flag (words, "--dev", "/dev");
    s_system (words);
    words_add (words, "--bind");
    words_add (words, "%s/" WORKSPACE_TMP, spec->workspace);
    words_add (words, "/tmp");
    words_add (words, "--bind");
    words_add (words, "%s/" WORKSPACE_SHM, spec->workspace);
    words_add (words, "/dev/shm");
    for (size_t i = 0; i < spec->read_only_count; i++) {
        s_above (words, spec->read_only [i]);
        s_bind (words, "--ro-bind", spec->read_only [i], spec->read_only [i]);
    }
    char enter [PATH_MAX];
    (void) snprintf (enter, sizeof enter, "%s/triage-enter", spec->program_dir);
    s_above (words, enter);
    s_bind (words, "--ro-bind", enter, enter);
    s_above (words, spec->workspace);
    s_bind (words, "--bind", spec->workspace, spec->workspace);
    words_flag (words, "--remount-ro", "/dev");
    words_flag (words, "--remount-ro", "/");
    words_flag (words, "--chdir", spec->workspace);
}

static int
s_command (const sandbox_spec_t *spec, words_t *words, err_diag_t *diag)
{
    int rc = s_look (spec, diag);
    if (rc < 0)
        return rc;
    words_add (words, "%s", s_program ());
    s_namespaces (spec, words);
    s_files (spec, words);
    words_add (words, "--");
    runtime_enter (&runtime_bwrap, spec, words);
    words_add (words, "--init");
    //  A user namespace counts its own processes; without one all boxes of the user would count.
    if (geteuid () != 0 && spec->pids > 0)
        words_number (words, "--processes", spec->pids);
    runtime_listen (&runtime_bwrap, spec, words);
    words_add (words, "--");
    return words->failed;
}

static unsigned
s_holes (const sandbox_spec_t *spec)
{
    return HOLE_ROOM | (spec->network == SANDBOX_HOST ? HOLE_NETWORK : 0);
}

const runtime_t runtime_bwrap = {.name = "bwrap",
                                 .package = "bubblewrap",
                                 .holds = "files, processes, network: namespaces of the kernel",
                                 .network = true,
                                 .inherits = true,
                                 .shielded = true,
                                 .look = s_look,
                                 .command = s_command,
                                 .holes = s_holes};
