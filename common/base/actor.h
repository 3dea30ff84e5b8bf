//  actor - a thread with a mailbox: how it starts, receives mail, passes mail on and ends.
//
//  The idea is CZMQ's zactor.  Unlike zactor, an actor is bounded, never blocks on a send, and
//  asserts neither on memory nor on input.
//  The thread waits in its own way (poll, libzmq, libcurl) and includes actor_fd in that wait.
//
//      static void
//      s_run (void *arg)
//      {
//          while (actor_wait (self->actor, -1)) {
//              own (own_mem) item_t *item = actor_recv (self->actor);
//              ...
//
//  Threads: actor_inbox: any.  Functions marked "thread only": the actor's.  The rest: the owner's.
//  Uses: mailbox.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/mailbox.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct actor actor_t;
typedef void (actor_run_fn) (void *arg);
typedef void (actor_free_fn) (void *item_p);

//  An actor that does not run yet; its inbox already accepts mail.
//  capacity: mails that the inbox holds, 0 when nobody sends any.  free_item: frees each mail left
//  at the end, NULL for none.  to: where actor_post sends, NULL for nowhere.
//  Own: fresh; borrows `to`, which must outlive the actor.  NULL when out of memory or descriptors.
actor_t *
actor_new (size_t capacity, actor_free_fn *free_item, mailbox_t *to);
//  Start the thread.  It calls run (arg) once, with all signals blocked except those of its own
//  faults.  Until actor_destroy returns, arg's contents belong to the thread.
//  Err: -errno: no thread (-EAGAIN); nothing runs and arg still belongs to the caller.
int
actor_start (actor_t *self, actor_run_fn *run, void *arg) must_check;
//  Ask the thread to end, and wait until run has returned.  Then arg's contents belong to the
//  caller again.
//  Frees unsent mail and mail left in the inbox.  Accepts NULL and an actor that never ran.
void
actor_destroy (actor_t **self_p);
//  The mailbox others send to.  Own: borrowed, until actor_destroy.
mailbox_t *
actor_inbox (const actor_t *self);

//  Shall the thread end?  Stays true once it is; run may finish its work first.  Thread only.
bool
actor_ends (const actor_t *self);
//  The fd to wait for: readable while there is mail, and permanently once the end is requested.
//  -1 while a mail is unsent: then wait only for actor_wait_ms and check actor_ends.  Thread only.
int
actor_fd (const actor_t *self);
//  Time to wait: wait_ms, or a few milliseconds while a mail is unsent.  Thread only.
int64_t
actor_wait_ms (const actor_t *self, int64_t wait_ms);
//  For threads that wait for nothing else: wait for mail or the end.  wait_ms: -1 without limit.
//  It may return early.  Returns false when the thread shall end.  Thread only.
bool
actor_wait (const actor_t *self, int64_t wait_ms);
//  The oldest mail; NULL when there is none, or while a mail is unsent.  Own: fresh to the caller.
//  Thread only.
void *
actor_recv (actor_t *self);
//  Pass *item_p to the mailbox `to`.  If that is full, the actor keeps the mail (one at most) and
//  retries with each actor_flush and actor_recv.  Post only after actor_flush has returned true.
//  Own: takes *item_p and nulls it.  Thread only.
void
actor_post (actor_t *self, void *item_p);
//  Retry the unsent mail; true when none is left.  Thread only.
bool
actor_flush (actor_t *self) must_check;
