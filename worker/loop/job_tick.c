//  job_tick - does what is due in each state, and handles results of the keeper and files messages.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "worker/loop/facts.h"
#include "worker/loop/job.h"
#include "worker/loop/judge.h"
#include "worker/loop/resume.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
s_announce (job_t *self)
{
    msg_fence_t fence = {.incident = codec_text (self->verdict.incident.text),
                         .attempt = self->verdict.attempt};
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
    msg_progress_t progress = {.incident = codec_text (self->verdict.incident.text),
                               .attempt = self->verdict.attempt,
                               .phase = codec_text (phase)};
    if (session_send (self->shared->session, MSG_PROGRESS, &progress, 0) < 0)
        return; //  the socket is full: the next tick tries again
    if (self->progress_ms)
        log_debug ("lease renewal sent", kv ("incident_id", self->verdict.incident.text),
                   kv ("late_ms", now_ms - self->progress_ms));
    self->progress_ms = now_ms + session_lease_ms (self->shared->session) / JOB_PROGRESS_SHARE;
}

static void
s_tick_fetch (job_t *self)
{
    if (fetch_tick (&self->fetch, self->shared->session, self->verdict.incident.text,
                    self->verdict.attempt, self->shared->boot_ms)
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
                   kv ("incident_id", self->verdict.incident.text), kv ("pid", self->run.pid));
    self->overdue = true;
    run_kill (&self->run);
}

//  The supervisor has ended.  The result is its last line, or else run.json, or else our own.
static void
s_run_ended (job_t *self)
{
    run_result_t *result = &self->run.result;
    bool told = result->valid;
    if (!told && run_result_load (self->dir, result) < 0 && self->overdue
        && self->state != JOB_STOP)
        *result = (run_result_t){.valid = true, .timed_out = true, .exit_code = -1};
    self->ended = true;
    if ((!told || result->left) && self->box.engine)
        remover_add (self->shared->remover, &self->box.sandbox);
    if ((!told || result->left) && !self->shared->orphans_until_ms)
        self->shared->orphans_until_ms = self->shared->boot_ms + LIMIT_KILL_MS;
}

//  Did the run end with the worker?  An init system or a terminal stops all processes together;
//  that does not count against the agent.
static bool
s_ended_with_worker (const job_t *self)
{
    const run_result_t *result = &self->run.result;
    return self->shared->leaving && !run_result_final (result) && !result->timed_out;
}

//  Stop a run whose report lies there while its time is nearly over.  It is resumed to finish it.
static void
s_tick_early (job_t *self)
{
    const job_shared_t *shared = self->shared;
    const int64_t at_ms = self->deadline_ms - self->timeout_ms / RESUME_SHARE;
    if (!shared->resumes || self->looked || self->state != JOB_RUN || self->run.pid <= 0
        || shared->boot_ms < at_ms)
        return;
    self->looked = true;
    self->early = resume_due (self->dir, self->timeout_ms);
    if (!self->early)
        return;
    log_info ("agent stopped early, to be resumed", kv ("incident_id", self->verdict.incident.text),
              kv ("attempt", self->verdict.attempt));
    run_stop (&self->run, false);
}

//  What is known of a run that is over, while its gateway stays open for the next one.
static facts_t
s_facts (const job_t *self)
{
    const job_shared_t *shared = self->shared;
    spool_verdict_t verdict = {.usage = usage_none ()};
    facts_t facts = self->facts;
    judge_run (&self->run, self->dir, self->timeout_ms, shared->wall_ms, &verdict, &facts.run);
    if (!self->box.run)
        return facts;
    gateway_report_t report = {0};
    gateway_look (self->box.gateway, self->box.run, &report);
    facts_observe (&report, settings_author (shared->settings), &shared->ready->driver, &facts);
    return facts;
}

//  A run that this worker has stopped early has reached its deadline: nobody else has stopped it.
static void
s_note_early (job_t *self)
{
    run_result_t *result = &self->run.result;
    if (!self->early || !result->stopped || self->state != JOB_RUN || self->shared->leaving)
        return;
    result->timed_out = true;
    result->stopped = false;
}

//  Is the run that is over to be resumed?
static bool
s_resumable (const job_t *self)
{
    const job_shared_t *shared = self->shared;
    const run_result_t *result = &self->run.result;
    const bool cut = self->early && result->timed_out;
    const bool failed = run_result_final (result) && result->exit_code > 0;
    if (!shared->resumes || shared->leaving || self->state != JOB_RUN || self->overdue
        || result->left || *result->start_error || !(cut || failed)
        || self->deadline_ms - shared->boot_ms < RESUME_REST_MS)
        return false;
    const facts_t facts = s_facts (self);
    return resume_wanted (self->dir, &facts);
}

static job_event_t
s_end (job_t *self)
{
    s_note_early (self);
    if (s_resumable (self))
        return JOB_ON_RESUME;
    return run_result_final (&self->run.result) ? JOB_ON_ENDED : JOB_ON_STOPPED;
}

