//  agent_result - what an agent's structured result says: did it fail, why, what did it use?
//
//  CLIs print it in many forms: one object, an array of records, a record a line, a warning before
//  it, a line of it cut by a kill.  The last object that is a result counts.  One pass; a tree
//  is built of that object alone.
//  Src: `--output-format json` of Claude Code with and without verbose, `--json` of codex.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "common/base/json.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    bool error; //  the agent says that it failed; a report within too few turns is still a report
    char *text; //  what it says of its end, else of its error; NULL = nothing.  Own: of this struct
    json_t *usage; //  its object "usage", NULL = none.  Own: of this struct
} agent_result_t;

//  Read at most LIMIT_AGENT_RESULT_BYTES.  Own: agent_result_fini, also after an error.
//  Err: ERR_PROTO no object can be read, ERR_LIMIT, -ENOMEM; *ret_result is empty.
int
agent_result_read (const char *bytes, size_t size, agent_result_t *ret_result) must_check;
void
agent_result_fini (agent_result_t *self);
