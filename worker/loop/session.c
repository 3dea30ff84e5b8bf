//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/session.h"

#include "common/base/clk.h"
#include "common/base/ident.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/outage.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef TRIAGE_VERSION
#define TRIAGE_VERSION "0.1.0"
#endif

enum {
    SESSION_HELLO_MS = 1000, //  between two HELLOs, until WELCOME
    SESSION_FATAL_MS = 5000, //  pause after the broker refused us; doubled each time
    SESSION_FATAL_MAX_MS = 60000,
    SESSION_KNOWN_MS = 2000,  //  longest wait of the first HELLO for hooks.held
    SESSION_MISSED_PINGS = 3, //  after such a silence a new session starts
    SESSION_PING_MIN_MS = 100,
    SESSION_PING_MAX_MS = LIMIT_REBUILD_MS / SESSION_MISSED_PINGS
};

typedef enum { STATE_GREETING, STATE_READY } state_t;

struct session {
    session_spec_t spec;
    link_t *work, *files;
    link_msg_t in;
    state_t state;
    uint64_t id; //  of this session
    int64_t ping_ms, lease_ms;
    int64_t hello_at_ms; //  boot time of the next HELLO; 0 = at once
    int64_t ping_at_ms;
    int64_t heard_ms;       //  boot time of the last message on `work`
    int64_t now_ms;         //  boot time of the last tick
    int64_t built_ms;       //  boot time at which the sockets were made
    int64_t connections;    //  of `work`, as last seen
    int64_t files_since_ms; //  boot time of the first unanswered message on `files`; 0 = none
    outage_t out [2];       //  of `work`, of `files`: sockets were rebuilt without an answer
    int64_t credit_number, credit_total, credit_free;
    char credit_held [LIMIT_REASON_BYTES]; //  "" = work was taken
    bool credit_due;
    int64_t made_ms;  //  boot time of the first tick
    bool known;       //  the first HELLO need not wait
    bool rejected;    //  a refusal was logged since the last WELCOME
    bool unknown;     //  a refusal of our key was logged since the last WELCOME
    int64_t fatal_ms; //  the last pause after a refusal; 0 = none since the last WELCOME
    uint64_t bad;     //  messages that could not be read
};

static link_t *
s_link (const session_t *self, link_t **before, link_kind_t kind, const char *endpoint,
        err_diag_t *diag)
{
    const char *hint = *before ? link_hint (*before) : NULL;
    link_destroy (before);
    link_t *link = link_connect (kind, endpoint, self->spec.keys, diag);
    if (link)
        link_set_hint (link, hint);
    return link;
}

static int
s_connect (session_t *self, err_diag_t *diag)
{
    self->work = s_link (self, &self->work, LINK_WORK, self->spec.work_endpoint, diag);
    self->files = s_link (self, &self->files, LINK_FILES, self->spec.files_endpoint, diag);
    self->connections = 0;
    return self->work && self->files ? 0 : ERR_CONFIG;
}

static void
s_renew (session_t *self)
{
    self->state = STATE_GREETING;
    self->id = ident_random64 ();
    self->hello_at_ms = 0;
    self->credit_number = 0;
    self->credit_due = true;
    self->files_since_ms = 0;
    link_set_session (self->work, self->id);
    link_set_session (self->files, self->id);
}

session_t *
session_new (const session_spec_t *spec, err_diag_t *diag)
{
    session_t *self = calloc (1, sizeof *self);
    if (!self) {
        err_diag (diag, "out of memory");
        return NULL;
    }
    self->spec = *spec;
    self->ping_ms = LIMIT_PING_MS;
    self->lease_ms = 60000;
    if (s_connect (self, diag) < 0) {
        session_destroy (&self);
        return NULL;
    }
    s_renew (self);
    return self;
}

void
session_destroy (session_t **self_p)
{
    session_t *self = *self_p;
    if (!self)
        return;
    link_msg_fini (&self->in);
    link_destroy (&self->work);
    link_destroy (&self->files);
    free (self);
    *self_p = NULL;
}

link_t *
session_work (session_t *self)
{
    return self->work;
}

link_t *
session_files (session_t *self)
{
    return self->files;
}

