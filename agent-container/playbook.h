//  playbook - writes the report of the rule-based agent, from an event and the output of kubectl.
//
//  Every claim quotes its source.  Quoted text is fenced so that it cannot close its fence.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/domain/fault.h"

#include <stddef.h>

//  Facts of the cluster in kubectl's words.  text NULL: none; why gives the reason.
typedef struct {
    const char *text;
    const char *why;
} playbook_cluster_t;

//  Write the report of one event.  incident_id and event are hostile.  Err: the buffer's.
int
playbook_report (const char *incident_id, const char *event, size_t size,
                 const playbook_cluster_t *cluster, buf_t *out) must_check;
//  Append one word, quoted for a POSIX shell; control bytes become "?".
void
playbook_shell_word (buf_t *out, const char *text);
//  Append text as a fenced block; its fence is longer than any run of backticks inside.
void
playbook_fence (buf_t *out, const char *text);
