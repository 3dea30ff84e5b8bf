//  worker - jobs by the broker's word, drained by a signal.
//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/worker.h"

#include "common/base/clk.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/reach.h"
#include "runner/tree.h"
#include "worker/keeper/secrets.h"
#include "worker/loop/job.h"
#include "worker/loop/program.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
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
    WORKER_LINGER_MS = 2000, //  last words at the end
    WORKER_FENCES = LIMIT_SLOTS + LIMIT_SPOOLED + LIMIT_SLOTS
};

typedef enum { DRAIN_NO, DRAIN_WAIT, DRAIN_STOP } drain_t;

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

//  --- what the session asks

static void
s_lists (void *owner, codec_list_t *ret_running, codec_list_t *ret_spooled)
{
    worker_t *self = owner;
    size_t running = 0, spooled = 0;
    job_t *job;
    DL_FOREACH (self->jobs, job) {
        msg_fence_t fence = {.incident = codec_text (job->report.incident.text),
                             .attempt = job->report.attempt};
        if (job_busy (job) && running < WORKER_FENCES)
            self->running [running++] = fence;
        if (!job_busy (job) && job->state != JOB_GONE && spooled < WORKER_FENCES)
            self->spooled [spooled++] = fence;
    }
    *ret_running = (codec_list_t){self->running, running};
    *ret_spooled = (codec_list_t){self->spooled, spooled};
}

static void
s_count (const worker_t *self, int64_t *ret_busy, int64_t *ret_spooled)
{
    *ret_busy = *ret_spooled = 0;
    const job_t *job;
    DL_FOREACH (self->jobs, job) {
        if (job_busy (job))
            ++*ret_busy;
        else if (job->state != JOB_GONE)
            ++*ret_spooled;
    }
}

static void
s_credit (void *owner, int64_t *ret_total, int64_t *ret_free)
{
    worker_t *self = owner;
    int64_t busy, spooled;
    s_count (self, &busy, &spooled);
    *ret_total = self->drain == DRAIN_NO ? self->settings->max_concurrent_agents : 0;
    *ret_free = *ret_total > busy ? *ret_total - busy : 0;
    if (spooled >= LIMIT_SPOOLED)
        *ret_free = 0;
}

static job_t *
s_find (worker_t *self, codec_text_t incident, int64_t attempt)
{
    job_t *job;
    DL_FOREACH (self->jobs, job)
        if (job->state != JOB_GONE && job_is (job, incident, attempt))
            return job;
    return NULL;
}

static void
s_release (worker_t *self, codec_text_t incident, int64_t attempt, const char *reason)
{
    msg_end_t end = {.incident = incident, .attempt = attempt, .reason = codec_text (reason)};
    (void) session_send (self->shared.session, MSG_RELEASE, &end, 0);
}

static void
s_on_assign (worker_t *self, const msg_assign_t *assign)
{
    char incident [IDENT_SIZE];
    if (!codec_copy (assign->incident, incident, sizeof incident) || !ident_valid (incident)
        || assign->attempt < 1) {
        log_warn ("assignment ignored: not an incident id", kv ("incident_id", incident));
        return;
    }
    job_t *job = s_find (self, assign->incident, assign->attempt);
    if (job) {
        job->accept_sent = false; //  the ACCEPT was lost
        return;
    }
    int64_t total, free_slots;
    s_credit (self, &total, &free_slots);
    if (free_slots == 0) {
        s_release (self, assign->incident, assign->attempt,
                   self->drain != DRAIN_NO ? "drain" : "busy");
        return;
    }
    job = job_new (&self->shared, assign);
    if (!job) {
        s_release (self, assign->incident, assign->attempt, "busy");
        return;
    }
    log_info ("incident assigned", kv ("incident_id", incident), kv ("attempt", assign->attempt),
              kv ("cluster", job->cluster));
    DL_APPEND (self->jobs, job);
}

static void
s_on_cancel (worker_t *self, codec_text_t incident, int64_t attempt, bool answer)
{
    job_t *job = s_find (self, incident, attempt);
    if (job)
        job_feed (job, JOB_ON_CANCEL);
    else if (answer)
        s_release (self, incident, attempt, "cancelled");
}

static void
s_on_welcome (worker_t *self, const msg_welcome_t *welcome)
{
    const msg_fence_t *revoke = welcome->revoke.items;
    for (size_t i = 0; i < welcome->revoke.count; i++)
        s_on_cancel (self, revoke [i].incident, revoke [i].attempt, false);
    job_t *job;
    DL_FOREACH (self->jobs, job)
        job_greet (job);
}

