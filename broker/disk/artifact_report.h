//  artifact_report - what a sealed attempt has to say: whether its files are good, its report's
//  root cause, its agent's usage.
//
//  fd: the incident's folder (artifact_dir_open).  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/poison.h"
#include "broker/disk/report.h"
#include "common/base/json.h"
#include "common/domain/verdict.h"

//  Judge a success further by what is in its files (verdict_judge_files).  result: it has an
//  output/agent-result.json.  Err: -errno, -ENOMEM.
int
artifact_report_judge (int fd, int64_t attempt, bool result, verdict_outcome_t *ret_outcome,
                       char ret_reason [VERDICT_REASON_BYTES]) must_check;
//  No such file reads like a report in which nothing is found, and so does one that the broker
//  has died of three times.  poison: of this thread, NULL = nothing is held back; incident:
//  its id.  Err: -errno, -ENOMEM.
int
artifact_report_read (int fd, poison_t *poison, const char *incident, int64_t attempt,
                      report_t *ret_report) must_check;
//  The object "usage" of output/agent-result.json.  Own: fresh; NULL when there is none to be had.
json_t *
artifact_report_usage (int fd, int64_t attempt);
