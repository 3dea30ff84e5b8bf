//  SPDX-License-Identifier: Apache-2.0
#include "publisher/replay.h"

#include "common/base/failpoint.h"
#include "common/base/json_scan.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/outage.h"
#include "common/base/own.h"
#include "common/wire/link.h"
#include "publisher/ids.h"
#include "publisher/large_event.h"
#include "publisher/lines.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <uthash.h>

//  One event that is read but not yet acknowledged.
typedef struct {
    ident_t id;
    char *body; //  owned
    size_t size;
    bool large;       //  does not fit an ingest frame
    const char *path; //  the file it came from
    int64_t line;
    int64_t due_ms; //  when to send it (again), boot clock
    uint64_t seq;   //  of its last send, 0 before
    UT_hash_handle hh;
} entry_t;

//  One socket and the state of its broker.
typedef struct {
    link_kind_t kind;
    const char *endpoint;
    link_t *link;   //  NULL until needed
    link_msg_t msg; //  the message received last
    //  When the broker sent its last message, or when we began to wait for one.
    int64_t heard_ms;
    int64_t connections;
    outage_t out; //  the broker does not answer: long silences since its last message
} channel_t;

struct replay {
    replay_args_t args;
    lines_t *lines;
    ids_t *ids;
    entry_t *entries; //  hash by id; iterates in the order they were read
    size_t bytes;     //  of all bodies in entries
    channel_t ingest, files;
    large_event_t large;
    int64_t blocked_ms; //  the socket is full: no sending before this
    //  With a rate: no reading before this, boot clock in microseconds.
    int64_t next_us;
    int64_t progress_ms; //  next progress line
    int64_t stop_ms;     //  deadline after a signal, 0 before one
    bool input_waits;    //  standard input had no data: wait for it
    bool input_ended;
    bool stop_now;
    bool refused_now; //  the broker's last message was a refusal
    int64_t events, acked, fresh, repeats, counted, suppressed; //  counts for the summary
    int64_t invalid, too_long, refused, unreadable, resent;
};

enum { READ_BATCH = 64, RECV_BATCH = 512, BLOCKED_MS = 20, PROGRESS_MS = 5000 };

//  Bytes that one ingest frame has for the body; the rest is for the map, the id and the cluster.
static const size_t frame_body = LIMIT_INGEST_FRAME_BYTES - 1024;

static void
s_entry_drop (replay_t *self, entry_t **entry_p)
{
    entry_t *entry = *entry_p;
    if (self->large.event_id == entry->id.text)
        large_event_stop (&self->large);
    HASH_DEL (self->entries, entry);
    self->bytes -= entry->size;
    free (entry->body);
    free (entry);
    *entry_p = NULL;
}

static int
s_connect (replay_t *self, channel_t *channel, err_diag_t *diag)
{
    const char *hint = channel->link ? link_hint (channel->link) : NULL;
    link_destroy (&channel->link);
    channel->link = link_connect (channel->kind, channel->endpoint, self->args.keys, diag);
    if (!channel->link)
        return ERR_CONFIG;
    link_set_hint (channel->link, hint);
    link_set_session (channel->link, ident_random64 ());
    channel->connections = 0;
    channel->heard_ms = clk_now (self->args.clk).boot_ms;
    return 0;
}

int
replay_open (const replay_args_t *args, replay_t **ret_replay, err_diag_t *diag)
{
    assert (args->settings && args->keys && args->clk && args->input_count > 0);

    own (replay_destroy) replay_t *self = calloc (1, sizeof (replay_t));
    if (!self)
        return -ENOMEM;
    const settings_t *settings = args->settings;
    self->args = *args;
    self->ingest = (channel_t){.kind = LINK_INGEST, .endpoint = settings->ingest_endpoint};
    self->files = (channel_t){.kind = LINK_FILES, .endpoint = settings->files_endpoint};
    self->progress_ms = clk_now (args->clk).boot_ms + PROGRESS_MS;
    self->lines = lines_new (args->inputs, args->input_count, LIMIT_EVENT_BYTES);
    if (!self->lines)
        return -ENOMEM;
    int rc = lines_check (args->inputs, args->input_count, diag);
    if (rc == 0)
        rc = ids_open (settings->spool_dir, args->inputs, args->input_count, &self->ids, diag);
    if (rc == 0)
        rc = s_connect (self, &self->ingest, diag);
    if (rc == 0)
        *ret_replay = own_take (self);
    return rc;
}

