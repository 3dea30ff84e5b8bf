//  plant - bugs that the simulator must find.
//
//  The linker puts them between the core's modules (ld --wrap).  The core's sources do not name
//  them, so no program can contain them.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

//  Activate a bug by its name:
//    effect_without_key: a repeated success adds its effect again, under another key;
//    message_without_intent: a message is sent before its row says so;
//    lease_without_fence: a verdict counts for the live attempt, whatever it names;
//    lease_without_end: a lease that is not renewed does not end;
//    worker_miscounted: each renewal counts the attempt for its worker once more;
//    hold_without_time: a hold of the artifacts' disk moves no deadlines;
//    rival_unasked: a new session supersedes the old one without a PING;
//    queue_without_shares: a full queue drops its oldest incident, whatever its source;
//    refusal_charged: an incident pays for an attempt that its worker returned unstarted;
//    twin_keeps_what_it_forgot: a new session takes over attempts that its HELLO does not name;
//    hold_blames_hosts: a worker that returns an attempt in a hold counts as a failed host;
//    give_back_charged: an incident pays for a run that its provider could not serve;
//    give_back_without_wait: it is tried again at once;
//    give_back_without_end: it is tried again for ever;
//    counted_twice: the breaker counts each failed run;
//    worker_not_held: a worker whose key failed gets more work;
//    probe_beside_probe: a paused breaker holds nothing;
//    left_behind: every second incident is not put back when the breaker closes;
//    jump_believed: a clock that is set far ahead begins no new notice;
//    change_not_shown: a message that is being sent is not followed by another;
//    post_forgotten: what a bot has posted is kept only when all of it has succeeded;
//    send_before_commit: the simulator itself, as the loop, sends too early.
//  Returns the invariant that it breaks, as the message begins; NULL: there is no such bug.
const char *
plant (const char *name);
//  Does the bug need a breaker of mode pause?
bool
plant_pauses (void);
