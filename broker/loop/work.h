//  work - the work socket: messages of workers become step's inputs, its outputs become messages.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/loop_part.h"

//  Take and step one message.  Err: -EAGAIN nothing there; else the bytes it had.
int64_t
work_receive (loop_t *self);
//  Send one output of step; does nothing for the kinds that are not for workers.  What cannot be
//  sent is dropped: the protocol repeats what matters.
void
work_send (loop_t *self, const step_out_t *out);
//  Keys are gone.  Before the commit (cut false) their workers leave, as far as the core knows.
//  After it (cut true) nothing is sent to them any more, and each of their messages is refused.
void
work_revoke (loop_t *self, bool cut);
//  BYE to every worker.
void
work_bye (loop_t *self);
