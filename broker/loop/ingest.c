//  SPDX-License-Identifier: Apache-2.0
#include "broker/loop/ingest.h"

#include "broker/loop/asked.h"
#include "broker/loop/sender.h"
#include "common/base/failpoint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

//  Copy an event id: 1 to LIMIT_EVENT_ID_BYTES printable ASCII characters without blanks.
static bool
s_event_id (codec_text_t text, char ret_id [LIMIT_EVENT_ID_BYTES + 1])
{
    if (text.size == 0 || text.size > LIMIT_EVENT_ID_BYTES)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data [i] <= ' ' || text.data [i] > '~')
            return false;
    }
    memcpy (ret_id, text.data, text.size);
    ret_id [text.size] = '\0';
    return true;
}

static void
s_ack (loop_t *self, const asked_t *asked, step_event_t disposition, const ident_t *incident)
{
    const msg_event_ack_t ack = {
        .event_id = codec_text (asked->event_id),
        .disposition = codec_text (step_event_name (disposition)),
        .incident = incident->text [0] ? codec_text (incident->text) : (codec_text_t){0},
    };
    //  A publisher that is gone or does not read sends the event again.
    (void) link_send (self->ingest, &asked->route, MSG_EVENT_ACK, &ack, asked->seq);
}

//  reason: "store", "overload", "upload" or "draining".
static void
s_nack (loop_t *self, const asked_t *asked, const char *reason, int64_t retry_ms)
{
    const msg_event_nack_t nack = {
        .event_id = codec_text (asked->event_id),
        .reason = codec_text (reason),
        .retry_ms = retry_ms,
    };
    (void) link_send (self->ingest, &asked->route, MSG_EVENT_NACK, &nack, asked->seq);
}

static void
s_answer (loop_t *self, const asked_t *asked, const asked_answer_t *answer)
{
    if (answer->refused)
        s_nack (self, asked, answer->refused, answer->retry_ms);
    else
        s_ack (self, asked, answer->disposition, answer->incident);
}

static void
s_event (loop_t *self, peer_t *peer, const link_msg_t *msg)
{
    const msg_event_t *event = &msg->msg.event;
    asked_t asked = {.answer = s_answer, .route = msg->route, .seq = msg->frame.seq};
    char cluster [ROW_CLUSTER];
    if (!s_event_id (event->event_id, asked.event_id)) {
        sender_bad (self, self->ingest, peer, msg, "malformed",
                    "event_id is 1 to 128 printable ASCII characters without blanks");
        return;
    }
    if (!codec_copy (event->cluster, cluster, sizeof cluster)) {
        sender_bad (self, self->ingest, peer, msg, "limit", "cluster has more than 253 bytes");
        return;
    }
    char name [ROW_SOURCE + LIMIT_EVENT_ID_BYTES + 2];
    fault_t fault;
    snprintf (name, sizeof name, "%s/%s", msg->identity [0] ? msg->identity : "local",
              asked.event_id);
    if (poison_begin (self->poison, name))
        poison_fault (name, event->body.data, event->body.size, cluster, &fault);
    else {
        (void) failpoint_before ("event", "read");
        fault_read (event->body.data, event->body.size, cluster, &fault);
        failpoint_after ("event", "read");
    }
    row_event_t row = {
        .received_ms = self->now.wall_ms,
        .body = event->body.data,
        .body_bytes = (int64_t) event->body.size,
    };
    snprintf (row.source, sizeof row.source, "%s", msg->identity [0] ? msg->identity : "local");
    memcpy (row.event_id, asked.event_id, sizeof row.event_id);
    asked_event (self, &row, &fault, settings_triage_enabled (self->settings, fault.cluster),
                 &asked);
    poison_end (self->poison);
}

int64_t
ingest_receive (loop_t *self)
{
    err_diag_t diag = {{0}};
    link_msg_t *msg = &self->ingest_msg;
    const int rc = link_recv (self->ingest, msg, &diag);
    if (rc == -EAGAIN)
        return rc;
    peer_t *peer =
        sender_judge (self, self->ingest, self->ingest_peers, msg, rc, &diag, CURVE_ROLE_PUBLISHER);
    if (!peer)
        return (int64_t) msg->bytes;
    if (msg->frame.type == MSG_EVENT)
        s_event (self, peer, msg);
    else if (msg->frame.type != MSG_BYE && msg->frame.type != MSG_ERROR)
        sender_bad (self, self->ingest, peer, msg, "unknown_type", "ingest takes EVENT only");
    return (int64_t) msg->bytes;
}
