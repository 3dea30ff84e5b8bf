//  failpoint - named places where a test build can die, fail or be slow (SIGKILL, an errno, a
//  wait).
//
//  Compiled in with TRIAGE_FAILPOINTS only.  Each commit, send, rename and fsync of the broker, the
//  worker and the publisher has two: NAME.before and NAME.after.  NAME is
//  "<program>.<place>.<action>" and is listed once in failpoint.c.
//  Environment of a test build:
//    TRIAGE_FAILPOINT=list                  print the program's failpoints, one a line, exit 0
//    TRIAGE_FAILPOINT=NAME:kill[:NTH]       log it to stderr and SIGKILL self at the NTH passage
//    TRIAGE_FAILPOINT=NAME:errno=E[:NTH]    failpoint_before returns -E that one time
//    TRIAGE_FAILPOINT=NAME:slow=MS[:NTH]    the thread waits that one time, as on a bad disk
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

#ifdef TRIAGE_FAILPOINTS
//  Read the environment.  `program` is the first word of its failpoint names ("broker", "worker",
//  ...).  Without this call no failpoint does anything.
void
failpoint_init (const char *program);
//  Before the action: 0, or a negative errno to return instead of acting.
int
failpoint_before (const char *place, const char *action);
//  After the action succeeded.
void
failpoint_after (const char *place, const char *action);
//  A limit, or the value that a test build's environment sets instead, to shorten long times.
int64_t
failpoint_number (const char *name, int64_t limit);
#else
#define failpoint_init(program) ((void) 0)
#define failpoint_before(place, action) 0
#define failpoint_after(place, action) ((void) 0)
#define failpoint_number(name, limit) (limit)
#endif
