//  worker_orders - passes assignments, cancellations and acknowledgements to their jobs.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/log.h"
#include "worker/loop/worker_part.h"

#include <utlist.h>

static void
s_lists (void *owner, codec_list_t *ret_running, codec_list_t *ret_spooled)
{
    worker_t *self = owner;
    size_t running = 0, spooled = 0;
    job_t *job;
    DL_FOREACH (self->jobs, job) {
        msg_fence_t fence = {.incident = codec_text (job->verdict.incident.text),
                             .attempt = job->verdict.attempt};
        if (job_busy (job) && running < WORKER_FENCES)
            self->running [running++] = fence;
        if (!job_busy (job) && job->state != JOB_GONE && spooled < WORKER_FENCES)
            self->spooled [spooled++] = fence;
    }
    *ret_running = (codec_list_t){self->running, running};
    *ret_spooled = (codec_list_t){self->spooled, spooled};
}

void
worker_count (const worker_t *self, int64_t *ret_busy, int64_t *ret_spooled)
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
    worker_count (self, &busy, &spooled);
    const bool takes =
        self->drain == DRAIN_NO && !self->renewed && self->shared.ready && self->shared.ready->good;
    *ret_total = takes ? self->settings->max_concurrent_agents : 0;
    *ret_free = *ret_total > busy ? *ret_total - busy : 0;
    if (spooled >= LIMIT_SPOOLED)
        *ret_free = 0;
}

//  While it drains, the broker knows why it takes no work.  With new keys it says for a moment that
//  it looks: the broker then forgets what it held against the old ones.
static const char *
s_held (void *owner, run_class_t *ret_class)
{
    const worker_t *self = owner;
    if (!self->shared.ready || self->renewed)
        return NULL;
    *ret_class = self->shared.ready->class;
    return self->drain == DRAIN_NO ? self->shared.ready->why : "";
}

job_t *
worker_find (worker_t *self, codec_text_t incident, int64_t attempt)
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
    job_t *job = worker_find (self, assign->incident, assign->attempt);
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
    job_t *job = worker_find (self, incident, attempt);
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
    job_t *job = worker_find (self, ack->incident, ack->attempt);
    if (!job)
        return;
    char disposition [32];
    codec_copy (ack->disposition, disposition, sizeof disposition);
    log_info ("verdict acknowledged", kv ("incident_id", job->verdict.incident.text),
              kv ("attempt", job->verdict.attempt), kv ("disposition", disposition));
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
    job = incident.data ? worker_find (self, incident, attempt) : NULL;
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

session_hooks_t
worker_hooks (worker_t *self)
{
    return (session_hooks_t){self, s_lists, s_credit, s_held, s_on_message};
}
