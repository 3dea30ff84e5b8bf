//  SPDX-License-Identifier: Apache-2.0

#include "broker/intake/intake.h"

#include "broker/base/blob.h"
#include "broker/intake/intake_config.h"
#include "broker/intake/intake_lost.h"
#include "broker/intake/intake_mark.h"
#include "broker/intake/intake_queue.h"
#include "broker/intake/intake_read.h"
#include "broker/intake/intake_token.h"
#include "common/base/actor.h"
#include "common/base/buf.h"
#include "common/base/clk.h"
#include "common/base/durable.h"
#include "common/base/ident.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/net/http.h"
#include "common/net/mcp.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

enum {
    TRANSFERS = 10, //  of one source; mcp has fewer
    STOP_MS = 3000, //  deleting the sessions at the end
    PATH_BYTES = 4096
};

typedef struct s_source s_source_t;

//  One transfer of one source; done and cancelled ones have no handle.
typedef struct {
    s_source_t *source;
    uint64_t cookie;
    http_transfer_t *transfer; //  NULL = free
} s_flight_t;

struct s_source {
    intake_t *intake;
    intake_config_t config;
    mcp_t *mcp;
    char id [ROW_SOURCE];        //  "mcp:<name>", the source of its events
    char mark_name [DIGEST_HEX]; //  its file in sessions_dir
    intake_mark_t mark;          //  as it was written last
    int64_t mark_ms;             //  boot time when it is written again
    bool absent;                 //  followed in an earlier life, not yet in this one
    char *token_header;          //  "Authorization: Bearer ...", NULL without a token; a secret
    bool token_untried;          //  no request has carried it yet
    intake_lost_t lost;          //  events that are gone, to be told
    int64_t bad_told;            //  messages without sense, as told last
    bool away_told;              //  that it is not reached, since it was followed last
    char several [LIMIT_REASON_BYTES]; //  the clusters of its server, as told last
    bool stopping;
    s_flight_t flights [TRANSFERS];
    intake_source_t stats;
    s_source_t *prev, *next;
};

