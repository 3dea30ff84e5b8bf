//  actor - a flag beside the inbox marks the end, and the inbox's fd then stays readable.  So a
//  full inbox cannot hide the end.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/actor.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { S_UNSENT_MS = 5 }; //  the other mailbox is full: retry after this

struct actor {
    mailbox_t *inbox;
    mailbox_t *to;            //  borrowed, may be NULL
    actor_free_fn *free_item; //  may be NULL
    void *unsent;             //  owned; thread only, once it runs
    actor_run_fn *run;
    void *arg;
    atomic_bool ends;
    bool running; //  there is a thread to join
    pthread_t thread;
};

actor_t *
actor_new (size_t capacity, actor_free_fn *free_item, mailbox_t *to)
{
    actor_t *self = calloc (1, sizeof (actor_t));
    if (!self)
        return NULL;
    self->to = to;
    self->free_item = free_item;
    self->inbox = mailbox_new (capacity ? capacity : 1, free_item);
    if (!self->inbox)
        actor_destroy (&self);
    return self;
}

static void *
s_thread (void *arg)
{
    actor_t *self = arg;
    self->run (self->arg);
    return NULL;
}

//  The main thread handles signals through an fd.  A fault must still kill the process and show
//  where.
static sigset_t
s_signals (void)
{
    sigset_t set;
    sigfillset (&set);
    sigdelset (&set, SIGSEGV);
    sigdelset (&set, SIGBUS);
    sigdelset (&set, SIGFPE);
    sigdelset (&set, SIGILL);
    return set;
}

int
actor_start (actor_t *self, actor_run_fn *run, void *arg)
{
    assert (self && run && !self->running);
    self->run = run;
    self->arg = arg;
    sigset_t before;
    const sigset_t blocked = s_signals ();
    pthread_sigmask (SIG_SETMASK, &blocked, &before);
    const int rc = pthread_create (&self->thread, NULL, s_thread, self);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    self->running = rc == 0;
    return -rc;
}

void
actor_destroy (actor_t **self_p)
{
    assert (self_p);
    actor_t *self = *self_p;
    if (!self)
        return;
    if (self->running) {
        atomic_store (&self->ends, true);
        mailbox_wake (self->inbox);
        pthread_join (self->thread, NULL);
    }
    if (self->unsent && self->free_item)
        self->free_item (&self->unsent);
    mailbox_destroy (&self->inbox);
    free (self);
    *self_p = NULL;
}

mailbox_t *
actor_inbox (const actor_t *self)
{
    return self->inbox;
}

bool
actor_ends (const actor_t *self)
{
    return atomic_load (&self->ends);
}

int
actor_fd (const actor_t *self)
{
    return self->unsent ? -1 : mailbox_fd (self->inbox);
}

int64_t
actor_wait_ms (const actor_t *self, int64_t wait_ms)
{
    return self->unsent ? S_UNSENT_MS : wait_ms;
}

bool
actor_wait (const actor_t *self, int64_t wait_ms)
{
    struct pollfd item = {.fd = actor_fd (self), .events = POLLIN};
    (void) poll (&item, 1, (int) actor_wait_ms (self, wait_ms));
    return !actor_ends (self);
}

void *
actor_recv (actor_t *self)
{
    return actor_flush (self) ? mailbox_recv (self->inbox) : NULL;
}

void
actor_post (actor_t *self, void *item_p)
{
    void **item = item_p;
    assert (self->to && !self->unsent && item && *item);
    if (mailbox_send (self->to, item_p) == 0)
        return;
    self->unsent = *item;
    *item = NULL;
}

bool
actor_flush (actor_t *self)
{
    return !self->unsent || mailbox_send (self->to, &self->unsent) == 0;
}