void
replay_destroy (replay_t **self_p)
{
    replay_t *self = *self_p;
    if (!self)
        return;
    entry_t *entry = NULL;
    entry_t *next = NULL;
    HASH_ITER (hh, self->entries, entry, next) {
        s_entry_drop (self, &entry);
    }
    link_msg_fini (&self->ingest.msg);
    link_msg_fini (&self->files.msg);
    link_destroy (&self->ingest.link);
    link_destroy (&self->files.link);
    lines_destroy (&self->lines);
    ids_destroy (&self->ids);
    free (self);
    *self_p = NULL;
}

//  --- reading

//  Keep one line as an event.  Err: -errno of the spool.
static int
s_add (replay_t *self, const lines_line_t *line, clk_now_t now)
{
    err_diag_t diag = {.text = ""};
    json_scan_t scan;
    json_scan_token_t token;
    int valid = 1;
    json_scan_start (&scan, line->data, line->size);
    while (valid == 1)
        valid = json_scan_next (&scan, &token, &diag);
    if (valid < 0) {
        self->invalid++;
        log_warn ("line is not JSON, it is sent all the same", kv ("file", line->path),
                  kv ("line", line->number), kv ("reason", diag.text));
    }
    entry_t *entry = calloc (1, sizeof (entry_t));
    char *body = malloc (line->size);
    int rc = entry && body ? 0 : -ENOMEM;
    if (rc == 0)
        rc = ids_next (self->ids, line->data, line->size, now.wall_ms, &entry->id);
    if (rc < 0) {
        free (body);
        free (entry);
        return rc;
    }
    memcpy (body, line->data, line->size);
    entry->body = body;
    entry->size = line->size;
    entry->large = line->size > frame_body;
    entry->path = line->path;
    entry->line = line->number;
    entry->due_ms = now.boot_ms;
    HASH_ADD_STR (self->entries, id.text, entry);
    self->bytes += entry->size;
    self->events++;
    return 0;
}

static bool
s_room (const replay_t *self, clk_now_t now)
{
    return !self->input_ended && self->stop_ms == 0
           && HASH_COUNT (self->entries) < (size_t) self->args.settings->window
           && self->bytes < LIMIT_PUBLISH_BYTES && now.boot_ms * 1000 >= self->next_us;
}

static void
s_pace (replay_t *self, clk_now_t now)
{
    int64_t rate = self->args.settings->rate;
    if (rate == 0)
        return;
    //  After a pause, catch up by at most one second's events.
    int64_t floor_us = (now.boot_ms - 1000) * 1000;
    if (self->next_us < floor_us)
        self->next_us = self->next_us == 0 ? now.boot_ms * 1000 : floor_us;
    self->next_us += 1000000 / rate;
}

static void
s_log_unreadable (const lines_line_t *line, int rc)
{
    if (rc != ERR_PROTO)
        log_error ("file cannot be read", kv ("file", line->path), kv ("error", err_str (rc)));
    else if (line->looks && line->number > 0)
        log_error ("document holds other things than events, its rest is not sent",
                   kv ("file", line->path), kv ("line", line->number),
                   kv ("looks_like", line->looks));
    else if (line->looks)
        log_error ("file is not JSON, it is not sent", kv ("file", line->path),
                   kv ("looks_like", line->looks));
    else
        log_error ("document ends early, its last event is not sent", kv ("file", line->path),
                   kv ("line", line->number));
}