struct intake {
    clk_t *clk;
    http_t *http;
    actor_t *actor;        //  gets REPLY and CONFIG mails
    mailbox_t *loop;       //  borrowed
    intake_read_t *read;   //  what is being read
    intake_queue_t *queue; //  events and notices on their way to the loop
    char sessions_dir [PATH_BYTES];
    s_source_t *sources;
    intake_config_t configs [LIMIT_CLUSTERS]; //  the sources there should be
    size_t config_count;
    int64_t backoff_min_ms, backoff_max_ms;
    bool config_changed;
    pthread_mutex_t lock; //  guards what follows; what is above is the thread's alone, once it runs
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

//  Take the list of sources; s_reconcile acts on it.  Err: -ENOMEM, no source then.
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

static const char *
s_name (const s_source_t *source)
{
    return source->stats.cluster;
}

//  A source without a name is shown as the cluster whose events it brings, unless another source
//  has that name: "" when nothing is known of it.
static void
s_show_as (s_source_t *source, const char *cluster)
{
    const s_source_t *other;
    bool free_name = cluster [0] != 0;
    DL_FOREACH (source->intake->sources, other) {
        free_name = free_name && (other == source || strcmp (other->stats.cluster, cluster) != 0);
    }
    snprintf (source->stats.cluster, sizeof source->stats.cluster, "%s",
              free_name ? cluster : "default");
}

static void
s_notice (s_source_t *source, const char *change, const char *reason)
{
    const char *name = s_name (source);
    intake_queue_notice (source->intake->queue, source->id, name, change, reason);
    if (strcmp (change, "connected") == 0)
        log_info ("event source", kv ("cluster", name), kv ("change", change));
    else
        log_warn ("event source", kv ("cluster", name), kv ("change", change),
                  kv ("reason", reason));
}

static void
s_read_token (s_source_t *source)
{
    own (intake_token_drop) char *before = own_take (source->token_header);
    if (!source->config.token_file [0])
        return;
    source->token_header = intake_token_header (source->config.token_file, source->config.name);
    if (strcmp (before ? before : "", source->token_header ? source->token_header : "") != 0)
        source->token_untried = true;
}

static void
s_source_destroy (s_source_t *source)
{
    for (int i = 0; i < TRANSFERS; i++)
        http_cancel (source->intake->http, &source->flights [i].transfer);
    mcp_destroy (&source->mcp);
    intake_config_fini (&source->config);
    intake_token_drop (&source->token_header);
    free (source);
}

//  Until when nothing of this source can be missing: the last proof that it was there, but not
//  beyond an event that is not committed yet.
static int64_t
s_known_until (s_source_t *source)
{
    const clk_now_t now = clk_now (source->intake->clk);
    const int64_t alive_ms = mcp_alive_ms (source->mcp);
    if (mcp_state (source->mcp) != MCP_ACTIVE || source->absent)
        return source->mark.until_ms;
    const int64_t until_ms = now.wall_ms - (now.boot_ms - alive_ms);
    const int64_t oldest_ms = intake_queue_oldest (source->intake->queue, source->id);
    return oldest_ms < until_ms ? oldest_ms : until_ms;
}

static void
s_mark_write (s_source_t *source, const char *session)
{
    intake_mark_t mark = {.until_ms = s_known_until (source)};
    if (!source->config.name [0] && strcmp (source->stats.cluster, "default") != 0)
        snprintf (mark.cluster, sizeof mark.cluster, "%s", source->stats.cluster);
    snprintf (mark.session, sizeof mark.session, "%s", session);
    const int rc = intake_mark_write (source->intake->sessions_dir, source->mark_name, &mark);
    if (rc < 0)
        log_warn ("state of an event source not kept; its gap and its session will not be known "
                  "after a restart",
                  kv ("cluster", source->stats.cluster), kv ("error", err_str (rc)));
    source->mark = mark;
    source->mark_ms = clk_now (source->intake->clk).boot_ms + LIMIT_MARK_MS;
}

static void
s_mark_read (s_source_t *source)
{
    intake_mark_name (source->config.name, source->config.url, source->mark_name);
    const int rc =
        intake_mark_read (source->intake->sessions_dir, source->mark_name, &source->mark);
    if (rc < 0 && rc != ERR_NONE)
        log_warn ("state of an event source not readable", kv ("cluster", source->stats.cluster),
                  kv ("error", err_str (rc)));
    source->absent = source->mark.until_ms > 0;
    if (!source->config.name [0])
        s_show_as (source, source->mark.cluster);
}

static bool
s_read_begin (void *arg, const char *call, const char *text, size_t size)
{
    const s_source_t *source = arg;
    return intake_read_begin (source->intake->read, source->id, s_name (source), call, text, size);
}

static void
s_read_end (void *arg)
{
    intake_read_end (((s_source_t *) arg)->intake->read);
}

//  Own: *config is taken on success and on failure.
static void
s_source_add (intake_t *self, intake_config_t *config, int64_t backoff_min_ms,
              int64_t backoff_max_ms)
{
    s_source_t *source = calloc (1, sizeof (s_source_t));
    if (!source) {
        intake_config_fini (config);
        return;
    }
    source->intake = self;
    source->config = *config;
    *config = (intake_config_t){0};
    mcp_settings_t settings = {.mode = source->config.mode,
                               .context = source->config.name,
                               .type = source->config.type,
                               .backoff_min_ms = backoff_min_ms,
                               .backoff_max_ms = backoff_max_ms,
                               .random64 = ident_random64 (),
                               .read_begin = s_read_begin,
                               .read_end = s_read_end,
                               .read_arg = source};
    source->mcp = mcp_new (&settings);
    if (!source->mcp) {
        s_source_destroy (source);
        return;
    }
    const char *name = source->config.name;
    snprintf (source->id, sizeof source->id, "mcp:%s", *name ? name : "default");
    snprintf (source->stats.cluster, sizeof source->stats.cluster, "%s", *name ? name : "default");
    s_source_t *other; //  a name goes to the one that is configured with it
    DL_FOREACH (self->sources, other) {
        if (!other->config.name [0] && strcmp (other->stats.cluster, name) == 0)
            s_show_as (other, "");
    }
    s_read_token (source);
    DL_APPEND (self->sources, source);
    s_mark_read (source);
    mcp_start (source->mcp, source->mark.session, clk_now (self->clk).boot_ms);
}

static s_source_t *
s_source_find (intake_t *self, const char *name)
{
    s_source_t *source;
    DL_FOREACH (self->sources, source) {
        if (strcmp (source->config.name, name) == 0)
            return source;
    }
    return NULL;
}

//  Stop what is not configured any more, start what is new.  A changed source starts again once
//  the old one of that name has stopped.
static void
s_reconcile (intake_t *self)
{
    bool wanted [LIMIT_CLUSTERS] = {0};
    int64_t boot_ms = clk_now (self->clk).boot_ms;
    self->config_changed = false;
    s_source_t *source;
    DL_FOREACH (self->sources, source) {
        bool keep = false;
        for (size_t i = 0; i < self->config_count && !source->stopping; i++) {
            if (wanted [i] || !intake_config_same_session (&source->config, &self->configs [i]))
                continue;
            //  With another token a session that does not stand is tried again at once
            s_read_token (source);
            keep = !source->token_untried || mcp_state (source->mcp) == MCP_ACTIVE;
            if (!keep)
                break;
            wanted [i] = true;
            source->config.triage_enabled = self->configs [i].triage_enabled;
            mcp_set_backoff (source->mcp, self->backoff_min_ms, self->backoff_max_ms);
            break;
        }
        if (!keep && !source->stopping) {
            source->stopping = true;
            s_mark_write (source, source->mark.session);
            mcp_stop (source->mcp, boot_ms);
        }
    }
    for (size_t i = 0; i < self->config_count; i++) {
        intake_config_t *from = &self->configs [i];
        if (wanted [i] || s_source_find (self, from->name))
            continue;
        intake_config_t config;
        if (intake_config_copy (&config, from))
            s_source_add (self, &config, self->backoff_min_ms, self->backoff_max_ms);
        else
            intake_config_fini (&config);
    }
}


//  --- transfers

static void
s_on_head (void *arg, http_transfer_t *transfer, int status)
{
    s_flight_t *flight = arg;
    s_source_t *source = flight->source;
    //  curl's headers are valid until the next call about another one
    own (own_mem) char *type = strdup (http_header (transfer, "Content-Type"));
    own (own_mem) char *session = strdup (http_header (transfer, "Mcp-Session-Id"));
    mcp_on_head (source->mcp, flight->cookie, status, type ? type : "", session ? session : "",
                 http_retry_after (transfer), clk_now (source->intake->clk).boot_ms);
}

static void
s_on_body (void *arg, http_transfer_t *transfer, const char *bytes, size_t size)
{
    s_flight_t *flight = arg;
    mcp_on_body (flight->source->mcp, flight->cookie, bytes, size,
                 clk_now (flight->source->intake->clk).boot_ms);
}

static void
s_on_done (void *arg, http_transfer_t *transfer, int rc, const char *reason)
{
    s_flight_t *flight = arg;
    flight->transfer = NULL;
    mcp_on_end (flight->source->mcp, flight->cookie, rc, reason,
                clk_now (flight->source->intake->clk).boot_ms);
}

static const http_hooks_t hooks = {.head = s_on_head, .body = s_on_body, .done = s_on_done};

static void
s_start (s_source_t *source, const mcp_out_t *out)
{
    s_flight_t *flight = NULL;
    for (int i = 0; i < TRANSFERS && !flight; i++)
        flight = source->flights [i].transfer ? NULL : &source->flights [i];

    const char *headers [MCP_HEADERS + 1];
    size_t count = 0;
    for (; count < out->header_count; count++)
        headers [count] = out->headers [count];
    if (source->token_header)
        headers [count++] = source->token_header;
    source->token_untried = false;
    static const char *const methods [] = {"POST", "GET", "DELETE"};
    http_request_t request = {
        .method = methods [out->verb],
        .url = source->config.url,
        .headers = headers,
        .header_count = count,
        .body = out->verb == MCP_POST ? out->text : NULL,
        .body_size = out->text_size,
        .total_ms = out->total_ms,
        .response_max_bytes = out->verb == MCP_GET ? 0 : LIMIT_HTTP_RESPONSE_BYTES,
        .fresh = out->verb == MCP_GET,
    };
    int rc = ERR_FULL;
    if (flight) {
        flight->source = source;
        flight->cookie = out->cookie;
        rc = http_start (source->intake->http, &request, &hooks, flight, &flight->transfer);
    }
    if (rc != 0)
        mcp_on_end (source->mcp, out->cookie, rc, err_str (rc),
                    clk_now (source->intake->clk).boot_ms);
}

static void
s_cancel (s_source_t *source, uint64_t cookie)
{
    for (int i = 0; i < TRANSFERS; i++) {
        if (source->flights [i].transfer && source->flights [i].cookie == cookie)
            http_cancel (source->intake->http, &source->flights [i].transfer);
    }
}


//  --- what the session machine asks for

static void
s_lose (s_source_t *source, intake_lost_kind_t kind, int64_t count)
{
    source->stats.dropped_total += count;
    intake_lost_add (&source->lost, kind, count);
}

static void
s_on_event (s_source_t *source, const char *body, size_t size)
{
    source->stats.events_total++;
    source->stats.last_event_ms = clk_now (source->intake->clk).wall_ms;
    if (size > LIMIT_EVENT_BYTES) {
        s_lose (source, INTAKE_LOST_LARGE, 1);
        return;
    }
    fault_t fault;
    intake_read_event (source->intake->read, source->id, source->config.name, body, size, &fault);
    if (!source->config.name [0] && fault.source_cluster [0]
        && strcmp (fault.source_cluster, source->stats.cluster) != 0) {
        const bool first = strcmp (source->stats.cluster, "default") == 0;
        s_show_as (source, fault.source_cluster);
        if (first && strcmp (source->stats.cluster, "default") != 0)
            source->mark_ms = 0; //  the next life knows it, too
    }
    if (!intake_queue_event (source->intake->queue, source->id, &fault,
                             source->config.triage_enabled, body, size,
                             clk_now (source->intake->clk).wall_ms))
        s_lose (source, INTAKE_LOST_FULL, 1);
}

static void
s_gap (s_source_t *source, int64_t ms, const char *why)
{
    char reason [LIMIT_REASON_BYTES];
    snprintf (reason, sizeof reason, "%" PRId64 " ms: %.200s", ms, why);
    source->stats.gaps_total++;
    s_notice (source, "gap", reason);
}

//  One line until it is followed again, however often it is tried: the log of a broker with
//  a misspelt URL would say nothing.
static void
s_tell_away (s_source_t *source, mcp_state_t state, bool was_active, const char *reason)
{
    if (state == MCP_WAITING && !was_active && !source->away_told)
        log_warn ("event source not reached, it is tried again", kv ("cluster", s_name (source)),
                  kv ("reason", reason));
    source->away_told =
        state != MCP_ACTIVE && (source->away_told || was_active || state == MCP_WAITING);
}

static void
s_on_state (s_source_t *source, const mcp_out_t *out)
{
    mcp_state_t state = out->state;
    if (state == MCP_ACTIVE)
        source->mark_ms = 0; //  from here on it is followed
    if (state == MCP_ACTIVE && source->absent)
        s_gap (source, clk_now (source->intake->clk).wall_ms - source->mark.until_ms,
               "the broker did not follow this source");
    source->absent = source->absent && state != MCP_ACTIVE;
    const char *before = source->stats.state;
    bool was_active = strcmp (before, mcp_state_name (MCP_ACTIVE)) == 0;
    if (state == MCP_ACTIVE)
        s_notice (source, "connected", out->text);
    else if ((state == MCP_UNSUPPORTED || state == MCP_WEDGED) && !out->again)
        s_notice (source, mcp_state_name (state), out->text);
    else if (was_active && state != MCP_STOPPING)
        s_notice (source, "lost", out->text);
    s_tell_away (source, state, was_active, out->text);
    if (state == MCP_REOPENING || state == MCP_WAITING)
        source->stats.reconnects_total++;
    if (state == MCP_REOPENING)
        source->stats.reopened_total++;
    snprintf (source->stats.state, sizeof source->stats.state, "%s", mcp_state_name (state));
}

static void
s_on_session (s_source_t *source, const char *session)
{
    s_mark_write (source, session);
}

static void
s_on_several (s_source_t *source, const char *names)
{
    if (strcmp (source->several, names) == 0)
        return;
    snprintf (source->several, sizeof source->several, "%s", names);
    log_warn (
        "this server serves several clusters, and of a source without a name it sends one only: "
        "write `clusters:` with a `name:` and `mcp: {endpoint: ...}` for each that is wanted",
        kv ("source", source->id), kv ("clusters", names));
}

static void
s_act (s_source_t *source)
{
    mcp_out_t out;
    while (mcp_next (source->mcp, &out)) {
        if (out.kind == MCP_OUT_STATE || out.kind == MCP_OUT_GAP || out.kind == MCP_OUT_SEVERAL)
            intake_token_hide (source->token_header, out.text);
        switch (out.kind) {
            case MCP_OUT_REQUEST: s_start (source, &out); break;
            case MCP_OUT_ABORT: s_cancel (source, out.cookie); break;
            case MCP_OUT_EVENT: s_on_event (source, out.text, out.text_size); break;
            case MCP_OUT_STATE: s_on_state (source, &out); break;
            case MCP_OUT_LARGE:
                source->stats.events_total += out.dropped;
                s_lose (source, INTAKE_LOST_LARGE, out.dropped);
                break;
            case MCP_OUT_GAP: s_gap (source, out.to_ms - out.from_ms, out.text); break;
            case MCP_OUT_SESSION: s_on_session (source, out.text); break;
            case MCP_OUT_TOKEN: s_read_token (source); break;
            case MCP_OUT_SEVERAL: s_on_several (source, out.text); break;
        }
        mcp_out_fini (&out);
    }
}


//  --- the thread

static void
s_publish_stats (intake_t *self)
{
    clk_now_t now = clk_now (self->clk);
    pthread_mutex_lock (&self->lock);
    self->stats_count = 0;
    s_source_t *source;
    DL_FOREACH (self->sources, source) {
        int64_t alive_ms = mcp_alive_ms (source->mcp);
        int64_t retry_ms = mcp_retry_ms (source->mcp);
        source->stats.last_alive_ms = alive_ms ? now.wall_ms - (now.boot_ms - alive_ms) : 0;
        source->stats.retry_ms = retry_ms ? now.wall_ms + (retry_ms - now.boot_ms) : 0;
        source->stats.bad_messages_total = mcp_bad_messages (source->mcp);
        snprintf (source->stats.last_error, sizeof source->stats.last_error, "%s",
                  mcp_last_error (source->mcp));
        intake_token_hide (source->token_header, source->stats.last_error);
        if (self->stats_count < LIMIT_CLUSTERS)
            self->stats [self->stats_count++] = source->stats;
    }
    pthread_mutex_unlock (&self->lock);
}

//  Is this source still to be followed, if only with another token or mode, or at another place?
static bool
s_wanted (const intake_t *self, const s_source_t *source)
{
    char name [DIGEST_HEX];
    for (size_t i = 0; i < self->config_count; i++) {
        intake_mark_name (self->configs [i].name, self->configs [i].url, name);
        if (strcmp (name, source->mark_name) == 0)
            return true;
    }
    return false;
}

//  Messages without sense are told when the first comes, and whenever there are twice as many.
static void
s_tell_bad (s_source_t *source)
{
    const int64_t bad = mcp_bad_messages (source->mcp);
    if (bad <= 2 * source->bad_told)
        return;
    source->bad_told = bad;
    log_warn ("messages of an event source make no sense", kv ("cluster", source->stats.cluster),
              kv ("messages", bad));
}

//  What it has lost, also by what others sent; returns when to look again.
static int64_t
s_tell_lost (s_source_t *source, int64_t boot_ms)
{
    char reason [LIMIT_REASON_BYTES];
    const int64_t dropped = intake_queue_take_dropped (source->intake->queue, source->id);
    if (dropped > 0)
        s_lose (source, INTAKE_LOST_FULL, dropped);
    if (intake_lost_tell (&source->lost, boot_ms, reason, sizeof reason)) {
        source->stats.gaps_total++;
        s_notice (source, "gap", reason);
    }
    return intake_lost_due (&source->lost);
}

//  Timers and outputs of all sources; returns when to look again.
static int64_t
s_turn (intake_t *self)
{
    int64_t wake = INT64_MAX;
    int64_t boot_ms = clk_now (self->clk).boot_ms;
    s_source_t *source, *next;
    DL_FOREACH_SAFE (self->sources, source, next) {
        if (mcp_wake (source->mcp) <= boot_ms)
            mcp_on_time (source->mcp, boot_ms);
        s_act (source);
        s_tell_bad (source);
        if (mcp_state (source->mcp) == MCP_STOPPED) {
            source->lost.next_ms = 0;
            (void) s_tell_lost (source, boot_ms);
            if (!s_wanted (self, source))
                intake_mark_drop (self->sessions_dir, source->mark_name);
            DL_DELETE (self->sources, source);
            s_source_destroy (source);
            self->config_changed = true; //  its successor may start now
            wake = boot_ms;
            continue;
        }
        if (mcp_state (source->mcp) == MCP_ACTIVE && boot_ms >= source->mark_ms)
            s_mark_write (source, source->mark.session);
        int64_t due = mcp_wake (source->mcp);
        wake = due < wake ? due : wake;
    }
    DL_FOREACH (self->sources, source) {
        int64_t due = s_tell_lost (source, boot_ms);
        wake = due < wake ? due : wake;
    }
    int64_t due = intake_queue_offer (self->queue, self->loop, actor_inbox (self->actor), boot_ms);
    return due < wake ? due : wake;
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
            intake_queue_reply (self->queue, mail->as.reply.cookie, mail->as.reply.accepted,
                                mail->as.reply.retry_ms, clk_now (self->clk).boot_ms);
        if (mail->kind == MAIL_CONFIG)
            s_on_config (self, mail);
        mail_destroy (&mail);
    }
}

