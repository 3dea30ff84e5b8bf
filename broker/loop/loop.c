//  SPDX-License-Identifier: Apache-2.0
#include "broker/loop/loop.h"

#include "broker/loop/asked.h"
#include "broker/loop/loop_mail.h"
#include "broker/loop/loop_retain.h"
#include "broker/loop/loop_snapshot.h"
#include "broker/loop/turn.h"
#include "broker/loop/work.h"
#include "common/base/least.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

enum { S_ARTIFACT, S_DELIVERY, S_INTAKE, S_THREADS }; //  threads that get a new configuration
enum { S_WAITS = 6 }; //  descriptors and sockets that the loop waits for

static int
s_memory (loop_t *self)
{
    self->work_peers = peers_new ();
    self->ingest_peers = peers_new ();
    self->asked = calloc (LIMIT_TURN_MESSAGES, sizeof *self->asked);
    self->again = calloc (LIMIT_TURN_MESSAGES, sizeof *self->again);
    self->fences = calloc (LIMIT_MSGPACK_ITEMS, sizeof *self->fences);
    self->revokes = calloc (LIMIT_MSGPACK_ITEMS, sizeof *self->revokes);
    self->retain = loop_retain_new ();
    return self->work_peers && self->ingest_peers && self->asked && self->again && self->fences
                   && self->revokes && self->retain
               ? 0
               : -ENOMEM;
}

static int
s_load (loop_t *self, err_diag_t *diag)
{
    step_settings_t settings;
    settings_step (self->settings, &settings);
    self->step = step_new (&settings, ident_random64 ());
    const int rc = self->step ? turn_load (self) : -ENOMEM;
    if (rc < 0)
        err_diag (diag, "cannot load the state: %s", err_str (rc));
    return rc;
}

static int
s_bind (loop_t *self, err_diag_t *diag)
{
    const settings_t *settings = self->settings;
    const curve_keys_t *keys = self->args.keys;
    self->work = link_bind (LINK_WORK, settings->work_endpoint, keys, diag);
    if (self->work)
        self->ingest = link_bind (LINK_INGEST, settings->ingest_endpoint, keys, diag);
    if (self->ingest)
        self->stream = link_bind (LINK_STREAM, settings->stream_endpoint, keys, diag);
    if (!self->stream)
        return -EADDRINUSE;
    snprintf (self->stream_endpoint, sizeof self->stream_endpoint, "%s",
              link_endpoint (self->stream));
    snprintf (self->endpoints, sizeof self->endpoints, "work=%s\nstream=%s\ningest=%s\n",
              link_endpoint (self->work), link_endpoint (self->stream),
              link_endpoint (self->ingest));
    return 0;
}

loop_t *
loop_new (const loop_args_t *args, err_diag_t *diag)
{
    assert (args);
    own (loop_destroy) loop_t *self = calloc (1, sizeof (loop_t));
    if (!self)
        return NULL;
    self->args = *args;
    self->conf = conf_share (args->conf);
    self->settings = conf_settings (self->conf);
    self->exit_code = -1;
    self->started_ms = self->reloaded_ms = clk_now (args->clk).wall_ms;
    if (s_memory (self) < 0) {
        err_diag (diag, "out of memory");
        return NULL;
    }
    self->poison = poison_open (self->settings->state_path, "ingest");
    if (s_load (self, diag) < 0 || s_bind (self, diag) < 0)
        return NULL;
    return own_take (self);
}

void
loop_destroy (loop_t **self_p)
{
    assert (self_p);
    loop_t *self = *self_p;
    if (!self)
        return;
    link_msg_fini (&self->work_msg);
    link_msg_fini (&self->ingest_msg);
    link_msg_fini (&self->stream_msg);
    link_close (&self->work, LIMIT_DRAIN_LINGER_MS);
    link_close (&self->ingest, LIMIT_DRAIN_LINGER_MS);
    link_close (&self->stream, LIMIT_DRAIN_LINGER_MS);
    loop_mail_fini (self);
    loop_retain_destroy (&self->retain);
    peers_destroy (&self->work_peers);
    peers_destroy (&self->ingest_peers);
    poison_destroy (&self->poison);
    step_destroy (&self->step);
    conf_destroy (&self->conf);
    free (self->asked);
    free (self->again);
    free (self->fences);
    free (self->revokes);
    free (self);
    *self_p = NULL;
}

const char *
loop_endpoints (const loop_t *self)
{
    assert (self);
    return self->endpoints;
}

const settings_t *
loop_settings (const loop_t *self)
{
    assert (self);
    return self->settings;
}

//  --- signals

