//  intake_read - reads messages and events under the guard of poison.
//
//  An input that the broker died of three times is kept unread.  Threads: intake only.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/domain/fault.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct intake_read intake_read_t;

//  Own: fresh; NULL when out of memory.  state_path is copied.
intake_read_t *
intake_read_new (const char *state_path);
void
intake_read_destroy (intake_read_t **self_p);
//  Begin to read a message that arrived during a call.  True: the caller must not read it; its
//  bytes are saved and a line is logged.
bool
intake_read_begin (intake_read_t *self, const char *source, const char *cluster, const char *call,
                   const char *text, size_t size);
//  The message has been read.
void
intake_read_end (intake_read_t *self);
//  Read an event; one that must not be read becomes a fault of type Unparsed.
//  cluster: the configured name, may be "".
void
intake_read_event (intake_read_t *self, const char *source, const char *cluster, const char *body,
                   size_t size, fault_t *ret_fault);
