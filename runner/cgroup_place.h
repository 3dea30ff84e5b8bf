//  cgroup_place - where this process may make cgroups of its own, and of which version.
//
//  Version 2 comes first, if the controller is delegated to us; then version 1.  A controller that
//  is at neither place is polled (watch.h).
//  Src: cgroups (7); Documentation/admin-guide/cgroup-v2.rst, "Delegation" and "No Internal
//  Process Constraint".
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

enum { CGROUP_PATH = 2048 };

//  What a cgroup can do for a run.
typedef enum {
    CGROUP_MEMORY,
    CGROUP_PIDS,
    CGROUP_CPU,
    CGROUP_KILL, //  end all of its processes at once
    CGROUP_PARTS
} cgroup_part_t;

typedef enum {
    CGROUP_POLLED, //  no cgroup; triage-run looks
    CGROUP_V1,
    CGROUP_V2
} cgroup_by_t;

typedef struct {
    cgroup_by_t by;
    char path [CGROUP_PATH]; //  absolute, of the folder for new cgroups; "" when polled
} cgroup_place_t;

//  "memory", "pids", "cpu", "kill".
const char *
cgroup_place_part (cgroup_part_t part);
//  "polled", "v1", "v2".
const char *
cgroup_place_by (cgroup_by_t by);
//  The places that two files of /proc/self name: mountinfo and cgroup.  Version 2 is only in
//  ret_v2; ret_v1 [CGROUP_KILL] stays empty.  Pure.
void
cgroup_place_parse (const char *mountinfo, const char *cgroup, cgroup_place_t *ret_v2,
                    cgroup_place_t ret_v1 [CGROUP_PARTS]);
//  Find the place of each part.  Turns controllers of version 2 on where that is allowed.  A place
//  may still be read-only: making a cgroup there tells.  Never fails: what is not found is polled.
void
cgroup_place_find (cgroup_place_t ret [CGROUP_PARTS]);
//  Move this process into a cgroup "triage-worker" of version 2 below its own.  Controllers can
//  only be turned on in a cgroup without processes.  Call it once, before children are started.
//  It does nothing where it is not needed or not allowed.
void
cgroup_place_delegate (void);
