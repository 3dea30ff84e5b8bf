//  SPDX-License-Identifier: Apache-2.0
#include "broker/loop/stream.h"

#include "common/base/log.h"

#include <errno.h>
#include <stdio.h>

enum { S_AGAIN_MS = 20 }; //  between two attempts to bind

//  An empty text is left out of the message.
static codec_text_t
s_text (const char *text)
{
    return text [0] ? codec_text (text) : (codec_text_t){0};
}

static int64_t
s_publish (link_t *link, const row_record_t *row)
{
    char topic [ROW_TOPIC];
    snprintf (topic, sizeof topic, "%s/%s/", row->kind, row->cluster);
    const msg_record_t record = {
        .seq = row->seq,
        .prev = row->prev,
        .at_ms = row->at_ms,
        .kind = codec_text (row->kind),
        .cluster = codec_text (row->cluster),
        .change = codec_text (row->change),
        .incident = s_text (row->incident.text),
        .attempt = row->attempt,
        .worker = s_text (row->worker),
        .reason = s_text (row->reason),
        .fault_type = s_text (row->fault_type),
        .severity = row->incident.text [0] ? codec_text (fault_severity_name (row->severity))
                                           : (codec_text_t){0},
        .resource = s_text (row->resource),
        .occurrences = row->occurrences,
    };
    return link_publish (link, topic, &record);
}

void
stream_publish (loop_t *self, const row_record_t *row)
{
    if (self->stream && (!link_subscribed (self->stream) || s_publish (self->stream, row) > 0))
        self->records_total++;
}

static void
s_cut (loop_t *self, int64_t pause_ms)
{
    link_close (&self->stream, 0);
    self->stream_ms = self->now.boot_ms + pause_ms;
    self->stream_cuts_total++;
}

void
stream_revoke (loop_t *self)
{
    if (!self->stream)
        return;
    log_warn ("all taps are cut, for one's key is not enrolled any more; the others come back");
    s_cut (self, 0);
}

void
stream_bind (loop_t *self)
{
    err_diag_t diag = {{0}};
    if (self->stream || self->now.boot_ms < self->stream_ms)
        return;
    self->stream = link_bind (LINK_STREAM, self->stream_endpoint, self->args.keys, &diag);
    self->stream_ms = self->now.boot_ms + S_AGAIN_MS;
    if (!self->stream) //  libzmq closes the old socket in the background
        log_debug ("stream not bound yet", kv ("error", diag.text));
}

void
stream_drain (loop_t *self)
{
    for (int i = 0; self->stream && i < LIMIT_TURN_MESSAGES; i++) {
        const int rc = link_recv (self->stream, &self->stream_msg, NULL);
        if (rc == -EAGAIN)
            return;
        self->bad_messages_total += rc == ERR_PROTO;
        if (!link_flooded (self->stream))
            continue;
        log_warn ("all taps are cut, for one sends too much; delete its key, the others come back",
                  kv ("peer", self->stream_msg.identity));
        s_cut (self, LIMIT_STREAM_PAUSE_MS);
    }
}
