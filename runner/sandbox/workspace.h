//  workspace - the folder of a run changes hands: to the agent's user, and back.
//
//  No link is followed.  The folder also holds what the run sees as /tmp and /dev/shm, so that one
//  budget covers all that a run can write.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <sys/types.h>

#define WORKSPACE_TMP ".tmp"
#define WORKSPACE_SHM ".tmp/.shm"

//  Make new temporary folders, and give all to uid and gid when they are not ours.  What was in
//  place of the temporary folders gets another name.  Err: -errno.
int
workspace_give (const char *path, uid_t uid, gid_t gid) must_check;
//  Take back what belongs to uid, as far as a walk of bounded depth and length goes.  The rest
//  stays with that user.  No process of the run is left.
void
workspace_take (const char *path, uid_t uid);
