//  SPDX-License-Identifier: Apache-2.0
#include "broker/loop/sender.h"

void
sender_error (loop_t *self, link_t *link, const link_msg_t *msg, const char *code, const char *text,
              bool fatal)
{
    const msg_error_t error = {
        .code = codec_text (code), .text = codec_text (text), .fatal = fatal};
    (void) link_send (link, &msg->route, MSG_ERROR, &error, msg->frame.seq);
}

void
sender_bad (loop_t *self, link_t *link, peer_t *peer, const link_msg_t *msg, const char *code,
            const char *text)
{
    self->bad_messages_total++;
    self->strikes_total++;
    sender_error (self, link, msg, code, text, false);
    peers_strike (peer, link == self->work ? "work" : "ingest", msg->identity, code, text,
                  self->now.boot_ms);
}

peer_t *
sender_judge (loop_t *self, link_t *link, peers_t *peers, const link_msg_t *msg, int rc,
              const err_diag_t *diag, curve_role_t role)
{
    if (msg->route.size == 0) {
        self->bad_messages_total++;
        return NULL;
    }
    peer_t *peer = peers_get (peers, &msg->route);
    if (!peer || peers_muted (peer, self->now.boot_ms)) {
        self->bad_messages_total++;
        return NULL;
    }
    if (rc == ERR_LIMIT) { //  a key with too many connections; the link has answered
        self->bad_messages_total++;
        return NULL;
    }
    if (!peers_allowed (self->args.zap, msg->identity, role)) {
        sender_bad (self, link, peer, msg, "role", "this key may not do that, or not any more");
        return NULL;
    }
    if (rc == ERR_NONE)
        sender_error (self, link, msg, "unknown_type", diag->text, false);
    else if (rc < 0 && msg->frame.version != 0 && msg->frame.version != FRAME_VERSION)
        sender_bad (self, link, peer, msg, "version", diag->text);
    else if (rc < 0)
        sender_bad (self, link, peer, msg, "malformed", diag->text);
    return rc == 0 ? peer : NULL;
}
