//  SPDX-License-Identifier: Apache-2.0

#include "broker/intake/intake_queue.h"

#include "broker/base/blob.h"
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
    FULL_AGAIN_MS = 20,    //  retry when the loop's mailbox is full
    WRITE_AGAIN_MS = 1000, //  retry when a body could not be written
    REFUSED_MIN_MS = 10,
    REFUSED_MAX_MS = 60000,
    NOTICES = 1024, //  notices kept
    PATH_BYTES = 4096,
    //  Waiting and offered events together take LIMIT_INTAKE_BUFFER_BYTES.
    WAITING_BYTES = LIMIT_INTAKE_BUFFER_BYTES - LIMIT_INTAKE_OFFERED_BYTES
};

typedef struct s_share s_share_t;

typedef struct s_item {
    s_share_t *share;
    mail_kind_t kind; //  EVENT or SOURCE
    uint64_t cookie;
    bool triage_enabled;
    row_event_t row;
    fault_t fault;
    char *body; //  owned
    size_t body_size;
    mail_t *notice; //  SOURCE: owned
    struct s_item *prev, *next;
} s_item_t;

//  The events and notices of one source.
struct s_share {
    char source [ROW_SOURCE];
    s_item_t *items; //  not offered, oldest first
    size_t bytes;    //  of the events among them
    size_t notices, offered;
    int64_t dropped;       //  events since the last intake_queue_take_dropped
    int64_t hold_until_ms; //  boot time; nothing is offered until then, its body was not written
    s_share_t *prev, *next;
};

struct intake_queue {
    char *state_path;
    s_share_t *shares; //  the next one to offer first
    s_item_t *offered; //  events that the loop has copies of, oldest first
    size_t count, notices, offered_count;
    size_t waiting_bytes; //  of events not offered
    size_t offered_bytes; //  of offered events and the loop's copies
    uint64_t last_cookie;
    int64_t hold_until_ms;
};

intake_queue_t *
intake_queue_new (const char *state_path)
{
    assert (state_path);

    intake_queue_t *self = calloc (1, sizeof (intake_queue_t));
    if (!self)
        return NULL;
    self->state_path = strdup (state_path);
    if (!self->state_path)
        intake_queue_destroy (&self);
    return self;
}


//  --- items and shares

static size_t
s_waiting_cost (size_t body_size)
{
    return sizeof (s_item_t) + body_size;
}

//  The bytes of an offered event: its item, the loop's mail, and the loop's copy of a small body.
static size_t
s_offered_cost (const s_item_t *item)
{
    const size_t copy = item->body_size <= LIMIT_EVENT_INLINE_BYTES ? item->body_size : 0;
    return s_waiting_cost (item->body_size) + sizeof (mail_t) + copy;
}

static s_share_t *
s_share_find (intake_queue_t *self, const char *source)
{
    s_share_t *share;
    DL_FOREACH (self->shares, share) {
        if (strcmp (share->source, source) == 0)
            return share;
    }
    return NULL;
}

static s_share_t *
s_share_get (intake_queue_t *self, const char *source)
{
    s_share_t *share = s_share_find (self, source);
    if (share)
        return share;
    share = calloc (1, sizeof (s_share_t));
    if (!share)
        return NULL;
    snprintf (share->source, sizeof share->source, "%s", source);
    DL_APPEND (self->shares, share);
    return share;
}

static void
s_share_drop_if_empty (intake_queue_t *self, s_share_t *share)
{
    if (share->items || share->offered > 0 || share->dropped > 0)
        return;
    DL_DELETE (self->shares, share);
    free (share);
}

static void
s_item_free (s_item_t *item)
{
    mail_destroy (&item->notice);
    free (item->body);
    free (item);
}

