//  Carries out the outputs of the state machine in common/net/mcp.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/intake/intake_session.h"

#include "broker/intake/intake_token.h"
#include "common/base/ident.h"
#include "common/base/least.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

//  --- the source

static const char *
s_name (const intake_session_t *self)
{
    return self->stats.cluster;
}

//  Set the name under which a source without a name is shown: the cluster of its events.
//  It is "default" when the cluster is unknown ("") or another source has its name.
static void
s_show_as (intake_session_t *self, const char *cluster)
{
    const intake_session_t *other;
    bool free_name = cluster [0] != 0;
    DL_FOREACH (self->shared->sessions, other) {
        free_name = free_name && (other == self || strcmp (other->stats.cluster, cluster) != 0);
    }
    snprintf (self->stats.cluster, sizeof self->stats.cluster, "%s",
              free_name ? cluster : "default");
}

static void
s_notice (intake_session_t *self, const char *change, const char *reason)
{
    const char *name = s_name (self);
    intake_queue_notice (self->shared->queue, self->id, name, change, reason);
    if (strcmp (change, "connected") == 0)
        log_info ("event source", kv ("cluster", name), kv ("change", change));
    else
        log_warn ("event source", kv ("cluster", name), kv ("change", change),
                  kv ("reason", reason));
}

static void
s_read_token (intake_session_t *self)
{
    own (intake_token_drop) char *before = own_take (self->token_header);
    if (!self->config.token_file [0])
        return;
    self->token_header = intake_token_header (self->config.token_file, self->config.name);
    if (strcmp (before ? before : "", self->token_header ? self->token_header : "") != 0)
        self->token_untried = true;
}

void
intake_session_destroy (intake_session_t **self_p)
{
    intake_session_t *self = *self_p;
    if (!self)
        return;
    for (int i = 0; i < INTAKE_TRANSFERS; i++)
        http_cancel (self->shared->http, &self->flights [i].transfer);
    mcp_destroy (&self->mcp);
    intake_config_fini (&self->config);
    intake_token_drop (&self->token_header);
    free (self);
    *self_p = NULL;
}

//  Wall clock up to which the events of this source are complete: the last sign of life, but not
//  past an uncommitted event.
static int64_t
s_known_until (intake_session_t *self)
{
    const clk_now_t now = clk_now (self->shared->clk);
    const int64_t alive_ms = mcp_alive_ms (self->mcp);
    if (mcp_state (self->mcp) != MCP_ACTIVE || self->absent)
        return self->mark.until_ms;
    const int64_t until_ms = now.wall_ms - (now.boot_ms - alive_ms);
    return least (until_ms, intake_queue_oldest (self->shared->queue, self->id));
}

static void
s_mark_write (intake_session_t *self, const char *session)
{
    intake_mark_t mark = {.until_ms = s_known_until (self)};
    if (!self->config.name [0] && strcmp (self->stats.cluster, "default") != 0)
        snprintf (mark.cluster, sizeof mark.cluster, "%s", self->stats.cluster);
    snprintf (mark.session, sizeof mark.session, "%s", session);
    const int rc = intake_mark_write (self->shared->sessions_dir, self->mark_name, &mark);
    if (rc < 0)
        log_warn ("state of an event source not kept; its gap and its session will not be known "
                  "after a restart",
                  kv ("cluster", self->stats.cluster), kv ("error", err_str (rc)));
    self->mark = mark;
    self->mark_ms = clk_now (self->shared->clk).boot_ms + LIMIT_MARK_MS;
}

static void
s_mark_read (intake_session_t *self)
{
    intake_mark_name (self->config.name, self->config.url, self->mark_name);
    const int rc = intake_mark_read (self->shared->sessions_dir, self->mark_name, &self->mark);
    if (rc < 0 && rc != ERR_NONE)
        log_warn ("state of an event source not readable", kv ("cluster", self->stats.cluster),
                  kv ("error", err_str (rc)));
    self->absent = self->mark.until_ms > 0;
    if (!self->config.name [0])
        s_show_as (self, self->mark.cluster);
}

static bool
s_read_begin (void *arg, const char *call, const char *text, size_t size)
{
    const intake_session_t *self = arg;
    return intake_read_begin (self->shared->read, self->id, s_name (self), call, text, size);
}

static void
s_read_end (void *arg)
{
    intake_read_end (((intake_session_t *) arg)->shared->read);
}

