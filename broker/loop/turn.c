//  SPDX-License-Identifier: Apache-2.0
#include "broker/loop/turn.h"

#include "broker/loop/asked.h"
#include "broker/loop/ingest.h"
#include "broker/loop/loop_mail.h"
#include "broker/loop/loop_retain.h"
#include "broker/loop/loop_snapshot.h"
#include "broker/loop/stream.h"
#include "broker/loop/turn_step.h"
#include "broker/loop/work.h"
#include "common/base/clk.h"
#include "common/base/log.h"
#include "common/base/path.h"

#include <errno.h>
#include <string.h>

typedef int64_t (s_receive_fn) (loop_t *self);

//  Receive from the sources in rotation, so that none starves the others.  A source found empty
//  is skipped for the rest of the turn: an empty receive from libzmq costs two system calls.
static size_t
s_receive (loop_t *self)
{
    s_receive_fn *sources [] = {loop_mail_receive, work_receive, ingest_receive};
    const int64_t until_ms = self->now.boot_ms + LIMIT_TURN_MS;
    size_t count = 0, left = sizeof sources / sizeof sources [0];
    int64_t bytes = 0;
    for (size_t i = 0;
         left > 0 && count < LIMIT_TURN_MESSAGES && bytes < LIMIT_TURN_BYTES && self->failed == 0;
         i++) {
        const int64_t rc = sources [i % left](self);
        if (rc == -EAGAIN) {
            sources [i % left] = sources [left - 1];
            left--;
            continue;
        }
        count++;
        bytes += rc > 0 ? rc : 0;
        if (clk_now (self->args.clk).boot_ms >= until_ms)
            break;
    }
    self->messages_total += (int64_t) count;
    return count;
}

static void
s_send_one (loop_t *self, const step_out_t *out)
{
    switch (out->kind) {
        case STEP_OUT_EVENT_ACK:
            asked_answer (self, out->as.ack.cookie,
                          &(asked_answer_t){.disposition = out->as.ack.disposition,
                                            .incident = &out->as.ack.incident});
            break;
        case STEP_OUT_EVENT_NACK:
            asked_answer (self, out->as.nack.cookie,
                          &(asked_answer_t){.refused = out->as.nack.reason,
                                            .retry_ms = out->as.nack.retry_ms});
            break;
        case STEP_OUT_EFFECT: loop_mail_effect (self, &out->as.effect); break;
        case STEP_OUT_PROGRESS: stream_publish (self, &out->as.progress); break;
        case STEP_OUT_COMMAND_REPLY:
            asked_answer (self, out->as.reply.cookie,
                          &(asked_answer_t){.rc = out->as.reply.rc, .text = out->as.reply.text});
            break;
        case STEP_OUT_WELCOME:
        case STEP_OUT_ASSIGN:
        case STEP_OUT_LEASE:
        case STEP_OUT_VERDICT_ACK:
        case STEP_OUT_CANCEL:
        case STEP_OUT_PONG:
        case STEP_OUT_REFUSE: work_send (self, out); break;
    }
}

static void
s_log_breaker (const row_record_t *record)
{
    if (strcmp (record->kind, "breaker") != 0)
        return;
    if (strcmp (record->change, "opened") == 0)
        log_warn ("circuit breaker threshold reached, system degraded",
                  kv ("failure_count", record->occurrences), kv ("reason", record->reason));
    else if (strcmp (record->change, "closed") == 0)
        log_info ("circuit breaker closed, system recovered",
                  kv ("failure_count", record->occurrences));
    else
        log_info ("circuit breaker open, one probe is assigned",
                  kv ("failure_count", record->occurrences));
}

static void
s_log_worker (const row_record_t *record)
{
    if (strcmp (record->kind, "worker") != 0)
        return;
    if (strcmp (record->change, "quarantined") == 0)
        log_warn ("worker set aside, it gets single probes until one succeeds",
                  kv ("worker", record->worker), kv ("reason", record->reason));
    else if (strcmp (record->change, "restored") == 0)
        log_info ("worker gets work as before", kv ("worker", record->worker));
}

//  Send everything that waited for the commit.
static void
s_send (loop_t *self)
{
    size_t out_count = 0, write_count = 0;
    const step_out_t *outs = step_outputs (self->step, &out_count);
    const step_write_t *writes = step_writes (self->step, &write_count);
    if (asked_looks (self))
        loop_snapshot (self, self->now);
    for (size_t i = 0; i < out_count; i++)
        s_send_one (self, &outs [i]);
    for (size_t i = 0; i < write_count; i++) {
        if (writes [i].kind != STEP_WRITE_RECORD)
            continue;
        stream_publish (self, &writes [i].as.record);
        s_log_breaker (&writes [i].as.record);
        s_log_worker (&writes [i].as.record);
    }
    asked_refuse_rest (self, "overload");
}

