//  The thread, its socket and mailbox, and the dispatch of messages.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/files/artifact_part.h"

#include "broker/base/blob.h"
#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/path.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
    S_BATCH = 64,   //  messages, and mails, handled in one turn
    S_DRAIN = 1024, //  messages answered at the end
    S_TIDY_MS = 60000,
    S_WAIT_MS = LIMIT_ARTIFACT_LOOK_MS,
    S_SWEEP_MS = 1, //  between two steps of a sweep
};


//  --- the thread

static bool
s_muted (artifact_t *self, const link_msg_t *msg)
{
    const peer_t *peer = msg->route.size > 0 ? peers_get (self->peers, &msg->route) : NULL;
    return peer && peers_muted (peer, clk_now (self->clk).boot_ms);
}

static void
s_dispatch (artifact_t *self, const link_msg_t *msg)
{
    switch (msg->frame.type) {
        case MSG_PUT:
            atomic_fetch_add (&self->counts [COUNT_RECEIVED], (int64_t) msg->msg.chunk.bytes.size);
            artifact_put_chunk (self, msg);
            return;
        case MSG_PUT_EVENT:
            atomic_fetch_add (&self->counts [COUNT_RECEIVED],
                              (int64_t) msg->msg.event_chunk.bytes.size);
            artifact_event_chunk (self, msg);
            return;
        case MSG_SEAL: artifact_put_seal (self, msg); return;
        case MSG_GET: artifact_get (self, msg); return;
        case MSG_SEAL_EVENT: artifact_event_seal (self, msg); return;
        case MSG_BYE: return;
        case MSG_ERROR: return;
        default: artifact_peer_strike (self, msg, "unknown_type", "not a message of this socket");
    }
}

static void
s_receive (artifact_t *self, link_msg_t *msg, int max)
{
    for (int i = 0; i < max && actor_flush (self->actor); i++) {
        err_diag_t diag = {{0}};
        int rc = link_recv (self->link, msg, &diag);
        if (rc == -EAGAIN) {
            artifact_room_idle (self);
            return;
        }
        if (rc == ERR_LIMIT
            || s_muted (self, msg)) //  too many connections of a key; the link has answered
            atomic_fetch_add (&self->counts [COUNT_BAD], 1);
        else if (rc == 0) {
            artifact_room_begin (self);
            s_dispatch (self, msg);
            artifact_room_end (self);
        }
        else if (rc == ERR_NONE) //  perhaps a newer peer: no strike
            artifact_refuse (self, msg, "unknown_type", diag.text);
        else if (rc == ERR_PROTO && msg->frame.version > 0 && msg->frame.version != FRAME_VERSION)
            artifact_peer_strike (self, msg, "version", diag.text);
        else if (rc == ERR_PROTO)
            artifact_peer_strike (self, msg, "malformed", diag.text);
        else {
            log_warn ("receive failed", kv ("socket", "files"), kv ("reason", err_str (rc)));
            return;
        }
    }
}

//  Take a new configuration.  A system prompt fits into one DATA, so no download gets parts of two.
static void
s_configure (artifact_t *self, mail_t *mail)
{
    self->settings = mail_take_config (mail, &self->conf);
    if (!mail->as.config.prompt)
        return;
    free (self->system_prompt);
    self->system_prompt = mail->as.config.prompt;
    self->system_prompt_size = mail->as.config.prompt_size;
    mail->as.config.prompt = NULL;
}

static void
s_read_mail (artifact_t *self)
{
    for (int i = 0; i < S_BATCH; i++) {
        own (mail_destroy) mail_t *mail = actor_recv (self->actor);
        if (!mail)
            return;
        if (mail->kind == MAIL_CHECK) {
            artifact_room_begin (self);
            artifact_check (self, mail);
            artifact_room_end (self);
            actor_post (self->actor, &mail);
        }
        else if (mail->kind == MAIL_REPLY)
            artifact_event_reply (self, mail);
        else if (mail->kind == MAIL_CONFIG)
            s_configure (self, mail);
    }
}

static void
s_count (artifact_t *self)
{
    const link_counts_t counts = link_take_counts (self->link);
    atomic_fetch_add (&self->counts [COUNT_ENDED], counts.ended);
    atomic_fetch_add (&self->counts [COUNT_UNSENT], counts.unsent);
    atomic_fetch_add (&self->counts [COUNT_STRANGERS], counts.refused);
    atomic_fetch_add (&self->counts [COUNT_CROWDED], counts.crowded);
    atomic_fetch_add (&self->counts [COUNT_SHED], counts.shed);
}

static void
s_main (void *arg)
{
    artifact_t *self = arg;
    link_msg_t msg = {0};
    int64_t tidied_ms = clk_now (self->clk).boot_ms;
    bool ends = false, sweeping = true;
    while (!ends) {
        const bool room = actor_flush (self->actor);
        const int64_t wait_ms = actor_wait_ms (self->actor, sweeping ? S_SWEEP_MS : S_WAIT_MS);
        link_wait_t items [] = {{.fd = actor_fd (self->actor)}, {.link = self->link}};
        link_wait (items, room ? 2 : 0, wait_ms);
        ends = actor_ends (self->actor);
        s_count (self);
        if (room && !ends) {
            s_read_mail (self);
            s_receive (self, &msg, S_BATCH);
            artifact_room_begin (self);
            sweeping = artifact_sweep (self, clk_now (self->clk).boot_ms);
            artifact_room_end (self);
        }
        int64_t now_ms = clk_now (self->clk).boot_ms;
        artifact_room_begin (self);
        artifact_room_look (self, false, now_ms);
        artifact_room_end (self);
        if (now_ms - tidied_ms >= S_TIDY_MS) {
            artifact_upload_tidy (self, now_ms);
            artifact_event_tidy (self, now_ms);
            tidied_ms = now_ms;
        }
    }
    s_receive (self, &msg, S_DRAIN); //  handle what has arrived
    link_msg_fini (&msg);
}


