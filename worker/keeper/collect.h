//  collect - finds, redacts, hashes and syncs the files of a workspace that may be uploaded.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"
#include "worker/keeper/redact.h"
#include "worker/keeper/spool.h"

//  Collect the files and list them in verdict.
//  Files that are too many, too large or unreadable are logged and left out.  A transcript that is
//  too large loses whole lines of its middle.
//  prompt: what the agent was given.  It takes the place of whatever the agent has left as
//  logs/prompt.md.  NULL or empty: not known, and no logs/prompt.md is collected.
//  *ret_unsynced: 0, or the first error of a sync; the list is then valid, but must not be kept.
//  Err: why the workspace, or an existing report, could not be read.
int
collect_files (const char *dir, const redact_t *secrets, const buf_t *prompt,
               spool_verdict_t *verdict, int *ret_unsynced) must_check;
//  Append a regular file below the workspace dir_fd to text.
//  Err: ERR_NONE: there is no regular file of that name; ERR_LIMIT: it does not fit; ERR_STALE: it
//  shrank; -errno.
int
collect_read (int dir_fd, const char *path, buf_t *text) must_check;
