//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/remover.h"

#include "common/base/actor.h"
#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "runner/sandbox/runtime.h"

#include <stdio.h>
#include <stdlib.h>

enum { REMOVER_TRIES = 3, REMOVER_WAIT_MS = 1000, REMOVER_NAME = 128, REMOVER_RUNTIME = 16 };

struct remover {
    actor_t *actor;
};

typedef struct {
    char runtime [REMOVER_RUNTIME], name [REMOVER_NAME];
} item_t;

//  Try it some times: our program for it may be killed with what the supervisor has left.
static void
s_remove (remover_t *self, const item_t *item)
{
    const runtime_t *runtime = runtime_find (item->runtime);
    const sandbox_spec_t box = {.runtime = item->runtime, .name = item->name};
    err_diag_t diag = {""};
    bool oom = false;
    int rc = -1;
    for (int i = 0; rc < 0 && i < REMOVER_TRIES && !actor_ends (self->actor); i++) {
        if (i > 0)
            (void) actor_wait (self->actor, REMOVER_WAIT_MS);
        rc = runtime && runtime->end ? runtime->end (&box, &oom, &diag) : 0;
    }
    if (rc < 0)
        log_error ("a container is left; the next start of this worker removes it",
                   kv ("container", item->name), kv ("why", diag.text));
    else
        log_info ("container of a supervisor that has ended removed", kv ("container", item->name));
}

static void
s_run (void *arg)
{
    remover_t *self = arg;
    while (actor_wait (self->actor, -1)) {
        own (own_mem) item_t *item = actor_recv (self->actor);
        if (item)
            s_remove (self, item);
    }
}

remover_t *
remover_new (void)
{
    remover_t *self = calloc (1, sizeof *self);
    if (self)
        self->actor = actor_new (LIMIT_SLOTS, own_mem, NULL);
    if (self && (!self->actor || actor_start (self->actor, s_run, self) < 0))
        remover_destroy (&self);
    return self;
}

void
remover_destroy (remover_t **self_p)
{
    if (!*self_p)
        return;
    actor_destroy (&(*self_p)->actor);
    free (*self_p);
    *self_p = NULL;
}

void
remover_add (remover_t *self, const sandbox_spec_t *box)
{
    item_t *item = calloc (1, sizeof *item);
    if (!item)
        return;
    snprintf (item->runtime, sizeof item->runtime, "%s", box->runtime);
    snprintf (item->name, sizeof item->name, "%s", box->name);
    if (mailbox_send (actor_inbox (self->actor), &item) < 0)
        free (item);
}