bool
session_ready (const session_t *self)
{
    return self->state == STATE_READY;
}

bool
session_told (const session_t *self)
{
    return self->state == STATE_READY && !self->credit_due;
}

int64_t
session_lease_ms (const session_t *self)
{
    return self->lease_ms;
}

int64_t
session_send (session_t *self, uint8_t type, const void *from, uint64_t corr)
{
    if (self->state != STATE_READY)
        return -EAGAIN;
    return link_send (self->work, NULL, type, from, corr);
}

int64_t
session_send_file (session_t *self, uint8_t type, const void *from)
{
    if (self->state != STATE_READY)
        return -EAGAIN;
    int64_t seq = link_send (self->files, NULL, type, from, 0);
    if (seq > 0 && !self->files_since_ms)
        self->files_since_ms = self->now_ms;
    return seq;
}

static void
s_hello (session_t *self, int64_t boot_ms)
{
    msg_hello_t hello = {.proto_min = FRAME_VERSION,
                         .proto_max = FRAME_VERSION,
                         .name = codec_text (self->spec.name),
                         .worker_id = codec_text (self->spec.worker_id),
                         .version = codec_text (TRIAGE_VERSION),
                         .agent = codec_text (self->spec.agent),
                         .slots = self->spec.slots};
    self->spec.hooks.lists (self->spec.hooks.owner, &hello.running, &hello.spooled);
    int64_t rc = link_send (self->work, NULL, MSG_HELLO, &hello, 0);
    //  If it could not be sent, try again soon.
    self->hello_at_ms = boot_ms + (rc > 0 ? SESSION_HELLO_MS : SESSION_HELLO_MS / 10);
}

static void
s_on_welcome (session_t *self, const msg_welcome_t *welcome, int64_t boot_ms)
{
    int64_t ping_ms = welcome->ping_ms;
    ping_ms = ping_ms < SESSION_PING_MIN_MS ? SESSION_PING_MIN_MS : ping_ms;
    self->ping_ms = ping_ms > SESSION_PING_MAX_MS ? SESSION_PING_MAX_MS : ping_ms;
    if (welcome->lease_ms > 0)
        self->lease_ms = welcome->lease_ms;
    if (self->state != STATE_READY)
        log_info ("broker connected", kv ("endpoint", self->spec.work_endpoint),
                  kv ("lease_ms", self->lease_ms));
    self->state = STATE_READY;
    self->rejected = self->unknown = false;
    self->fatal_ms = 0;
    self->ping_at_ms = boot_ms + self->ping_ms;
    self->credit_due = true;
}

//  The broker refuses us until somebody changes something: retry after growing pauses.
static void
s_refused (session_t *self, int64_t boot_ms)
{
    self->rejected = true;
    self->fatal_ms = self->fatal_ms ? self->fatal_ms * 2 : SESSION_FATAL_MS;
    if (self->fatal_ms > SESSION_FATAL_MAX_MS)
        self->fatal_ms = SESSION_FATAL_MAX_MS;
    s_renew (self);
    self->hello_at_ms = boot_ms + self->fatal_ms;
    self->heard_ms = self->hello_at_ms; //  the pause is not silence
}

//  Log each kind of refusal once until it is over.
static void
s_log_error (session_t *self, const msg_error_t *error)
{
    char code [64], text [256];
    codec_copy (error->code, code, sizeof code);
    codec_copy (error->text, text, sizeof text);
    const bool unknown = strcmp (code, "role") == 0;
    if (self->rejected || (unknown && self->unknown))
        return;
    self->unknown = self->unknown || unknown;
    if (unknown)
        log_error ("the broker does not know our key any more: this worker gets no work; make it a "
                   "new one on the broker's host (triagectl key new)",
                   kv ("text", text));
    else if (strcmp (code, "identity_in_use") == 0)
        log_error (
            "another live worker has our key: this one gets no "
            "work; make a key for this host alone "
            "(triagectl key new), and a folder of its own; trying again until the other is gone",
            kv ("text", text));
    else
        log_warn ("broker refused a message", kv ("code", code), kv ("text", text),
                  kv ("fatal", error->fatal));
}