intake_session_t *
intake_session_new (const intake_shared_t *shared, intake_config_t *config, int64_t backoff_min_ms,
                    int64_t backoff_max_ms)
{
    intake_session_t *self = calloc (1, sizeof (intake_session_t));
    if (!self) {
        intake_config_fini (config);
        return NULL;
    }
    self->shared = shared;
    self->config = *config;
    *config = (intake_config_t){0};
    mcp_settings_t settings = {.mode = self->config.mode,
                               .context = self->config.name,
                               .type = self->config.type,
                               .backoff_min_ms = backoff_min_ms,
                               .backoff_max_ms = backoff_max_ms,
                               .random64 = ident_random64 (),
                               .read_begin = s_read_begin,
                               .read_end = s_read_end,
                               .read_arg = self};
    self->mcp = mcp_new (&settings);
    if (!self->mcp) {
        intake_session_destroy (&self);
        return NULL;
    }
    const char *name = self->config.name;
    snprintf (self->id, sizeof self->id, "mcp:%s", *name ? name : "default");
    snprintf (self->stats.cluster, sizeof self->stats.cluster, "%s", *name ? name : "default");
    intake_session_t *other; //  the configured source gets the name
    DL_FOREACH (shared->sessions, other) {
        if (!other->config.name [0] && strcmp (other->stats.cluster, name) == 0)
            s_show_as (other, "");
    }
    s_read_token (self);
    s_mark_read (self);
    mcp_start (self->mcp, self->mark.session, clk_now (shared->clk).boot_ms);
    return self;
}

bool
intake_session_keep (intake_session_t *self, const intake_config_t *config, int64_t backoff_min_ms,
                     int64_t backoff_max_ms)
{
    //  A session that is not active starts again as soon as the token changes.
    s_read_token (self);
    if (self->token_untried && mcp_state (self->mcp) != MCP_ACTIVE)
        return false;
    self->config.triage_enabled = config->triage_enabled;
    mcp_set_backoff (self->mcp, backoff_min_ms, backoff_max_ms);
    return true;
}

void
intake_session_stop (intake_session_t *self)
{
    self->stopping = true;
    s_mark_write (self, self->mark.session);
    mcp_stop (self->mcp, clk_now (self->shared->clk).boot_ms);
}

bool
intake_session_is_marked (const intake_session_t *self, const intake_config_t *config)
{
    char name [DIGEST_HEX];
    intake_mark_name (config->name, config->url, name);
    return strcmp (name, self->mark_name) == 0;
}

void
intake_session_forget (const intake_session_t *self)
{
    intake_mark_drop (self->shared->sessions_dir, self->mark_name);
}


//  --- transfers

static void
s_on_head (void *arg, http_transfer_t *transfer, int status)
{
    intake_flight_t *flight = arg;
    intake_session_t *self = flight->session;
    //  curl's result is valid until the next call for another header.
    own (own_mem) char *type = strdup (http_header (transfer, "Content-Type"));
    own (own_mem) char *session = strdup (http_header (transfer, "Mcp-Session-Id"));
    mcp_on_head (self->mcp, flight->cookie, status, type ? type : "", session ? session : "",
                 http_retry_after (transfer), clk_now (self->shared->clk).boot_ms);
}

static void
s_on_body (void *arg, http_transfer_t *transfer, const char *bytes, size_t size)
{
    intake_flight_t *flight = arg;
    mcp_on_body (flight->session->mcp, flight->cookie, bytes, size,
                 clk_now (flight->session->shared->clk).boot_ms);
}

static void
s_on_done (void *arg, http_transfer_t *transfer, int rc, const char *reason)
{
    intake_flight_t *flight = arg;
    flight->transfer = NULL;
    mcp_on_end (flight->session->mcp, flight->cookie, rc, reason,
                clk_now (flight->session->shared->clk).boot_ms);
}

static const http_hooks_t hooks = {.head = s_on_head, .body = s_on_body, .done = s_on_done};

