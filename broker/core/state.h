//  state - shared by all modules in a turn: settings, random bits, writes, outputs, figures.
//
//  Internal to broker/core.  Invariant: each change of a row is a write of the same turn, so the
//  rows of the store are the rows in memory.  When memory runs out, `failed` is set: the turn must
//  be rolled back and the rows loaded again.  Times: boot clock in ms, unless named wall.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/step_figures.h"
#include "broker/core/step_output.h"
#include "broker/core/worker.h"
#include "common/base/clk.h"
#include "common/base/err.h"

typedef struct step step_t; //  the whole, of step_part.h

//  The position of the turn's write of a row.
typedef struct {
    uint64_t turn; //  number of the turn that wrote it last; 0 = none
    size_t at;
} written_t;

typedef struct {
    step_settings_t settings;
    uint64_t random;  //  of the next draw
    uint64_t turn;    //  number of the turn
    bool failed;      //  memory has run out in this turn
    bool drained;     //  nothing more is assigned, no effect is begun
    bool held;        //  the artifacts' disk is in trouble
    int64_t start_ms; //  boot time of the first step_loaded
    step_write_t *writes, *write_spare;
    step_out_t *outs, *out_spare;
    size_t write_count, write_capacity, out_count, out_capacity;
    step_fence_t **fences; //  borrowed by outputs of this turn
    size_t fence_count;
    step_stats_t stats, stats_before; //  before: when the turn began
} state_t;

//  self is zeroed.  False: no memory; call state_fini all the same.
bool
state_init (state_t *self, const step_settings_t *settings, uint64_t random64);
void
state_fini (state_t *self);
//  Begin a turn: empty the lists.  state_rollback undoes changes of the figures since then.
void
state_begin (state_t *self);
void
state_rollback (state_t *self);

//  Append a write, which the caller fills in.
//  Never NULL: out of memory it is a spare, and `failed` is set.
step_write_t *
state_write (state_t *self, step_write_kind_t kind);
//  The write of a row that may change more than once in a turn: it has one write.
step_write_t *
state_write_row (state_t *self, step_write_kind_t kind, written_t *written);
//  Append an output, zeroed except for kind and peer.  peer: NULL = none.  Never NULL, as
//  state_write.
step_out_t *
state_out (state_t *self, step_out_kind_t kind, const step_peer_t *peer);
//  Append an output to a worker's current session that answers no message.
step_out_t *
state_out_worker (state_t *self, step_out_kind_t kind, const worker_t *worker);

//  Room for fences, zeroed, until the next turn.  NULL when out of memory (`failed` is set).
step_fence_t *
state_fences (state_t *self, size_t count);

//  A random number; step_new has seeded the generator.
uint64_t
state_random (state_t *self);
//  A random number from 0 to limit - 1.
int64_t
state_random_below (state_t *self, int64_t limit);
//  Copy a text into a field, cut to its size.
#define state_text(field, text) state_copy ((field), sizeof (field), (text))
void
state_copy (char *ret_field, size_t size, const char *text);
