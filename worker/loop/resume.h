//  resume - the second run of an attempt whose first run had no time, or no turns, left.
//
//  An agent that can go on in its session gets the rest of the time to finish its report.  This
//  file decides by the workspace, and keeps in it what the first run has left.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "common/base/limits.h"
#include "worker/keeper/findings.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    RESUME_SHARE = 4,                   //  a run is stopped this part of its time before the end
    RESUME_REST_MS = 1000,              //  less time is not worth a start
    RESUME_LOOK_BYTES = LIMIT_KIB (256) //  larger files would hold up the loop: no resume
};

//  Should a run with this timeout be stopped early, for a resume?  It should when there is a report
//  in the workspace.
bool
resume_due (const char *dir, int64_t timeout_ms);
//  Is the run that is over one to resume?  It would be partial, but not because the box or the
//  budget has no room.  And its logs are still a folder.
bool
resume_wanted (const char *dir, const facts_t *facts);
//  Keep the report and the logs of the first run, and remove run.json: the attempt is not over.
//  The logs become logs/agent-first.*.log.  Err: -errno: the workspace is not fit for a resume.
int
resume_prepare (const char *dir) must_check;
//  Put the report of the first run back if the second has left none that is valid.
void
resume_restore (const char *dir);