static void
s_start (intake_session_t *self, const mcp_out_t *out)
{
    intake_flight_t *flight = NULL;
    for (int i = 0; i < INTAKE_TRANSFERS && !flight; i++)
        flight = self->flights [i].transfer ? NULL : &self->flights [i];

    const char *headers [MCP_HEADERS + 1];
    size_t count = 0;
    for (; count < out->header_count; count++)
        headers [count] = out->headers [count];
    if (self->token_header)
        headers [count++] = self->token_header;
    self->token_untried = false;
    static const char *const methods [] = {"POST", "GET", "DELETE"};
    http_request_t request = {
        .method = methods [out->verb],
        .url = self->config.url,
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
        flight->session = self;
        flight->cookie = out->cookie;
        rc = http_start (self->shared->http, &request, &hooks, flight, &flight->transfer);
    }
    if (rc != 0)
        mcp_on_end (self->mcp, out->cookie, rc, err_str (rc), clk_now (self->shared->clk).boot_ms);
}

static void
s_cancel (intake_session_t *self, uint64_t cookie)
{
    for (int i = 0; i < INTAKE_TRANSFERS; i++) {
        if (self->flights [i].transfer && self->flights [i].cookie == cookie)
            http_cancel (self->shared->http, &self->flights [i].transfer);
    }
}


//  --- outputs of the state machine

static void
s_lose (intake_session_t *self, intake_lost_kind_t kind, int64_t count)
{
    self->stats.dropped_total += count;
    intake_lost_add (&self->lost, kind, count);
}

static void
s_on_event (intake_session_t *self, const char *body, size_t size)
{
    self->stats.events_total++;
    self->stats.last_event_ms = clk_now (self->shared->clk).wall_ms;
    if (size > LIMIT_EVENT_BYTES) {
        s_lose (self, INTAKE_LOST_LARGE, 1);
        return;
    }
    fault_t fault;
    intake_read_event (self->shared->read, self->id, self->config.name, body, size, &fault);
    if (!self->config.name [0] && fault.source_cluster [0]
        && strcmp (fault.source_cluster, self->stats.cluster) != 0) {
        const bool first = strcmp (self->stats.cluster, "default") == 0;
        s_show_as (self, fault.source_cluster);
        if (first && strcmp (self->stats.cluster, "default") != 0)
            self->mark_ms = 0; //  write it now, so that a restart knows it
    }
    if (!intake_queue_event (self->shared->queue, self->id, &fault, self->config.triage_enabled,
                             body, size, clk_now (self->shared->clk).wall_ms))
        s_lose (self, INTAKE_LOST_FULL, 1);
}

static void
s_gap (intake_session_t *self, int64_t ms, const char *why)
{
    char reason [LIMIT_REASON_BYTES];
    snprintf (reason, sizeof reason, "%" PRId64 " ms: %.200s", ms, why);
    self->stats.gaps_total++;
    s_notice (self, "gap", reason);
}

//  Log once that a source is not reached, until it is followed again.  Without this line a wrong
//  URL would leave no trace in the log.
static void
s_tell_away (intake_session_t *self, mcp_state_t state, bool was_active, const char *reason)
{
    if (state == MCP_WAITING && !was_active && !self->away_logged)
        log_warn ("event source not reached, it is tried again", kv ("cluster", s_name (self)),
                  kv ("reason", reason));
    self->away_logged =
        state != MCP_ACTIVE && (self->away_logged || was_active || state == MCP_WAITING);
}

static void
s_on_state (intake_session_t *self, const mcp_out_t *out)
{
    mcp_state_t state = out->state;
    if (state == MCP_ACTIVE)
        self->mark_ms = 0; //  followed from now on: write the mark
    if (state == MCP_ACTIVE && self->absent)
        s_gap (self, clk_now (self->shared->clk).wall_ms - self->mark.until_ms,
               "the broker did not follow this source");
    self->absent = self->absent && state != MCP_ACTIVE;
    const char *before = self->stats.state;
    bool was_active = strcmp (before, mcp_state_name (MCP_ACTIVE)) == 0;
    if (state == MCP_ACTIVE)
        s_notice (self, "connected", out->text);
    else if ((state == MCP_UNSUPPORTED || state == MCP_WEDGED) && !out->again)
        s_notice (self, mcp_state_name (state), out->text);
    else if (was_active && state != MCP_STOPPING)
        s_notice (self, "lost", out->text);
    s_tell_away (self, state, was_active, out->text);
    if (state == MCP_REOPENING || state == MCP_WAITING)
        self->stats.reconnects_total++;
    if (state == MCP_REOPENING)
        self->stats.reopened_total++;
    snprintf (self->stats.state, sizeof self->stats.state, "%s", mcp_state_name (state));
}

