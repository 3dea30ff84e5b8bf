//  actor - a thread with a mailbox: how it starts, gets mail, hands mail on and ends.
//
//  The idea is CZMQ's zactor.  Unlike it, an actor is bounded, never waits to send,
//  and asserts neither on memory nor on input.  The thread has a wait of its own (poll, libzmq,
//  libcurl); actor_fd goes into it.
//
//      static void
//      s_run (void *arg)
//      {
//          while (actor_wait (self->actor, -1)) {
//              own (own_mem) item_t *item = actor_recv (self->actor);
//              ...
//
//  Threads: actor_inbox belongs to any thread, "thread only" to the actor's own, the rest to its
//  owner.  Uses: mailbox.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/mailbox.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct actor actor_t;
typedef void (actor_run_fn) (void *arg);
typedef void (actor_free_fn) (void *item_p);

//  An actor that does not run yet; its inbox takes mail already.
//  capacity: of the inbox, in mails; 0 when nobody sends any.  free_item: for each mail that
//  is left at the end, NULL for none.  to: where actor_post sends, NULL for nowhere.
//  Own: borrows to, which outlives the actor.  NULL when out of memory or descriptors.
actor_t *
actor_new (size_t capacity, actor_free_fn *free_item, mailbox_t *to);
//  Start the thread: it calls run (arg) once, with all signals blocked but those of a fault of its
//  own.  Until actor_destroy returns, what arg holds belongs to the thread.
//  Err: -errno no thread (-EAGAIN); nothing runs then, and arg is still the caller's.
int
actor_start (actor_t *self, actor_run_fn *run, void *arg) must_check;
//  Ask the thread to end, and wait until run has returned.  What arg holds is the caller's again.
//  Mail that is left in the inbox, or is still unsent, is freed.
//  NULL and one that never ran are fine.
void
actor_destroy (actor_t **self_p);
//  Where others send.  Own: borrowed, until actor_destroy.
mailbox_t *
actor_inbox (const actor_t *self);

//  Shall the thread end?  Once true, it stays true; run may finish its work first.  Thread only.
bool
actor_ends (const actor_t *self);
//  What to wait for: readable while there is mail, and from the end on without a pause.
//  -1 while a mail is unsent: wait for actor_wait_ms only, then look at actor_ends.  Thread only.
int
actor_fd (const actor_t *self);
//  How long to wait: wait_ms, or a few milliseconds while a mail is unsent.  Thread only.
int64_t
actor_wait_ms (const actor_t *self, int64_t wait_ms);
//  For threads that wait for nothing else: wait for both.
//  wait_ms: -1 without end.  It may return early.
//  Returns false when the thread shall end.  Thread only.
bool
actor_wait (const actor_t *self, int64_t wait_ms);
//  The oldest mail, or NULL: there is none, or an unsent one stands in its way.
//  Own: fresh to the caller.  Thread only.
void *
actor_recv (actor_t *self);
//  Hand *item_p to the mailbox `to`.  When that is full the actor keeps the mail, one at most,
//  and offers it again with each actor_flush and actor_recv.
//  Post only after actor_flush has returned true.
//  Own: takes *item_p and nulls it.  Thread only.
void
actor_post (actor_t *self, void *item_p);
//  Offer the unsent mail again; true when there is none (any more).  Thread only.
bool
actor_flush (actor_t *self) must_check;
