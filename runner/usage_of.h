//  usage_of - what a group of processes uses, read from /proc.
//
//  Processes that end meanwhile, or that we may not look at, count nothing.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { USAGE_OF_PIDS = 4096 }; //  most processes of a group that are looked at

//  List the descendants of root, without root, at most max.  Returns how many.
int
usage_of_tree (pid_t root, pid_t *ret_pids, size_t max);
//  Their processes and threads.
int64_t
usage_of_threads (const pid_t *pids, size_t count);
//  Their own memory, which no file backs, and what they share of memory.  exact: pages that several
//  of them have count once; that takes longer.  Units: bytes.
int64_t
usage_of_memory (const pid_t *pids, size_t count, bool exact, int64_t *ret_shared);
//  The open files that have no name, in the file system of folder_fd: of a folder, or of a file in
//  memory.  Units: bytes.
int64_t
usage_of_unlinked (const pid_t *pids, size_t count, int folder_fd);
