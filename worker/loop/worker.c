//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/worker.h"

#include "common/base/log.h"
#include "common/base/own.h"
#include "runner/tree.h"
#include "worker/loop/worker_part.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <utlist.h>

enum {
    WORKER_TICK_MS = 50, //  while there are jobs
    WORKER_IDLE_MS = 200,
    WORKER_LINGER_MS = 2000 //  for the last messages at the end
};

//  --- start

static int
s_open_poll (worker_t *self)
{
    self->poll_fd = epoll_create1 (EPOLL_CLOEXEC);
    //  As a subreaper we become the parent of agents whose supervisor was killed.
    bool good = self->poll_fd >= 0 && prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
    return good ? 0 : -errno;
}

static session_t *
s_connect (worker_t *self, const curve_keys_t *keys, err_diag_t *diag)
{
    session_spec_t spec = {.work_endpoint = self->settings->broker_endpoint,
                           .files_endpoint = self->settings->broker_files_endpoint,
                           .name = self->home->name,
                           .worker_id = self->home->id.text,
                           .agent = settings_agent (self->settings),
                           .keys = keys,
                           .slots = self->settings->max_concurrent_agents,
                           .hooks = worker_hooks (self)};
    return session_new (&spec, diag);
}

static void
s_now (worker_t *self)
{
    clk_now_t now = clk_now (self->clk);
    self->shared.boot_ms = now.boot_ms;
    self->shared.wall_ms = now.wall_ms;
}

worker_t *
worker_new (conf_t *conf, home_t *home, const curve_keys_t *keys, int signal_fd, err_diag_t *diag)
{
    worker_t *self = calloc (1, sizeof *self);
    if (!self) {
        err_diag (diag, "out of memory");
        return NULL;
    }
    self->settings = conf_settings (conf);
    self->home = home;
    self->signal_fd = signal_fd;
    self->poll_fd = -1;
    self->clk = clk_new ();
    int rc = self->clk ? s_open_poll (self) : -ENOMEM;
    if (rc < 0)
        err_diag (diag, "cannot start: %s", err_str (rc));
    if (rc == 0)
        rc = worker_look (self, diag);
    if (rc == 0) {
        self->shared = (job_shared_t){.settings = self->settings,
                                      .conf = conf,
                                      .home = home,
                                      .session = s_connect (self, keys, diag),
                                      .keeper = keeper_new (),
                                      .gateway = gateway_new (),
                                      .remover = remover_new (),
                                      .script = self->script,
                                      .program_dir = self->program_dir,
                                      .poll_fd = self->poll_fd};
        const ready_spec_t look = {.settings = self->settings,
                                   .script = self->script,
                                   .program_dir = self->program_dir,
                                   .home = home->path};
        self->look = ready_new (&look, conf);
        const bool threads =
            self->shared.keeper && self->shared.gateway && self->shared.remover && self->look;
        if (!threads)
            err_diag (diag, "cannot start: out of memory or threads");
        rc = self->shared.session && threads ? 0 : ERR_CONFIG;
    }
    if (rc < 0) {
        worker_destroy (&self);
        return NULL;
    }
    s_now (self);
    worker_resume (self);
    return self;
}

void
worker_destroy (worker_t **self_p)
{
    worker_t *self = *self_p;
    if (!self)
        return;
    job_t *job, *next;
    DL_FOREACH_SAFE (self->jobs, job, next) {
        DL_DELETE (self->jobs, job);
        job_destroy (&job);
    }
    session_destroy (&self->shared.session);
    keeper_destroy (&self->shared.keeper);
    ready_destroy (&self->look);
    ready_report_destroy (&self->ready);
    gateway_destroy (&self->shared.gateway);
    remover_destroy (&self->shared.remover);
    clk_destroy (&self->clk);
    own_fd (&self->poll_fd);
    free (self);
    *self_p = NULL;
}

//  --- the end

static void
s_stop_agents (worker_t *self, bool now)
{
    job_t *job;
    DL_FOREACH (self->jobs, job) {
        job_feed (job, JOB_ON_DRAIN);
        if (now && job->run.pid > 0)
            run_stop (&job->run, true);
    }
}

