//  artifact_event - events too large for `ingest`: a file beside the store, then an EVENT mail.
//
//  Chunks go to events/<hash of sender and event id>.part; SEAL_EVENT renames it to
//  events/<sha256>.json.  The event is acknowledged after the loop has committed it.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/files/artifact_part.h"

#include "broker/base/blob.h"
#include "broker/disk/artifact_dir.h"
#include "common/base/digest.h"
#include "common/base/durable.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>

enum { S_NAME = DIGEST_HEX + 8, S_RETRY_MS = 1000 };

struct artifact_event {
    char name [DIGEST_HEX]; //  key of the hash, and name of the part
    char event_id [LIMIT_EVENT_ID_BYTES + 1];
    char source [CURVE_IDENTITY]; //  its sender
    int64_t size;                 //  as announced
    int64_t touched_ms;           //  boot time of the last message about it
    uint64_t cookie;              //  of the EVENT mail; 0 = not sent to the loop
    link_route_t route;
    uint64_t corr;
    UT_hash_handle hh;
};

static void
s_forget (artifact_t *self, artifact_event_t *event)
{
    HASH_DEL (self->events, event);
    free (event);
}

static void
s_nack (artifact_t *self, const link_msg_t *msg, const char *reason, int64_t retry_ms)
{
    msg_event_nack_t nack = {.event_id = msg->msg.event_chunk.event_id,
                             .reason = codec_text (reason),
                             .retry_ms = retry_ms};
    artifact_answer (self, msg, MSG_EVENT_NACK, &nack);
}

static bool
s_valid (artifact_t *self, const link_msg_t *msg)
{
    const msg_event_chunk_t *chunk = &msg->msg.event_chunk;
    if (!artifact_peer_role (self, msg, CURVE_ROLE_PUBLISHER)) {
        artifact_peer_strike (self, msg, "role", "this needs the enrolled key of a publisher");
        return false;
    }
    if (chunk->cluster.size > LIMIT_CLUSTER_BYTES) {
        artifact_peer_strike (self, msg, "limit", "cluster has more than 253 bytes");
        return false;
    }
    bool good = chunk->event_id.size > 0 && chunk->event_id.size <= LIMIT_EVENT_ID_BYTES
                && chunk->size >= 0 && chunk->size <= LIMIT_EVENT_BYTES && chunk->offset >= 0
                && chunk->bytes.size <= LIMIT_CHUNK_BYTES
                && chunk->offset + (int64_t) chunk->bytes.size <= chunk->size;
    if (!good)
        artifact_peer_strike (self, msg, "malformed", "offset and bytes lie outside the event");
    return good;
}

static const char *
s_source (const link_msg_t *msg)
{
    return msg->identity [0] ? msg->identity : "local";
}

//  Is there room for `more` bytes?  fresh: they are of a new event.  With keys each publisher has a
//  share of the room.
static bool
s_room (const artifact_t *self, const char *source, int64_t more, bool fresh)
{
    int64_t bytes = more, own_bytes = more, count = fresh, own_count = fresh;
    for (const artifact_event_t *event = self->events; event; event = event->hh.next) {
        const bool his = self->zap && strcmp (event->source, source) == 0;
        bytes += event->size;
        count++;
        own_bytes += his ? event->size : 0;
        own_count += his;
    }
    return bytes <= LIMIT_EVENT_PARTS_BYTES && count <= LIMIT_EVENT_PARTS
           && own_bytes <= LIMIT_EVENT_PARTS_BYTES / LIMIT_SHARE
           && own_count <= LIMIT_EVENT_PARTS / LIMIT_SHARE;
}

//  Find or add the entry of this sender's event.  NULL: no room, or out of memory.
static artifact_event_t *
s_entry (artifact_t *self, const link_msg_t *msg, int64_t size)
{
    own (digest_destroy) digest_t *digest = digest_new ();
    if (!digest)
        return NULL;
    char event_id [LIMIT_EVENT_ID_BYTES + 1];
    char name [DIGEST_HEX];
    codec_copy (msg->msg.event_chunk.event_id, event_id, sizeof event_id);
    digest_field (digest, s_source (msg));
    digest_field (digest, event_id);
    digest_finish_hex (digest, name);
    artifact_event_t *event = NULL;
    HASH_FIND_STR (self->events, name, event);
    if (!s_room (self, s_source (msg), size - (event ? event->size : 0), !event))
        return NULL;
    if (!event) {
        event = calloc (1, sizeof (artifact_event_t));
        if (!event)
            return NULL;
        memcpy (event->name, name, sizeof name);
        memcpy (event->event_id, event_id, sizeof event_id);
        snprintf (event->source, sizeof event->source, "%s", s_source (msg));
        HASH_ADD_STR (self->events, name, event);
    }
    event->size = size;
    event->touched_ms = clk_now (self->clk).boot_ms;
    return event;
}

