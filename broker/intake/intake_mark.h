//  intake_mark - one small file a source: until when it knew everything, and its last MCP session.
//
//  Whole or not there, like every file of blob.h.  A source without one has never been followed.
//  Threads: intake only.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "common/base/limits.h"

#include <stdint.h>

typedef struct {
    int64_t until_ms; //  wall clock: later events may be missing; 0 = nothing is known of it yet
    char session [LIMIT_MCP_SESSION_BYTES + 1]; //  "" when the server holds none
    //  whose events a nameless source brings, "" = not known
    char cluster [LIMIT_CLUSTER_BYTES + 1];
} intake_mark_t;

//  The file's name for a source: a cluster that has a name may move.  ret_name: DIGEST_HEX bytes.
void
intake_mark_name (const char *cluster, const char *url, char *ret_name);
//  Err: ERR_NONE there is none; ERR_PROTO it is damaged; -errno.  *ret is untouched then.
int
intake_mark_read (const char *dir, const char *name, intake_mark_t *ret) must_check;
//  Err: -errno; the old one stays.
int
intake_mark_write (const char *dir, const char *name, const intake_mark_t *mark) must_check;
//  The source is not followed any more.
void
intake_mark_drop (const char *dir, const char *name);
