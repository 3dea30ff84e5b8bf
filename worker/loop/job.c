//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/job.h"

#include "common/base/failpoint.h"
#include "common/base/folder.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "worker/loop/facts.h"
#include "worker/loop/judge.h"
#include "worker/loop/network.h"
#include "worker/loop/resume.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

enum { JOB_TIMEOUT_MS = 300000 }; //  for an assignment without one

static const char *const s_state_names [JOB_STATES] = {
    "fetch", "ready", "run", "resume", "stop", "keep", "upload", "verdict", "gone"};

const char *
job_state_name (job_state_t state)
{
    return s_state_names [state];
}

static void
s_release (job_t *self)
{
    assert (self->state == JOB_GONE && self->release);
    msg_end_t end = {.incident = codec_text (self->verdict.incident.text),
                     .attempt = self->verdict.attempt,
                     .reason = codec_text (self->release),
                     .detail = codec_text (self->verdict.reason)};
    (void) session_send (self->shared->session, MSG_RELEASE, &end, 0);
    log_info ("attempt given back", kv ("incident_id", self->verdict.incident.text),
              kv ("attempt", self->verdict.attempt), kv ("reason", self->release),
              kv ("detail", self->verdict.reason));
    home_discard (self->shared->home, self->dir);
}

static void
s_release_cancelled (job_t *self)
{
    self->release = "cancelled";
    s_release (self);
}

static void
s_release_drain (job_t *self)
{
    self->release = "drain";
    s_release (self);
}

static void
s_release_host (job_t *self)
{
    verdict_run_t run = {.started = false, .start_error = self->reason};
    (void) verdict_judge (&run, self->verdict.reason);
    self->release = self->busy ? "busy" : "host";
    s_release (self);
}

//  Boot time by which a supervisor must have ended an agent that it begins to stop now.
static int64_t
s_end_by_ms (const job_t *self)
{
    return self->shared->boot_ms + self->shared->settings->agent_kill_grace_ms + LIMIT_KILL_MS
           + LIMIT_SUPERVISOR_MS;
}

static void
s_stop (job_t *self, const char *release)
{
    self->release = release;
    run_stop (&self->run, false);
    if (s_end_by_ms (self) < self->end_by_ms)
        self->end_by_ms = s_end_by_ms (self);
}

static void
s_stop_cancelled (job_t *self)
{
    s_stop (self, "cancelled");
}

static void
s_stop_drain (job_t *self)
{
    s_stop (self, "drain");
}

static void
s_tell_verdict (const job_t *self)
{
    judge_log (&self->verdict);
    if (self->verdict.class == RUN_CLASS_INFRA)
        self->shared->missing = true;
}

static void
s_failed_to_start (job_t *self)
{
    judge_unstarted (self->reason, self->shared->wall_ms, &self->verdict);
    s_tell_verdict (self);
}

//  If the agent has no access because `clusters` does not list its cluster, say so in the prompt.
static void
s_tell_no_kubeconfig (const job_t *self)
{
    static const char line [] =
        "\n\nThis worker has no kubeconfig for the cluster of this incident: the "
        "cluster cannot be asked. Say so in the report.\n";
    const settings_t *settings = self->shared->settings;
    if (settings->clusters.count == 0 || *settings_kubeconfig (settings, self->cluster))
        return;
    log_warn ("no kubeconfig for this cluster: its agent gets none",
              kv ("incident_id", self->verdict.incident.text), kv ("cluster", self->cluster));
    static const char name [] = "logs/prompt.md";
    char path [HOME_PATH + sizeof name];
    snprintf (path, sizeof path, "%s/%s", self->dir, name);
    own (own_fd) int dir_fd = folder_open_path (self->dir);
    own (own_fd) int fd =
        dir_fd < 0 ? dir_fd : folder_open_file (dir_fd, name, O_WRONLY | O_APPEND, NULL);
    const int rc = fd < 0 ? fd : write (fd, line, sizeof line - 1) < 0 ? -errno : 0;
    if (rc < 0)
        log_warn ("cannot tell the agent so", kv ("file", path), kv ("reason", err_str (rc)));
}

