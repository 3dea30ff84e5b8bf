//  SPDX-License-Identifier: Apache-2.0

#include "broker/intake/intake.h"

#include "broker/base/blob.h"
#include "broker/intake/intake_session.h"
#include "common/base/actor.h"
#include "common/base/durable.h"
#include "common/base/least.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

enum {
    STOP_MS = 3000, //  for closing the sessions at the end
    PATH_BYTES = 4096
};

struct intake {
    intake_shared_t shared;
    actor_t *actor;  //  gets REPLY and CONFIG mails
    mailbox_t *loop; //  borrowed
    char sessions_dir [PATH_BYTES];
    intake_config_t configs [LIMIT_CLUSTERS]; //  the configured sources
    size_t config_count;
    int64_t backoff_min_ms, backoff_max_ms;
    bool config_changed;
    pthread_mutex_t lock; //  guards the members below; those above are the thread's alone
    intake_source_t stats [LIMIT_CLUSTERS];
    size_t stats_count;
};


//  --- configuration

static void
s_configs_fini (intake_t *self)
{
    for (size_t i = 0; i < self->config_count; i++)
        intake_config_fini (&self->configs [i]);
    self->config_count = 0;
}

//  Store the list of sources; s_reconcile acts on it.  Err: -ENOMEM: the list is empty.
static int
s_configure (intake_t *self, const settings_t *settings)
{
    own (own_mem) settings_cluster_t *clusters = calloc (LIMIT_CLUSTERS, sizeof *clusters);
    if (!clusters)
        return -ENOMEM;
    size_t count = settings_clusters (settings, clusters, LIMIT_CLUSTERS);
    s_configs_fini (self);
    for (size_t i = 0; i < count; i++) {
        if (!intake_config_init (&self->configs [self->config_count++], &clusters [i], settings)) {
            s_configs_fini (self);
            return -ENOMEM;
        }
    }
    self->backoff_min_ms = settings->sse_reconnect_initial_backoff_ms;
    self->backoff_max_ms = settings->sse_reconnect_max_backoff_ms;
    self->config_changed = true;
    return 0;
}


//  --- sources

static bool
s_is_followed (const intake_t *self, const char *name)
{
    const intake_session_t *session;
    DL_FOREACH (self->shared.sessions, session) {
        if (strcmp (session->config.name, name) == 0)
            return true;
    }
    return false;
}

//  Let the session go on with a configuration that fits it, and mark that one in `wanted`.
//  Returns false when none fits.
static bool
s_keep (intake_t *self, intake_session_t *session, bool *wanted)
{
    for (size_t i = 0; i < self->config_count && !session->stopping; i++) {
        if (wanted [i] || !intake_config_same_session (&session->config, &self->configs [i]))
            continue;
        wanted [i] = intake_session_keep (session, &self->configs [i], self->backoff_min_ms,
                                          self->backoff_max_ms);
        return wanted [i];
    }
    return false;
}

//  Stop sources that are no longer configured, and start new ones.  A changed source starts again
//  once the old one of that name has stopped.
static void
s_reconcile (intake_t *self)
{
    bool wanted [LIMIT_CLUSTERS] = {0};
    self->config_changed = false;
    intake_session_t *session;
    DL_FOREACH (self->shared.sessions, session) {
        if (!s_keep (self, session, wanted) && !session->stopping)
            intake_session_stop (session);
    }
    for (size_t i = 0; i < self->config_count; i++) {
        intake_config_t *from = &self->configs [i];
        if (wanted [i] || s_is_followed (self, from->name))
            continue;
        intake_config_t config;
        session = NULL;
        if (intake_config_copy (&config, from))
            session = intake_session_new (&self->shared, &config, self->backoff_min_ms,
                                          self->backoff_max_ms);
        else
            intake_config_fini (&config);
        if (session)
            DL_APPEND (self->shared.sessions, session);
    }
}


//  --- the thread

static void
s_publish_stats (intake_t *self)
{
    clk_now_t now = clk_now (self->shared.clk);
    pthread_mutex_lock (&self->lock);
    self->stats_count = 0;
    intake_session_t *session;
    DL_FOREACH (self->shared.sessions, session) {
        intake_source_t stats;
        intake_session_stats (session, now, &stats);
        if (self->stats_count < LIMIT_CLUSTERS)
            self->stats [self->stats_count++] = stats;
    }
    pthread_mutex_unlock (&self->lock);
}

//  Is this source still configured, if only with another token, mode or URL?
static bool
s_wanted (const intake_t *self, const intake_session_t *session)
{
    for (size_t i = 0; i < self->config_count; i++) {
        if (intake_session_is_marked (session, &self->configs [i]))
            return true;
    }
    return false;
}

//  Run the timers and outputs of all sources.  Returns the boot time of the next call.
static int64_t
s_turn (intake_t *self)
{
    int64_t wake = INT64_MAX;
    int64_t boot_ms = clk_now (self->shared.clk).boot_ms;
    intake_session_t *session, *next;
    DL_FOREACH_SAFE (self->shared.sessions, session, next) {
        if (intake_session_turn (session, boot_ms)) {
            wake = least (wake, intake_session_wake (session));
            continue;
        }
        if (!s_wanted (self, session))
            intake_session_forget (session);
        DL_DELETE (self->shared.sessions, session);
        intake_session_destroy (&session);
        self->config_changed = true; //  its successor may start now
        wake = boot_ms;
    }
    DL_FOREACH (self->shared.sessions, session)
        wake = least (wake, intake_session_tell_lost (session, boot_ms));
    return least (wake, intake_queue_offer (self->shared.queue, self->loop,
                                            actor_inbox (self->actor), boot_ms));
}