//  Remove an item from its share.  Own: the item becomes the caller's.
static void
s_unlink (intake_queue_t *self, s_item_t *item)
{
    s_share_t *share = item->share;
    DL_DELETE (share->items, item);
    if (item->kind == MAIL_EVENT) {
        share->bytes -= s_waiting_cost (item->body_size);
        self->waiting_bytes -= s_waiting_cost (item->body_size);
        self->count--;
    }
    else {
        share->notices--;
        self->notices--;
    }
}

//  Insert an item into its share, ordered by cookie.
static void
s_link (intake_queue_t *self, s_item_t *item)
{
    s_share_t *share = item->share;
    s_item_t *later = share->items;
    if (later && later->prev->cookie < item->cookie) //  the usual case: it becomes the last
        later = NULL;
    while (later && later->cookie < item->cookie)
        later = later->next;
    if (later)
        DL_PREPEND_ELEM (share->items, later, item);
    else
        DL_APPEND (share->items, item);
    if (item->kind == MAIL_EVENT) {
        share->bytes += s_waiting_cost (item->body_size);
        self->waiting_bytes += s_waiting_cost (item->body_size);
        self->count++;
    }
    else {
        share->notices++;
        self->notices++;
    }
}

//  Remove an answered item from the offered ones.  Own: the item becomes the caller's.
static void
s_unlink_offered (intake_queue_t *self, s_item_t *item)
{
    DL_DELETE (self->offered, item);
    item->share->offered--;
    self->offered_count--;
    self->offered_bytes -= s_offered_cost (item);
}

void
intake_queue_destroy (intake_queue_t **self_p)
{
    intake_queue_t *self = *self_p;
    if (!self)
        return;
    s_item_t *item;
    while ((item = self->offered) != NULL) {
        s_unlink_offered (self, item);
        s_item_free (item);
    }
    s_share_t *share;
    while ((share = self->shares) != NULL) {
        while ((item = share->items) != NULL) {
            s_unlink (self, item);
            s_item_free (item);
        }
        DL_DELETE (self->shares, share);
        free (share);
    }
    free (self->state_path);
    free (self);
    *self_p = NULL;
}


//  --- room

//  The share that must lose something: the one with the most, including the `brings` that are
//  about to be added to `comer`.
static s_share_t *
s_victim (intake_queue_t *self, mail_kind_t kind, const s_share_t *comer, size_t brings)
{
    s_share_t *share, *victim = NULL;
    size_t most = 0;
    DL_FOREACH (self->shares, share) {
        const size_t has =
            (kind == MAIL_EVENT ? share->bytes : share->notices) + (share == comer ? brings : 0);
        if (has > most) {
            most = has;
            victim = share;
        }
    }
    return victim;
}

//  Drop the oldest waiting item of a kind.  Returns false when there is none.
static bool
s_drop_oldest (intake_queue_t *self, s_share_t *share, mail_kind_t kind)
{
    s_item_t *item = NULL;
    if (!share)
        return false;
    DL_SEARCH_SCALAR (share->items, item, kind, kind);
    if (!item)
        return false;
    s_unlink (self, item);
    s_item_free (item);
    share->dropped += kind == MAIL_EVENT ? 1 : 0;
    return true;
}

//  Make room for an event of this share.  False: only the event itself could be dropped.
static bool
s_make_room (intake_queue_t *self, s_share_t *share, size_t cost)
{
    while (self->waiting_bytes + cost > WAITING_BYTES) {
        s_share_t *victim = s_victim (self, MAIL_EVENT, share, cost);
        if (!s_drop_oldest (self, victim, MAIL_EVENT))
            return false;
        if (victim != share)
            s_share_drop_if_empty (self, victim);
    }
    return true;
}


//  --- in

static s_item_t *
s_item_event (const char *source, const fault_t *fault, const char *body, size_t size)
{
    s_item_t *item = calloc (1, sizeof (s_item_t));
    char *copy = item ? malloc (size + 1) : NULL;
    if (!copy) {
        free (item);
        return NULL;
    }
    memcpy (copy, body, size);
    copy [size] = 0;
    item->kind = MAIL_EVENT;
    item->body = copy;
    item->body_size = size;
    item->fault = *fault;
    snprintf (item->row.source, sizeof item->row.source, "%s", source);
    char id [DIGEST_HEX];
    fault_event_id (source, &item->fault, body, size, id);
    snprintf (item->row.event_id, sizeof item->row.event_id, "%s", id);
    item->row.body_bytes = (int64_t) size;
    return item;
}