//  Remember what the agent is given.  Afterwards its workspace says what the agent wants.
static void
s_note_prompt (job_t *self)
{
    const int rc = fetch_prompt (self->dir, &self->prompt);
    if (rc == 0)
        return;
    buf_reset (&self->prompt);
    log_warn ("prompt not kept", kv ("incident_id", self->verdict.incident.text),
              kv ("attempt", self->verdict.attempt), kv ("error", err_str (rc)));
}

static int
s_open_box (job_t *self)
{
    const job_shared_t *shared = self->shared;
    const box_spec_t spec = {.settings = conf_settings (self->conf),
                             .driver = &shared->ready->driver,
                             .runtime = shared->ready->runtime,
                             .gateway = shared->gateway,
                             .script = shared->script,
                             .program_dir = shared->program_dir,
                             .home = shared->home,
                             .workspace = self->dir,
                             .incident = self->verdict.incident.text,
                             .attempt = self->verdict.attempt,
                             .cluster = self->cluster,
                             .allowed_tools = self->allowed_tools,
                             .granted = &self->granted};
    err_diag_t diag = {""};
    int rc = box_open (&self->box, &spec, &diag);
    if (rc < 0)
        snprintf (self->reason, sizeof self->reason, "%.159s", diag.text);
    return rc;
}

//  Start the script with so much time.  Err: self->reason says why it does not run.
static int
s_launch (job_t *self, int64_t timeout_ms)
{
    job_shared_t *shared = self->shared;
    run_spec_t spec = {.settings = conf_settings (self->conf),
                       .script = shared->script,
                       .program_dir = shared->program_dir,
                       .workspace = self->dir,
                       .incident = self->verdict.incident.text,
                       .attempt = self->verdict.attempt,
                       .box = &self->box,
                       .model = self->model,
                       .allowed_tools = self->allowed_tools,
                       .timeout_ms = timeout_ms,
                       .resume = self->state == JOB_RESUME};
    self->end_by_ms = s_end_by_ms (self);
    int rc = failpoint_before ("run", "start");
    if (rc == 0)
        rc = run_start (&self->run, &spec);
    if (rc == 0)
        failpoint_after ("run", "start");
    struct epoll_event wake = {.events = EPOLLIN};
    if (rc == 0 && epoll_ctl (shared->poll_fd, EPOLL_CTL_ADD, self->run.status_fd, &wake) != 0)
        rc = -errno;
    if (rc == 0) {
        self->end_by_ms = s_end_by_ms (self) + timeout_ms;
        return 0;
    }
    snprintf (self->reason, sizeof self->reason, "triage-run: %s", err_str (rc));
    run_stop (&self->run, true);
    return rc;
}

static void
s_start (job_t *self)
{
    assert (self->state == JOB_RUN && self->run.pid == 0 && self->timeout_ms > 0);
    s_tell_no_kubeconfig (self);
    s_note_prompt (self);
    job_shared_t *shared = self->shared;
    int rc = s_open_box (self);
    if (rc == 0)
        rc = s_launch (self, self->timeout_ms);
    if (rc < 0) {
        job_feed (self, JOB_ON_FAILED);
        return;
    }
    shared->started_ms = shared->boot_ms;
    self->deadline_ms = shared->boot_ms + self->timeout_ms;
    self->verdict.started_ms = shared->wall_ms;
    log_info ("agent started", kv ("incident_id", self->verdict.incident.text),
              kv ("attempt", self->verdict.attempt),
              kv ("agent", settings_agent (shared->settings)), kv ("timeout_ms", self->timeout_ms));
}

