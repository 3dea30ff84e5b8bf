//  intake_spool - events on their way from intake to the loop.
//  SPDX-License-Identifier: Apache-2.0

#include "broker/io/intake_spool.h"

#include "broker/io/blob.h"
#include "common/base/durable.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

enum {
    WINDOW = 256,          //  events offered and not yet answered
    FULL_AGAIN_MS = 20,    //  the loop's mailbox is full
    WRITE_AGAIN_MS = 1000, //  the body's file could not be written
    REFUSED_MIN_MS = 10,
    REFUSED_MAX_MS = 60000,
    NOTICES = 1024, //  notices kept
    PATH_BYTES = 4096
};

typedef struct s_item {
    mail_kind_t kind; //  EVENT or SOURCE
    uint64_t cookie;
    bool offered;
    bool triage_enabled;
    row_event_t row;
    fault_t fault;
    char *body; //  owned
    size_t body_size;
    mail_t *notice; //  SOURCE: owned
    struct s_item *prev, *next;
} s_item_t;

struct intake_spool {
    char *state_path;
    s_item_t *items;
    size_t count, notices, offered;
    size_t bytes;
    uint64_t last_cookie;
    int64_t hold_until_ms;
};

intake_spool_t *
intake_spool_new (const char *state_path)
{
    assert (state_path);

    intake_spool_t *self = calloc (1, sizeof (intake_spool_t));
    if (!self)
        return NULL;
    self->state_path = strdup (state_path);
    if (!self->state_path)
        intake_spool_destroy (&self);
    return self;
}

static void
s_remove (intake_spool_t *self, s_item_t *item)
{
    DL_DELETE (self->items, item);
    if (item->kind == MAIL_EVENT) {
        self->count--;
        self->bytes -= sizeof (s_item_t) + item->body_size;
        self->offered -= item->offered ? 1 : 0;
    }
    else {
        self->notices--;
    }
    mail_destroy (&item->notice);
    free (item->body);
    free (item);
}

void
intake_spool_destroy (intake_spool_t **self_p)
{
    intake_spool_t *self = *self_p;
    if (!self)
        return;
    while (self->items)
        s_remove (self, self->items);
    free (self->state_path);
    free (self);
    *self_p = NULL;
}

//  Drop the oldest of a kind.
static void
s_drop_oldest (intake_spool_t *self, mail_kind_t kind)
{
    s_item_t *item = NULL;
    DL_SEARCH_SCALAR (self->items, item, kind, kind);
    if (item)
        s_remove (self, item);
}

int64_t
intake_spool_event (intake_spool_t *self, const char *source, const char *cluster,
                    bool triage_enabled, const char *body, size_t size, int64_t wall_ms)
{
    assert (self && source && cluster && body);

    int64_t dropped = 0;
    while (self->count > 0 && self->bytes + sizeof (s_item_t) + size > LIMIT_INTAKE_BUFFER_BYTES) {
        s_drop_oldest (self, MAIL_EVENT);
        dropped++;
    }
    s_item_t *item = calloc (1, sizeof (s_item_t));
    char *copy = malloc (size + 1);
    if (!item || !copy) {
        free (item);
        free (copy);
        return dropped + 1;
    }
    memcpy (copy, body, size);
    copy [size] = 0;
    item->kind = MAIL_EVENT;
    item->cookie = ++self->last_cookie;
    item->triage_enabled = triage_enabled;
    item->body = copy;
    item->body_size = size;
    fault_read (body, size, cluster, &item->fault);
    snprintf (item->row.source, sizeof item->row.source, "%s", source);
    char id [DIGEST_HEX];
    fault_event_id (source, &item->fault, body, size, id);
    snprintf (item->row.event_id, sizeof item->row.event_id, "%s", id);
    item->row.received_ms = wall_ms;
    item->row.body_bytes = (int64_t) size;
    DL_APPEND (self->items, item);
    self->count++;
    self->bytes += sizeof (s_item_t) + size;
    return dropped;
}

void
intake_spool_notice (intake_spool_t *self, const char *cluster, const char *change,
                     const char *reason)
{
    assert (self && cluster && change && reason);

    if (self->notices >= NOTICES)
        s_drop_oldest (self, MAIL_SOURCE);
    s_item_t *item = calloc (1, sizeof (s_item_t));
    mail_t *mail = item ? mail_new (MAIL_SOURCE) : NULL;
    if (!mail) {
        free (item);
        return;
    }
    snprintf (mail->as.source.cluster, sizeof mail->as.source.cluster, "%s", cluster);
    snprintf (mail->as.source.change, sizeof mail->as.source.change, "%s", change);
    snprintf (mail->as.source.reason, sizeof mail->as.source.reason, "%s", reason);
    item->kind = MAIL_SOURCE;
    item->notice = mail;
    DL_APPEND (self->items, item);
    self->notices++;
}