static void
s_on_session (intake_session_t *self, const char *session)
{
    s_mark_write (self, session);
}

static void
s_on_several (intake_session_t *self, const char *names)
{
    if (strcmp (self->several, names) == 0)
        return;
    snprintf (self->several, sizeof self->several, "%s", names);
    log_warn (
        "this server serves several clusters, and of a source without a name it sends one only: "
        "write `clusters:` with a `name:` and `mcp: {endpoint: ...}` for each that is wanted",
        kv ("source", self->id), kv ("clusters", names));
}

static void
s_act (intake_session_t *self)
{
    mcp_out_t out;
    while (mcp_next (self->mcp, &out)) {
        if (out.kind == MCP_OUT_STATE || out.kind == MCP_OUT_GAP || out.kind == MCP_OUT_SEVERAL)
            intake_token_hide (self->token_header, out.text);
        switch (out.kind) {
            case MCP_OUT_REQUEST: s_start (self, &out); break;
            case MCP_OUT_ABORT: s_cancel (self, out.cookie); break;
            case MCP_OUT_EVENT: s_on_event (self, out.text, out.text_size); break;
            case MCP_OUT_STATE: s_on_state (self, &out); break;
            case MCP_OUT_LARGE:
                self->stats.events_total += out.dropped;
                s_lose (self, INTAKE_LOST_LARGE, out.dropped);
                break;
            case MCP_OUT_GAP: s_gap (self, out.to_ms - out.from_ms, out.text); break;
            case MCP_OUT_SESSION: s_on_session (self, out.text); break;
            case MCP_OUT_TOKEN: s_read_token (self); break;
            case MCP_OUT_SEVERAL: s_on_several (self, out.text); break;
        }
        mcp_out_fini (&out);
    }
}

//  Log malformed messages at the first one, and then whenever their number has doubled.
static void
s_tell_bad (intake_session_t *self)
{
    const int64_t bad = mcp_bad_messages (self->mcp);
    if (bad <= 2 * self->bad_logged)
        return;
    self->bad_logged = bad;
    log_warn ("messages of an event source make no sense", kv ("cluster", self->stats.cluster),
              kv ("messages", bad));
}

int64_t
intake_session_tell_lost (intake_session_t *self, int64_t boot_ms)
{
    char reason [LIMIT_REASON_BYTES];
    const int64_t dropped = intake_queue_take_dropped (self->shared->queue, self->id);
    if (dropped > 0)
        s_lose (self, INTAKE_LOST_FULL, dropped);
    if (intake_lost_tell (&self->lost, boot_ms, reason, sizeof reason)) {
        self->stats.gaps_total++;
        s_notice (self, "gap", reason);
    }
    return intake_lost_due (&self->lost);
}

bool
intake_session_turn (intake_session_t *self, int64_t boot_ms)
{
    if (mcp_wake (self->mcp) <= boot_ms)
        mcp_on_time (self->mcp, boot_ms);
    s_act (self);
    s_tell_bad (self);
    if (mcp_state (self->mcp) == MCP_STOPPED) {
        self->lost.next_ms = 0;
        (void) intake_session_tell_lost (self, boot_ms);
        return false;
    }
    if (mcp_state (self->mcp) == MCP_ACTIVE && boot_ms >= self->mark_ms)
        s_mark_write (self, self->mark.session);
    return true;
}

int64_t
intake_session_wake (const intake_session_t *self)
{
    return mcp_wake (self->mcp);
}

void
intake_session_stats (intake_session_t *self, clk_now_t now, intake_source_t *ret_stats)
{
    const int64_t alive_ms = mcp_alive_ms (self->mcp);
    const int64_t retry_ms = mcp_retry_ms (self->mcp);
    self->stats.last_alive_ms = alive_ms ? now.wall_ms - (now.boot_ms - alive_ms) : 0;
    self->stats.retry_ms = retry_ms ? now.wall_ms + (retry_ms - now.boot_ms) : 0;
    self->stats.bad_messages_total = mcp_bad_messages (self->mcp);
    snprintf (self->stats.last_error, sizeof self->stats.last_error, "%s",
              mcp_last_error (self->mcp));
    intake_token_hide (self->token_header, self->stats.last_error);
    *ret_stats = self->stats;
}
