//  enter - the last step before an agent: it becomes harmless, then it executes the agent's script.
//
//  It hands the box's listening sockets over to the gateway, sets limits, gives up user and rights,
//  and executes the script.  When a part cannot be set up, nothing is executed.
//  Why it failed is written to the report descriptor and to stderr.  The exit code is then 125, or
//  126 and 127 as shells have them for a script that cannot be executed.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    ENTER_PATHS = 128,
    ENTER_PORTS = 32,
    ENTER_FAILED = 125,
    ENTER_GATEWAY_FD = 3, //  triage-run gives them to the runtime, which hands them on
    ENTER_REPORT_FD = 4,
    ENTER_GOOD = '+' //  in the report: all is set up; what follows is not ours
};

typedef struct {
    bool has_user;
    uid_t uid;
    gid_t gid;
    int64_t processes;   //  RLIMIT_NPROC; 0 = as it is
    int64_t file_bytes;  //  RLIMIT_FSIZE; 0 = as it is
    int gateway_fd;      //  connected to the gateway; -1 = none
    const char *gateway; //  the gateway's unix socket, when it has to be connected to; NULL = none
    uint16_t listen [ENTER_PORTS];
    size_t listen_count;
    int report_fd;  //  -1 = none
    bool init;      //  we are process 1: stay, reap, and end with the script
    bool forward;   //  as process 1: send TERM on to all processes of the box
    bool seccomp;   //  refuse system calls that lead out
    bool shared;    //  the box shares the host's processes, sockets and network: refuse more
    int landlock;   //  the ABI of the rules; 0 = no rules
    bool tcp;       //  where shared: of the network only TCP to `connect`, as far as the ABI can
    bool self_test; //  look if the box holds, instead of executing a script
    const char *read [ENTER_PATHS]; //  for Landlock; in `read` missing paths are skipped
    size_t read_count;
    const char *must_read [ENTER_PATHS];
    size_t must_read_count;
    const char *write [ENTER_PATHS]; //  the first one is the workspace
    size_t write_count;
    uint16_t connect [ENTER_PORTS];
    size_t connect_count;
    char *const *argv;
} enter_spec_t;

//  Parse the arguments of triage-enter.  False: they are not valid.  Own: ret_spec borrows argv.
bool
enter_parse (int argc, char **argv, enter_spec_t *ret_spec);
//  Do all of it.  Returns only when it failed, or after a self-test: the exit code.
int
enter_run (const enter_spec_t *spec);
