//  message - when an incident's messages are due, and to whom.
//
//  A bot shows each state: from its first start to its end, then that it came again, and the link
//  of an upload that ended after the message had gone.  Other receivers get one message: with the
//  report, or if they want that, at each end.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/attempt.h"

//  Its first attempt has started.
void
message_started (step_t *self, const row_incident_t *row, clk_now_t now);
//  It has ended.  Call it after its upload is added.
void
message_ended (step_t *self, const row_incident_t *row, clk_now_t now);
//  It has ended and was seen again.  The first time is shown soon, others once a minute.
void
message_recurred (step_t *self, entry_t *entry, const row_incident_t *row, clk_now_t now);
//  Its upload has succeeded.  Messages that are not yet sent will show that anyway.
void
message_uploaded (step_t *self, const row_incident_t *row, clk_now_t now);