//  Wait for transfers, or for fd; -1 = none.
static void
s_wait (intake_t *self, int fd, int64_t wake)
{
    int64_t wait_ms = wake - clk_now (self->clk).boot_ms;
    http_poll (self->http, fd, wake == INT64_MAX ? 1000 : wait_ms);
    s_drain_inbox (self);
}

//  Delete the sessions, in STOP_MS at most.  The actor's fd is readable all the time now.
static void
s_end (intake_t *self)
{
    int64_t end_ms = clk_now (self->clk).boot_ms + STOP_MS;
    s_source_t *source;
    DL_FOREACH (self->sources, source) {
        s_mark_write (source, source->mark.session);
        mcp_stop (source->mcp, clk_now (self->clk).boot_ms);
    }
    while (clk_now (self->clk).boot_ms < end_ms) {
        int64_t wake = s_turn (self);
        if (!self->sources)
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
    self->clk = clk_new ();
    self->http = http_new ();
    self->actor = actor_new (LIMIT_MAILBOX, mail_item_destroy, NULL);
    self->queue = intake_queue_new (settings->state_path);
    self->read = intake_read_new (settings->state_path);
    s_sessions_dir (self, settings->state_path);
    int rc = blob_make_dir (self->sessions_dir);
    if (rc != 0)
        err_diag (diag, "cannot make %s: %s", self->sessions_dir, err_str (rc));
    own (own_fd) int sessions = open (self->sessions_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (sessions >= 0)
        durable_sweep (sessions);
    if (rc != 0 || !self->clk || !self->http || !self->actor || !self->queue || !self->read
        || s_configure (self, settings) < 0 || actor_start (self->actor, s_run, self) < 0)
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
    s_source_t *source, *next;
    DL_FOREACH_SAFE (self->sources, source, next) {
        DL_DELETE (self->sources, source);
        s_source_destroy (source);
    }
    s_configs_fini (self);
    const size_t left = self->queue ? intake_queue_count (self->queue) : 0;
    if (left > 0)
        log_warn ("events were received and not committed; they are part of the gap that the next "
                  "start tells",
                  kv ("events", left));
    intake_queue_destroy (&self->queue);
    intake_read_destroy (&self->read);
    http_destroy (&self->http);
    clk_destroy (&self->clk);
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