//  Read at most one batch and make its ids durable.  Err: -errno of the spool.
static int
s_read (replay_t *self, clk_now_t now)
{
    self->input_waits = false;
    for (int count = 0; count < READ_BATCH && s_room (self, now); count++) {
        lines_line_t line;
        int rc = lines_next (self->lines, &line);
        if (rc == 1) {
            rc = s_add (self, &line, now);
            if (rc < 0)
                return rc;
            s_pace (self, now);
        }
        else if (rc == 0) {
            self->input_ended = true;
        }
        else if (rc == -EAGAIN) {
            self->input_waits = true;
            break;
        }
        else if (rc == ERR_LIMIT) {
            self->too_long++;
            log_error ("line is too long, it is not sent", kv ("file", line.path),
                       kv ("line", line.number), kv ("limit_bytes", LIMIT_EVENT_BYTES));
        }
        else {
            self->unreadable++;
            s_log_unreadable (&line, rc);
        }
    }
    return ids_sync (self->ids);
}

//  --- sending

static void
s_send_large (replay_t *self, entry_t *entry, int64_t now_ms)
{
    err_diag_t diag;
    if (!self->files.link && s_connect (self, &self->files, &diag) != 0) {
        log_error ("files socket cannot be connected", kv ("reason", diag.text));
        entry->due_ms = now_ms + LIMIT_PUBLISH_RESEND_MS;
        return;
    }
    if (!self->large.event_id) {
        large_event_start (&self->large, entry->id.text, self->args.settings->cluster, entry->body,
                           entry->size, now_ms);
        self->files.heard_ms = now_ms;
    }
}

//  Returns false when the socket is full.
static bool
s_send_small (replay_t *self, entry_t *entry, int64_t now_ms)
{
    msg_event_t event = {.event_id = codec_text (entry->id.text),
                         .body = {entry->body, entry->size}};
    if (*self->args.settings->cluster)
        event.cluster = codec_text (self->args.settings->cluster);
    int64_t seq = link_send (self->ingest.link, NULL, MSG_EVENT, &event, 0);
    if (seq == ERR_LIMIT) {
        entry->large = true;
        return true;
    }
    if (seq < 0)
        return false;
    if (entry->seq)
        self->resent++;
    entry->seq = (uint64_t) seq;
    entry->due_ms = now_ms + LIMIT_PUBLISH_RESEND_MS;
    return true;
}

static void
s_send (replay_t *self, int64_t now_ms)
{
    for (entry_t *entry = self->entries; entry; entry = entry->hh.next) {
        if (entry->due_ms > now_ms)
            continue;
        if (entry->large) {
            s_send_large (self, entry, now_ms);
        }
        else if (now_ms >= self->blocked_ms && !s_send_small (self, entry, now_ms)) {
            self->blocked_ms = now_ms + BLOCKED_MS;
        }
    }
    if (self->large.event_id && self->files.link)
        large_event_pump (&self->large, self->files.link, now_ms);
}

//  --- receiving

static entry_t *
s_find (replay_t *self, codec_text_t event_id)
{
    char id [IDENT_SIZE];
    entry_t *entry = NULL;
    if (codec_copy (event_id, id, sizeof (id)))
        HASH_FIND_STR (self->entries, id, entry);
    return entry;
}

static void
s_acked (replay_t *self, const msg_event_ack_t *ack)
{
    entry_t *entry = s_find (self, ack->event_id);
    if (!entry)
        return; //  the answer to a repeated send
    (void) failpoint_before ("ack", "log");
    char disposition [32];
    char incident [64];
    codec_copy (ack->disposition, disposition, sizeof (disposition));
    codec_copy (ack->incident, incident, sizeof (incident));
    log_info ("event acknowledged", kv ("event_id", entry->id.text),
              kv ("disposition", disposition), kv ("incident_id", incident),
              kv ("file", entry->path), kv ("line", entry->line));
    failpoint_after ("ack", "log");
    if (self->refused_now)
        log_info ("the broker takes events again");
    self->refused_now = false;
    self->acked++;
    self->fresh += codec_is (ack->disposition, "new");
    self->repeats += codec_is (ack->disposition, "repeat");
    self->counted += codec_is (ack->disposition, "counted");
    self->suppressed += codec_is (ack->disposition, "suppressed");
    s_entry_drop (self, &entry);
}

