//  agent_result - reads an agent's structured result: did it fail, why, and what did it use?
//
//  CLIs print results in many forms: one object, an array of records, or one record per line.  A
//  warning may precede it, and a kill may cut a line.
//  The last object that is a result counts.  One pass; a tree is built of that object only.
//  Src: `--output-format json` of Claude Code with and without verbose, `--json` of codex.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "common/base/json.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    //  The agent reports a failure.  A report that hit the turn limit does not count as one.
    bool error;
    //  Its final text, else its error text; NULL = neither.  Own: of this struct.
    char *text;
    //  Its object "usage", NULL = none.  Own: of this struct.
    json_t *usage;
} agent_result_t;

//  Read at most LIMIT_AGENT_RESULT_BYTES.  Own: free with agent_result_fini, also after an error.
//  Err: ERR_PROTO: no object can be read; ERR_LIMIT, -ENOMEM; *ret_result is empty.
int
agent_result_read (const char *bytes, size_t size, agent_result_t *ret_result) must_check;
void
agent_result_fini (agent_result_t *self);
