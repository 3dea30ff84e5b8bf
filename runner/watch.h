//  watch - looks whether a run stays within the limits that no kernel holds for it: what its
//  workspace takes of the disk, and without a cgroup its memory and its processes.
//
//  Cheap looks come first: how much of the whole file system has been taken since the last count.
//  The workspace is only counted when that could be enough to go over a limit, and now and then.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "runner/cgroup.h"

#include <stdint.h>

//  What a run has used up.
typedef enum { WATCH_FINE, WATCH_DISK, WATCH_FILES, WATCH_MEMORY, WATCH_PIDS } watch_limit_t;

//  Units: bytes; files and folders; processes and threads.  0 = no limit.
typedef struct {
    const char *workspace;
    int64_t disk, files, memory, pids;
} watch_spec_t;

typedef struct watch watch_t;

//  The processes that are watched are those of cgroup; without one those below this process.
//  Own: fresh; borrows cgroup, which may be NULL.  Err: -errno.
int
watch_new (const watch_spec_t *spec, const cgroup_t *cgroup, watch_t **ret_self) must_check;
void
watch_destroy (watch_t **self_p);
//  Look, if it is time.  Returns the limit that the run exceeds.
watch_limit_t
watch_look (watch_t *self);
//  Units: ms until the next look, > 0.
int
watch_wait_ms (const watch_t *self);
//  What a run that failed had used up at its end: the workspace is counted once more, and the
//  kernel may have refused memory or processes.
watch_limit_t
watch_end (watch_t *self);
//  "" for WATCH_FINE, "disk", "files", "memory", "pids".
const char *
watch_word (watch_limit_t limit);
//  What looking has cost so far.  Units: us.
int64_t
watch_cost_us (const watch_t *self);
