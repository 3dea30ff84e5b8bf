//  err - one negative int for every failure: -errno, or an ERR_ code below.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

//  Domain failures start at -1000 so that they never collide with -errno.
enum err {
    ERR_OK = 0,
    ERR_PROTO = -1000,  //  Peer sent bytes we cannot accept
    ERR_STALE = -1001,  //  Lease, session or attempt is no longer current
    ERR_STORE = -1002,  //  SQLite refused; details are in the log
    ERR_LIMIT = -1003,  //  A limit of limits.h would be exceeded
    ERR_CONFIG = -1004, //  Bad configuration; the diag says what, where and what to do
    ERR_FULL = -1005,   //  Bounded queue or mailbox is full; the caller keeps the item
    ERR_NONE = -1006    //  No such thing
};

//  Exit codes of the programs (sysexits.h where one fits; docs/configuration.md).
enum err_exit {
    EXIT_RUNTIME = 1,
    EXIT_USAGE = 2,
    EXIT_SECOND = 3,   //  another process holds the lock (a second broker on one store)
    EXIT_CORRUPT = 65, //  the store fails its check
    EXIT_STORE = 74,   //  a write or sync failed; the restart recovers
    EXIT_CONFIG = 78   //  bad configuration
};

#define must_check __attribute__ ((warn_unused_result))

//  A human sentence about a failure at an external edge (config, HTTP, MCP, JSON).
//  Own: the caller owns the struct and passes it last; NULL is allowed everywhere.
typedef struct {
    char text [256];
} err_diag_t;

//  Write a sentence into diag.  It is cut to fit and cleaned, because it may quote hostile text.
//  Does nothing when diag is NULL.
void
err_diag (err_diag_t *diag, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

//  Exit code of a program that cannot use a given path.  EXIT_STORE when the disk is faulty or
//  full: that may pass, so a supervisor restarts it.  Else EXIT_CONFIG.
int
err_exit_path (int rc);
//  Text for any code this project returns.  Static storage; never NULL.
const char *
err_str (int rc);
