//  intake_mark - a small file for each source: up to when its events are complete, and its session.
//
//  The file is complete or absent, like every file of blob.h.  A source without one has never
//  been followed.  Threads: intake only.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "common/base/limits.h"

#include <stdint.h>

typedef struct {
    int64_t until_ms; //  wall clock; later events may be missing; 0 = never followed
    char session [LIMIT_MCP_SESSION_BYTES + 1]; //  the MCP session; "" = none
    //  of a source without a name: the cluster of its events; "" = not known
    char cluster [LIMIT_CLUSTER_BYTES + 1];
} intake_mark_t;

//  The name of a source's file, made from the cluster's name, or from the URL if it has none.
//  So a named cluster keeps its mark when its URL changes.  ret_name: DIGEST_HEX bytes.
void
intake_mark_name (const char *cluster, const char *url, char *ret_name);
//  Read a mark.  Err: ERR_NONE: there is none; ERR_PROTO: it is damaged; -errno.
//  *ret is untouched on failure.
int
intake_mark_read (const char *dir, const char *name, intake_mark_t *ret) must_check;
//  Write a mark.  Err: -errno; the old one stays.
int
intake_mark_write (const char *dir, const char *name, const intake_mark_t *mark) must_check;
//  Remove the mark of a source that is no longer followed.
void
intake_mark_drop (const char *dir, const char *name);
