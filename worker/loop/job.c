//  job - the table, its actions, and what is due in each state.
//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/job.h"

#include "common/base/failpoint.h"
#include "common/base/folder.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

enum { JOB_TIMEOUT_MS = 300000, JOB_PROGRESS_SHARE = 3 };

static const char *const s_state_names [JOB_STATES] = {"fetch", "ready",  "run",     "stop",
                                                       "keep",  "upload", "verdict", "gone"};

const char *
job_state_name (job_state_t state)
{
    return s_state_names [state];
}

static void
s_release (job_t *self)
{
    msg_end_t end = {.incident = codec_text (self->report.incident.text),
                     .attempt = self->report.attempt,
                     .reason = codec_text (self->release),
                     .detail = codec_text (self->report.reason)};
    (void) session_send (self->shared->session, MSG_RELEASE, &end, 0);
    log_info ("attempt given back", kv ("incident_id", self->report.incident.text),
              kv ("attempt", self->report.attempt), kv ("reason", self->release),
              kv ("detail", self->report.reason));
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
    (void) verdict_judge (&run, self->report.reason);
    self->release = self->busy ? "busy" : "host";
    s_release (self);
}

//  Until when a supervisor that was told to end its agent, or whose time is over, has done so.
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
s_failed_to_start (job_t *self)
{
    verdict_run_t run = {.started = false, .start_error = self->reason, .exit_code = -1};
    self->report.outcome = verdict_judge (&run, self->report.reason);
    self->report.exit_code = -1;
    self->report.started_ms = self->report.completed_ms = self->shared->wall_ms;
    self->report.file_count = 0;
    log_warn ("agent execution failed validation", kv ("incident_id", self->report.incident.text),
              kv ("attempt", self->report.attempt), kv ("reason", self->report.reason));
}

//  Clusters are listed, and this one is not among them: its agent has no access, and is told so.
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
              kv ("incident_id", self->report.incident.text), kv ("cluster", self->cluster));
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

static void
s_start (job_t *self)
{
    s_tell_no_kubeconfig (self);
    job_shared_t *shared = self->shared;
    run_spec_t spec = {.settings = shared->settings,
                       .script = shared->script,
                       .program_dir = shared->program_dir,
                       .workspace = self->dir,
                       .incident = self->report.incident.text,
                       .attempt = self->report.attempt,
                       .cluster = self->cluster,
                       .model = self->model,
                       .allowed_tools = self->allowed_tools,
                       .timeout_ms = self->timeout_ms};
    self->end_by_ms = s_end_by_ms (self);
    int rc = failpoint_before ("run", "start");
    if (rc == 0)
        rc = run_start (&self->run, &spec);
    if (rc == 0)
        failpoint_after ("run", "start");
    struct epoll_event wake = {.events = EPOLLIN};
    if (rc == 0 && epoll_ctl (shared->poll_fd, EPOLL_CTL_ADD, self->run.status_fd, &wake) != 0)
        rc = -errno;
    if (rc < 0) {
        snprintf (self->reason, sizeof self->reason, "triage-run: %s", err_str (rc));
        run_stop (&self->run, true);
        job_feed (self, JOB_ON_FAILED);
        return;
    }
    shared->started_ms = shared->boot_ms;
    self->end_by_ms = s_end_by_ms (self) + self->timeout_ms;
    self->report.started_ms = shared->wall_ms;
    log_info ("agent started", kv ("incident_id", self->report.incident.text),
              kv ("attempt", self->report.attempt), kv ("agent", settings_agent (shared->settings)),
              kv ("timeout_ms", self->timeout_ms));
}

//  How the agent ended, when a supervisor was killed or told to stop, and not by us:
//  that is the agent's own doing, or its host's for what the agent takes.  A supervisor that never
//  got to run it, or dies when nothing of the agent is left, is the host's matter.
static int
s_exit_code (const job_t *self)
{
    const run_result_t *result = &self->run.result;
    if (!result->valid)
        return run_killed_under_agent (&self->run) ? 128 + self->run.signal : -1;
    return result->stopped && result->exit_code <= 0 ? 128 + SIGTERM : result->exit_code;
}

//  The rules of the contract, then those of our own.
static void
s_judge (job_t *self)
{
    const run_result_t *result = &self->run.result;
    spool_report_t *report = &self->report;
    const char *error = result->start_error;
    const int code = s_exit_code (self);
    if (!result->valid && code < 0)
        error = "the supervisor ended without a result";
    int64_t size = spool_report_size (self->dir);
    verdict_run_t run = {.started = !*error,
                         .start_error = error,
                         .timed_out = result->timed_out,
                         .timeout_s = (self->timeout_ms + 999) / 1000,
                         .exit_code = code,
                         .report_exists = size >= 0,
                         .report_bytes = size < 0 ? 0 : size};
    report->outcome = verdict_judge (&run, report->reason);
    if (report->outcome == VERDICT_SUCCESS && size > LIMIT_REPORT_BYTES) {
        report->outcome = VERDICT_AGENT;
        snprintf (report->reason, sizeof report->reason,
                  "investigation.md too large: %" PRId64 " bytes (expected at most %d)", size,
                  LIMIT_REPORT_BYTES);
    }
    report->exit_code = result->timed_out ? -1 : code;
    if (result->valid && result->started_ms) {
        report->started_ms = result->started_ms;
        report->completed_ms = result->completed_ms;
    }
    else
        report->completed_ms = self->shared->wall_ms;
}

