//  plant - bugs that the simulator must find, put between the core's modules
//  by the linker (ld --wrap).
//
//  The core's sources know nothing of them, so no program can contain them.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

//  effect_without_key: a repeated success asks for its effect again, and no key holds it back;
//  message_without_intent: a message is not on disk as being sent before it is;
//  lease_without_fence: whatever attempt a verdict names, from whomever, the live one is meant;
//  lease_without_end: a lease that is not renewed goes on;
//  worker_miscounted: an attempt counts once more for its worker each time that it is renewed;
//  hold_without_time: of what the artifacts' disk denies, no deadline is moved;
//  rival_unasked: a new session supersedes the old one without a question;
//  queue_without_shares: a full queue gives up its oldest, whoever sent it;
//  refusal_charged: an incident pays for an attempt that its worker gave back before it began;
//  twin_keeps_what_it_forgot: a new session takes over what its HELLO does not name;
//  hold_blames_hosts: who gives back what it could not have the prompt of has failed;
//  send_before_commit: the simulator's own, who plays the loop.
//  Returns which invariant it breaks, as the message begins; NULL = there is no such bug.
const char *
plant (const char *name);
