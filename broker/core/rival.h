//  rival - two live sessions of one identity: the one that is here and answers stays.
//
//  A session is superseded when its connection is closed, when it is silent, or when it does not
//  answer for LIMIT_RIVAL_MS although it was asked.  Any message of it is an answer.  Then the
//  newcomer is refused, and may try again later with a new session.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/journal.h"

//  A HELLO of another session than the current one, which is not silent: may it take over now?
//  False: it says HELLO again.
bool
rival_may_enter (worker_t *worker, const step_in_t *hello, clk_now_t now);
//  The current session was heard: refuse the one that wants its place, if there is one.
void
rival_heard (worker_t *worker, journal_t *journal, state_t *state, clk_now_t now);
