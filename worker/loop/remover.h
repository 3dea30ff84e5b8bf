//  remover - removes containers that a killed supervisor has left.
//
//  Threads: an actor, because engines are slow; its functions belong to the loop.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runner/sandbox/sandbox.h"

typedef struct remover remover_t;

//  Start the thread.  Own: fresh; NULL when out of memory or threads.
remover_t *
remover_new (void);
//  Waits for a removal that is going on, 20 s at most.
void
remover_destroy (remover_t **self_p);
//  Remove the container of this box.  What cannot be removed now is found by the worker's next
//  start.
void
remover_add (remover_t *self, const sandbox_spec_t *box);
