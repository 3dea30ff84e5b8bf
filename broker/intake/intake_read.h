//  intake_read - messages and events of sources are read behind a mark: what the broker died
//  of three times is set aside.  Threads: intake only.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/domain/fault.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct intake_read intake_read_t;

//  Own: fresh, NULL when out of memory.  state_path is copied.
intake_read_t *
intake_read_new (const char *state_path);
void
intake_read_destroy (intake_read_t **self_p);
//  About to read a message while the answer to a call is waited for; true: do not.  Its bytes are
//  kept and it is logged then.
bool
intake_read_begin (intake_read_t *self, const char *source, const char *cluster, const char *call,
                   const char *text, size_t size);
void
intake_read_end (intake_read_t *self);
//  Read an event; one that is not to be read is Unparsed.  cluster: as configured, may be "".
void
intake_read_event (intake_read_t *self, const char *source, const char *cluster, const char *body,
                   size_t size, fault_t *ret_fault);