static void
s_nacked (replay_t *self, const msg_event_nack_t *nack, int64_t now_ms)
{
    entry_t *entry = s_find (self, nack->event_id);
    if (!entry)
        return;
    int64_t retry_ms = nack->retry_ms;
    if (retry_ms < LIMIT_PUBLISH_RETRY_MIN_MS)
        retry_ms = LIMIT_PUBLISH_RETRY_MIN_MS;
    if (retry_ms > LIMIT_PUBLISH_RETRY_MAX_MS)
        retry_ms = LIMIT_PUBLISH_RETRY_MAX_MS;
    entry->due_ms = now_ms + retry_ms;
    if (self->large.event_id == entry->id.text)
        large_event_stop (&self->large);
    char reason [64];
    codec_copy (nack->reason, reason, sizeof (reason));
    log_debug ("event refused for now", kv ("event_id", entry->id.text), kv ("reason", reason),
               kv ("retry_ms", retry_ms));
    if (strcmp (reason, "overload") == 0)
        return; //  a short one, normal in a replay
    if (!self->refused_now)
        log_warn ("the broker takes no events for now, they are sent again", kv ("reason", reason));
    self->refused_now = true;
}

//  ERROR: concerns one event when corr is its seq; a fatal one ends that event.
static void
s_error (replay_t *self, const frame_t *frame, const msg_error_t *error)
{
    char code [64];
    char text [256];
    codec_copy (error->code, code, sizeof (code));
    codec_copy (error->text, text, sizeof (text));
    entry_t *found = NULL;
    for (entry_t *entry = self->entries; entry && !found; entry = entry->hh.next)
        if (frame->corr != 0 && entry->seq == frame->corr)
            found = entry;
    if (!found || !error->fatal) {
        log_warn ("broker answers with an error", kv ("code", code), kv ("text", text));
        return;
    }
    self->refused++;
    log_error ("event refused", kv ("event_id", found->id.text), kv ("file", found->path),
               kv ("line", found->line), kv ("code", code), kv ("text", text));
    s_entry_drop (self, &found);
}

static void
s_heard (channel_t *channel, int64_t now_ms)
{
    outage_t was;
    channel->heard_ms = now_ms;
    if (outage_over (&channel->out, &was))
        log_info ("the broker answers again", kv ("endpoint", channel->endpoint),
                  kv ("silent_s", (now_ms - was.since_ms) / 1000), kv ("tries", was.tries));
}

static void
s_receive (replay_t *self, channel_t *channel, int64_t now_ms)
{
    for (int count = 0; channel->link && count < RECV_BATCH; count++) {
        err_diag_t diag = {.text = ""};
        int rc = link_recv (channel->link, &channel->msg, &diag);
        if (rc == -EAGAIN)
            return;
        s_heard (channel, now_ms);
        const link_msg_t *got = &channel->msg;
        if (rc < 0)
            log_warn ("message is not understood", kv ("reason", diag.text));
        else if (got->frame.type == MSG_EVENT_ACK)
            s_acked (self, &got->msg.event_ack);
        else if (got->frame.type == MSG_EVENT_NACK)
            s_nacked (self, &got->msg.event_nack, now_ms);
        else if (got->frame.type == MSG_ERROR)
            s_error (self, &got->frame, &got->msg.error);
        else if (got->frame.type == MSG_GO_EVENT && self->large.event_id
                 && codec_is (got->msg.go_event.event_id, self->large.event_id))
            large_event_go (&self->large, got->msg.go_event.upto, now_ms);
    }
}

