//  storage_probe - does the storage work?  Checks it, and again and again while it does not.
//
//  A check begins at the start, with a new configuration, when an operator asks, and after an
//  upload that the storage as a whole refused.  The log tells each change once.
//  Threads: delivery's; storage_probe_stats any.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/storage.h"

typedef struct storage_probe storage_probe_t;

typedef struct {
    int up;          //  1 or 0; -1 = not checked yet
    int64_t good_ms; //  wall clock of the last check or upload that went well; 0 = none
    int64_t checks_total, failed_total;
} storage_probe_stats_t;

//  Own: fresh; borrows all; NULL when out of memory.  The first check begins with the first go_on.
storage_probe_t *
storage_probe_new (const storage_backend_t *const *backends, const storage_env_t *env);
//  Cancel the check under way.
void
storage_probe_destroy (storage_probe_t **self_p);
//  Use a new configuration; check it at once.
void
storage_probe_configure (storage_probe_t *self, const settings_t *settings);
//  Take a STORAGE_CHECK: check at once.  Each gets an answer in storage_probe_mail, at once if too
//  many wait.
void
storage_probe_ask (storage_probe_t *self, const mail_t *ask);
//  An upload has ended.  unreached: the storage as a whole refused it.
void
storage_probe_saved (storage_probe_t *self, bool unreached);
//  Go on after each http_poll.
void
storage_probe_go_on (storage_probe_t *self);
//  The next mail to the loop.  STORAGE_CHECKED: the answer to an ask; STORAGE: what a check found;
//  COMMAND, what waits for the storage shall be tried now.  Own: fresh; NULL = none.
mail_t *
storage_probe_mail (storage_probe_t *self);
//  Has go_on or mail something to do now?  Else: for how long not?  Units: ms, at most max_ms.
int64_t
storage_probe_wait_ms (const storage_probe_t *self, int64_t max_ms);
//  Has a check with this configuration gone well?
bool
storage_probe_worked (const storage_probe_t *self);
//  Why nothing can be saved now; "" = nothing is known against it.  Own: borrowed.
const char *
storage_probe_trouble (const storage_probe_t *self);
//  The figures.  Threads: any.
void
storage_probe_stats (const storage_probe_t *self, storage_probe_stats_t *ret_stats);
