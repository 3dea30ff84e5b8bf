//  ids - the event ids of one replay on disk, so that a second run sends the same ids.
//
//  One file of fixed-size records in spool_dir, named by a digest of the inputs.  Record N belongs
//  to the Nth line sent and holds a digest of the line and its UUIDv7.
//  A later run gives an unchanged line the same id, and a changed line a new one.
//  The file is removed when the replay is finished.  So a replay started on purpose afterwards
//  sends new events.
//  Standard input may never end: only the ids of its first LIMIT_PUBLISH_IDS lines are kept, later
//  ones are new in each run.
//  Invariant: an id may be sent only after ids_sync returned 0.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "common/base/ident.h"

#include <stddef.h>
#include <stdint.h>

typedef struct ids ids_t;

//  Open or make the file of this replay and lock it; spool_dir is made (0700) when missing.
//  inputs: paths as given; "-" is standard input.
//  Own: fresh in *ret_ids.  Err: -EBUSY another process replays the same inputs, -errno.
int
ids_open (const char *spool_dir, const char *const *inputs, size_t count, ids_t **ret_ids,
          err_diag_t *diag) must_check;
//  Closes; the file stays.
void
ids_destroy (ids_t **self_p);

//  Return the next line's id: that of an earlier run, or a new one.  Err: -errno.
int
ids_next (ids_t *self, const char *line, size_t size, int64_t wall_ms, ident_t *ret_id) must_check;
//  Make all ids returned so far durable.  Does nothing when they are.  Err: -errno.
int
ids_sync (ids_t *self) must_check;
//  Number of ids that came from an earlier run.
int64_t
ids_known (const ids_t *self);
//  Remove the file, when every line was an event and is acknowledged.  Err: -errno.
int
ids_finish (ids_t *self) must_check;
