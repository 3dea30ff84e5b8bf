//  agent_result - reads an agent's structured result: did it fail, how and why, what did it use?
//
//  Drivers write one shape (docs/agents.md).  CLIs print results in many forms: one object, an
//  array of records, or one record per line.  A warning may precede it, and a kill may cut a line.
//  The last object that is a result counts.  One pass; a tree is built of that object only.
//  Src: `--output-format json` of Claude Code with and without verbose, `--json` of codex.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "common/base/json.h"
#include "common/domain/run_class.h"
#include "common/domain/usage.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    //  The agent reports a failure.  A report that hit the turn limit does not count as one.
    bool error;
    //  Given in "class", else from what it says (failure_class).  Also set for a limit of turns.
    //  One that an agent can know: refused, limit, too_large, rate_limited, overloaded, provider,
    //  auth, quota, config; else NONE.
    run_class_t class;
    bool class_given; //  in "class"
    //  Its final text, else its error text; NULL = neither.  Own: of this struct.
    char *text;
    int exit_code;    //  of the CLI itself, -1 = unknown
    int64_t retry_ms; //  how long the provider asks to wait, 0 = unknown
    usage_t figures;  //  what it used; usage_none when it says nothing
    //  Its object "usage", NULL = none.  Own: of this struct.
    json_t *usage;
} agent_result_t;

//  Read at most LIMIT_AGENT_RESULT_BYTES.  Own: free with agent_result_fini, also after an error.
//  Err: ERR_PROTO: no object can be read; ERR_LIMIT, -ENOMEM; *ret_result is empty.
int
agent_result_read (const char *bytes, size_t size, agent_result_t *ret_result) must_check;
void
agent_result_fini (agent_result_t *self);