//  Start the second run.  It has what is left of the attempt's time.
static void
s_resume (job_t *self)
{
    const int64_t rest_ms = self->deadline_ms - self->shared->boot_ms;
    assert (self->state == JOB_RESUME && self->run.pid == 0 && rest_ms > 0);
    self->first = self->run.result;
    int rc = resume_prepare (self->dir);
    if (rc < 0)
        snprintf (self->reason, sizeof self->reason, "workspace: %s", err_str (rc));
    else
        rc = s_launch (self, rest_ms);
    if (rc < 0) {
        job_feed (self, JOB_ON_FAILED);
        return;
    }
    const char *more = self->shared->ready->driver.resume_prompt;
    if (self->prompt.size > 0 && *more)
        (void) buf_printf (&self->prompt, "\n\n%s\n", more);
    log_info ("agent resumed", kv ("incident_id", self->verdict.incident.text),
              kv ("attempt", self->verdict.attempt), kv ("timeout_ms", rest_ms));
}

//  Judge the run.  What a second run has spoiled of the first one comes back before.
static void
s_judge_run (job_t *self)
{
    gateway_report_t report;
    box_close (&self->box, &report);
    self->facts.resumed = self->first.valid;
    if (self->facts.resumed)
        resume_restore (self->dir);
    judge_run (&self->run, self->dir, self->timeout_ms, self->shared->wall_ms, &self->verdict,
               &self->facts.run);
    if (self->shared->ready)
        facts_observe (&report, settings_author (self->shared->settings),
                       &self->shared->ready->driver, &self->facts);
    if (self->first.started_ms)
        self->verdict.started_ms = self->first.started_ms;
}

//  There is no second run: the first one is all there was.
static void
s_judge_first (job_t *self)
{
    log_warn ("agent cannot be resumed", kv ("incident_id", self->verdict.incident.text),
              kv ("attempt", self->verdict.attempt), kv ("reason", self->reason));
    self->run.result = self->first;
    s_judge_run (self);
}

//  Only a human can put a key right.
static void
s_advise (const job_t *self)
{
    char text [512] = "";
    const ready_report_t *ready = self->shared->ready;
    if (self->verdict.class == RUN_CLASS_AUTH && ready)
        network_advice (conf_settings (self->conf), &ready->driver, text, sizeof text);
    if (*text)
        log_error ("the provider does not accept the key", kv ("what", text),
                   kv ("provider", ready->driver.provider));
}

static void
s_kept (job_t *self)
{
    s_tell_verdict (self);
    s_advise (self);
    upload_restart (&self->upload, self->shared->boot_ms, 0);
    if (!judge_has_files (&self->verdict))
        job_feed (self, JOB_ON_STORED);
}

static void
s_upload_again (job_t *self)
{
    upload_restart (&self->upload, self->shared->boot_ms, LIMIT_VERDICT_RETRY_MS);
}

static void
s_stored (job_t *self)
{
    self->verdict_ms = 0;
}

static void
s_forget (job_t *self)
{
    home_discard (self->shared->home, self->dir);
}

typedef struct {
    void (*action) (job_t *self); //  called in the new state; may be NULL
    job_state_t next;
    bool known;
} cell_t;

#define GO(action, next)                                                                           \
    {                                                                                              \
        action, next, true                                                                         \
    }