static void
s_on_config (intake_t *self, mail_t *mail)
{
    own (conf_destroy) conf_t *conf = NULL;
    int rc = s_configure (self, mail_take_config (mail, &conf));
    if (rc < 0)
        log_error ("clusters not reloaded", kv ("error", err_str (rc)));
}

static void
s_drain_inbox (intake_t *self)
{
    mail_t *mail;
    while ((mail = actor_recv (self->actor)) != NULL) {
        if (mail->kind == MAIL_REPLY)
            intake_queue_reply (self->shared.queue, mail->as.reply.cookie, mail->as.reply.accepted,
                                mail->as.reply.retry_ms, clk_now (self->shared.clk).boot_ms);
        if (mail->kind == MAIL_CONFIG)
            s_on_config (self, mail);
        mail_destroy (&mail);
    }
}

//  Wait for transfers, for fd (-1 = none), or until `wake` in boot ms; then read the mailbox.
static void
s_wait (intake_t *self, int fd, int64_t wake)
{
    int64_t wait_ms = wake - clk_now (self->shared.clk).boot_ms;
    http_poll (self->shared.http, fd, wake == INT64_MAX ? 1000 : wait_ms);
    s_drain_inbox (self);
}

//  Close the sessions, in STOP_MS at most.  The actor's fd is always readable now, so it is not
//  waited for.
static void
s_end (intake_t *self)
{
    int64_t end_ms = clk_now (self->shared.clk).boot_ms + STOP_MS;
    intake_session_t *session;
    DL_FOREACH (self->shared.sessions, session)
        intake_session_stop (session);
    while (clk_now (self->shared.clk).boot_ms < end_ms) {
        int64_t wake = s_turn (self);
        if (!self->shared.sessions)
            break;
        s_wait (self, -1, wake < end_ms ? wake : end_ms);
    }
}

static void
s_run (void *arg)
{
    intake_t *self = arg;
    while (!actor_ends (self->actor)) {
        if (self->config_changed)
            s_reconcile (self);
        int64_t wake = s_turn (self);
        s_publish_stats (self);
        s_wait (self, actor_fd (self->actor), wake);
    }
    s_end (self);
}


//  --- the module

static void
s_sessions_dir (intake_t *self, const char *state_path)
{
    const char *slash = strrchr (state_path, '/');
    snprintf (self->sessions_dir, sizeof self->sessions_dir, "%.*s/mcp-sessions",
              slash ? (int) (slash - state_path) : 1, slash ? state_path : ".");
}

intake_t *
intake_new (const settings_t *settings, mailbox_t *loop, err_diag_t *diag)
{
    assert (settings && loop);

    intake_t *self = calloc (1, sizeof (intake_t));
    if (!self)
        return NULL;
    pthread_mutex_init (&self->lock, NULL);
    self->loop = loop;
    self->shared.clk = clk_new ();
    self->shared.http = http_new ();
    self->actor = actor_new (LIMIT_MAILBOX, mail_item_destroy, NULL);
    self->shared.queue = intake_queue_new (settings->state_path);
    self->shared.read = intake_read_new (settings->state_path);
    self->shared.sessions_dir = self->sessions_dir;
    s_sessions_dir (self, settings->state_path);
    int rc = blob_make_dir (self->sessions_dir);
    if (rc != 0)
        err_diag (diag, "cannot make %s: %s", self->sessions_dir, err_str (rc));
    own (own_fd) int sessions = open (self->sessions_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (sessions >= 0)
        durable_sweep (sessions);
    if (rc != 0 || !self->shared.clk || !self->shared.http || !self->actor || !self->shared.queue
        || !self->shared.read || s_configure (self, settings) < 0
        || actor_start (self->actor, s_run, self) < 0)
        intake_destroy (&self);
    return self;
}

void
intake_destroy (intake_t **self_p)
{
    intake_t *self = *self_p;
    if (!self)
        return;
    actor_destroy (&self->actor);
    intake_session_t *session, *next;
    DL_FOREACH_SAFE (self->shared.sessions, session, next) {
        DL_DELETE (self->shared.sessions, session);
        intake_session_destroy (&session);
    }
    s_configs_fini (self);
    const size_t left = self->shared.queue ? intake_queue_count (self->shared.queue) : 0;
    if (left > 0)
        log_warn ("events were received and not committed; they are part of the gap that the next "
                  "start tells",
                  kv ("events", left));
    intake_queue_destroy (&self->shared.queue);
    intake_read_destroy (&self->shared.read);
    http_destroy (&self->shared.http);
    clk_destroy (&self->shared.clk);
    pthread_mutex_destroy (&self->lock);
    free (self);
    *self_p = NULL;
}

size_t
intake_sources (intake_t *self, intake_source_t *ret_sources, size_t max)
{
    assert (self);

    pthread_mutex_lock (&self->lock);
    size_t count = self->stats_count;
    for (size_t i = 0; i < count && i < max; i++)
        ret_sources [i] = self->stats [i];
    pthread_mutex_unlock (&self->lock);
    return count;
}

mailbox_t *
intake_inbox (intake_t *self)
{
    return actor_inbox (self->actor);
}
