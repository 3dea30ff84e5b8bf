//  poison - an input that has killed the broker LIMIT_POISON_DEATHS times is not read again.
//
//  Each thread that reads foreign inputs has one.  The name of an input stands in a small file
//  while it is read.  A name found there at the next start counts as one death of that input.
//  An input that was read to its end has its deaths cleared.  The file is not synced: it survives
//  the death of the process, and a power failure is no input's fault.
//  Without the file (disk full, folder not writable) every input is read.
//  Use:  if (poison_begin (self, name)) keep and log its bytes; else read it; poison_end (self).
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/domain/fault.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct poison poison_t;

//  Open <folder of state_path>/reading/<reader>; reader is a word, another one for each thread.
//  Own: fresh; NULL when out of memory.  All functions accept NULL; every input is read then.
poison_t *
poison_open (const char *state_path, const char *reader);
void
poison_destroy (poison_t **self_p);
//  Begin to read an input.  name: its sender and id, the same when it is sent again.
//  True: the caller must not read it.
bool
poison_begin (poison_t *self, const char *name);
//  The input has been read or kept.
void
poison_end (poison_t *self);
//  Describe an event that must not be read: type Unparsed, with the reason.  Logs it.
void
poison_fault (const char *name, const char *body, size_t size, const char *cluster,
              fault_t *ret_fault);
//  Save the raw bytes of an input that nothing else keeps.
//  The file is <folder of state_path>/poison/<sha256>.
//  Own: *ret_path is fresh, free it with free (); NULL on error.  Err: -errno.
int
poison_keep (const char *state_path, const char *bytes, size_t size, char **ret_path);