int
turn_load (loop_t *self)
{
    return store_load (self->args.store, self->step, clk_now (self->args.clk),
                       self->settings->dedup_window_ms);
}

int
turn_reload (loop_t *self)
{
    step_begin (self->step, clk_now (self->args.clk));
    step_reload (self->step);
    return turn_load (self);
}

//  The turn was not committed.  Full, busy or out of memory: roll back, load the state again and
//  go on.  Any other error ends the loop.
static void
s_fail (loop_t *self)
{
    if (self->failed != -ENOSPC && self->failed != -EBUSY && self->failed != -ENOMEM) {
        log_error ("store failed, nothing is sent, the restart recovers",
                   kv ("error", err_str (self->failed)));
        self->exit_code = store_exit (self->args.store);
        return;
    }
    log_warn ("turn rolled back", kv ("error", err_str (self->failed)),
              kv ("inputs", self->asked_count));
    store_rollback (self->args.store);
    step_reload (self->step);
    const int rc = turn_load (self);
    if (rc < 0) {
        log_error ("state cannot be read back", kv ("error", err_str (rc)));
        self->exit_code = store_exit (self->args.store);
        return;
    }
    asked_refuse_rest (self, "store");
    self->pause_until_ms = self->now.boot_ms + LIMIT_STORE_RETRY_MS;
}

//  Disconnect peers whose keys are deleted.  After a rollback a later turn does it.
static void
s_cut (loop_t *self)
{
    if (self->revoked & 1U << CURVE_ROLE_WORKER)
        work_revoke (self, true);
    if (self->revoked & 1U << CURVE_ROLE_TAP)
        stream_revoke (self);
    self->revoked = 0;
    stream_bind (self);
}

//  While the artifacts' disk is in trouble, assignments and deadlines wait.
static void
s_hold (loop_t *self)
{
    const artifact_trouble_t trouble = artifact_trouble (self->threads.artifact, self->now.boot_ms);
    if (trouble != ARTIFACT_FINE && self->trouble == ARTIFACT_FINE) {
        self->trouble_ms = self->now.boot_ms;
        char path [PATH_MAX];
        log_warn ("artifacts refused, assignments and deadlines wait",
                  kv ("reason", artifact_trouble_text (trouble)),
                  kv ("workspace_root", path_absolute (self->settings->workspace_root, path)));
    }
    else if (trouble == ARTIFACT_FINE && self->trouble != ARTIFACT_FINE)
        log_info ("artifacts are taken again",
                  kv ("after_ms", self->now.boot_ms - self->trouble_ms));
    self->trouble = trouble;
    step_hold (self->step, trouble != ARTIFACT_FINE);
}

//  Put back what failed before the circuit breaker closed, a few incidents in each turn.  Rows of
//  this turn are not in the store yet, so it is done before the inputs are stepped.
static void
s_revive (loop_t *self)
{
    for (int i = 0; i < LIMIT_TURN_REVIVED && self->failed == 0; i++) {
        const step_revive_t wanted = step_reviving (self->step, self->now);
        row_incident_t row;
        if (!wanted.streak)
            return;
        const int rc = store_revivable (self->args.store, &wanted, &row);
        if (rc < 0 && rc != ERR_NONE) {
            self->failed = rc;
            return;
        }
        const step_in_t in = {.kind = STEP_IN_REVIVE, .as.revive = rc == 0 ? &row : NULL};
        if (turn_step (self, &in) < 0)
            return;
    }
}

size_t
turn_run (loop_t *self)
{
    const int64_t from_us = clk_us ();
    self->now = clk_now (self->args.clk);
    self->asked_count = 0;
    self->applied = 0;
    self->failed = 0;
    step_begin (self->step, self->now);
    s_revive (self);
    loop_mail_retry (self);
    loop_retain_step (self);
    turn_step_again (self);
    const size_t count = s_receive (self);
    if (self->revoked & 1U << CURVE_ROLE_WORKER)
        work_revoke (self, false);
    if (self->failed == 0) {
        s_hold (self);
        step_schedule (self->step, self->now);
        turn_step_apply (self);
    }
    if (self->failed == 0 && step_failed (self->step))
        self->failed = -ENOMEM;
    if (self->failed == 0)
        self->failed = store_commit (self->args.store);
    stream_drain (self); //  new subscribers get this turn's records
    if (self->failed < 0)
        s_fail (self);
    else {
        self->again_count = 0;
        s_send (self);
        s_cut (self);
        if (store_checkpoint (self->args.store) < 0)
            self->exit_code = store_exit (self->args.store);
    }
    self->turns_total++;
    const int64_t took_us = clk_us () - from_us;
    if (took_us > self->turn_us_max)
        self->turn_us_max = took_us;
    return count;
}
