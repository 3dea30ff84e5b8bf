//  worker_part - struct worker, private to worker*.c.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/clk.h"
#include "common/base/limits.h"
#include "worker/loop/job.h"
#include "worker/loop/ready.h"
#include "worker/loop/worker.h"

#include <limits.h>

//  The stages of a drain.
typedef enum {
    DRAIN_NO,
    DRAIN_WAIT, //  no new work is accepted
    DRAIN_STOP  //  agents are stopped
} drain_t;

//  Most jobs: those that run, those in the spool, and those that end while the spool is full.
enum { WORKER_FENCES = LIMIT_SLOTS + LIMIT_SPOOLED + LIMIT_SLOTS };

struct worker {
    const settings_t *settings;
    home_t *home;
    clk_t *clk;
    job_shared_t shared;
    ready_t *look;         //  the thread that looks if agents can run
    ready_report_t *ready; //  its last report; NULL = none yet
    bool looking;          //  a look was asked for since the last report
    bool renewed;          //  it has other keys: it says that it looks, until that CREDIT was sent
    job_t *jobs;
    int orphans;   //  found at the last check
    int signal_fd; //  borrowed
    int poll_fd;
    drain_t drain;
    int64_t drain_until_ms; //  boot time at which agents are stopped
    int64_t leave_by_ms;    //  boot time at which the worker ends in any case
    char script [PATH_MAX], program_dir [PATH_MAX];
    msg_fence_t running [WORKER_FENCES], spooled [WORKER_FENCES];
};

//  --- worker_orders.c: messages of the broker
//  The functions that the session calls.  Own: they borrow self.
session_hooks_t
worker_hooks (worker_t *self);
//  Count the jobs that hold a slot, and those that are spooled.
void
worker_count (const worker_t *self, int64_t *ret_busy, int64_t *ret_spooled);
//  The job of an attempt; NULL: there is none.  Own: borrowed.
job_t *
worker_find (worker_t *self, codec_text_t incident, int64_t attempt);

//  --- worker_start.c: the start
//  Find the programs.  Err: ERR_CONFIG: there is no such agent; diag says why.
int
worker_look (worker_t *self, err_diag_t *diag) must_check;
//  Make jobs for the results in the spool and for runs that had ended by themselves.
void
worker_resume (worker_t *self);