//  --- time

//  The broker was away, so messages in flight are lost: send them again now.
static void
s_look (replay_t *self, channel_t *channel, int64_t now_ms)
{
    int64_t connections = channel->link ? link_connections (channel->link) : 0;
    if (connections == channel->connections)
        return;
    channel->connections = connections;
    if (connections == 1) //  the first connection of this socket: nothing is lost
        return;
    if (channel->kind == LINK_FILES)
        self->large.quiet_ms = now_ms;
    for (entry_t *entry = self->entries; entry && channel->kind == LINK_INGEST;
         entry = entry->hh.next) {
        if (!entry->large)
            entry->due_ms = now_ms;
    }
}

static void
s_still (const replay_t *self, const channel_t *channel, int64_t now_ms)
{
    char since [CLK_TEXT];
    clk_text (clk_now (self->args.clk).wall_ms - (now_ms - channel->out.since_ms), since,
              sizeof since);
    log_warn ("still nobody answers, though connected to anew each time",
              kv ("endpoint", channel->endpoint), kv ("since", since),
              kv ("tries", channel->out.tries),
              kv ("outstanding", (int64_t) HASH_COUNT (self->entries)));
}

//  A socket that was refused (keys, mechanism) never recovers: after silence, build a new one.
static void
s_watch (replay_t *self, channel_t *channel, bool waiting, int64_t now_ms)
{
    if (!waiting || !channel->link) {
        channel->heard_ms = now_ms;
        return;
    }
    const int64_t silent_ms = now_ms - channel->heard_ms;
    outage_t *out = &channel->out;
    if (silent_ms >= LIMIT_PUBLISH_SILENT_MS && !out->tries
        && outage_try (out, channel->heard_ms, now_ms))
        log_warn ("nobody answers: is the broker running, is this its endpoint, does it want keys?",
                  kv ("endpoint", channel->endpoint), kv ("silent_ms", silent_ms),
                  kv ("keys_dir", self->args.settings->keys_dir));
    if (silent_ms < LIMIT_REBUILD_MS)
        return;
    if (outage_try (out, channel->heard_ms, now_ms))
        s_still (self, channel, now_ms);
    err_diag_t diag = {.text = ""};
    if (s_connect (self, channel, &diag) != 0)
        log_error ("socket cannot be connected", kv ("reason", diag.text));
    channel->heard_ms = now_ms;
    if (channel->kind == LINK_FILES)
        large_event_stop (&self->large);
    for (entry_t *entry = self->entries; entry; entry = entry->hh.next)
        entry->due_ms = now_ms;
}

//  Large events use the files socket, all others ingest.
static bool
s_waits_ingest (const replay_t *self)
{
    for (const entry_t *entry = self->entries; entry; entry = entry->hh.next)
        if (!entry->large)
            return true;
    return false;
}

static void
s_progress (replay_t *self, int64_t now_ms)
{
    if (now_ms < self->progress_ms)
        return;
    self->progress_ms = now_ms + PROGRESS_MS;
    log_info ("replay goes on", kv ("read", self->events), kv ("acked", self->acked),
              kv ("outstanding", (int64_t) HASH_COUNT (self->entries)),
              kv ("resent", self->resent));
}

static void
s_signal (replay_t *self, int64_t now_ms)
{
    struct signalfd_siginfo info;
    if (read (self->args.signal_fd, &info, sizeof (info)) != (ssize_t) sizeof (info))
        return;
    self->stop_now = self->stop_ms != 0;
    if (self->stop_now)
        return;
    self->stop_ms = now_ms + self->args.settings->shutdown_timeout_ms;
    log_info ("stopping: waiting for outstanding acknowledgements",
              kv ("outstanding", (int64_t) HASH_COUNT (self->entries)));
}

