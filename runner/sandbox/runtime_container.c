//  runtime container - one container of podman or docker for each run.
//
//  The container has no network but its own loopback, a read-only root, no capability, and the
//  engine's limits.  Its variables come from the program's environment by name, so no value is in
//  a command line.  The engine may run it outside of triage-run's tree: it is removed by its name.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/own.h"
#include "runner/sandbox/engine.h"
#include "runner/sandbox/hole.h"
#include "runner/sandbox/runtime_part.h"
#include "runner/sandbox/workspace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static const runtime_t *
s_row (const sandbox_spec_t *spec)
{
    return strcmp (spec->runtime, runtime_podman.name) == 0 ? &runtime_podman : &runtime_docker;
}

static bool
s_is_podman (const sandbox_spec_t *spec)
{
    return s_row (spec) == &runtime_podman;
}

//  The engine answers, and has the image.  Nothing is pulled.
static int
s_look (const sandbox_spec_t *spec, err_diag_t *diag)
{
    const char *program = engine_program (spec->runtime);
    const char *package = s_row (spec)->package;
    if (!program) {
        err_diag (diag, "%s is not installed: apt-get install %s", spec->runtime, package);
        return ERR_NONE;
    }
    if (!spec->image || !*spec->image) {
        err_diag (diag, "agent_image is not set");
        return ERR_CONFIG;
    }
    char id [ENGINE_ANSWER];
    const char *const words [] = {"image", "inspect", "--format", "{{.Id}}", spec->image, NULL};
    err_diag_t why = {""};
    int rc = engine_ask (program, words, id, &why);
    const bool missing = strstr (why.text, "not known") || strstr (why.text, "No such image");
    if (rc < 0)
        err_diag (diag, "image %.100s: %s%s", spec->image, why.text,
                  missing ? "; make image builds it, agent_image names another" : "");
    return rc < 0 ? rc : runtime_user (spec, diag);
}

static void
s_mount (words_t *words, const char *from, const char *to, const char *mode)
{
    words_add (words, "--volume");
    words_add (words, "%s:%s:%s", from, to, mode);
}

static void
s_files (const sandbox_spec_t *spec, words_t *words)
{
    char path [4096];
    s_mount (words, spec->workspace, spec->workspace, "rw");
    (void) snprintf (path, sizeof path, "%s/" WORKSPACE_TMP, spec->workspace);
    s_mount (words, path, "/tmp", "rw");
    (void) snprintf (path, sizeof path, "%s/" WORKSPACE_SHM, spec->workspace);
    s_mount (words, path, "/dev/shm", "rw");
    for (size_t i = 0; i < spec->read_only_count; i++)
        s_mount (words, spec->read_only [i], spec->read_only [i], "ro");
    (void) snprintf (path, sizeof path, "%s/triage-enter", spec->program_dir);
    s_mount (words, path, path, "ro");
    if (spec->gateway && spec->network != SANDBOX_HOST)
        s_mount (words, spec->gateway, RUNTIME_GATEWAY, "rw");
    words_flag (words, "--workdir", spec->workspace);
}

//  The names of the run's variables; the program reads their values itself.
static void
s_variables (const sandbox_spec_t *spec, words_t *words)
{
    char *const *at = spec->variables ? spec->variables : environ;
    for (; *at && !spec->self_test; at++) {
        const size_t size = strcspn (*at, "=");
        if (engine_is_variable (*at, size) || (size == 4 && memcmp (*at, "PATH", 4) == 0))
            continue;
        words_add (words, "--env");
        words_add (words, "%.*s", (int) size, *at);
    }
}

static void
s_limits (const sandbox_spec_t *spec, words_t *words)
{
    if (spec->memory > 0) {
        words_number (words, "--memory", spec->memory);
        words_number (words, "--memory-swap", spec->memory);
    }
    if (spec->pids > 0)
        words_number (words, "--pids-limit", spec->pids);
    if (spec->cpus_milli > 0) {
        words_add (words, "--cpus");
        words_add (words, "%" PRId64 ".%03" PRId64, spec->cpus_milli / 1000,
                   spec->cpus_milli % 1000);
    }
}

