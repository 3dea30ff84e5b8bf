//  sender - who has sent a message to the work or ingest socket, and what it gets for a bad one.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/loop_part.h"

//  Answer ERROR without a strike.
void
sender_error (loop_t *self, link_t *link, const link_msg_t *msg, const char *code, const char *text,
              bool fatal);
//  A bad message: answer ERROR, count, mute in the end.
void
sender_bad (loop_t *self, link_t *link, peer_t *peer, const link_msg_t *msg, const char *code,
            const char *text);
//  Judge what link_recv returned and who sent it.  Returns the peer whose good message is to be
//  acted on, or NULL when the message is dealt with.
peer_t *
sender_judge (loop_t *self, link_t *link, peers_t *peers, const link_msg_t *msg, int rc,
              const err_diag_t *diag, curve_role_t role);