static void
s_on_verdict_ack (worker_t *self, const msg_verdict_ack_t *ack)
{
    job_t *job = s_find (self, ack->incident, ack->attempt);
    if (!job)
        return;
    char disposition [32];
    codec_copy (ack->disposition, disposition, sizeof disposition);
    log_info ("verdict acknowledged", kv ("incident_id", job->report.incident.text),
              kv ("attempt", job->report.attempt), kv ("disposition", disposition));
    job_feed (job, codec_is (ack->disposition, "missing") ? JOB_ON_MISSING : JOB_ON_ACK);
}

static void
s_on_file (worker_t *self, const link_msg_t *msg)
{
    codec_text_t incident = {0};
    int64_t attempt = 0;
    job_t *job;
    if (msg->frame.type == MSG_ERROR) {
        DL_FOREACH (self->jobs, job)
            job_on_file (job, msg);
        return;
    }
    if (msg->frame.type == MSG_DATA) {
        incident = msg->msg.chunk.incident;
        attempt = msg->msg.chunk.attempt;
    }
    else if (msg->frame.type == MSG_GO) {
        incident = msg->msg.at.incident;
        attempt = msg->msg.at.attempt;
    }
    else if (msg->frame.type == MSG_SEALED) {
        incident = msg->msg.sealed.incident;
        attempt = msg->msg.sealed.attempt;
    }
    job = incident.data ? s_find (self, incident, attempt) : NULL;
    if (job)
        job_on_file (job, msg);
}

static void
s_on_message (void *owner, const link_msg_t *msg, bool files)
{
    worker_t *self = owner;
    const msg_t *body = &msg->msg;
    if (files) {
        s_on_file (self, msg);
        return;
    }
    if (msg->frame.type == MSG_WELCOME)
        s_on_welcome (self, &body->welcome);
    else if (msg->frame.type == MSG_ASSIGN)
        s_on_assign (self, &body->assign);
    else if (msg->frame.type == MSG_CANCEL)
        s_on_cancel (self, body->end.incident, body->end.attempt, true);
    else if (msg->frame.type == MSG_LEASE && body->lease.ms == 0)
        s_on_cancel (self, body->lease.incident, body->lease.attempt, false);
    else if (msg->frame.type == MSG_VERDICT_ACK)
        s_on_verdict_ack (self, &body->verdict_ack);
}

//  --- start

//  Finished work of an earlier life.  What cannot be read stays where it is, for a human.
static void
s_visit_spool (void *ctx, const char *path, const char *name)
{
    worker_t *self = ctx;
    static spool_report_t report; //  6 KiB, one thread
    int rc = spool_load (path, &report);
    job_t *job = rc == 0 ? job_new_spooled (&self->shared, path, &report) : NULL;
    if (!job) {
        log_error ("spool entry not readable", kv ("entry", name),
                   kv ("error", err_str (rc ? rc : -ENOMEM)));
        return;
    }
    log_info ("result found in the spool", kv ("incident_id", report.incident.text),
              kv ("attempt", report.attempt));
    DL_APPEND (self->jobs, job);
}

//  Workspaces of an earlier life: a run that had come to its end is as good as
//  ever, others are lost.
static void
s_visit_job (void *ctx, const char *path, const char *name)
{
    worker_t *self = ctx;
    ident_t incident;
    int64_t attempt = 0;
    run_result_t result;
    job_t *job = NULL;
    if (home_name_parse (name, &incident, &attempt) && run_result_load (path, &result) == 0
        && run_result_final (&result))
        job = job_new_ended (&self->shared, path, &incident, attempt, &result);
    if (!job) {
        home_discard (self->home, path);
        return;
    }
    log_info ("finished run found", kv ("incident_id", incident.text), kv ("attempt", attempt));
    DL_APPEND (self->jobs, job);
}

static int
s_find_programs (worker_t *self, err_diag_t *diag)
{
    int rc = program_folder (self->program_dir, diag);
    if (rc == 0)
        rc = program_script (self->settings, self->program_dir, self->script, diag);
    if (rc == 0 || rc == ERR_CONFIG)
        return rc;
    log_error ("agent script cannot be run: no incident can be investigated; "
               "name one by --agent-script-path",
               kv ("error", diag->text), kv ("path", self->script));
    diag->text [0] = 0;
    return 0;
}

//  The agents find out too late: they would report that they could not see the cluster.
static void
s_look_for_kubeconfig (const char *list)
{
    char path [PATH_MAX];
    while (settings_next_path (&list, path)) {
        err_diag_t diag = {""};
        if (reach_readable (path, &diag) < 0)
            log_warn ("kubeconfig cannot be read", kv ("path", path), kv ("error", diag.text));
    }
}

