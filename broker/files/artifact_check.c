//  artifact_check - answers the loop's CHECK: are the files of a verdict on disk, and good?
//  SPDX-License-Identifier: Apache-2.0
#include "broker/files/artifact_part.h"

#include "broker/disk/artifact_dir.h"
#include "broker/disk/artifact_sealed.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

//  Judge a success again by the files on our disk: the worker's word is not enough.
static int
s_judge_files (step_in_t *verdict, int fd, const artifact_manifest_t *manifest)
{
    const verdict_file_t *report =
        verdict_file_find (manifest->files, manifest->count, "output/investigation.md");
    const verdict_run_t run = {.started = true,
                               .exit_code = verdict->as.verdict.exit_code,
                               .report_exists = report != NULL,
                               .report_bytes = report ? report->size : 0};
    char reason [VERDICT_REASON_BYTES];
    verdict_outcome_t outcome = verdict_judge (&run, reason);
    int rc = 0;
    if (outcome == VERDICT_SUCCESS)
        rc = artifact_sealed_judge (
            fd, verdict->as.verdict.fence.attempt,
            verdict_file_find (manifest->files, manifest->count, "output/agent-result.json")
                != NULL,
            &outcome, reason);
    if (rc < 0 || outcome == VERDICT_SUCCESS)
        return rc;
    verdict->as.verdict.outcome = outcome;
    verdict->as.verdict.class = RUN_CLASS_INVALID_OUTPUT;
    snprintf (verdict->as.verdict.reason, sizeof verdict->as.verdict.reason, "%s", reason);
    return 0;
}

//  Judge a partial report likewise: without a valid one the run is what it was stopped for.
static int
s_judge_partial (step_in_t *verdict, int fd, const artifact_manifest_t *manifest)
{
    const verdict_file_t *report =
        verdict_file_find (manifest->files, manifest->count, "output/investigation.md");
    const verdict_run_t run = {.started = true,
                               .report_exists = report != NULL,
                               .report_bytes = report ? report->size : 0};
    char reason [VERDICT_REASON_BYTES];
    verdict_outcome_t outcome = verdict_judge (&run, reason);
    int rc = 0;
    if (outcome == VERDICT_SUCCESS)
        rc = artifact_sealed_judge (fd, verdict->as.verdict.fence.attempt, false, &outcome, reason);
    if (rc == 0 && outcome != VERDICT_SUCCESS)
        verdict->as.verdict.class = verdict_kind (verdict->as.verdict.reason) == VERDICT_TIMED_OUT
                                        ? RUN_CLASS_TIMEOUT
                                        : RUN_CLASS_LIMIT;
    return rc;
}

void
artifact_check (artifact_t *self, mail_t *mail)
{
    step_in_t *verdict = &mail->as.check.verdict;
    const step_fence_t *fence = &verdict->as.verdict.fence;
    artifact_manifest_t manifest = {.count = mail->as.check.file_count};
    if (manifest.count > LIMIT_ATTEMPT_FILES)
        manifest.count = LIMIT_ATTEMPT_FILES;
    memcpy (manifest.files, mail->as.check.files, manifest.count * sizeof manifest.files [0]);

    own (own_fd) int fd =
        artifact_dir_open (self->settings->workspace_root, fence->incident.text, false);
    int rc = fd < 0 ? fd : artifact_stage_check (fd, fence->attempt, &manifest);
    bool nothing = manifest.count == 0 && (rc == -ENOENT || rc == ERR_NONE);
    if ((rc == 0 || nothing) && verdict->as.verdict.outcome == VERDICT_SUCCESS)
        rc = s_judge_files (verdict, fd, &manifest);
    else if ((rc == 0 || nothing) && verdict->as.verdict.class == RUN_CLASS_PARTIAL)
        rc = s_judge_partial (verdict, fd, &manifest);
    if (rc < 0 && rc != -ENOENT && rc != ERR_NONE)
        log_warn ("cannot check a sealed attempt", kv ("incident_id", fence->incident.text),
                  kv ("attempt", fence->attempt), kv ("reason", err_str (rc)));
    //  An empty list cannot be missing: the worker had nothing to save.
    verdict->as.verdict.stored = rc == 0 || nothing ? STEP_STORED : STEP_MISSING;
    mail->kind = MAIL_CHECKED;
}