static void
s_log_judgement (const job_t *self)
{
    const spool_report_t *report = &self->report;
    if (report->outcome == VERDICT_SUCCESS)
        log_info ("agent finished", kv ("incident_id", report->incident.text),
                  kv ("attempt", report->attempt),
                  kv ("ms", report->completed_ms - report->started_ms));
    else
        log_warn ("agent execution failed validation", kv ("incident_id", report->incident.text),
                  kv ("attempt", report->attempt), kv ("reason", report->reason));
}

//  What a script left that said why it had no agent is worth a look;
//  one that did not start left nothing.
static bool
s_uploads (const spool_report_t *report)
{
    return report->outcome != VERDICT_HOST || report->exit_code > 0;
}

static void
s_kept (job_t *self)
{
    s_log_judgement (self);
    upload_restart (&self->upload, self->shared->boot_ms, 0);
    if (!s_uploads (&self->report))
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
    void (*action) (job_t *self); //  after the state has changed; may be NULL
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
                 [JOB_ON_ENDED] = GO (s_judge, JOB_KEEP),
                 [JOB_ON_STOPPED] = GO (s_judge, JOB_KEEP),
                 [JOB_ON_CANCEL] = GO (s_stop_cancelled, JOB_STOP),
                 [JOB_ON_DRAIN] = GO (s_stop_drain, JOB_STOP)},
    //  It had ended before the order to stop came: what it made is not thrown away.
    [JOB_STOP] =
        {[JOB_ON_ENDED] = GO (s_judge, JOB_KEEP), [JOB_ON_STOPPED] = GO (s_release, JOB_GONE)},
    [JOB_KEEP] = {[JOB_ON_KEPT] = GO (s_kept, JOB_UPLOAD)},
    [JOB_UPLOAD] = {[JOB_ON_STORED] = GO (s_stored, JOB_VERDICT)},
    [JOB_VERDICT] = {[JOB_ON_MISSING] = GO (s_upload_again, JOB_UPLOAD),
                     [JOB_ON_ACK] = GO (s_forget, JOB_GONE)},
};

void
job_feed (job_t *self, job_event_t event)
{
    const cell_t *cell = &s_table [self->state][event];
    if (!cell->known)
        return;
    log_debug ("job", kv ("incident_id", self->report.incident.text),
               kv ("attempt", self->report.attempt), kv ("from", s_state_names [self->state]),
               kv ("to", s_state_names [cell->next]));
    self->state = cell->next;
    if (cell->action)
        cell->action (self);
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

//  The folders an agent finds.  A left-over of the same name is from an earlier
//  life of this attempt.
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
    self->run = (run_t){.control_fd = -1, .status_fd = -1};
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
    codec_copy (assign->incident, self->report.incident.text, sizeof self->report.incident.text);
    self->report.attempt = assign->attempt;
    codec_copy (assign->cluster, self->cluster, sizeof self->cluster);
    codec_copy (*model ? codec_text (model) : assign->model, self->model, sizeof self->model);
    codec_copy (assign->allowed_tools, self->allowed_tools, sizeof self->allowed_tools);
    self->timeout_ms = s_timeout_ms (shared->settings, assign->timeout_ms);
    home_path (shared->home, "jobs", self->report.incident.text, assign->attempt, self->dir);
    s_make_workspace (self);
    return self;
}

job_t *
job_new_spooled (job_shared_t *shared, const char *dir, const spool_report_t *report)
{
    job_t *self = s_new (shared);
    if (!self)
        return NULL;
    self->report = *report;
    self->state = s_uploads (report) ? JOB_UPLOAD : JOB_VERDICT;
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
    self->report.incident = *incident;
    self->report.attempt = attempt;
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
    free (*self_p);
    *self_p = NULL;
}

