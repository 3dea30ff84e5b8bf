//  ids - the event ids of one replay on disk, so that a second run sends the same ones.
//
//  One file of fixed-size records in spool_dir, named by a digest over the inputs; record N belongs
//  to the Nth line that is sent.  A record holds a digest of the line and its UUIDv7.
//  Where the line is still the same, a later run gets the same id; where it changed, a new one.
//  The file goes away when the replay is finished, so that a replay started on purpose afterwards
//  is a new sending.  Standard input may never end: of it the ids of the first LIMIT_PUBLISH_IDS
//  lines are kept, the others are new each time.
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
//  Own: returns fresh in *ret_ids.  Err: -EBUSY another process replays the same inputs, -errno.
int
ids_open (const char *spool_dir, const char *const *inputs, size_t count, ids_t **ret_ids,
          err_diag_t *diag) must_check;
//  Closes; the file stays.
void
ids_destroy (ids_t **self_p);

//  The id of the next line.  Err: -errno.
int
ids_next (ids_t *self, const char *line, size_t size, int64_t wall_ms, ident_t *ret_id) must_check;
//  Make every id handed out durable.  Does nothing when all are.  Err: -errno.
int
ids_sync (ids_t *self) must_check;
//  How many ids came from an earlier run.
int64_t
ids_known (const ids_t *self);
//  Every event is acknowledged and was one: remove the file.  Err: -errno.
int
ids_finish (ids_t *self) must_check;