bool
intake_queue_event (intake_queue_t *self, const char *source, const fault_t *fault,
                    bool triage_enabled, const char *body, size_t size, int64_t wall_ms)
{
    assert (self && source && fault && body);

    s_share_t *share = s_share_get (self, source);
    if (!share)
        return false;
    s_item_t *item = s_make_room (self, share, s_waiting_cost (size))
                         ? s_item_event (source, fault, body, size)
                         : NULL;
    if (!item) {
        share->dropped++;
        return true;
    }
    item->share = share;
    item->cookie = ++self->last_cookie;
    item->triage_enabled = triage_enabled;
    item->row.received_ms = wall_ms;
    s_link (self, item);
    return true;
}

void
intake_queue_notice (intake_queue_t *self, const char *source, const char *cluster,
                     const char *change, const char *reason)
{
    assert (self && source && cluster && change && reason);

    s_share_t *share = s_share_get (self, source);
    s_item_t *item = share ? calloc (1, sizeof (s_item_t)) : NULL;
    mail_t *mail = item ? mail_new (MAIL_SOURCE) : NULL;
    if (!mail) {
        free (item);
        return;
    }
    if (self->notices >= NOTICES) {
        s_share_t *victim = s_victim (self, MAIL_SOURCE, share, 1);
        (void) s_drop_oldest (self, victim, MAIL_SOURCE);
        if (victim != share)
            s_share_drop_if_empty (self, victim);
    }
    snprintf (mail->as.source.cluster, sizeof mail->as.source.cluster, "%s", cluster);
    snprintf (mail->as.source.change, sizeof mail->as.source.change, "%s", change);
    snprintf (mail->as.source.reason, sizeof mail->as.source.reason, "%s", reason);
    item->share = share;
    item->cookie = ++self->last_cookie;
    item->kind = MAIL_SOURCE;
    item->notice = mail;
    s_link (self, item);
}

int64_t
intake_queue_take_dropped (intake_queue_t *self, const char *source)
{
    s_share_t *share = s_share_find (self, source);
    if (!share)
        return 0;
    const int64_t dropped = share->dropped;
    share->dropped = 0;
    s_share_drop_if_empty (self, share);
    return dropped;
}


//  --- out

