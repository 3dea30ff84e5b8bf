//  agent_user - as which user agents run.
//
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "runner/sandbox/sandbox.h"

//  Set the user of a sandbox: of a worker that is root it is this one ("" = nobody), of any other
//  its own.  name: a user of this host, or UID:GID.  Threads: any.
//  Err: ERR_CONFIG: there is no such user; diag says so.
int
agent_user_give (const char *name, sandbox_spec_t *sandbox, err_diag_t *diag) must_check;
