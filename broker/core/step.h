//  step - the broker as a pure function: (state, input, now) -> (writes, outputs).
//
//  No I/O, no clock, no chance but the bits that step_new gets, no SQL, no ZeroMQ.  The loop turns
//  messages into inputs, writes into one transaction, and outputs into messages after the commit.
//  tests/sim drives the same function.
//
//  A turn: step_begin; step for each input; step_schedule; apply step_writes to one transaction;
//  COMMIT, unless step_failed; only then act on step_outputs.
//
//  A turn that is rolled back: step_reload; load the rows; step its inputs again.  EFFECT_DONE must
//  be stepped again, because delivery reports once.  Others need it only if nobody sends them
//  again.
//
//  Pointers of an input are borrowed for the call.  The write of an EVENT borrows its body from the
//  input, so it is applied before the input is freed.  All other writes wait for the end of the
//  turn: until then their rows may change in place.  Writes and outputs are valid until the next
//  step_begin.
//
//  What goes in and out stands in step_input.h and step_output.h; what admin shows, in
//  step_figures.h.  Files of this folder, by floor; each calls only lower ones:
//    step (inputs to handlers), step_load (rows back into memory)
//    dedup (what an event means), lapse (leases that end by themselves)
//    dispatch (who gets what), settle (what follows a verdict)
//    lease (the life of an attempt)
//    breaker (failures in a row), overflow (a full queue is announced)
//    book (incidents), fleet (workers), rival (two sessions of one identity)
//    journal (the stream's records), queue (who waits), tally (counts by cluster)
//    outbox (effects), source (who events come from)
//    attempt, entry, worker (one of each), pack (a row without its zeros), state (the turn),
//    row (what is durable)
//  Those from breaker upwards take the whole, which stands in step_part.h; the others their own.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/step_figures.h"
#include "broker/core/step_input.h"
#include "broker/core/step_output.h"
#include "common/base/clk.h"
#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct step step_t; //  the whole state

//  random64: the seed of ids and of jitter.  Own: fresh, NULL = no memory.
step_t *
step_new (const step_settings_t *settings, uint64_t random64);
//  *self_p is NULL afterwards.  NULL is allowed.
void
step_destroy (step_t **self_p);
//  From now on these settings; they are copied.
void
step_configure (step_t *self, const step_settings_t *settings);

//  --- loading, before the first turn and after a rollback

//  Forget everything durable, and what the last turn changed of the rest.  Sessions stay.
void
step_reload (step_t *self);
//  Then hand over the rows, in this order: open incidents, and those last seen within the dedup
//  window (the youngest LIMIT_CLOSED_INCIDENTS); all attempts of open incidents; effects that are
//  to be done; the breaker; alerts of the last hour; the last seq of each topic. Err: -ENOMEM; of a
//  topic, ERR_LIMIT too.
int
step_load_incident (step_t *self, const row_incident_t *row) must_check;
int
step_load_attempt (step_t *self, const row_attempt_t *row) must_check;
int
step_load_effect (step_t *self, const row_effect_t *row) must_check;
int
step_load_breaker (step_t *self, const row_breaker_t *row) must_check;
int
step_load_alert (step_t *self, const row_alert_t *row) must_check;
int
step_load_topic (step_t *self, const char *topic, int64_t last_seq) must_check;
//  All rows are loaded: deadlines are armed, and turns may begin.
//  The highest incident number, effect id and journal seq that were ever used.
void
step_loaded (step_t *self, int64_t last_number, int64_t last_effect, int64_t last_seq,
             clk_now_t now);

//  --- a turn

//  Forget the last turn's writes and outputs.
void
step_begin (step_t *self, clk_now_t now);
//  Take one input.  An event whose id is known has the incident of that id in its row: the loop
//  asks the store, because ids of events are not held in memory. Err: -EAGAIN: a HELLO that waits
//  for an answer of the identity's current session; step it again. -ENOMEM (see step_failed),
//  ERR_LIMIT: nothing changed.  Refuse the input or ignore it: its peer sends it again. ERR_STALE:
//  a worker's message of another session than its current one; nothing changed, and nothing is
//  answered.  A worker that hears nothing says HELLO.
int
step (step_t *self, const step_in_t *in, clk_now_t now) must_check;
//  Timers, then assignments.  Call it once at the end of each turn.  When step_wake says so, there
//  is a turn without input.
void
step_schedule (step_t *self, clk_now_t now);
//  Memory ran out in this turn: roll back its transaction, and call step_reload.
bool
step_failed (const step_t *self);
//  Boot time of the next timer, INT64_MAX = none.
int64_t
step_wake (const step_t *self);
//  All writes since step_begin, in order.  An incident, attempt or effect has one write, where it
//  changed first.
const step_write_t *
step_writes (const step_t *self, size_t *ret_count);
//  All outputs since step_begin, in order.
const step_out_t *
step_outputs (const step_t *self, size_t *ret_count);

//  --- what the loop asks and says between inputs

//  The identity's current session, 0 = none is connected.  It gets a PING before a HELLO of another
//  session is stepped.
uint64_t
step_session (const step_t *self, const char *identity);
//  The name that it goes by in lists, "" = not known any more.  Own: borrowed until the next step.
const char *
step_worker_name (const step_t *self, const char *identity);
//  Drain (SIGTERM): nothing more is assigned, and no effect is begun.
void
step_drain (step_t *self);
//  How many effects are at delivery.
int
step_flights (const step_t *self);
//  The artifacts' disk takes nothing, until held is false.  Meanwhile nothing is assigned, no
//  folder is saved, and no deadline passes.  Nothing of it is durable.
void
step_hold (step_t *self, bool held);
//  We could not do our part for this attempt.  It is not held against its worker that it gives the
//  attempt back unstarted.  finished: we could not take its results either, so its hard deadline
//  moves away.
void
step_spare (step_t *self, const step_fence_t *fence, bool finished, clk_now_t now);

//  --- what admin shows

void
step_stats (const step_t *self, clk_now_t now, step_stats_t *ret_stats);
//  Fill at most max; returns how many clusters there are.
size_t
step_clusters (const step_t *self, step_cluster_t *ret_clusters, size_t max);
//  Fill at most max; returns how many workers there are.
size_t
step_workers (const step_t *self, clk_now_t now, step_worker_t *ret_workers, size_t max);