bool
job_is (const job_t *self, codec_text_t incident, int64_t attempt)
{
    return self->report.attempt == attempt && codec_is (incident, self->report.incident.text);
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

static void
s_announce (job_t *self)
{
    msg_fence_t fence = {.incident = codec_text (self->report.incident.text),
                         .attempt = self->report.attempt};
    session_t *session = self->shared->session;
    if (!self->accept_sent)
        self->accept_sent = session_send (session, MSG_ACCEPT, &fence, 0) > 0;
    if (self->accept_sent && self->run.started && !self->started_sent)
        self->started_sent = session_send (session, MSG_STARTED, &fence, 0) > 0;
}

static void
s_progress (job_t *self)
{
    int64_t now_ms = self->shared->boot_ms;
    if (now_ms < self->progress_ms)
        return;
    const char *phase = self->state >= JOB_UPLOAD ? "upload" : self->run.started ? "run" : "fetch";
    msg_progress_t progress = {.incident = codec_text (self->report.incident.text),
                               .attempt = self->report.attempt,
                               .phase = codec_text (phase)};
    if (session_send (self->shared->session, MSG_PROGRESS, &progress, 0) < 0)
        return; //  many at once: the next tick tries again
    self->progress_ms = now_ms + session_lease_ms (self->shared->session) / JOB_PROGRESS_SHARE;
}

static void
s_tick_fetch (job_t *self)
{
    if (fetch_tick (&self->fetch, self->shared->session, self->report.incident.text,
                    self->report.attempt, self->shared->boot_ms)
        < 0) {
        snprintf (self->reason, sizeof self->reason, "cannot fetch the prompt: %s",
                  *self->fetch.error ? self->fetch.error : "no answer");
        self->busy = self->fetch.busy;
        job_feed (self, JOB_ON_FAILED);
    }
}

static void
s_tick_ready (job_t *self)
{
    const job_shared_t *shared = self->shared;
    if (shared->started_ms
        && shared->boot_ms < shared->started_ms + shared->settings->agent_start_interval_ms)
        return;
    job_feed (self, JOB_ON_START);
}

static void
s_tick_overdue (job_t *self)
{
    if (!self->overdue)
        log_error ("supervisor does not answer: killed",
                   kv ("incident_id", self->report.incident.text), kv ("pid", self->run.pid));
    self->overdue = true;
    run_kill (&self->run);
}

//  Its last word, else what it wrote, else what we know.
static void
s_run_ended (job_t *self)
{
    run_result_t *result = &self->run.result;
    bool told = result->valid;
    if (!told && run_result_load (self->dir, result) < 0 && self->overdue && self->state == JOB_RUN)
        *result = (run_result_t){.valid = true, .timed_out = true, .exit_code = -1};
    self->ended = true;
    if ((!told || result->left) && !self->shared->orphans_until_ms)
        self->shared->orphans_until_ms = self->shared->boot_ms + LIMIT_KILL_MS;
}

//  An init system or a terminal ends a worker and all that is below it: no doing of the agent.
static bool
s_ended_with_worker (const job_t *self)
{
    const run_result_t *result = &self->run.result;
    return self->shared->leaving && !run_result_final (result) && !result->timed_out;
}

//  The run is over when nothing of its tree is left.
static void
s_tick_run (job_t *self)
{
    const job_shared_t *shared = self->shared;
    if (self->run.pid > 0 && shared->boot_ms >= self->end_by_ms)
        s_tick_overdue (self);
    if (self->run.pid > 0 && run_read (&self->run) == RUN_ENDED)
        s_run_ended (self);
    if (!self->ended || shared->orphans_until_ms)
        return;
    self->ended = false;
    if (s_ended_with_worker (self))
        job_feed (self, JOB_ON_DRAIN);
    job_feed (self, run_result_final (&self->run.result) ? JOB_ON_ENDED : JOB_ON_STOPPED);
}

static void
s_tick_keep (job_t *self)
{
    if (self->given)
        return;
    keeper_item_t *item = calloc (1, sizeof (keeper_item_t));
    if (!item)
        return; //  the next tick tries again
    snprintf (item->dir, sizeof item->dir, "%s", self->dir);
    home_path (self->shared->home, "spool", self->report.incident.text, self->report.attempt,
               item->spool);
    item->report = self->report;
    self->given = keeper_give (self->shared->keeper, &item) == 0;
    own_mem (&item);
}

//  A file of the spool is not what it was.  Without its report a run has failed here,
//  without a log it has not.
static void
s_spoiled (job_t *self, int rc)
{
    spool_report_t *report = &self->report;
    verdict_file_t *file = &report->files [self->upload.index];
    log_error ("file of a finished run is spoiled", kv ("incident_id", report->incident.text),
               kv ("path", file->path), kv ("error", err_str (rc)));
    bool lost =
        report->outcome == VERDICT_SUCCESS && strcmp (file->path, "output/investigation.md") == 0;
    report->file_count--;
    memmove (file, file + 1, (report->file_count - self->upload.index) * sizeof *file);
    upload_restart (&self->upload, self->shared->boot_ms, 0);
    if (!lost)
        return;
    report->outcome = VERDICT_HOST;
    snprintf (report->reason, sizeof report->reason,
              "agent execution error: investigation.md cannot be read: %s", err_str (rc));
    job_feed (self, JOB_ON_STORED);
}

static void
s_tick_upload (job_t *self)
{
    job_shared_t *shared = self->shared;
    int rc = upload_tick (&self->upload, shared->session, self->dir, &self->report, shared->boot_ms,
                          &shared->window);
    if (rc < 0)
        s_spoiled (self, rc);
}

static void
s_tick_verdict (job_t *self)
{
    const spool_report_t *report = &self->report;
    if (self->shared->boot_ms < self->verdict_ms || !session_ready (self->shared->session))
        return;
    msg_file_t files [LIMIT_ATTEMPT_FILES];
    upload_list (report, files);
    msg_verdict_t verdict = {.incident = codec_text (report->incident.text),
                             .attempt = report->attempt,
                             .outcome = codec_text (verdict_outcome_name (report->outcome)),
                             .exit_code = report->exit_code,
                             .started_ms = report->started_ms,
                             .completed_ms = report->completed_ms,
                             .files = {files, report->file_count}};
    if (report->reason [0])
        verdict.reason = codec_text (report->reason);
    if (!s_uploads (report))
        verdict.files.count = 0; //  nothing was uploaded
    if (session_send (self->shared->session, MSG_VERDICT, &verdict, 0) < 0)
        return;
    self->verdict_ms = self->shared->boot_ms + LIMIT_VERDICT_RETRY_MS;
}

void
job_tick (job_t *self)
{
    s_tick_run (self);
    if (job_busy (self) && self->state != JOB_STOP)
        s_announce (self);
    if (self->state == JOB_FETCH)
        s_tick_fetch (self);
    if (self->state == JOB_READY)
        s_tick_ready (self);
    if (self->state == JOB_KEEP)
        s_tick_keep (self);
    if (self->state == JOB_UPLOAD)
        s_tick_upload (self);
    if (self->state == JOB_VERDICT)
        s_tick_verdict (self);
    if (self->state != JOB_GONE)
        s_progress (self);
}

void
job_on_kept (job_t *self, const keeper_item_t *item)
{
    if (self->state != JOB_KEEP)
        return;
    self->report = item->report;
    snprintf (self->dir, sizeof self->dir, "%s", item->dir);
    if (item->error)
        log_error ("result not spooled", kv ("incident_id", self->report.incident.text),
                   kv ("error", err_str (item->error)));
    job_feed (self, JOB_ON_KEPT);
}

static void
s_on_data (job_t *self, const msg_chunk_t *data)
{
    int rc = fetch_data (&self->fetch, self->dir, data);
    if (rc < 0) {
        snprintf (self->reason, sizeof self->reason, "cannot keep %.*s: %s",
                  (int) (data->path.size < 32 ? data->path.size : 32), data->path.data,
                  err_str (rc));
        job_feed (self, JOB_ON_FAILED);
    }
    if (rc == FETCH_DONE)
        job_feed (self, JOB_ON_FETCHED);
}

//  "closed" and "unknown" are the broker's last word about an attempt:
//  its files are of no use any more.
static void
s_on_refused (job_t *self, const link_msg_t *msg)
{
    const msg_error_t *error = &msg->msg.error;
    bool over = codec_is (error->code, "closed") || codec_is (error->code, "unknown");
    char text [128];
    codec_copy (error->text, text, sizeof text);
    if (self->state == JOB_FETCH && msg->frame.corr == self->fetch.seq) {
        if (over)
            job_feed (self, JOB_ON_CANCEL);
        else
            fetch_refused (&self->fetch, text, codec_is (error->code, "io"), self->shared->boot_ms);
    }
    else if (self->state == JOB_UPLOAD && msg->frame.corr == self->upload.seq) {
        log_warn ("upload refused", kv ("incident_id", self->report.incident.text),
                  kv ("text", text));
        if (over)
            job_feed (self, JOB_ON_STORED);
        else
            upload_restart (&self->upload, self->shared->boot_ms, LIMIT_FILES_RETRY_MS);
    }
}

void
job_on_file (job_t *self, const link_msg_t *msg)
{
    if (msg->frame.type == MSG_ERROR)
        s_on_refused (self, msg);
    if (self->state == JOB_FETCH && msg->frame.type == MSG_DATA)
        s_on_data (self, &msg->msg.chunk);
    if (self->state != JOB_UPLOAD)
        return;
    if (msg->frame.type == MSG_GO)
        upload_go (&self->upload, &self->report, &msg->msg.at, self->shared->boot_ms);
    if (msg->frame.type == MSG_SEALED
        && upload_sealed (&self->upload, &msg->msg.sealed, self->shared->boot_ms) == UPLOAD_DONE)
        job_feed (self, JOB_ON_STORED);
}