//  Read the new configuration and the prompt file, and make one mail for each thread.
//  Err: ERR_CONFIG, -ENOMEM: nothing has changed, there are no mails.
static int
s_reload_read (loop_t *self, conf_t **ret_conf, mail_t *mails [S_THREADS], err_diag_t *diag)
{
    own (conf_destroy) conf_t *conf = NULL;
    own (buf_fini) buf_t prompt = {0};
    int rc = conf_reload (self->conf, NULL, &conf);
    if (rc == 0)
        rc = settings_prompt (conf_settings (conf), &prompt, diag);
    for (int i = 0; rc == 0 && i < S_THREADS; i++) {
        mails [i] = mail_new_config (conf, i == S_ARTIFACT ? &prompt : NULL);
        rc = mails [i] ? 0 : -ENOMEM;
    }
    for (int i = 0; rc < 0 && i < S_THREADS; i++)
        mail_destroy (&mails [i]);
    if (rc == 0)
        *ret_conf = own_take (conf);
    return rc;
}

//  Put the new configuration into force in the loop.  Own: takes conf.
static void
s_reload_loop (loop_t *self, conf_t *conf)
{
    const int64_t window_ms = self->settings->dedup_window_ms;
    conf_destroy (&self->conf);
    self->conf = conf;
    self->settings = conf_settings (conf);
    log_set_level ((enum log_level) self->settings->common.log_level);
    step_settings_t settings;
    settings_step (self->settings, &settings);
    step_configure (self->step, &settings);
    loop_retain_reset (self);
    if (self->settings->dedup_window_ms <= window_ms)
        return;
    //  The longer window covers ended incidents that are not loaded.
    const int rc = turn_reload (self);
    if (rc == 0)
        return;
    log_error ("state cannot be read back", kv ("error", err_str (rc)));
    self->exit_code = store_exit (self->args.store);
}

static void
s_reload (loop_t *self)
{
    conf_t *conf = NULL;
    mail_t *mails [S_THREADS] = {NULL};
    err_diag_t diag = {{0}};
    const int rc = s_reload_read (self, &conf, mails, &diag);
    self->reload_failed = rc < 0;
    if (rc < 0) {
        log_error ("configuration not reloaded, the old one stays",
                   kv ("error", diag.text [0] ? diag.text : err_str (rc)));
        return;
    }
    s_reload_loop (self, conf);
    self->reloaded_ms = clk_now (self->args.clk).wall_ms;
    mailbox_t *const inboxes [S_THREADS] = {
        [S_ARTIFACT] = artifact_inbox (self->threads.artifact),
        [S_DELIVERY] = delivery_inbox (self->threads.delivery),
        [S_INTAKE] = intake_inbox (self->threads.intake),
    };
    for (int i = 0; i < S_THREADS; i++)
        loop_mail_send (self, inboxes [i], &mails [i]);
    if (self->args.zap && curve_zap_reload (self->args.zap, &diag) < 0)
        log_error ("keys not reloaded, the old ones stay", kv ("error", diag.text));
    log_info ("configuration reloaded");
}

//  Begin to drain.  The loop waits for effects under way: one whose end is not recorded would be
//  sent again after the restart.
static void
s_drain (loop_t *self)
{
    if (self->draining) {
        log_error ("second signal, stopping now");
        _exit (EXIT_RUNTIME);
    }
    log_info ("stopping, workers keep what they have");
    int64_t wait_ms = self->settings->shutdown_timeout_ms / 2;
    if (wait_ms > LIMIT_DRAIN_EFFECT_MS)
        wait_ms = LIMIT_DRAIN_EFFECT_MS;
    self->drain_until_ms = clk_now (self->args.clk).boot_ms + wait_ms;
    self->draining = true;
    step_drain (self->step);
    (void) turn_run (self);
    work_bye (self);
}

//  While draining: stop when no effect is under way, or when the wait is over.
static void
s_drained (loop_t *self, clk_now_t now)
{
    const int flights = step_flights (self->step);
    if (!self->draining || (flights > 0 && now.boot_ms < self->drain_until_ms))
        return;
    if (flights > 0)
        log_warn ("effect still under way, its end is not recorded", kv ("effects", flights));
    if (self->exit_code < 0)
        self->exit_code = 0;
}

//  SIGUSR1: write the state, the workers and the clusters to the log.
static void
s_tell (const loop_t *self)
{
    const clk_now_t now = clk_now (self->args.clk);
    step_stats_t stats;
    step_stats (self->step, now, &stats);
    log_info ("state", kv ("pending", stats.queued), kv ("investigating", stats.assigned),
              kv ("oldest_pending_ms", stats.oldest_queued_ms),
              kv ("breaker", step_breaker_name (stats.breaker)),
              kv ("failures", stats.breaker_failures), kv ("effects_due", stats.effects_ready),
              kv ("events", stats.events_total), kv ("leases_expired", stats.leases_expired_total),
              kv ("seq", stats.last_seq), kv ("store_refusing", store_refusing (self->args.store)),
              kv ("artifacts", artifact_trouble_text (self->trouble)),
              kv ("draining", self->draining));
    own (own_mem) step_worker_t *workers = calloc (LIMIT_WORKERS, sizeof (step_worker_t));
    size_t count = workers ? step_workers (self->step, now, workers, LIMIT_WORKERS) : 0;
    for (size_t i = 0; i < count && i < LIMIT_WORKERS; i++)
        log_info ("state of a worker", kv ("worker", workers [i].name),
                  kv ("identity", workers [i].identity), kv ("ready", workers [i].ready),
                  kv ("quarantined", workers [i].quarantined),
                  kv ("draining", workers [i].draining), kv ("slots", workers [i].slots),
                  kv ("running", workers [i].running), kv ("free", workers [i].free),
                  kv ("last_seen_ms_ago", workers [i].last_seen_ms_ago));
    own (own_mem) step_cluster_t *clusters = calloc (LIMIT_TALLIES, sizeof (step_cluster_t));
    count = clusters ? step_clusters (self->step, clusters, LIMIT_TALLIES) : 0;
    for (size_t i = 0; i < count && i < LIMIT_TALLIES; i++)
        log_info ("state of a cluster", kv ("cluster", clusters [i].cluster),
                  kv ("pending", clusters [i].states [INCIDENT_PENDING]),
                  kv ("investigating", clusters [i].states [INCIDENT_INVESTIGATING]));
}

