//  triage-run - start one agent script, end its whole process tree, write run.json.
//
//  stdin is the worker's control pipe: when it closes, the agent is stopped.  stdout carries status
//  lines for the worker.  No ZeroMQ here.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/err.h"
#include "common/base/failpoint.h"
#include "runner/supervise.h"

#include <fcntl.h>
#include <getopt.h>
#include <linux/close_range.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static const struct option s_options [] = {{"workspace", required_argument, NULL, 'w'},
                                           {"timeout-ms", required_argument, NULL, 't'},
                                           {"grace-ms", required_argument, NULL, 'g'},
                                           {"stdout", required_argument, NULL, 'o'},
                                           {"stderr", required_argument, NULL, 'e'},
                                           {"result", required_argument, NULL, 'r'},
                                           {"help", no_argument, NULL, 'h'},
                                           {0}};

static const char s_usage [] =
    "usage: triage-run --workspace DIR --timeout-ms N --grace-ms N --stdout FILE --stderr FILE\n"
    "                  --result FILE -- SCRIPT [ARG...]\n"
    "\n"
    "Run SCRIPT in DIR and end its whole process tree at the deadline, when it exits, or when\n"
    "stdin closes.  Writes run.json to the result file.  Started by triage-worker.\n";

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

static bool
s_parse (int argc, char **argv, supervise_spec_t *spec)
{
    bool good = true;
    int letter;
    while ((letter = getopt_long (argc, argv, "+", s_options, NULL)) != -1) {
        switch (letter) {
            case 'w': spec->workspace = optarg; break;
            case 't': good = good && s_number (optarg, &spec->timeout_ms); break;
            case 'g': good = good && s_number (optarg, &spec->grace_ms); break;
            case 'o': spec->stdout_path = optarg; break;
            case 'e': spec->stderr_path = optarg; break;
            case 'r': spec->result_path = optarg; break;
            default: good = false; break;
        }
    }
    spec->argv = argv + optind;
    return good && spec->workspace && spec->stdout_path && spec->stderr_path && spec->result_path
           && spec->timeout_ms > 0 && optind < argc;
}

int
main (int argc, char **argv)
{
    supervise_spec_t spec = {
        .envp = environ, .control_fd = STDIN_FILENO, .status_fd = STDOUT_FILENO};
    failpoint_init ("run");
    if (argc == 2 && strcmp (argv [1], "--help") == 0)
        return fputs (s_usage, stdout) < 0 ? EXIT_RUNTIME : 0;
    if (!s_parse (argc, argv, &spec)) {
        fputs (s_usage, stderr);
        return EXIT_USAGE;
    }
    //  The agent must not inherit other descriptors that the parent left open.
    (void) close_range (STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    int rc = supervise_run (&spec);
    if (rc < 0) {
        fprintf (stderr, "triage-run: no result written: %s\n", err_str (rc));
        return EXIT_RUNTIME;
    }
    return 0;
}