//  Read the status of the run.  It is over when no process of its tree is left.
static void
s_tick_run (job_t *self)
{
    const job_shared_t *shared = self->shared;
    s_tick_early (self);
    if (self->run.pid > 0 && shared->boot_ms >= self->end_by_ms)
        s_tick_overdue (self);
    if (self->run.pid > 0 && run_read (&self->run) == RUN_ENDED)
        s_run_ended (self);
    if (!self->ended || shared->orphans_until_ms)
        return;
    self->ended = false;
    if (s_ended_with_worker (self))
        job_feed (self, JOB_ON_DRAIN);
    job_feed (self, s_end (self));
}

static void
s_tick_keep (job_t *self)
{
    if (self->given)
        return;
    keeper_item_t *item = calloc (1, sizeof (keeper_item_t));
    if (!item)
        return; //  the next tick tries again
    item->conf = conf_share (self->conf);
    snprintf (item->dir, sizeof item->dir, "%s", self->dir);
    home_path (self->shared->home, "spool", self->verdict.incident.text, self->verdict.attempt,
               item->spool);
    item->facts = self->facts;
    item->verdict = self->verdict;
    item->granted = self->granted;
    item->prompt = self->prompt;
    self->given = keeper_give (self->shared->keeper, &item) == 0;
    //  What the keeper has not taken is still the job's.
    *(self->given ? &self->granted : &item->granted) = (redact_t){0};
    *(self->given ? &self->prompt : &item->prompt) = buf_init (0);
    keeper_item_destroy (&item);
}

//  A file of the spool has changed or vanished: leave it out.  If it was the report, the run has
//  failed on this host.
static void
s_spoiled (job_t *self, int rc)
{
    spool_verdict_t *verdict = &self->verdict;
    verdict_file_t *file = &verdict->files [self->upload.index];
    log_error ("file of a finished run is spoiled", kv ("incident_id", verdict->incident.text),
               kv ("path", file->path), kv ("error", err_str (rc)));
    bool lost =
        verdict->outcome == VERDICT_SUCCESS && strcmp (file->path, "output/investigation.md") == 0;
    assert (self->upload.index < verdict->file_count);
    verdict->file_count--;
    memmove (file, file + 1, (verdict->file_count - self->upload.index) * sizeof *file);
    upload_restart (&self->upload, self->shared->boot_ms, 0);
    if (!lost)
        return;
    verdict->outcome = VERDICT_HOST;
    verdict->class = RUN_CLASS_INFRA;
    snprintf (verdict->reason, sizeof verdict->reason,
              "agent execution error: investigation.md cannot be read: %s", err_str (rc));
    job_feed (self, JOB_ON_STORED);
}

static void
s_tick_upload (job_t *self)
{
    job_shared_t *shared = self->shared;
    int rc = upload_tick (&self->upload, shared->session, self->dir, &self->verdict,
                          shared->boot_ms, &shared->window_bytes);
    if (rc < 0)
        s_spoiled (self, rc);
}

static msg_usage_t
s_usage (const usage_t *used)
{
    return (msg_usage_t){.agent = codec_text (used->agent),
                         .version = codec_text (used->version),
                         .model = codec_text (used->model),
                         .calls = used->calls,
                         .turns = used->turns,
                         .input = used->input,
                         .output = used->output,
                         .cache_read = used->cache_read,
                         .cache_write = used->cache_write,
                         .cost_micro_usd = used->cost_micro_usd,
                         .duration_ms = used->duration_ms};
}

static void
s_tick_verdict (job_t *self)
{
    const spool_verdict_t *verdict = &self->verdict;
    if (self->shared->boot_ms < self->verdict_ms || !session_ready (self->shared->session))
        return;
    msg_file_t files [LIMIT_ATTEMPT_FILES];
    upload_list (verdict, files);
    msg_usage_t usage = s_usage (&verdict->usage);
    msg_verdict_t message = {.incident = codec_text (verdict->incident.text),
                             .attempt = verdict->attempt,
                             .outcome = codec_text (verdict_outcome_name (verdict->outcome)),
                             .class = codec_text (run_class_name (verdict->class)),
                             .exit_code = verdict->exit_code,
                             .started_ms = verdict->started_ms,
                             .completed_ms = verdict->completed_ms,
                             .retry_ms = verdict->retry_ms,
                             .usage = {&usage, usage_known (&verdict->usage)},
                             .files = {files, verdict->file_count}};
    if (verdict->reason [0])
        message.reason = codec_text (verdict->reason);
    if (!judge_has_files (verdict))
        message.files.count = 0; //  nothing was uploaded
    if (session_send (self->shared->session, MSG_VERDICT, &message, 0) < 0)
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
    assert (self->given && self->verdict.attempt == item->verdict.attempt);
    self->verdict = item->verdict;
    snprintf (self->dir, sizeof self->dir, "%s", item->dir);
    if (item->error)
        log_error ("result not spooled", kv ("incident_id", self->verdict.incident.text),
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

//  Handle a refusal of the files socket.  "closed" and "unknown" are final: the broker needs no
//  more files of this attempt.
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
        log_warn ("upload refused", kv ("incident_id", self->verdict.incident.text),
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
        upload_go (&self->upload, &self->verdict, &msg->msg.at, self->shared->boot_ms);
    if (msg->frame.type == MSG_SEALED
        && upload_sealed (&self->upload, &msg->msg.sealed, self->shared->boot_ms) == UPLOAD_DONE)
        job_feed (self, JOB_ON_STORED);
}
