//  settings - the publisher's option table and the struct it fills.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/conf/conf.h"

typedef struct {
    conf_common_t common;
    const char *ingest_endpoint, *files_endpoint;
    const char *keys_dir, *spool_dir;
    const char *cluster; //  "" = the event's own
    int64_t window;      //  unacknowledged events at a time
    int64_t rate;        //  events per second, 0 = as fast as the broker accepts them
    int64_t shutdown_timeout_ms;
    const char *serve;     //  "" = replay to a broker
    int64_t speed, repeat; //  playback_pace_t
    int64_t clusters;      //  recording_args_t.copies
    bool distinct, faithful;
    const char *denied;
} settings_t;

extern const conf_spec_t settings_spec;

//  Check the options together: replaying and serving each have options of their own.  Err:
//  ERR_CONFIG; *ret_at is the address of the option to blame, diag says why.
int
settings_judge (const settings_t *self, const void **ret_at, err_diag_t *diag) must_check;
