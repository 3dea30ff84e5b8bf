//  store_retain - finds what retention may remove, and removes what goes with it: old records of
//  the stream, and old alerts.
//
//  A pass looks at all incidents, those not seen for longest first, then at their folders, those
//  saved first first.  One call looks at LIMIT_RETAIN_ROWS rows only, so that a turn never waits.
//  Never found: an incident that is open, or that has an effect to be done.
//  Threads: the loop's.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/store/store_db.h"

//  Which incidents may go.  Times: wall clock ms.  An incident's age counts from the later of its
//  end and its last event.
typedef struct {
    int64_t before_ms; //  those older than this; INT64_MIN = none
    int64_t bytes;     //  and while the folders take more bytes, the oldest others; 0 = no bound
    int64_t idle_ms;   //  of these only those older than this
} store_retain_rule_t;

typedef struct {
    int64_t incidents, bytes;     //  bytes of their folders
    int64_t oldest_ms, newest_ms; //  ages; 0 = there are none
} store_retain_sum_t;

typedef struct {
    store_retain_rule_t rule;
    store_retain_sum_t sum; //  found so far
    bool folders;           //  it looks at folders now
    bool over;              //  it has ended
    int64_t at_ms, at_number;
    ident_t at; //  the cursor: the last row that was looked at
} store_retain_pass_t;

//  Prepare the statements.  Err: ERR_STORE; diag says why.
int
store_retain_prepare (store_t *self, err_diag_t *diag) must_check;
//  Begin a pass.
void
store_retain_begin (store_retain_pass_t *pass, const store_retain_rule_t *rule);
//  Go on with a pass, unless it is over: find at most max incidents.  Returns how many.
//  ret_found NULL: they stay, and are only counted.  Else they are removed: call it again only when
//  the effects that do so are committed.
//  Err: as store_commit.
int
store_retain_next (store_t *self, store_retain_pass_t *pass, step_retire_t *ret_found,
                   int max) must_check;
//  Remove a few old rows: records of incidents and attempts, from the oldest on, up to the first
//  whose incident is kept and that is not before before_ms; alerts before it, with their effects
//  and messages, unless they are to be sent.
//  Returns > 0 if there is more to do.  Err: ERR_STORE, -EBADMSG.
int
store_retain_old (store_t *self, int64_t before_ms) must_check;
