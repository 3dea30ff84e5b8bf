//  SPDX-License-Identifier: Apache-2.0
#include "broker/loop/loop_retain.h"

#include "broker/loop/turn_step.h"
#include "broker/store/store_retain.h"
#include "common/base/log.h"

#include <errno.h>
#include <stdlib.h>

struct loop_retain {
    store_retain_pass_t pass;
    bool running;     //  a pass has begun
    bool removes;     //  it removes what it finds, else it only counts
    bool announces;   //  the next turn announces the first removal
    bool begun;       //  removing had begun when it was last looked at
    int64_t begun_ms; //  boot time at which the pass began
    int64_t due_ms;   //  boot time of the next pass
    step_retire_t found [LIMIT_RETIRING];
    int count;
    //  What the last whole pass found, and when it ended (wall clock); 0 = none has ended.
    store_retain_sum_t sum;
    int64_t sum_ms;
};

loop_retain_t *
loop_retain_new (void)
{
    return calloc (1, sizeof (loop_retain_t));
}

void
loop_retain_destroy (loop_retain_t **self_p)
{
    free (*self_p);
    *self_p = NULL;
}

static store_retain_rule_t
s_rule (const settings_t *settings, clk_now_t now)
{
    return (store_retain_rule_t){.before_ms = settings->retain_incidents_ms > 0
                                                  ? now.wall_ms - settings->retain_incidents_ms
                                                  : INT64_MIN,
                                 .bytes = settings->retain_bytes,
                                 //  Until then a repeat is counted, and costs no agent.
                                 .idle_ms = now.wall_ms - settings->dedup_window_ms};
}

//  Say what is found for the first time.  Folders without an incident count as well.
static void
s_announce (loop_t *self, int64_t not_before_ms)
{
    loop_retain_t *retain = self->retain;
    artifact_stats_t files;
    artifact_stats (self->threads.artifact, &files);
    if (not_before_ms || (retain->sum.incidents == 0 && files.disk_orphans == 0))
        return;
    retain->announces = true;
    log_warn ("old incidents will be removed for the first time; triagectl storage retention "
              "--dry-run shows how many, retain_incidents keeps them longer",
              kv ("incidents", retain->sum.incidents), kv ("bytes", retain->sum.bytes),
              kv ("folders_without_incident", files.disk_orphans),
              kv ("in_ms", LIMIT_RETAIN_NOTICE_MS));
}

//  The next pass begins after a pause ten times as long as this one.
static void
s_end_pass (loop_t *self, clk_now_t now)
{
    loop_retain_t *retain = self->retain;
    const int64_t pause_ms = 10 * (now.boot_ms - retain->begun_ms);
    retain->running = false;
    retain->due_ms = now.boot_ms + (pause_ms > LIMIT_SNAPSHOT_MS ? pause_ms : LIMIT_SNAPSHOT_MS);
    retain->sum = retain->pass.sum;
    retain->sum_ms = now.wall_ms;
}

static void
s_begin_pass (loop_t *self, bool removes, clk_now_t now)
{
    loop_retain_t *retain = self->retain;
    const store_retain_rule_t rule = s_rule (self->settings, now);
    store_retain_begin (&retain->pass, &rule);
    retain->running = true;
    retain->removes = removes;
    retain->begun_ms = now.boot_ms;
}

//  Go on with the pass.  Returns > 0 if there is more to do now.
static int
s_go_on (loop_t *self, const step_retention_t *core, clk_now_t now)
{
    loop_retain_t *retain = self->retain;
    const int64_t room = LIMIT_RETIRING - core->retiring;
    if (retain->removes && room <= 0)
        return 0;
    const int rc =
        store_retain_next (self->args.store, &retain->pass, retain->removes ? retain->found : NULL,
                           retain->removes ? (int) room : LIMIT_RETAIN_ROWS);
    if (rc < 0)
        return rc;
    retain->count = retain->removes ? rc : 0;
    if (!retain->pass.over)
        return 1;
    s_end_pass (self, now);
    s_announce (self, core->not_before_ms);
    return retain->count > 0 || retain->announces;
}

//  Say that removing waits again.
static void
s_tell_begun (loop_retain_t *self, const step_retention_t *core, clk_now_t now)
{
    if (self->begun && !core->begun)
        log_warn ("the clock was set, so no old incident is removed for now; triagectl storage "
                  "retention --dry-run shows from when on",
                  kv ("in_ms", core->not_before_ms - now.wall_ms));
    self->begun = core->begun;
}

int
loop_retain_look (loop_t *self, clk_now_t now)
{
    loop_retain_t *retain = self->retain;
    const settings_t *settings = self->settings;
    if ((settings->retain_incidents_ms == 0 && settings->retain_bytes == 0)
        || store_refusing (self->args.store) || retain->count > 0 || retain->announces)
        return 0;
    const step_retention_t core = step_retention (self->step, now);
    s_tell_begun (retain, &core, now);
    if (retain->running && retain->removes != core.begun)
        retain->running = false;
    if (!retain->running && now.boot_ms >= retain->due_ms)
        s_begin_pass (self, core.begun, now);
    int rc = retain->running ? s_go_on (self, &core, now) : 0;
    if (rc >= 0 && core.begun) {
        const int old = store_retain_old (self->args.store, s_rule (settings, now).before_ms);
        rc = old < 0 ? old : rc | old;
    }
    return rc == ERR_STORE || rc == -EBADMSG || rc > 0 ? rc : 0;
}

void
loop_retain_step (loop_t *self)
{
    loop_retain_t *retain = self->retain;
    if (retain->count == 0 && !retain->announces)
        return;
    step_in_t in = {.kind = STEP_IN_RETIRE};
    in.as.retire.incidents = retain->found;
    in.as.retire.count = (size_t) retain->count;
    if (turn_step (self, &in) < 0)
        log_debug ("old incidents not removed now, the next pass finds them");
    retain->count = 0;
    retain->announces = false;
}

void
loop_retain_reset (loop_t *self)
{
    self->retain->running = false;
    self->retain->count = 0;
    self->retain->due_ms = 0;
    self->retain->sum_ms = 0;
}

void
loop_retain_figures (const loop_t *self, snapshot_data_t *data)
{
    const store_retain_sum_t *sum = &self->retain->sum;
    data->retention = (snapshot_retention_t){.found = self->retain->sum_ms ? sum->incidents : -1,
                                             .found_bytes = sum->bytes,
                                             .oldest_ms = sum->oldest_ms,
                                             .newest_ms = sum->newest_ms,
                                             .found_ms = self->retain->sum_ms};
}
