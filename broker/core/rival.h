//  rival - decides between two sessions of one identity: the current one stays while it answers.
//
//  The holder is the current session.  The rival is the newcomer, a session that says HELLO while
//  there is a holder.  The API calls rivals twins.
//  A session is superseded when its connection is closed, when it is silent, or when it does not
//  answer a PING within LIMIT_RIVAL_MS.  Any message counts as an answer.  The rival is then
//  refused, and may try again later with a new session.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/journal.h"

//  May the session of this HELLO replace the current one, which is not silent?
//  False: it must send HELLO again.
bool
rival_may_enter (worker_t *worker, const step_in_t *hello, clk_now_t now);
//  The holder has sent a message: refuse its rival, if there is one.
void
rival_heard (worker_t *worker, journal_t *journal, state_t *state, clk_now_t now);