static void
s_look_for_kubeconfigs (const worker_t *self)
{
    const settings_cluster_t *clusters = self->settings->clusters.items;
    s_look_for_kubeconfig (self->settings->kubeconfig);
    for (size_t i = 0; i < self->settings->clusters.count; i++)
        s_look_for_kubeconfig (clusters [i].kubeconfig);
}

static int
s_open_poll (worker_t *self)
{
    self->poll_fd = epoll_create1 (EPOLL_CLOEXEC);
    //  If a supervisor is killed, its agents become our children instead of getting away.
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
                           .hooks = {self, s_lists, s_credit, s_on_message}};
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
worker_new (const conf_t *conf, home_t *home, const curve_keys_t *keys, int signal_fd,
            err_diag_t *diag)
{
    worker_t *self = calloc (1, sizeof *self);
    if (!self) {
        err_diag (diag, "out of memory");
        return NULL;
    }
    self->conf = conf;
    self->settings = conf_settings (conf);
    self->home = home;
    self->signal_fd = signal_fd;
    self->poll_fd = -1;
    self->clk = clk_new ();
    int rc = self->clk ? s_open_poll (self) : -ENOMEM;
    if (rc < 0)
        err_diag (diag, "cannot start: %s", err_str (rc));
    if (rc == 0)
        rc = s_find_programs (self, diag);
    s_look_for_kubeconfigs (self);
    secrets_warn (self->settings);
    if (rc == 0)
        program_check (self->settings, self->script, self->program_dir);
    if (rc == 0) {
        self->shared = (job_shared_t){.settings = self->settings,
                                      .home = home,
                                      .session = s_connect (self, keys, diag),
                                      .keeper = keeper_new (self->settings),
                                      .script = self->script,
                                      .program_dir = self->program_dir,
                                      .poll_fd = self->poll_fd};
        if (!self->shared.keeper)
            err_diag (diag, "cannot start: out of memory or threads");
        rc = self->shared.session && self->shared.keeper ? 0 : ERR_CONFIG;
    }
    if (rc < 0) {
        worker_destroy (&self);
        return NULL;
    }
    s_now (self);
    home_each (home, "spool", self, s_visit_spool);
    home_each (home, "jobs", self, s_visit_job);
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

static void
s_reload (worker_t *self)
{
    conf_t *fresh = NULL;
    if (conf_reload (self->conf, &fresh) < 0)
        return;
    const settings_t *settings = conf_settings (fresh);
    log_set_level ((enum log_level) settings->common.log_level);
    log_info ("configuration reloaded");
    conf_destroy (&fresh);
}

//  SIGUSR1: what there is, for whoever reads the log.
static void
s_tell (const worker_t *self)
{
    int64_t busy, spooled;
    s_count (self, &busy, &spooled);
    log_info ("state", kv ("slots", self->settings->max_concurrent_agents), kv ("busy", busy),
              kv ("spooled", spooled), kv ("draining", (bool) (self->drain != DRAIN_NO)));
    const job_t *job;
    DL_FOREACH (self->jobs, job)
        log_info ("state of a job", kv ("incident_id", job->report.incident.text),
                  kv ("attempt", job->report.attempt), kv ("job", job_state_name (job->state)));
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
    s_count (self, &busy, &spooled);
    if (self->drain == DRAIN_WAIT && now_ms >= self->drain_until_ms) {
        self->drain = DRAIN_STOP;
        s_stop_agents (self, false);
    }
    if (busy == 0 && (spooled == 0 || now_ms >= self->drain_until_ms))
        return true;
    return now_ms >= self->leave_by_ms;
}

//  --- the loop

//  Processes that a supervisor left are our children now.
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
    self->shared.window = LIMIT_FILES_WINDOW_BYTES - pending;
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
        job_t *job = s_find (self, codec_text (item->report.incident.text), item->report.attempt);
        if (job)
            job_on_kept (job, item);
        own_mem (&item);
    }
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

//  Agents have our user: one may have given its workspace another name.
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
                            {.fd = keeper_fd (self->shared.keeper)}};
    s_strays (self);
    bool swept = home_sweep (self->home, LIMIT_SWEEP_ENTRIES);
    link_wait (items, sizeof items / sizeof items [0],
               self->jobs || !swept ? WORKER_TICK_MS : WORKER_IDLE_MS);
    s_now (self);
    session_drain (session, self->shared.boot_ms, self->shared.wall_ms);
    if (items [2].readable)
        s_on_signals (self);
    s_take_kept (self);
    s_tick_jobs (self);
    session_tick (session, self->shared.boot_ms, self->shared.wall_ms);
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
    s_count (self, &busy, &spooled);
    log_info ("worker stopped", kv ("agents_left", busy), kv ("spooled", spooled));
    session_bye (self->shared.session, WORKER_LINGER_MS);
    return 0;
}
