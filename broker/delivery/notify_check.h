//  notify_check - does Slack take the bot's token, and can the bot post to its channels?
//
//  At the start and with a new configuration the token is tried once, and the log tells what came
//  of it.  When an operator asks, each receiver is checked, and nothing is posted: a webhook cannot
//  be asked, so it is not tried.  On demand each receiver gets a test message instead.
//  Bounded: one call at a time; all calls of a check end within LIMIT_SLACK_CHECK_MS.
//  Threads: delivery's.  Src: docs.slack.dev/reference/methods/auth.test, .../conversations.info.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/notify_sender.h"

typedef struct notify_check notify_check_t;

//  Own: fresh; borrows all; NULL when out of memory.  The token is tried with the first go_on.
notify_check_t *
notify_check_new (const settings_t *settings, http_t *http);
//  Cancel the check under way.
void
notify_check_destroy (notify_check_t **self_p);
//  Use a new configuration, and try its token at once.
void
notify_check_configure (notify_check_t *self, const settings_t *settings);
//  Take a SLACK_CHECK or SLACK_SEND: check all receivers, or send to all, at once.  Each gets an
//  answer in notify_check_mail.  None gets: the oldest when too many wait, and a SLACK_SEND that a
//  new configuration ends.
void
notify_check_ask (notify_check_t *self, const mail_t *ask);
//  Go on after each http_poll.
void
notify_check_go_on (notify_check_t *self);
//  The answer to an ask, a SLACK_CHECKED.  Own: fresh; NULL = none.
mail_t *
notify_check_mail (notify_check_t *self);
//  Has go_on or mail something to do now?  Else: for how long not?  Units: ms, at most max_ms.
int64_t
notify_check_wait_ms (const notify_check_t *self, int64_t max_ms);
