//  sender - checks who sent a message to the work or ingest socket, and answers a bad message.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/loop_part.h"

//  Answer ERROR without a strike.  An ERROR that cannot be sent is dropped.
void
sender_error (loop_t *self, link_t *link, const link_msg_t *msg, const char *code, const char *text,
              bool fatal);
//  Answer a bad message with ERROR and count a strike; too many strikes mute the peer.
void
sender_bad (loop_t *self, link_t *link, peer_t *peer, const link_msg_t *msg, const char *code,
            const char *text);
//  Check the result `rc` of link_recv and the role of the sender.
//  Returns the peer when its message is good.  NULL: the message has been dealt with.
peer_t *
sender_judge (loop_t *self, link_t *link, peers_t *peers, const link_msg_t *msg, int rc,
              const err_diag_t *diag, curve_role_t role);
