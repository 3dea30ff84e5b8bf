//  worker_part - what the parts of worker share.  Nobody else includes it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/clk.h"
#include "common/base/limits.h"
#include "worker/loop/job.h"
#include "worker/loop/worker.h"

#include <limits.h>

//  How far the worker is on its way out.
typedef enum {
    DRAIN_NO,
    DRAIN_WAIT, //  takes no more work
    DRAIN_STOP  //  agents are told to end
} drain_t;

//  Jobs there can be: that run, are spooled, or end while the spool is full.
enum { WORKER_FENCES = LIMIT_SLOTS + LIMIT_SPOOLED + LIMIT_SLOTS };

struct worker {
    const conf_t *conf;
    const settings_t *settings;
    home_t *home;
    clk_t *clk;
    job_shared_t shared;
    job_t *jobs;
    int orphans;   //  found with the last look
    int signal_fd; //  borrowed
    int poll_fd;
    drain_t drain;
    int64_t drain_until_ms; //  agents are stopped then
    int64_t leave_by_ms;    //  the end, whatever is left
    char script [PATH_MAX], program_dir [PATH_MAX];
    msg_fence_t running [WORKER_FENCES], spooled [WORKER_FENCES];
};

//  --- worker_orders.c: what the broker says and asks
session_hooks_t
worker_hooks (worker_t *self);
//  Jobs that hold a slot, and those that are spooled.
void
worker_count (const worker_t *self, int64_t *ret_busy, int64_t *ret_spooled);
//  The job of an attempt; NULL = none.  Own: borrowed.
job_t *
worker_find (worker_t *self, codec_text_t incident, int64_t attempt);

//  --- worker_start.c: what is there when it starts
//  Find the programs, and log what agents would lack.  Err: ERR_CONFIG with a diag.
int
worker_look (worker_t *self, err_diag_t *diag) must_check;
//  Take up what an earlier life left: results in the spool, runs that had ended.
void
worker_resume (worker_t *self);