//  Write the body to a durable file, unless an earlier offer or an equal event has written it.
static int
s_body_to_file (intake_queue_t *self, s_item_t *item)
{
    char path [PATH_BYTES], folder [PATH_BYTES], name [DIGEST_HEX + 8];
    if (!item->row.body_sha [0])
        digest_hex (item->body, item->body_size, item->row.body_sha);
    blob_event_path (self->state_path, item->row.body_sha, path, sizeof path);
    blob_events_dir (self->state_path, folder, sizeof folder);
    snprintf (name, sizeof name, "%s.json", item->row.body_sha);
    const bool there = access (path, R_OK) == 0;
    int rc = there ? durable_folder_at (folder, "body") : blob_make_dir (folder);
    if (rc == 0 && !there)
        rc = blob_write (folder, name, item->body, item->body_size, "body");
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

//  Send an item to the loop.  Own: the loop gets a notice itself, but a copy of an event.
//  Err: ERR_FULL: its mailbox is full; -ENOMEM; -errno: the body's file.
static int
s_send (intake_queue_t *self, s_item_t *item, mailbox_t *loop, mailbox_t *reply)
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

static bool
s_window_open (const intake_queue_t *self, const s_item_t *item)
{
    return item->kind == MAIL_SOURCE || self->offered_count == 0
           || (self->offered_count < WINDOW
               && self->offered_bytes + s_offered_cost (item) <= LIMIT_INTAKE_OFFERED_BYTES);
}

//  Send the first item of a share, and move the share behind all others.  Err: as s_send.
static int
s_offer_one (intake_queue_t *self, s_share_t *share, mailbox_t *loop, mailbox_t *reply)
{
    s_item_t *item = share->items;
    int rc = s_send (self, item, loop, reply);
    if (rc != 0)
        return rc;
    s_unlink (self, item);
    DL_DELETE (self->shares, share);
    DL_APPEND (self->shares, share);
    if (item->kind == MAIL_SOURCE) {
        s_item_free (item);
        s_share_drop_if_empty (self, share);
        return 0;
    }
    DL_APPEND (self->offered, item);
    share->offered++;
    self->offered_count++;
    self->offered_bytes += s_offered_cost (item);
    return 0;
}

//  The next share that may send something now; NULL: none.  *wake is lowered to the boot time at
//  which a held share may send again.
static s_share_t *
s_next_share (intake_queue_t *self, int64_t boot_ms, int64_t *wake)
{
    bool closed = false; //  smaller events do not overtake one that does not fit
    s_share_t *share;
    DL_FOREACH (self->shares, share) {
        if (!share->items)
            continue;
        if (share->hold_until_ms > boot_ms) {
            *wake = share->hold_until_ms < *wake ? share->hold_until_ms : *wake;
            continue;
        }
        if (share->items->kind == MAIL_SOURCE)
            return share;
        closed = closed || !s_window_open (self, share->items);
        if (!closed)
            return share;
    }
    return NULL;
}

int64_t
intake_queue_offer (intake_queue_t *self, mailbox_t *loop, mailbox_t *reply, int64_t boot_ms)
{
    assert (self && loop && reply);

    int64_t wake = INT64_MAX;
    if (self->hold_until_ms > boot_ms)
        return self->count + self->notices > 0 ? self->hold_until_ms : wake;
    s_share_t *share;
    while ((share = s_next_share (self, boot_ms, &wake)) != NULL) {
        int rc = s_offer_one (self, share, loop, reply);
        if (rc == ERR_FULL)
            return boot_ms + FULL_AGAIN_MS;
        if (rc != 0) //  hold this share only: others may succeed
            share->hold_until_ms = boot_ms + WRITE_AGAIN_MS;
    }
    return wake;
}

void
intake_queue_reply (intake_queue_t *self, uint64_t cookie, bool accepted, int64_t retry_ms,
                    int64_t boot_ms)
{
    assert (self);

    s_item_t *item = NULL;
    DL_SEARCH_SCALAR (self->offered, item, cookie, cookie);
    if (!item)
        return;
    s_share_t *share = item->share;
    s_unlink_offered (self, item);
    if (accepted) {
        s_item_free (item);
        s_share_drop_if_empty (self, share);
        return;
    }
    s_link (self, item);
    int64_t hold_ms = retry_ms < REFUSED_MIN_MS ? REFUSED_MIN_MS : retry_ms;
    self->hold_until_ms = boot_ms + (hold_ms > REFUSED_MAX_MS ? REFUSED_MAX_MS : hold_ms);
}

int64_t
intake_queue_oldest (intake_queue_t *self, const char *source)
{
    const s_share_t *share = s_share_find (self, source);
    const s_item_t *item;
    int64_t oldest_ms = INT64_MAX;
    if (!share)
        return oldest_ms;
    DL_FOREACH (self->offered, item) {
        if (item->share == share && item->row.received_ms < oldest_ms)
            oldest_ms = item->row.received_ms;
    }
    DL_FOREACH (share->items, item) {
        if (item->kind == MAIL_EVENT)
            return item->row.received_ms < oldest_ms ? item->row.received_ms : oldest_ms;
    }
    return oldest_ms;
}

size_t
intake_queue_count (const intake_queue_t *self)
{
    return self->count + self->offered_count;
}