static const cell_t s_table [JOB_STATES][JOB_EVENTS] = {
    [JOB_FETCH] = {[JOB_ON_FETCHED] = GO (NULL, JOB_READY),
                   [JOB_ON_FAILED] = GO (s_release_host, JOB_GONE),
                   [JOB_ON_CANCEL] = GO (s_release_cancelled, JOB_GONE),
                   [JOB_ON_DRAIN] = GO (s_release_drain, JOB_GONE)},
    [JOB_READY] = {[JOB_ON_START] = GO (s_start, JOB_RUN),
                   [JOB_ON_CANCEL] = GO (s_release_cancelled, JOB_GONE),
                   [JOB_ON_DRAIN] = GO (s_release_drain, JOB_GONE)},
    [JOB_RUN] = {[JOB_ON_FAILED] = GO (s_failed_to_start, JOB_VERDICT),
                 [JOB_ON_ENDED] = GO (s_judge_run, JOB_KEEP),
                 [JOB_ON_STOPPED] = GO (s_judge_run, JOB_KEEP),
                 [JOB_ON_CANCEL] = GO (s_stop_cancelled, JOB_STOP),
                 [JOB_ON_RESUME] = GO (s_resume, JOB_RESUME),
                 [JOB_ON_DRAIN] = GO (s_stop_drain, JOB_STOP)},
    [JOB_RESUME] = {[JOB_ON_FAILED] = GO (s_judge_first, JOB_KEEP),
                    [JOB_ON_ENDED] = GO (s_judge_run, JOB_KEEP),
                    [JOB_ON_STOPPED] = GO (s_judge_run, JOB_KEEP),
                    [JOB_ON_CANCEL] = GO (s_stop_cancelled, JOB_STOP),
                    [JOB_ON_DRAIN] = GO (s_stop_drain, JOB_STOP)},
    //  ENDED: the agent ended before the order to stop arrived, so its result is kept.
    [JOB_STOP] =
        {[JOB_ON_ENDED] = GO (s_judge_run, JOB_KEEP), [JOB_ON_STOPPED] = GO (s_release, JOB_GONE)},
    [JOB_KEEP] = {[JOB_ON_KEPT] = GO (s_kept, JOB_UPLOAD)},
    [JOB_UPLOAD] = {[JOB_ON_STORED] = GO (s_stored, JOB_VERDICT)},
    [JOB_VERDICT] = {[JOB_ON_MISSING] = GO (s_upload_again, JOB_UPLOAD),
                     [JOB_ON_ACK] = GO (s_forget, JOB_GONE)},
};

//  Assert the invariants that hold between two events.
static void
s_check (const job_t *self)
{
    assert (self && self->shared && self->state < JOB_STATES);
    assert (self->verdict.attempt >= 1 && self->dir [0]);
    assert (self->verdict.file_count <= LIMIT_ATTEMPT_FILES);
    assert (self->run.pid <= 0 || self->state >= JOB_RUN);
    assert (self->state != JOB_STOP || self->release);
    assert (!self->given || self->state >= JOB_KEEP);
}

void
job_feed (job_t *self, job_event_t event)
{
    s_check (self);
    assert (event < JOB_EVENTS);
    const cell_t *cell = &s_table [self->state][event];
    if (!cell->known)
        return;
    log_debug ("job", kv ("incident_id", self->verdict.incident.text),
               kv ("attempt", self->verdict.attempt), kv ("from", s_state_names [self->state]),
               kv ("to", s_state_names [cell->next]));
    //  A job only moves forward, unless the broker has lost its files.  So each job ends.
    assert (cell->next > self->state || event == JOB_ON_MISSING);
    self->state = cell->next;
    if (cell->action)
        cell->action (self);
    s_check (self);
}

static int64_t
s_timeout_ms (const settings_t *settings, int64_t assigned_ms)
{
    int64_t timeout_ms = assigned_ms > 0 ? assigned_ms : JOB_TIMEOUT_MS;
    if (timeout_ms > LIMIT_AGENT_TIMEOUT_MS)
        timeout_ms = LIMIT_AGENT_TIMEOUT_MS;
    if (settings->agent_timeout_ms > 0 && settings->agent_timeout_ms < timeout_ms)
        timeout_ms = settings->agent_timeout_ms;
    return timeout_ms;
}

