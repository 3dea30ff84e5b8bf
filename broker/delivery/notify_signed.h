//  notify_signed - the kind of a generic webhook: a signed POST at each end of an incident.
//
//  Header X-Triage-Signature: "v1=" and the HMAC-SHA-256 of "<timestamp>.<body>" in hex.
//  X-Triage-Timestamp has the Unix seconds, X-Triage-Event the event, X-Triage-Delivery the id.
//  The id is the same each time this end is sent, so a receiver can drop repeats.
//  An incident that is under way again sends nothing: its next end will.
//  Src: docs/routes.md.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/notify_sender.h"

//  Post a signed message of the event "test", which is about nothing.
//  Err: -ENOMEM; as notify_sender_call.
int
notify_signed_test (notify_sender_t *sender, int64_t now_ms) must_check;
extern const notify_kind_t notify_signed;
