//  triage-run - start one agent script, end its whole process tree, write run.json.
//
//  stdin is the worker's control pipe: when it closes, the agent is stopped.  stdout carries status
//  lines for the worker.  No ZeroMQ here.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/err.h"
#include "common/base/failpoint.h"
#include "runner/sandbox/hole.h"
#include "runner/sandbox/runtime.h"
#include "runner/supervise.h"

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

enum { MAIN_OPTIONS = 64, MAIN_SANDBOX = 1 };

static const struct option s_options [] = {
    {"workspace", required_argument, NULL, 'w'}, {"timeout-ms", required_argument, NULL, 't'},
    {"grace-ms", required_argument, NULL, 'g'},  {"stdout", required_argument, NULL, 'o'},
    {"stderr", required_argument, NULL, 'e'},    {"result", required_argument, NULL, 'r'},
    {"holes", no_argument, NULL, 'H'},           {"help", no_argument, NULL, 'h'}};

static const char s_usage [] =
    "usage: triage-run --workspace DIR --timeout-ms N --grace-ms N --stdout FILE --stderr FILE\n"
    "                  --result FILE [--runtime NAME ...] -- SCRIPT [ARG...]\n"
    "\n"
    "Run SCRIPT in DIR and end its whole process tree at the deadline, when it exits, or when\n"
    "stdin closes.  Writes run.json to the result file.  Started by triage-worker.\n"
    "\n"
    "The box of the run; DIR is the only folder in which it may write:\n"
    "  --runtime NAME         none, landlock, bwrap, podman or docker; default none\n"
    "  --user UID:GID         run as this user\n"
    "  --memory BYTES  --cpus MILLI  --pids N  --disk BYTES  --files N\n"
    "  --read-only PATH       may be read; may be repeated\n"
    "  --network NAME         gateway, proxy or host\n"
    "  --gateway SOCKET       gets the listeners of a box with a network of its own\n"
    "  --gateway-port PORT    of the gateway on the host's loopback, for other boxes\n"
    "  --listen PORT          a loopback port that is forwarded; may be repeated\n"
    "  --cgroup NAME  --name NAME  --image IMAGE  --owner LABEL\n"
    "  --holes                print what such a box does not hold, and run nothing\n";

static bool
s_number (const char *text, int64_t *ret_number)
{
    char *end = NULL;
    long long number = strtoll (text, &end, 10);
    if (end == text || *end || number < 0 || number > (1LL << 40))
        return false;
    *ret_number = number;
    return true;
}

//  Our own options, then those of the sandbox.
static void
s_all_options (struct option ret_options [MAIN_OPTIONS])
{
    size_t count = sizeof s_options / sizeof s_options [0];
    memcpy (ret_options, s_options, sizeof s_options);
    for (size_t i = 0; sandbox_flag_at (i) && count + 1 < MAIN_OPTIONS; i++)
        ret_options [count++] =
            (struct option){sandbox_flag_at (i), required_argument, NULL, MAIN_SANDBOX};
    ret_options [count] = (struct option){0};
}

static bool
s_parse (int argc, char **argv, supervise_spec_t *spec, sandbox_spec_t *box, bool *ret_holes)
{
    struct option options [MAIN_OPTIONS];
    s_all_options (options);
    bool good = true;
    int letter, index = 0;
    while ((letter = getopt_long (argc, argv, "+", options, &index)) != -1) {
        switch (letter) {
            case 'w': spec->workspace = optarg; break;
            case 't': good = good && s_number (optarg, &spec->timeout_ms); break;
            case 'g': good = good && s_number (optarg, &spec->grace_ms); break;
            case 'o': spec->stdout_path = optarg; break;
            case 'e': spec->stderr_path = optarg; break;
            case 'r': spec->result_path = optarg; break;
            case 'H': *ret_holes = true; break;
            case MAIN_SANDBOX:
                good = good && sandbox_parse_flag (box, options [index].name, optarg) == 0;
                break;
            default: good = false; break;
        }
    }
    spec->argv = argv + optind;
    if (*ret_holes)
        return good;
    return good && spec->workspace && spec->stdout_path && spec->stderr_path && spec->result_path
           && spec->timeout_ms > 0 && optind < argc;
}

//  The folder of this program; "" when it is not known.
static void
s_program_dir (char ret_path [PATH_MAX])
{
    ssize_t size = readlink ("/proc/self/exe", ret_path, PATH_MAX - 1);
    ret_path [size > 0 ? size : 0] = 0;
    char *slash = strrchr (ret_path, '/');
    if (slash)
        *slash = 0;
}

static int
s_print_holes (const sandbox_spec_t *box)
{
    const runtime_t *runtime = runtime_find (box->runtime);
    const unsigned holes = runtime ? runtime->holes (box) : 0;
    for (unsigned hole = 1; hole < HOLE_END; hole <<= 1)
        if (holes & hole)
            puts (hole_name ((hole_t) hole));
    return runtime && fflush (stdout) == 0 ? 0 : EXIT_RUNTIME;
}

//  The limits that triage-run itself holds or has held by a cgroup.
static void
s_limits (const sandbox_spec_t *box, supervise_spec_t *spec)
{
    spec->cgroup = box->cgroup;
    spec->memory = box->memory;
    spec->cpus_milli = box->cpus_milli;
    spec->pids = box->pids;
    spec->disk = box->disk;
    spec->files = box->files;
}

int
main (int argc, char **argv)
{
    supervise_spec_t spec = {
        .envp = environ, .control_fd = STDIN_FILENO, .status_fd = STDOUT_FILENO};
    char program_dir [PATH_MAX];
    s_program_dir (program_dir);
    sandbox_spec_t box = {.runtime = "none", .program_dir = program_dir};
    failpoint_init ("run");
    if (argc == 2 && strcmp (argv [1], "--help") == 0)
        return fputs (s_usage, stdout) < 0 ? EXIT_RUNTIME : 0;
    bool holes = false;
    if (!s_parse (argc, argv, &spec, &box, &holes)) {
        fputs (s_usage, stderr);
        return EXIT_USAGE;
    }
    if (holes)
        return s_print_holes (&box);
    //  The agent must not inherit other descriptors that the parent left open.
    (void) close_range (STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    box.workspace = spec.workspace;
    s_limits (&box, &spec);
    spec.box = &box;
    int rc = supervise_run (&spec);
    if (rc < 0) {
        fprintf (stderr, "triage-run: no result written: %s\n", err_str (rc));
        return EXIT_RUNTIME;
    }
    return 0;
}
