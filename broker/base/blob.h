//  blob - folders and whole files by path, durable.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stddef.h>

//  Make dir and its parents, 0700.  Err: -errno.
int
blob_make_dir (const char *dir) must_check;
//  durable_write to dir/name.
int
blob_write (const char *dir, const char *name, const void *bytes, size_t size,
            const char *place) must_check;
//  The folder of large events' bodies: <folder of state_path>/events
void
blob_events_dir (const char *state_path, char *ret_path, size_t size);
//  Path of the file that holds a large event's body: <sha256>.json in that folder.
void
blob_event_path (const char *state_path, const char *sha256, char *ret_path, size_t size);