//  Make the agent's folders.  A left-over of the same name is from an earlier try at this attempt.
static void
s_make_workspace (job_t *self)
{
    static const char *const parts [] = {"", "/output", "/logs"};
    int rc = home_folders (self->shared->home);
    home_discard (self->shared->home, self->dir);
    for (size_t i = 0; rc == 0 && i < sizeof parts / sizeof parts [0]; i++) {
        char path [HOME_PATH + 16];
        snprintf (path, sizeof path, "%s%s", self->dir, parts [i]);
        if (mkdir (path, 0700) != 0)
            rc = -errno;
    }
    if (rc == 0)
        return;
    snprintf (self->reason, sizeof self->reason, "cannot make the workspace: %s", err_str (rc));
    job_feed (self, JOB_ON_FAILED);
}

static job_t *
s_new (job_shared_t *shared)
{
    job_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->shared = shared;
    self->conf = conf_share (shared->conf);
    self->run = (run_t){.control_fd = -1, .status_fd = -1};
    self->prompt = buf_init (LIMIT_PROMPT_BYTES + LIMIT_SYSTEM_PROMPT_BYTES + LIMIT_KIB (4));
    self->verdict.usage = usage_none ();
    self->facts = findings_no_facts ();
    self->progress_ms = shared->boot_ms + session_lease_ms (shared->session) / JOB_PROGRESS_SHARE;
    return self;
}

job_t *
job_new (job_shared_t *shared, const msg_assign_t *assign)
{
    job_t *self = s_new (shared);
    if (!self)
        return NULL;
    const char *model = shared->settings->agent_model;
    codec_copy (assign->incident, self->verdict.incident.text, sizeof self->verdict.incident.text);
    self->verdict.attempt = assign->attempt;
    codec_copy (assign->cluster, self->cluster, sizeof self->cluster);
    codec_copy (*model ? codec_text (model) : assign->model, self->model, sizeof self->model);
    codec_copy (assign->allowed_tools, self->allowed_tools, sizeof self->allowed_tools);
    self->timeout_ms = s_timeout_ms (shared->settings, assign->timeout_ms);
    home_path (shared->home, "jobs", self->verdict.incident.text, assign->attempt, self->dir);
    s_make_workspace (self);
    return self;
}

job_t *
job_new_spooled (job_shared_t *shared, const char *dir, const spool_verdict_t *verdict)
{
    job_t *self = s_new (shared);
    if (!self)
        return NULL;
    self->verdict = *verdict;
    self->state = judge_has_files (verdict) ? JOB_UPLOAD : JOB_VERDICT;
    snprintf (self->dir, sizeof self->dir, "%s", dir);
    upload_restart (&self->upload, shared->boot_ms, 0);
    return self;
}

job_t *
job_new_ended (job_shared_t *shared, const char *dir, const ident_t *incident, int64_t attempt,
               const run_result_t *result)
{
    job_t *self = s_new (shared);
    if (!self)
        return NULL;
    self->verdict.incident = *incident;
    self->verdict.attempt = attempt;
    self->state = JOB_RUN;
    self->run.started = !*result->start_error;
    self->run.result = *result;
    self->timeout_ms = result->timeout_ms;
    self->ended = true;
    snprintf (self->dir, sizeof self->dir, "%s", dir);
    return self;
}

void
job_destroy (job_t **self_p)
{
    if (!*self_p)
        return;
    run_fini (&(*self_p)->run);
    box_close (&(*self_p)->box, NULL);
    conf_destroy (&(*self_p)->conf);
    redact_fini (&(*self_p)->granted);
    buf_fini (&(*self_p)->prompt);
    free (*self_p);
    *self_p = NULL;
}

bool
job_is (const job_t *self, codec_text_t incident, int64_t attempt)
{
    return self->verdict.attempt == attempt && codec_is (incident, self->verdict.incident.text);
}

bool
job_busy (const job_t *self)
{
    return self->state < JOB_UPLOAD;
}

void
job_greet (job_t *self)
{
    self->accept_sent = self->started_sent = false;
    self->verdict_ms = 0;
    fetch_greet (&self->fetch);
    if (self->state == JOB_UPLOAD)
        upload_restart (&self->upload, self->shared->boot_ms, 0);
}