static void
s_on_error (session_t *self, const link_msg_t *in, int64_t boot_ms)
{
    const msg_error_t *error = &in->msg.error;
    if (codec_is (error->code, "hello_first")) {
        s_renew (self);
        return;
    }
    s_log_error (self, error);
    if (error->fatal)
        s_refused (self, boot_ms);
}

static void
s_on_bye (session_t *self, const msg_bye_t *bye, int64_t boot_ms)
{
    char reason [64];
    codec_copy (bye->reason, reason, sizeof reason);
    log_info ("broker says goodbye", kv ("reason", reason), kv ("retry_ms", bye->retry_ms));
    int64_t retry_ms = bye->retry_ms < 0 ? 0 : bye->retry_ms;
    s_renew (self);
    self->hello_at_ms = boot_ms + (retry_ms < LIMIT_REBUILD_MS ? retry_ms : LIMIT_REBUILD_MS);
}

static void
s_on_message (session_t *self, bool files, int64_t boot_ms)
{
    const link_msg_t *in = &self->in;
    if (files) {
        self->spec.hooks.message (self->spec.hooks.owner, in, true);
        return;
    }
    if (in->frame.type == MSG_PONG)
        return;
    if (in->frame.type == MSG_PING) { //  another worker uses our key: show that we are here
        const msg_ping_t pong = {0};
        (void) session_send (self, MSG_PONG, &pong, in->frame.seq);
        return;
    }
    if (in->frame.type == MSG_BYE) {
        s_on_bye (self, &in->msg.bye, boot_ms);
        return;
    }
    if (in->frame.type == MSG_ERROR)
        s_on_error (self, in, boot_ms);
    if (in->frame.type == MSG_WELCOME)
        s_on_welcome (self, &in->msg.welcome, boot_ms);
    self->spec.hooks.message (self->spec.hooks.owner, in, false);
}

//  Log the 1st, 2nd, 4th, 8th ... bad message, so that many do not fill the log.
static void
s_on_bad (session_t *self, const char *text)
{
    self->bad++;
    if ((self->bad & (self->bad - 1)) == 0)
        log_warn ("bad message from the broker", kv ("error", text), kv ("count", self->bad));
}

static const char *
s_endpoint (const session_t *self, bool files)
{
    return files ? self->spec.files_endpoint : self->spec.work_endpoint;
}

static void
s_on_heard (session_t *self, bool files, int64_t boot_ms)
{
    outage_t was;
    if (files)
        self->files_since_ms = 0;
    else
        self->heard_ms = boot_ms;
    if (outage_over (&self->out [files], &was))
        log_info ("the broker answers again", kv ("endpoint", s_endpoint (self, files)),
                  kv ("silent_s", (boot_ms - was.since_ms) / 1000), kv ("tries", was.tries));
}

static void
s_drain_link (session_t *self, bool files, int64_t boot_ms)
{
    for (int i = 0; i < LIMIT_TURN_MESSAGES; i++) {
        err_diag_t diag = {""};
        int rc = link_recv (files ? self->files : self->work, &self->in, &diag);
        if (rc == -EAGAIN)
            return;
        s_on_heard (self, files, boot_ms);
        if (rc == 0)
            s_on_message (self, files, boot_ms);
        else
            s_on_bad (self, diag.text);
    }
}

//  After a new connection the broker may not know us: start a new session at once.
static void
s_look (session_t *self)
{
    int64_t connections = link_connections (self->work);
    if (connections == self->connections)
        return;
    self->connections = connections;
    if (self->state == STATE_READY)
        s_renew (self);
    self->hello_at_ms = 0;
}

void
session_drain (session_t *self, int64_t boot_ms, int64_t wall_ms)
{
    s_look (self);
    s_drain_link (self, false, boot_ms);
    s_drain_link (self, true, boot_ms);
    session_tick (self, boot_ms, wall_ms);
}

