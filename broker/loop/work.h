//  work - the work socket: turns workers' messages into inputs of step, and outputs into messages.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/loop_part.h"

//  Receive and step one message.  Returns its size in bytes.  Err: -EAGAIN: there is none.
int64_t
work_receive (loop_t *self);
//  Send one output of step; outputs that are not for workers are ignored.  A message that cannot
//  be sent is dropped: the protocol repeats what matters.
void
work_send (loop_t *self, const step_out_t *out);
//  Handle workers whose keys are deleted.  Before the commit (cut false) the core gets a BYE for
//  each.  After it (cut true) nothing is sent to them, and their messages are refused.
void
work_revoke (loop_t *self, bool cut);
//  Send BYE to every worker.
void
work_bye (loop_t *self);
