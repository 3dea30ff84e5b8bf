//  failpoint - named places where a test build can die or fail (SIGKILL, an errno).
//
//  Compiled in with TRIAGE_FAILPOINTS only.  Every name stands once in the table of failpoint.c.
//  Environment of a test build:
//    TRIAGE_FAILPOINT=list                  print the program's failpoints, one a line, exit 0
//    TRIAGE_FAILPOINT=NAME:kill[:NTH]       SIGKILL self when NAME is reached for the NTH time
//    TRIAGE_FAILPOINT=NAME:errno=E[:NTH]    failpoint_errno returns -E that one time
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#ifdef TRIAGE_FAILPOINTS
//  Read the environment; `program` is the first word of its failpoint names ("broker", "worker", ...).
void
failpoint_init (const char *program);
//  Pass a point where only a kill makes sense.
void
failpoint (const char *name);
//  Pass a point that can also fail: 0, or a negative errno to act on.
int
failpoint_errno (const char *name);
#else
#define failpoint_init(program) ((void) 0)
#define failpoint(name) ((void) 0)
#define failpoint_errno(name) 0
#endif
