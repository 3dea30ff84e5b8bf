//  cgroup - the cgroup of one run: its limits, its processes, its end.
//
//  A run gets one folder in each hierarchy that takes part, all of one name.  What no hierarchy
//  holds is polled (watch.h).
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "runner/cgroup_place.h"

#include <stddef.h>
#include <stdint.h>

typedef struct cgroup cgroup_t;

//  Units: bytes; thousandths of a CPU; processes and threads.  0 = no limit.
typedef struct {
    int64_t memory, cpu_milli, pids;
} cgroup_limits_t;

typedef struct {
    int64_t oom_kills;     //  processes that the kernel killed for memory
    int64_t refused_forks; //  new processes or threads over the limit
} cgroup_events_t;

//  Make the cgroup `name`.  What is left of an earlier one of this name is killed and removed.
//  Where no cgroup can be made, all parts are polled, and that is no error.
//  Own: fresh.  Err: -ENOMEM.
int
cgroup_new (const char *name, const cgroup_limits_t *limits, cgroup_t **ret_self) must_check;
//  Kill what is in it and remove it.  What does not end within a quarter of a second stays.
void
cgroup_destroy (cgroup_t **self_p);
//  Who holds this part for the run?
cgroup_by_t
cgroup_by (const cgroup_t *self, cgroup_part_t part);
//  Put the calling process in.  Safe between fork and exec.  Err: -errno.
int
cgroup_join (const cgroup_t *self) must_check;
//  Send SIGKILL to everything in it, by the kernel at once where cgroup.kill is there.  Call it
//  again until its processes are gone.
void
cgroup_kill (const cgroup_t *self);
//  Write at most max process ids into ret_pids.  Returns how many; -1: no cgroup tells.
int
cgroup_pids (const cgroup_t *self, int32_t *ret_pids, size_t max);
//  What has happened so far.  Zeros for what is polled.
void
cgroup_look (const cgroup_t *self, cgroup_events_t *ret_events);
//  Kill and remove all cgroups beside ours whose names start with prefix: what a killed worker
//  left.
//  Returns how many are left: call it again until there are none.
int
cgroup_sweep (const char *prefix);
//  Kill and remove the cgroup of this name.
void
cgroup_remove (const char *name);
//  Who would hold each part?  Makes a cgroup and removes it.
void
cgroup_probe (cgroup_by_t ret_by [CGROUP_PARTS]);