//  See that the body is a durable file; it may be there from an earlier offer, or from another event.
static int
s_body_to_file (intake_spool_t *self, s_item_t *item)
{
    char path [PATH_BYTES];
    if (!item->row.body_sha [0])
        digest_hex (item->body, item->body_size, item->row.body_sha);
    blob_event_path (self->state_path, item->row.body_sha, path, sizeof path);
    const bool there = access (path, R_OK) == 0;
    char *slash = strrchr (path, '/');
    assert (slash);
    *slash = 0;
    int rc = there ? durable_folder_at (path, "body") : blob_make_dir (path);
    if (rc == 0 && !there)
        rc = blob_write (path, slash + 1, item->body, item->body_size, "body");
    if (rc != 0)
        log_error ("event body not written", kv ("event_id", item->row.event_id),
                   kv ("error", err_str (rc)));
    return rc;
}

static mail_t *
s_event_mail (const s_item_t *item, mailbox_t *reply)
{
    mail_t *mail = mail_new (MAIL_EVENT);
    if (!mail)
        return NULL;
    mail->as.event.row = item->row;
    mail->as.event.fault = item->fault;
    mail->as.event.reply = reply;
    mail->as.event.cookie = item->cookie;
    mail->as.event.triage_enabled = item->triage_enabled;
    if (!item->row.body_sha [0]) {
        mail->as.event.body = strndup (item->body, item->body_size);
        mail->as.event.row.body = mail->as.event.body;
        if (!mail->as.event.body)
            mail_destroy (&mail);
    }
    return mail;
}

//  Own: on success the loop has it.  Err: ERR_FULL, -ENOMEM, or why the file failed.
static int
s_send (intake_spool_t *self, s_item_t *item, mailbox_t *loop, mailbox_t *reply)
{
    if (item->kind == MAIL_SOURCE)
        return mailbox_send (loop, &item->notice);
    if (item->body_size > LIMIT_EVENT_INLINE_BYTES) {
        int rc = s_body_to_file (self, item);
        if (rc != 0)
            return rc;
    }
    own (mail_destroy) mail_t *mail = s_event_mail (item, reply);
    return mail ? mailbox_send (loop, &mail) : -ENOMEM;
}

int64_t
intake_spool_offer (intake_spool_t *self, mailbox_t *loop, mailbox_t *reply, int64_t boot_ms)
{
    assert (self && loop && reply);

    if (self->hold_until_ms > boot_ms)
        return self->items ? self->hold_until_ms : INT64_MAX;
    s_item_t *item, *next;
    DL_FOREACH_SAFE (self->items, item, next)
    {
        if (item->offered)
            continue;
        if (self->offered >= WINDOW)
            return INT64_MAX; //  an answer comes first
        int rc = s_send (self, item, loop, reply);
        if (rc != 0)
            return boot_ms + (rc == ERR_FULL ? FULL_AGAIN_MS : WRITE_AGAIN_MS);
        if (item->kind == MAIL_SOURCE) {
            s_remove (self, item);
        }
        else {
            item->offered = true;
            self->offered++;
        }
    }
    return INT64_MAX;
}

void
intake_spool_reply (intake_spool_t *self, uint64_t cookie, bool accepted, int64_t retry_ms,
                    int64_t boot_ms)
{
    assert (self);

    s_item_t *item = NULL;
    DL_SEARCH_SCALAR (self->items, item, cookie, cookie);
    if (!item || !item->offered)
        return; //  dropped meanwhile
    if (accepted) {
        s_remove (self, item);
        return;
    }
    item->offered = false;
    self->offered--;
    int64_t hold_ms = retry_ms < REFUSED_MIN_MS ? REFUSED_MIN_MS : retry_ms;
    self->hold_until_ms = boot_ms + (hold_ms > REFUSED_MAX_MS ? REFUSED_MAX_MS : hold_ms);
}

int64_t
intake_spool_oldest (const intake_spool_t *self, const char *source)
{
    const s_item_t *item;
    DL_FOREACH (self->items, item)
    {
        if (item->kind == MAIL_EVENT && strcmp (item->row.source, source) == 0)
            return item->row.received_ms;
    }
    return INT64_MAX;
}

size_t
intake_spool_count (const intake_spool_t *self)
{
    return self->count;
}