//  --- making

static int
s_read_prompt (artifact_t *self, err_diag_t *diag)
{
    own (buf_fini) buf_t text = {0};
    int rc = settings_prompt (self->settings, &text, diag);
    if (rc < 0)
        return rc;
    self->system_prompt_size = text.size;
    self->system_prompt = buf_take (&text);
    return self->system_prompt ? 0 : -ENOMEM;
}

static char *
s_events_dir (const char *state_path)
{
    char path [PATH_MAX];
    blob_events_dir (state_path, path, sizeof path);
    return strdup (path);
}

static int
s_open (artifact_t *self, const curve_keys_t *keys, mailbox_t *loop, err_diag_t *diag)
{
    int rc = s_read_prompt (self, diag);
    if (rc < 0)
        return rc;
    rc = blob_make_dir (self->settings->workspace_root);
    if (rc < 0) {
        char path [PATH_MAX];
        err_diag (diag, "workspace_root %s: %s",
                  path_absolute (self->settings->workspace_root, path), err_str (rc));
        return rc;
    }
    self->events_dir = s_events_dir (self->settings->state_path);
    rc = self->events_dir ? artifact_event_init (self, diag) : -ENOMEM;
    self->poison = rc == 0 ? poison_open (self->settings->state_path, "files") : NULL;
    if (rc == 0)
        rc = store_reader_open (self->settings->state_path, &self->reader, diag);
    if (rc < 0)
        return rc;
    self->clk = clk_new ();
    self->peers = peers_new ();
    self->actor = actor_new (LIMIT_MAILBOX, mail_item_destroy, loop);
    if (!self->clk || !self->peers || !self->actor)
        return -ENOMEM;
    artifact_room_look (self, true, clk_now (self->clk).boot_ms); //  before the first assignment
    rc = artifact_sweep_init (self, diag);
    if (rc < 0)
        return rc;
    self->link = link_bind (LINK_FILES, self->settings->files_endpoint, keys, diag);
    if (!self->link)
        return ERR_CONFIG;
    return actor_start (self->actor, s_main, self);
}

artifact_t *
artifact_new (const settings_t *settings, const curve_keys_t *keys, curve_zap_t *zap,
              mailbox_t *loop, err_diag_t *diag)
{
    assert (settings && keys && loop);
    artifact_t *self = calloc (1, sizeof (artifact_t));
    if (!self)
        return NULL;
    self->settings = settings;
    self->zap = zap;
    if (s_open (self, keys, loop, diag) < 0)
        artifact_destroy (&self);
    return self;
}

void
artifact_destroy (artifact_t **self_p)
{
    assert (self_p);
    artifact_t *self = *self_p;
    if (!self)
        return;
    actor_destroy (&self->actor);
    artifact_upload_fini (self);
    artifact_event_fini (self);
    artifact_sweep_fini (self);
    peers_destroy (&self->peers);
    poison_destroy (&self->poison);
    link_close (&self->link, 1000);
    store_reader_destroy (&self->reader);
    clk_destroy (&self->clk);
    conf_destroy (&self->conf);
    free (self->system_prompt);
    free (self->events_dir);
    free (self);
    *self_p = NULL;
}

mailbox_t *
artifact_inbox (artifact_t *self)
{
    return actor_inbox (self->actor);
}

const char *
artifact_endpoint (const artifact_t *self)
{
    return link_endpoint (self->link);
}

void
artifact_stats (artifact_t *self, artifact_stats_t *ret_stats)
{
    *ret_stats =
        (artifact_stats_t){.bytes_received_total = atomic_load (&self->counts [COUNT_RECEIVED]),
                           .bytes_sent_total = atomic_load (&self->counts [COUNT_SENT]),
                           .uploads_active = atomic_load (&self->counts [COUNT_UPLOADS]),
                           .upload_bytes_active = atomic_load (&self->counts [COUNT_UPLOAD_BYTES]),
                           .sealed_total = atomic_load (&self->counts [COUNT_SEALED]),
                           .refused_total = atomic_load (&self->counts [COUNT_REFUSED]),
                           .bad_messages_total = atomic_load (&self->counts [COUNT_BAD]),
                           .ended_total = atomic_load (&self->counts [COUNT_ENDED]),
                           .unsent_total = atomic_load (&self->counts [COUNT_UNSENT]),
                           .free_bytes = atomic_load (&self->counts [COUNT_FREE_BYTES]),
                           .free_files = atomic_load (&self->counts [COUNT_FREE_FILES]),
                           .disk_bytes = atomic_load (&self->counts [COUNT_DISK_BYTES]),
                           .disk_files = atomic_load (&self->counts [COUNT_DISK_FILES]),
                           .disk_orphans = atomic_load (&self->counts [COUNT_DISK_ORPHANS]),
                           .disk_oldest_ms = atomic_load (&self->counts [COUNT_DISK_OLDEST]),
                           .strangers_total = atomic_load (&self->counts [COUNT_STRANGERS]),
                           .crowded_total = atomic_load (&self->counts [COUNT_CROWDED]),
                           .shed_total = atomic_load (&self->counts [COUNT_SHED])};
}