static void
s_on_term (worker_t *self)
{
    int64_t now_ms = self->shared.boot_ms;
    job_t *job;
    if (self->drain == DRAIN_NO) {
        log_info ("draining", kv ("shutdown_timeout_ms", self->settings->shutdown_timeout_ms));
        self->drain = DRAIN_WAIT;
        self->shared.leaving = true;
        self->drain_until_ms = now_ms + self->settings->shutdown_timeout_ms;
        self->leave_by_ms =
            self->drain_until_ms + self->settings->agent_kill_grace_ms + LIMIT_KILL_MS;
        DL_FOREACH (self->jobs, job)
            if (job->state != JOB_RUN)
                job_feed (job, JOB_ON_DRAIN);
        return;
    }
    log_warn ("second signal: stopping now");
    self->drain = DRAIN_STOP;
    self->drain_until_ms = now_ms;
    self->leave_by_ms = now_ms + LIMIT_KILL_MS;
    s_stop_agents (self, true);
}

//  Take the log level, and look with the new keys.  They are in force once that look has ended.
static void
s_reload (worker_t *self)
{
    own (conf_destroy) conf_t *fresh = NULL;
    const settings_t *settings = NULL;
    if (conf_reload (self->shared.conf, NULL, &fresh) == 0)
        settings = conf_settings (fresh);
    if (settings && strcmp (settings_agent (settings), settings_agent (self->settings)) != 0) {
        log_error ("configuration not reloaded",
                   kv ("reason", "the keys choose another agent, which needs a restart"));
        conf_destroy (&fresh);
    }
    if (fresh) {
        log_set_level ((enum log_level) settings->common.log_level);
        log_info ("configuration reloaded");
    }
    self->looking = true;
    ready_ask (self->look, fresh);
}

//  SIGUSR1: write the state and the jobs to the log.
static void
s_tell (const worker_t *self)
{
    int64_t busy, spooled;
    worker_count (self, &busy, &spooled);
    log_info ("state", kv ("slots", self->settings->max_concurrent_agents), kv ("busy", busy),
              kv ("spooled", spooled), kv ("draining", (bool) (self->drain != DRAIN_NO)),
              kv ("runtime", self->ready ? self->ready->runtime : ""),
              kv ("held", self->ready ? self->ready->why : "not known yet"));
    const job_t *job;
    DL_FOREACH (self->jobs, job)
        log_info ("state of a job", kv ("incident_id", job->verdict.incident.text),
                  kv ("attempt", job->verdict.attempt), kv ("job", job_state_name (job->state)));
}

static void
s_on_signals (worker_t *self)
{
    struct signalfd_siginfo info;
    while (read (self->signal_fd, &info, sizeof info) == (ssize_t) sizeof info) {
        if (info.ssi_signo == SIGHUP)
            s_reload (self);
        else if (info.ssi_signo == SIGUSR1)
            s_tell (self);
        else
            s_on_term (self);
    }
}

static bool
s_left (worker_t *self)
{
    if (self->drain == DRAIN_NO)
        return false;
    int64_t busy, spooled, now_ms = self->shared.boot_ms;
    worker_count (self, &busy, &spooled);
    if (self->drain == DRAIN_WAIT && now_ms >= self->drain_until_ms) {
        self->drain = DRAIN_STOP;
        s_stop_agents (self, false);
    }
    if (busy == 0 && (spooled == 0 || now_ms >= self->drain_until_ms))
        return true;
    return now_ms >= self->leave_by_ms;
}

//  --- the loop

//  Kill the processes that a supervisor has left; they are our children now.
static void
s_orphans (worker_t *self)
{
    pid_t known [LIMIT_SLOTS * 2];
    size_t count = 0;
    job_t *job;
    DL_FOREACH (self->jobs, job)
        if (job->run.pid > 0 && count < sizeof known / sizeof known [0])
            known [count++] = job->run.pid;
    int found = tree_kill_others (known, count);
    if (found > 0 && !self->orphans)
        log_warn ("processes of a supervisor that has ended are killed", kv ("count", found));
    self->orphans = found;
    bool over = self->shared.boot_ms >= self->shared.orphans_until_ms;
    if (found && over)
        log_error ("processes cannot be killed", kv ("count", found));
    if (found && !over)
        return;
    self->shared.orphans_until_ms = 0;
    self->orphans = 0;
}

