//  blob - durable folders and files by path.
//
//  Ensures: a file is complete or absent, and survives a power failure once its function returns.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stddef.h>

//  Make dir and its missing parents, mode 0700, and sync each name.  Err: -errno.
int
blob_make_dir (const char *dir) must_check;
//  Write dir/name with durable_write; `place` names its failpoint.  Err: -errno.
int
blob_write (const char *dir, const char *name, const void *bytes, size_t size,
            const char *place) must_check;
//  The folder for the bodies of large events: <folder of state_path>/events
void
blob_events_dir (const char *state_path, char *ret_path, size_t size);
//  The file with the body of a large event: <sha256>.json in that folder.
void
blob_event_path (const char *state_path, const char *sha256, char *ret_path, size_t size);