static void
s_signal (loop_t *self)
{
    struct signalfd_siginfo info;
    if (read (self->args.signal_fd, &info, sizeof info) != (ssize_t) sizeof info)
        return;
    if (info.ssi_signo == SIGHUP)
        s_reload (self);
    else if (info.ssi_signo == SIGUSR1)
        s_tell (self);
    else
        s_drain (self);
}

//  --- between turns

static void
s_tidy (loop_t *self, clk_now_t now)
{
    int rc = store_tidy (self->args.store, now.wall_ms);
    const int more = rc < 0 || self->draining ? 0 : loop_retain_look (self, now);
    rc = more < 0 ? more : rc < 0 ? rc : rc | more;
    if (rc < 0) {
        log_error ("store failed between turns, the restart recovers", kv ("error", err_str (rc)));
        self->exit_code = store_exit (self->args.store);
    }
    if (self->threads.check && store_check_state (self->threads.check) == STORE_CHECK_DAMAGED)
        self->exit_code = EXIT_CORRUPT;
    self->tidy_ms = now.boot_ms + (rc > 0 ? LIMIT_STORE_RETRY_MS / 10 : LIMIT_SNAPSHOT_MS);
    if (rc <= 0)
        self->tidied_ms = now.boot_ms;
}

//  Tidy after a turn without input.  If there has been none for long, tidy anyway.
static bool
s_tidy_now (const loop_t *self, size_t inputs, clk_now_t now)
{
    const bool late = now.boot_ms - self->tidied_ms >= LIMIT_TIDY_LATE_MS;
    return self->exit_code < 0 && now.boot_ms >= self->tidy_ms && (inputs == 0 || late);
}

//  Wait for something to do.  Returns true when the signal fd is readable.
static bool
s_wait (loop_t *self)
{
    const clk_now_t now = clk_now (self->args.clk);
    int64_t due_ms = least (self->snapshot_ms, self->tidy_ms);
    size_t count = S_WAITS;
    if (now.boot_ms < self->pause_until_ms) {
        due_ms = least (due_ms, self->pause_until_ms);
        count = 1; //  a short pause after a rollback: signals only
    }
    else
        due_ms = least (due_ms, step_wake (self->step));
    if (self->draining)
        due_ms = least (due_ms, self->drain_until_ms);
    if (self->waiting)
        due_ms = least (due_ms, now.boot_ms + LIMIT_STORE_RETRY_MS);
    if (!self->stream)
        due_ms = least (due_ms, self->stream_ms);
    link_wait_t items [S_WAITS] = {
        {.fd = self->args.signal_fd},
        {.fd = mailbox_fd (self->args.inbox)},
        {.link = self->work},
        {.link = self->ingest},
        {.link = self->stream, .fd = -1}, //  poll ignores an fd below 0
        {.fd = self->args.zap ? curve_zap_fd (self->args.zap) : -1},
    };
    const int64_t wait_ms = due_ms > now.boot_ms ? due_ms - now.boot_ms : 0;
    const int ready = link_wait (items, count, wait_ms);
    if (ready > 0 && count == S_WAITS && items [S_WAITS - 1].readable)
        self->revoked |= curve_zap_revoked (self->args.zap);
    return ready > 0 && items [0].readable;
}

int
loop_run (loop_t *self, const loop_threads_t *threads)
{
    assert (self && threads && threads->artifact && threads->delivery && threads->intake);
    self->threads = *threads;
    loop_snapshot (self, clk_now (self->args.clk));
    while (self->exit_code < 0) {
        if (s_wait (self))
            s_signal (self);
        const clk_now_t now = clk_now (self->args.clk);
        if (self->exit_code < 0 && now.boot_ms >= self->pause_until_ms) {
            const size_t inputs = turn_run (self);
            if (s_tidy_now (self, inputs, now))
                s_tidy (self, now);
        }
        if (now.boot_ms >= self->snapshot_ms)
            loop_snapshot (self, now);
        s_drained (self, now);
    }
    loop_snapshot (self, clk_now (self->args.clk));
    return self->exit_code;
}
