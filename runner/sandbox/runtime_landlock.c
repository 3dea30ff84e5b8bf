//  runtime landlock - rules of the kernel for files and ports; needs no right and no namespace.
//
//  The box shares the host's processes and network.  What Landlock does not rule is closed by the
//  filter of system calls where that can be: UDP, unix sockets, limits of other processes.
//  SPDX-License-Identifier: Apache-2.0
#include "runner/enter/landlock.h"
#include "runner/sandbox/hole.h"
#include "runner/sandbox/runtime_part.h"
#include "runner/sandbox/system.h"

static int
s_abi (const sandbox_spec_t *spec)
{
    return landlock_abi ((int) spec->landlock_abi);
}

static int
s_look (const sandbox_spec_t *spec, err_diag_t *diag)
{
    if (s_abi (spec) > 0)
        return runtime_user (spec, diag);
    err_diag (diag,
              "the kernel has no Landlock: Linux 5.13 or newer, booted with landlock in lsm=");
    return ERR_NONE;
}

static void
s_read (const char *const *paths, words_t *words)
{
    for (; *paths; paths++)
        words_flag (words, "--read", *paths);
}

static void
s_ports (const sandbox_spec_t *spec, words_t *words)
{
    if (spec->network == SANDBOX_HOST)
        return;
    words_add (words, "--tcp");
    if (spec->gateway_port > 0)
        words_number (words, "--connect", spec->gateway_port);
    for (size_t i = 0; i < spec->listen_count; i++)
        words_number (words, "--connect", spec->listen [i]);
}

static int
s_command (const sandbox_spec_t *spec, words_t *words, err_diag_t *diag)
{
    int rc = s_look (spec, diag);
    if (rc < 0)
        return rc;
    runtime_enter (&runtime_landlock, spec, words);
    words_add (words, "--shared");
    words_number (words, "--landlock", s_abi (spec));
    s_read (system_folders, words);
    s_read (system_etc, words);
    words_flag (words, "--read", "/proc");
    for (size_t i = 0; i < spec->read_only_count; i++)
        words_flag (words, "--must-read", spec->read_only [i]);
    s_ports (spec, words);
    words_add (words, "--");
    return words->failed;
}

static unsigned
s_holes (const sandbox_spec_t *spec)
{
    const int abi = s_abi (spec);
    unsigned holes = HOLE_ROOM | HOLE_PROCESSES | HOLE_METADATA | HOLE_OWN_FILES;
    if (abi < LANDLOCK_ABI_SCOPE)
        holes |= HOLE_SIGNALS;
    if (spec->network == SANDBOX_HOST)
        return holes | HOLE_NETWORK;
    return holes | (abi < LANDLOCK_ABI_TCP ? HOLE_TCP : HOLE_TCP_PORTS);
}

const runtime_t runtime_landlock = {.name = "landlock",
                                    .holds = "files, ports of TCP, signals: rules of the kernel",
                                    .inherits = true,
                                    .look = s_look,
                                    .command = s_command,
                                    .holes = s_holes};
