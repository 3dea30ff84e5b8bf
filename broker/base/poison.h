//  poison - who is being read now, in a file: an input that the broker died of three
//  times is not read again.
//
//  Each thread that reads inputs of others has one.  The name of an input is written before it
//  is read and cleared after: two writes of a few bytes to one small file, which survive the death
//  of the process (not a power cut, which is no input's fault), so nothing is synced.  At the next
//  start a name that still stands there has one death more.
//  What is begun again with LIMIT_POISON_DEATHS of them is to be kept unread, and told;
//  one that is read clears its deaths.  Without the file (its disk is full, its folder not
//  writable) nothing is held back.
//  Use:  if (poison_begin (self, name)) keep its bytes, tell it; else read it; poison_end (self).
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/domain/fault.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct poison poison_t;

//  <folder of state_path>/reading/<reader>; reader: a word, one a thread.
//  Own: fresh, NULL when out of memory; all functions take NULL, which holds nothing back.
poison_t *
poison_open (const char *state_path, const char *reader);
void
poison_destroy (poison_t **self_p);
//  About to read this input; name: who sends it and which it is, the same when it
//  comes again.  True: do not.
bool
poison_begin (poison_t *self, const char *name);
//  It was read, or kept.
void
poison_end (poison_t *self);
//  An event that is not to be read: Unparsed, with the reason; logged.
void
poison_fault (const char *name, const char *body, size_t size, const char *cluster,
              fault_t *ret_fault);
//  Set the raw bytes of an input aside that nothing else keeps:
//  <folder of state_path>/poison/<sha256>.
//  Own: *ret_path is fresh, free(); NULL on error.  Err: -errno.
int
poison_keep (const char *state_path, const char *bytes, size_t size, char **ret_path);
