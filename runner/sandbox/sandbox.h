//  sandbox - all that is to be known about the box of one run.
//
//  The worker fills a spec and writes it as flags of triage-run; triage-run reads them back.  No
//  secret is in it, because every process of the host may read these flags.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "runner/sandbox/words.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    SANDBOX_PATHS = 64,         //  read-only paths of one run
    SANDBOX_PORTS = 16,         //  forwarded ports of one run
    SANDBOX_GATEWAY_PORT = 8377 //  where the gateway listens in a network of the box's own
};

//  What a run may reach by network.
typedef enum {
    SANDBOX_GATEWAY, //  the gateway, which adds the key, and forwarded ports
    SANDBOX_PROXY,   //  the same listeners; the agent has its key and uses the gateway as a proxy
    SANDBOX_HOST,    //  the host's network
    SANDBOX_NETWORKS
} sandbox_network_t;

//  Texts are borrowed; NULL or 0 = not set, no limit.
typedef struct {
    const char *runtime;     //  name of a row of runtime.h
    const char *workspace;   //  absolute; the only folder in which the run may write
    const char *program_dir; //  absolute; has triage-enter
    bool has_user;           //  run as uid and gid, not as our own user
    uid_t uid;
    gid_t gid;
    int64_t memory;     //  bytes
    int64_t cpus_milli; //  thousandths of a processor
    int64_t pids;       //  processes and threads
    int64_t disk;       //  bytes in the workspace
    int64_t files;      //  files and folders in the workspace
    //  Absolute paths that the run may read, besides those of the system.  Each must exist.
    const char *read_only [SANDBOX_PATHS];
    size_t read_only_count;
    //  The gateway's unix socket: takes the listeners of a box with a network of its own.
    const char *gateway;
    //  The port of the gateway on the host's loopback, for a box without a network of its own.
    uint16_t gateway_port;
    uint16_t listen [SANDBOX_PORTS]; //  loopback ports that are forwarded, as of an API server
    size_t listen_count;
    sandbox_network_t network;
    int64_t landlock_abi; //  use no newer ABI of Landlock than this, for tests
    const char *cgroup;   //  name of its control group
    const char *name;     //  name of its container
    const char *image;    //  image of its container
    const char *owner;    //  label of its container: who may remove it
    //  What follows is no flag.
    bool self_test;         //  the box looks if it holds, and executes nothing
    bool trial;             //  it ends soon: an engine removes its container by itself
    char *const *variables; //  NAME=VALUE, for a container; NULL: those of this process
} sandbox_spec_t;

//  A flag of triage-run; every one takes a value.  NULL after the last one.
const char *
sandbox_flag_at (size_t index);
//  Read the value of the flag "--name".  Err: ERR_NONE: no flag of a sandbox; ERR_CONFIG: not a
//  value of it; ERR_LIMIT: given too often.  Own: self borrows value.
int
sandbox_parse_flag (sandbox_spec_t *self, const char *name, const char *value) must_check;
//  Append the spec as flags.  The workspace and the folder of the programs are no flags of it.
void
sandbox_words (const sandbox_spec_t *self, words_t *words);
//  "gateway", "proxy" or "host".
const char *
sandbox_network_name (sandbox_network_t network);
//  Err: ERR_NONE.
int
sandbox_network_parse (const char *name, sandbox_network_t *ret_network) must_check;