static void
s_user (const sandbox_spec_t *spec, words_t *words)
{
    words_add (words, "--user");
    words_add (words, "%u:%u", spec->has_user ? spec->uid : geteuid (),
               spec->has_user ? spec->gid : getegid ());
    if (s_is_podman (spec) && geteuid () != 0)
        words_flag (words, "--userns", "keep-id");
}

//  Nothing but its own network, and no right.
static void
s_rights (const sandbox_spec_t *spec, words_t *words)
{
    words_flag (words, "--cap-drop", "ALL");
    words_flag (words, "--security-opt", "no-new-privileges");
    words_flag (words, "--security-opt", "label=disable");
    words_flag (words, "--network", spec->network == SANDBOX_HOST ? "host" : "none");
    words_add (words, "--read-only");
    if (s_is_podman (spec)) {
        words_add (words, "--read-only-tmpfs=false");
        words_flag (words, "--image-volume", "ignore");
    }
    words_flag (words, "--log-driver", "none");
    words_flag (words, "--pull", "never");
    words_flag (words, "--hostname", "agent");
    words_flag (words, "--entrypoint", "");
    words_flag (words, "--label", "k8s-triage=agent");
    if (spec->owner) {
        words_add (words, "--label");
        words_add (words, ENGINE_OWNER "=%s", spec->owner);
    }
}

static int
s_command (const sandbox_spec_t *spec, words_t *words, err_diag_t *diag)
{
    const char *program = engine_program (spec->runtime);
    if (!program || !spec->image) {
        err_diag (diag, "%s: %s", spec->runtime, program ? "no image" : "is not installed");
        return ERR_NONE;
    }
    int rc = runtime_user (spec, diag);
    if (rc < 0)
        return rc;
    words_add (words, "%s", program);
    words_add (words, "run");
    if (spec->name)
        words_flag (words, "--name", spec->name);
    if (spec->trial)
        words_add (words, "--rm");
    s_rights (spec, words);
    s_user (spec, words);
    s_limits (spec, words);
    s_variables (spec, words);
    s_files (spec, words);
    words_add (words, "%s", spec->image);
    sandbox_spec_t inner = *spec;
    inner.has_user = false; //  the engine has done that
    runtime_enter (s_row (spec), &inner, words);
    words_add (words, "--init");
    words_add (words, "--forward");
    runtime_listen (s_row (spec), spec, words);
    words_add (words, "--");
    return words->failed;
}

static int
s_end (const sandbox_spec_t *spec, bool *ret_oom, err_diag_t *diag)
{
    const char *program = engine_program (spec->runtime);
    if (!program || !spec->name)
        return 0;
    char answer [ENGINE_ANSWER] = "";
    err_diag_t why = {""};
    const char *const look [] = {"inspect", "--format", "{{.State.OOMKilled}}", spec->name, NULL};
    *ret_oom = engine_ask (program, look, answer, &why) == 0 && strcmp (answer, "true") == 0;
    const char *const podman [] = {"rm",     "--force", "--volumes", "--ignore",
                                   "--time", "0",       spec->name,  NULL};
    const char *const docker [] = {"rm", "--force", "--volumes", spec->name, NULL};
    int rc = engine_ask (program, s_is_podman (spec) ? podman : docker, answer, diag);
    //  docker says so of a container that is not there.
    return rc < 0 && strstr (diag->text, "No such container") ? 0 : rc;
}

static unsigned
s_holes (const sandbox_spec_t *spec)
{
    return HOLE_ROOM | (spec->network == SANDBOX_HOST ? HOLE_NETWORK : 0);
}

const runtime_t runtime_podman = {.name = "podman",
                                  .package = "podman",
                                  .holds = "files, processes, network: a container of podman",
                                  .network = true,
                                  .image = true,
                                  .look = s_look,
                                  .command = s_command,
                                  .end = s_end,
                                  .holes = s_holes};

const runtime_t runtime_docker = {.name = "docker",
                                  .package = "docker.io",
                                  .holds = "files, processes, network: a container of docker",
                                  .network = true,
                                  .image = true,
                                  .look = s_look,
                                  .command = s_command,
                                  .end = s_end,
                                  .holes = s_holes};
