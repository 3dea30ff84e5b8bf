//  artifact_sealed - reads the files of a sealed attempt: verdict, root cause.
//
//  fd: the incident's folder (artifact_dir_open).
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/poison.h"
#include "broker/disk/report.h"
#include "common/base/buf.h"
#include "common/domain/verdict.h"

//  Judge a success by the content of its files (verdict_judge_files).
//  result: the attempt has an output/agent-result.json.  Err: -errno, -ENOMEM.
int
artifact_sealed_judge (int fd, int64_t attempt, bool result, verdict_outcome_t *ret_outcome,
                       char ret_reason [VERDICT_REASON_BYTES]) must_check;
//  Append the text of the report to text, as far as its limit allows.
//  Err: -ENOENT: there is none; -errno, -ENOMEM.
int
artifact_sealed_text (int fd, int64_t attempt, buf_t *text) must_check;
//  Read the report.  A missing report, or one that the broker died of three times, gives the same
//  result as a report without findings.
//  poison: of this thread, may be NULL; incident: its id.  Err: -errno, -ENOMEM.
int
artifact_sealed_report (int fd, poison_t *poison, const char *incident, int64_t attempt,
                        report_t *ret_report) must_check;
