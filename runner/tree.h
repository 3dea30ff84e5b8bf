//  tree - the processes below one process, found in /proc and signalled.
//
//  With PR_SET_CHILD_SUBREAPER set, whatever a descendant does (setsid, double fork, daemonize),
//  its chain of parents ends at the subreaper; so the walk finds all of them.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stddef.h>
#include <sys/types.h>

//  Send sig to every descendant of root, root itself excluded; sig 0 only counts.
//  Returns how many were found (zombies not counted).  Err: -errno when /proc cannot be read.
int
tree_signal (pid_t root, int sig);
//  Send SIGKILL to the trees of our direct children that are not in known, children included: what
//  a killed supervisor left to us.  The dead ones are reaped.  Returns how many of these children
//  are left: call it again until there are none.
int
tree_kill_others (const pid_t *known, size_t known_count);
//  Send SIGKILL to every process whose environment has a variable that starts with prefix
//  ("WORKSPACE_DIR=/var/lib/triage/w1/jobs/"), and to all below them: what a killed worker left
//  behind.  The tops of these trees are spared while anything is below them.  Returns how many were
//  found: call it again until there are none.
int
tree_kill_environ (const char *prefix);
