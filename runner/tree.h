//  tree - finds and signals the processes below one process, through /proc.
//
//  With PR_SET_CHILD_SUBREAPER set, every descendant's chain of parents ends at the subreaper, even
//  after setsid, a double fork or daemonize.  So the walk finds all of them.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stddef.h>
#include <sys/types.h>

//  Send sig to every descendant of root, but not to root; sig 0 only counts.  Returns how many were
//  found, without zombies.  Err: -errno when /proc cannot be read.
int
tree_signal (pid_t root, int sig);
//  Send SIGKILL to the trees of our direct children that are not in `known`: what a killed
//  supervisor left to us.  Dead children are reaped.  Returns how many of these children are left:
//  call it again until there are none.
int
tree_kill_others (const pid_t *known, size_t known_count);
//  Send SIGKILL to every process with an environment variable that starts with prefix
//  ("WORKSPACE_DIR=/var/lib/triage/w1/jobs/"), and to everything below it: what a killed worker
//  left behind.  The top of each tree is spared while anything is below it.  Returns how many were
//  found: call it again until there are none.
int
tree_kill_environ (const char *prefix);