static void
s_credit (session_t *self, bool again)
{
    int64_t total = 0, free_slots = 0;
    run_class_t class = RUN_CLASS_NONE;
    const char *known = self->spec.hooks.held (self->spec.hooks.owner, &class);
    const char *held = known ? known : "it is still looking if agents can run";
    self->spec.hooks.credit (self->spec.hooks.owner, &total, &free_slots);
    if (!again && !self->credit_due && total == self->credit_total
        && free_slots == self->credit_free && strcmp (held, self->credit_held) == 0)
        return;
    msg_credit_t credit = {.number = self->credit_number + 1, .total = total, .free = free_slots};
    if (*held)
        credit.held = codec_text (held);
    if (*held && class != RUN_CLASS_NONE)
        credit.class = codec_text (run_class_name (class));
    self->credit_due = session_send (self, MSG_CREDIT, &credit, 0) < 0;
    if (self->credit_due)
        return;
    self->credit_number++;
    self->credit_total = total;
    self->credit_free = free_slots;
    snprintf (self->credit_held, sizeof self->credit_held, "%s", held);
}

static void
s_ping (session_t *self, int64_t boot_ms, int64_t wall_ms)
{
    if (boot_ms < self->ping_at_ms)
        return;
    msg_ping_t ping = {.now_ms = wall_ms};
    (void) session_send (self, MSG_PING, &ping, 0);
    self->ping_at_ms = boot_ms + self->ping_ms;
    s_credit (self, true); //  absolute numbers: a repetition does no harm
}

//  Log an outage at growing intervals; a broker may be away for days.
static void
s_tell_outage (session_t *self, bool files, int64_t boot_ms, int64_t wall_ms)
{
    outage_t *out = &self->out [files];
    char since [CLK_TEXT];
    if (!outage_try (out, files ? self->files_since_ms : self->heard_ms, boot_ms))
        return;
    clk_text (wall_ms - (boot_ms - out->since_ms), since, sizeof since);
    log_warn (out->tries == 1 ? "no answer from the broker: connecting anew"
                              : "still nobody answers, though connected to anew each time",
              kv ("endpoint", s_endpoint (self, files)), kv ("since", since),
              kv ("tries", out->tries));
}

static void
s_rebuild (session_t *self, bool files, int64_t boot_ms, int64_t wall_ms)
{
    err_diag_t diag = {""};
    s_tell_outage (self, files, boot_ms, wall_ms);
    if (s_connect (self, &diag) < 0) {
        log_error ("cannot connect", kv ("error", diag.text));
        //  Endpoints and keys were good at the start, so memory or descriptors are missing.
        abort ();
    }
    self->heard_ms = self->built_ms = boot_ms;
    s_renew (self);
}

//  Is it known if work can be taken?  The first HELLO waits for that, but not for long: the broker
//  would take what is in the spool for lost.
static bool
s_known (session_t *self, int64_t boot_ms)
{
    run_class_t class;
    self->known = self->known || self->spec.hooks.held (self->spec.hooks.owner, &class)
                  || boot_ms - self->made_ms >= SESSION_KNOWN_MS;
    return self->known;
}

void
session_tick (session_t *self, int64_t boot_ms, int64_t wall_ms)
{
    self->now_ms = boot_ms;
    if (!self->built_ms)
        self->made_ms = self->heard_ms = self->built_ms = boot_ms;
    int64_t silent_ms = boot_ms - self->heard_ms;
    bool files_dead = self->files_since_ms && boot_ms - self->files_since_ms >= LIMIT_REBUILD_MS;
    if (silent_ms >= LIMIT_REBUILD_MS || files_dead)
        s_rebuild (self, silent_ms < LIMIT_REBUILD_MS, boot_ms, wall_ms);
    else if (self->state == STATE_READY && silent_ms >= SESSION_MISSED_PINGS * self->ping_ms) {
        log_warn ("broker is silent", kv ("silent_ms", silent_ms));
        s_renew (self);
    }
    if (self->state == STATE_GREETING) {
        if (boot_ms >= self->hello_at_ms && s_known (self, boot_ms))
            s_hello (self, boot_ms);
        return;
    }
    s_ping (self, boot_ms, wall_ms);
    s_credit (self, false);
}

void
session_bye (session_t *self, int linger_ms)
{
    msg_bye_t bye = {.reason = codec_text ("drain"), .retry_ms = 0};
    (void) session_send (self, MSG_BYE, &bye, 0);
    link_close (&self->work, linger_ms);
    link_close (&self->files, linger_ms);
}