static int64_t
s_earlier (int64_t wait_ms, int64_t at_ms, int64_t now_ms)
{
    int64_t left_ms = at_ms > now_ms ? at_ms - now_ms : 0;
    return left_ms < wait_ms ? left_ms : wait_ms;
}

static int64_t
s_wait_ms (const replay_t *self, clk_now_t now)
{
    int64_t wait_ms = s_earlier (1000, self->progress_ms, now.boot_ms);
    if (self->stop_ms)
        wait_ms = s_earlier (wait_ms, self->stop_ms, now.boot_ms);
    if (s_room (self, now))
        return self->input_waits ? wait_ms : 0;
    if (!self->input_ended && self->next_us > now.boot_ms * 1000)
        wait_ms = s_earlier (wait_ms, self->next_us / 1000 + 1, now.boot_ms);
    for (const entry_t *entry = self->entries; entry && wait_ms > 0; entry = entry->hh.next)
        if (!entry->large)
            wait_ms = s_earlier (
                wait_ms, entry->due_ms > self->blocked_ms ? entry->due_ms : self->blocked_ms,
                now.boot_ms);
    if (self->large.event_id)
        wait_ms = s_earlier (wait_ms, now.boot_ms + BLOCKED_MS, now.boot_ms);
    return wait_ms;
}

//  --- the loop

static void
s_wait (replay_t *self, clk_now_t now)
{
    link_wait_t items [4] = {{.fd = self->args.signal_fd}, {.link = self->ingest.link, .fd = -1}};
    size_t count = 2;
    if (self->files.link)
        items [count++] = (link_wait_t){.link = self->files.link, .fd = -1};
    if (self->input_waits && s_room (self, now))
        items [count++] = (link_wait_t){.fd = lines_fd (self->lines)};
    link_wait (items, count, s_wait_ms (self, now));
    if (items [0].readable)
        s_signal (self, clk_now (self->args.clk).boot_ms);
}

static int
s_finish (replay_t *self)
{
    int64_t open = (int64_t) HASH_COUNT (self->entries);
    log_info ("replay finished", kv ("events", self->events), kv ("acked", self->acked),
              kv ("new", self->fresh), kv ("repeat", self->repeats), kv ("counted", self->counted),
              kv ("suppressed", self->suppressed), kv ("outstanding", open),
              kv ("invalid", self->invalid), kv ("too_long", self->too_long),
              kv ("refused", self->refused), kv ("unreadable", self->unreadable),
              kv ("resent", self->resent), kv ("known_ids", ids_known (self->ids)));
    const bool good =
        open == 0 && self->refused + self->unreadable + self->too_long + self->invalid == 0;
    int rc = good && self->input_ended ? ids_finish (self->ids) : 0;
    if (rc < 0)
        log_warn ("spool file cannot be removed", kv ("error", err_str (rc)));
    return good ? 0 : EXIT_RUNTIME;
}

int
replay_run (replay_t *self)
{
    while (true) {
        clk_now_t now = clk_now (self->args.clk);
        int rc = s_read (self, now);
        if (rc < 0) {
            log_error ("spool cannot be written", kv ("dir", self->args.settings->spool_dir),
                       kv ("error", err_str (rc)));
            return EXIT_STORE;
        }
        s_look (self, &self->ingest, now.boot_ms);
        s_look (self, &self->files, now.boot_ms);
        s_send (self, now.boot_ms);
        s_receive (self, &self->ingest, now.boot_ms);
        s_receive (self, &self->files, now.boot_ms);
        bool uploading = self->large.event_id != NULL;
        s_watch (self, &self->ingest, s_waits_ingest (self), now.boot_ms);
        s_watch (self, &self->files, uploading, now.boot_ms);
        s_progress (self, now.boot_ms);
        bool ended = self->input_ended || self->stop_ms != 0;
        if (ended && !self->entries)
            return s_finish (self);
        if (self->stop_now || (self->stop_ms && now.boot_ms >= self->stop_ms))
            return s_finish (self);
        s_wait (self, now);
    }
}
