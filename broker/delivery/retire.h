//  retire - removes the files of incidents that are kept no longer.
//
//  With retain_blobs the files in the storage backend go first, then the folder.  The effect is
//  repeated until both are gone, so a crash between them leaves nothing behind.
//  Threads: delivery's.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/storage.h"

typedef struct retire retire_t;

//  backends: as for storage_new.  Own: fresh; borrows all; NULL when out of memory.
retire_t *
retire_new (const storage_backend_t *const *backends, const storage_env_t *env);
//  Give up the removal under way.
void
retire_destroy (retire_t **self_p);
//  Use a new configuration from the next removal on.
void
retire_configure (retire_t *self, const settings_t *settings);
//  Begin to remove the effect's incident; no other removal may be under way.
void
retire_begin (retire_t *self, const row_effect_t *effect);
//  Go on with a removal, after each http_poll.  Has it ended?  Never call it in a hook of http.
//  Returns true once, with the result: OK: nothing is left; else RETRY.
bool
retire_ended (retire_t *self, mail_effect_done_t *ret_end);
//  Has retire_ended something to do or to return now?
bool
retire_waits (const retire_t *self);