static void
s_tick_jobs (worker_t *self)
{
    job_t *job, *next;
    int64_t pending = 0;
    DL_FOREACH (self->jobs, job)
        pending += upload_pending (&job->upload);
    self->shared.window_bytes = LIMIT_FILES_WINDOW_BYTES - pending;
    DL_FOREACH (self->jobs, job)
        job_tick (job);
    DL_FOREACH_SAFE (self->jobs, job, next) {
        if (job->state != JOB_GONE || job->run.pid > 0)
            continue;
        DL_DELETE (self->jobs, job);
        job_destroy (&job);
    }
    if (self->shared.orphans_until_ms)
        s_orphans (self);
}

static void
s_take_kept (worker_t *self)
{
    keeper_item_t *item;
    while ((item = keeper_take (self->shared.keeper))) {
        job_t *job =
            worker_find (self, codec_text (item->verdict.incident.text), item->verdict.attempt);
        if (job)
            job_on_kept (job, item);
        keeper_item_destroy (&item);
    }
}

static void
s_tell_ready (const worker_t *self, const ready_report_t *before)
{
    const ready_report_t *now = self->ready;
    const ready_spec_t look = {.settings = self->settings, .script = self->script};
    if (!now->good && (!before || strcmp (before->why, now->why) != 0))
        log_error ("agents cannot run here: this worker takes no work", kv ("why", now->why));
    if (!now->good || (before && before->good))
        return;
    log_info ("agents can run", kv ("agent", settings_agent (self->settings)),
              kv ("program", now->driver.path), kv ("version", now->driver.version),
              kv ("runtime", now->runtime));
    ready_warn (&look, now);
}

static void
s_take_ready (worker_t *self)
{
    ready_report_t *report;
    while ((report = ready_take (self->look))) {
        own (ready_report_destroy) ready_report_t *before = self->ready;
        self->shared.ready = self->ready = report;
        self->shared.conf = report->conf;
        self->looking = false;
        self->renewed = self->renewed
                        || (before
                            && !settings_same_keys (conf_settings (before->conf),
                                                    conf_settings (report->conf)));
        self->shared.resumes = report->driver.resumes;
        s_tell_ready (self, before);
    }
}

//  What agents need may have gone since the last look: then the worker takes no more work.
static void
s_look_again (worker_t *self)
{
    if (!self->shared.missing || self->looking)
        return;
    self->shared.missing = false;
    self->looking = true;
    ready_ask (self->look, NULL);
}

static void
s_visit_stray (void *ctx, const char *path, const char *name)
{
    const worker_t *self = ctx;
    const job_t *job;
    DL_FOREACH (self->jobs, job)
        if (strcmp (job->dir, path) == 0)
            return;
    log_warn ("folder of no job removed", kv ("path", path));
    home_discard (self->home, path);
}

//  Discard folders in jobs/ that belong to no job: agents run as our user and can rename theirs.
static void
s_strays (worker_t *self)
{
    if (self->home->trash_clean)
        return;
    home_each (self->home, "jobs", self, s_visit_stray);
}

static void
s_turn (worker_t *self)
{
    session_t *session = self->shared.session;
    link_wait_t items [] = {{.link = session_work (session)},
                            {.link = session_files (session)},
                            {.fd = self->signal_fd},
                            {.fd = self->poll_fd},
                            {.fd = keeper_fd (self->shared.keeper)},
                            {.fd = ready_fd (self->look)}};
    s_strays (self);
    bool swept = home_sweep (self->home, LIMIT_SWEEP_ENTRIES);
    link_wait (items, sizeof items / sizeof items [0],
               self->jobs || !swept ? WORKER_TICK_MS : WORKER_IDLE_MS);
    s_now (self);
    s_take_ready (self);
    session_drain (session, self->shared.boot_ms, self->shared.wall_ms);
    if (items [2].readable)
        s_on_signals (self);
    s_take_kept (self);
    s_tick_jobs (self);
    s_look_again (self);
    session_tick (session, self->shared.boot_ms, self->shared.wall_ms);
    self->renewed = self->renewed && !session_told (session);
}

int
worker_run (worker_t *self)
{
    log_info ("worker started", kv ("name", self->home->name), kv ("id", self->home->id.text),
              kv ("agent", settings_agent (self->settings)),
              kv ("slots", self->settings->max_concurrent_agents));
    while (!s_left (self))
        s_turn (self);
    int64_t busy, spooled;
    worker_count (self, &busy, &spooled);
    log_info ("worker stopped", kv ("agents_left", busy), kv ("spooled", spooled));
    session_bye (self->shared.session, WORKER_LINGER_MS);
    return 0;
}
