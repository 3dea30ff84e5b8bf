//  page_story - the attempts of an incident as a table, and its life as a list of times.  Pure.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/row.h"
#include "common/base/buf.h"

//  How long the run of an attempt took; -1: not known.  Units: ms.
int64_t
page_story_run_ms (const row_attempt_t *row);
//  Append a table of the attempts, folded unless open.  Err: the buffer's own `failed`.
void
page_story_attempts (buf_t *out, const row_attempt_t *attempts, size_t count, bool open);
//  Append what happened and when, folded.
//  count: at most LIMIT_ATTEMPTS.  Err: the buffer's own `failed`.
void
page_story_times (buf_t *out, const row_incident_t *incident, const row_attempt_t *attempts,
                  size_t count);
