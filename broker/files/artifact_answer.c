//  artifact_answer - the answers of the artifact thread to peers.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/files/artifact_part.h"

#include "common/base/log.h"

void
artifact_answer (artifact_t *self, const link_msg_t *msg, uint8_t type, const void *from)
{
    int64_t rc = link_send (self->link, &msg->route, type, from, msg->frame.seq);
    if (rc < 0) //  the peer is gone or does not read: it asks again later
        log_debug ("answer not sent", kv ("type", msg_name (type)),
                   kv ("reason", err_str ((int) rc)));
}

void
artifact_refuse (artifact_t *self, const link_msg_t *msg, const char *code, const char *text)
{
    atomic_fetch_add (&self->counts [COUNT_REFUSED], 1);
    msg_error_t error = {.code = codec_text (code), .text = codec_text (text)};
    if (msg->route.size > 0)
        artifact_answer (self, msg, MSG_ERROR, &error);
}

void
artifact_busy (artifact_t *self, const link_msg_t *msg, const char *what, int rc)
{
    log_warn (what, kv ("type", msg_name (msg->frame.type)), kv ("reason", err_str (rc)));
    artifact_refuse (self, msg, "io", "this could not be done now; try again later");
}

void
artifact_peer_strike (artifact_t *self, const link_msg_t *msg, const char *code, const char *text)
{
    atomic_fetch_add (&self->counts [COUNT_BAD], 1);
    artifact_refuse (self, msg, code, text);
    peer_t *peer = msg->route.size > 0 ? peers_get (self->peers, &msg->route) : NULL;
    if (peer)
        peers_strike (peer, "files", msg->identity, code, text, clk_now (self->clk).boot_ms);
}

bool
artifact_peer_role (artifact_t *self, const link_msg_t *msg, curve_role_t role)
{
    return peers_allowed (self->zap, msg->identity, role);
}