static int
s_events_fd (const artifact_t *self)
{
    int fd = open (self->events_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static void
s_part (const artifact_event_t *event, char ret_name [S_NAME])
{
    snprintf (ret_name, S_NAME, "%s.part", event->name);
}

//  Append a chunk to the part.  *ret_upto: bytes on disk afterwards.  Err: -errno.
static int
s_store (artifact_t *self, const artifact_event_t *event, const msg_event_chunk_t *chunk,
         int64_t *ret_upto)
{
    own (own_fd) int dir = s_events_fd (self);
    if (dir < 0)
        return dir;
    char name [S_NAME];
    s_part (event, name);
    return artifact_dir_append (dir, name, chunk->size, chunk->offset, chunk->bytes.data,
                                chunk->bytes.size, ret_upto);
}

void
artifact_event_chunk (artifact_t *self, const link_msg_t *msg)
{
    if (!s_valid (self, msg))
        return;
    const msg_event_chunk_t *chunk = &msg->msg.event_chunk;
    artifact_event_t *event = s_entry (self, msg, chunk->size);
    if (!event) {
        s_nack (self, msg, "overload", S_RETRY_MS);
        return;
    }
    msg_go_event_t go = {.event_id = chunk->event_id, .upto = event->size};
    //  An event that was sent to the loop is complete.
    int rc = event->cookie ? 0 : s_store (self, event, chunk, &go.upto);
    if (rc < 0) {
        log_warn ("cannot store a chunk of an event", kv ("reason", err_str (rc)));
        s_nack (self, msg, "store", S_RETRY_MS);
        return;
    }
    artifact_answer (self, msg, MSG_GO_EVENT, &go);
}


//  --- the whole event

//  Check the part, sync it, give it its final name and read it.
//  Err: ERR_NONE: missing, incomplete or wrong; -errno.
static int
s_adopt (artifact_t *self, const artifact_event_t *event, const char *sha256, buf_t *body)
{
    char part [S_NAME];
    char final [S_NAME];
    s_part (event, part);
    snprintf (final, sizeof final, "%s.json", sha256);
    own (own_fd) int dir = s_events_fd (self);
    if (dir < 0)
        return dir;
    int64_t size = 0;
    own (own_fd) int file = artifact_dir_file (dir, part, O_RDONLY, &size);
    const bool renamed = file == -ENOENT; //  the answer to an earlier SEAL_EVENT was lost
    if (renamed)
        file = artifact_dir_file (dir, final, O_RDONLY, &size);
    if (file == -ENOENT || (file >= 0 && size != event->size))
        return ERR_NONE;
    char found [DIGEST_HEX];
    int rc = file < 0 ? file : artifact_dir_digest (file, found);
    if (rc < 0)
        return rc;
    if (strcmp (found, sha256) != 0) {
        rc = artifact_dir_remove (dir, part);
        return rc < 0 ? rc : ERR_NONE;
    }
    rc = durable_sync (file, "event");
    if (rc == 0 && !renamed)
        rc = durable_rename (dir, part, dir, final, "event");
    if (rc == 0)
        rc = durable_folder (dir, "event");
    if (rc < 0)
        return rc;
    char path [4096];
    blob_event_path (self->settings->state_path, sha256, path, sizeof path);
    return buf_read_file (body, path);
}

static mail_t *
s_event_mail (artifact_t *self, const link_msg_t *msg, artifact_event_t *event, const char *sha256,
              const buf_t *body, bool poisoned)
{
    mail_t *mail = mail_new (MAIL_EVENT);
    if (!mail)
        return NULL;
    char cluster [ROW_CLUSTER];
    codec_copy (msg->msg.event_chunk.cluster, cluster, sizeof cluster);
    fault_t *fault = &mail->as.event.fault;
    if (poisoned)
        poison_fault (event->event_id, body->data, body->size, cluster, fault);
    else {
        (void) failpoint_before ("event", "read");
        fault_read (body->data, body->size, cluster, fault);
        failpoint_after ("event", "read");
    }
    row_event_t *row = &mail->as.event.row;
    snprintf (row->source, sizeof row->source, "%s", s_source (msg));
    snprintf (row->event_id, sizeof row->event_id, "%s", event->event_id);
    snprintf (row->body_sha, sizeof row->body_sha, "%s", sha256);
    row->received_ms = clk_now (self->clk).wall_ms;
    row->body_bytes = (int64_t) body->size;
    event->cookie = ++self->next_cookie;
    event->route = msg->route;
    event->corr = msg->frame.seq;
    mail->as.event.reply = actor_inbox (self->actor);
    mail->as.event.cookie = event->cookie;
    mail->as.event.triage_enabled =
        settings_triage_enabled (self->settings, mail->as.event.fault.cluster);
    return mail;
}

void
artifact_event_seal (artifact_t *self, const link_msg_t *msg)
{
    const msg_event_chunk_t *seal = &msg->msg.event_chunk;
    char sha256 [DIGEST_HEX];
    if (!s_valid (self, msg))
        return;
    if (!codec_copy (seal->sha256, sha256, sizeof sha256) || !digest_valid (sha256)) {
        artifact_peer_strike (self, msg, "malformed", "sha256 must be 64 hex digits");
        return;
    }
    artifact_event_t *event = s_entry (self, msg, seal->size);
    if (!event) {
        s_nack (self, msg, "overload", S_RETRY_MS);
        return;
    }
    if (event->cookie) { //  a repeated SEAL_EVENT: answer the last one
        event->route = msg->route;
        event->corr = msg->frame.seq;
        return;
    }
    own (buf_fini) buf_t body = buf_init (LIMIT_EVENT_BYTES);
    const bool poisoned = poison_begin (self->poison, event->name);
    int rc = s_adopt (self, event, sha256, &body);
    mail_t *mail = rc < 0 ? NULL : s_event_mail (self, msg, event, sha256, &body, poisoned);
    poison_end (self->poison);
    if (mail) {
        actor_post (self->actor, &mail);
        return;
    }
    if (rc != ERR_NONE)
        log_warn ("cannot store an event", kv ("reason", err_str (rc)));
    s_nack (self, msg, rc == ERR_NONE ? "upload" : "store", rc == ERR_NONE ? 0 : S_RETRY_MS);
    if (rc == ERR_NONE)
        s_forget (self, event);
}

void
artifact_event_reply (artifact_t *self, const mail_t *mail)
{
    artifact_event_t *event = self->events;
    while (event && event->cookie != mail->as.reply.cookie)
        event = event->hh.next;
    if (!event)
        return;
    link_msg_t to = {.route = event->route, .frame = {.seq = event->corr}};
    if (mail->as.reply.accepted) {
        msg_event_ack_t ack = {.event_id = codec_text (event->event_id),
                               .disposition =
                                   codec_text (step_event_name (mail->as.reply.disposition))};
        if (mail->as.reply.incident.text [0])
            ack.incident = codec_text (mail->as.reply.incident.text);
        artifact_answer (self, &to, MSG_EVENT_ACK, &ack);
    }
    else {
        msg_event_nack_t nack = {.event_id = codec_text (event->event_id),
                                 .reason = codec_text ("store"),
                                 .retry_ms = mail->as.reply.retry_ms};
        artifact_answer (self, &to, MSG_EVENT_NACK, &nack);
    }
    s_forget (self, event); //  after a refusal the next SEAL_EVENT finds the file
}

void
artifact_event_tidy (artifact_t *self, int64_t now_ms)
{
    artifact_event_t *event = NULL;
    artifact_event_t *next = NULL;
    HASH_ITER (hh, self->events, event, next) {
        if (event->cookie || now_ms - event->touched_ms < LIMIT_UPLOAD_IDLE_MS)
            continue;
        own (own_fd) int dir = s_events_fd (self);
        char name [S_NAME];
        s_part (event, name);
        if (dir >= 0 && unlinkat (dir, name, 0) != 0 && errno != ENOENT)
            log_warn ("cannot remove a part of an event", kv ("reason", err_str (-errno)));
        s_forget (self, event);
    }
}

int
artifact_event_init (artifact_t *self, err_diag_t *diag)
{
    const folder_rules_t rules = {.depth = 1};
    int rc = blob_make_dir (self->events_dir);
    own (own_fd) int dir = rc < 0 ? rc : s_events_fd (self);
    own (folder_walk_destroy) folder_walk_t *walk = NULL;
    rc = dir < 0 ? dir : folder_walk_new (dir, "", &rules, &walk);
    if (rc < 0) {
        err_diag (diag, "cannot make %s: %s", self->events_dir, err_str (rc));
        return rc;
    }
    folder_entry_t entry;
    while (folder_walk_next (walk, &entry) > 0) {
        size_t size = strlen (entry.name);
        if (size > 5 && strcmp (entry.name + size - 5, ".part") == 0)
            unlinkat (dir, entry.name, 0);
    }
    durable_sweep (dir); //  no other thread writes here yet
    return 0;
}

void
artifact_event_fini (artifact_t *self)
{
    artifact_event_t *event = NULL;
    artifact_event_t *next = NULL;
    HASH_ITER (hh, self->events, event, next) {
        s_forget (self, event);
    }
}
