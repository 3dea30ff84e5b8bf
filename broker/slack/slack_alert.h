//  slack_alert - the messages about the system itself: agents fail, they work again, a full queue.
//  Pure.
//
//  A bot edits its message while the alert counts on; the same function makes each form.
//  repeated: the message may have arrived before, and says so.
//  Own: each body is fresh, free it with free (); NULL when out of memory.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/row.h"

//  Agents fail: what broke in words, how often, since when, and what to do.
char *
slack_alert_degraded (const row_alert_t *alert, bool repeated);
//  Agents work again: the closing figures.
char *
slack_alert_recovered (const row_alert_t *alert, bool repeated);
//  A message that shows that a receiver gets messages.
char *
slack_alert_test (const char *receiver, int64_t now_ms);
//  Incidents of a cluster are recorded and not investigated.
char *
slack_alert_overflow (const row_alert_t *alert, bool repeated);
