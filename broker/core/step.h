//  step - the broker as a pure function: (state, input, now) -> (writes, outputs).
//
//  No I/O, no clock, no chance (random bytes come in through `seed`), no SQL, no ZeroMQ.  The loop
//  turns inputs into steps, writes into one transaction, outputs into messages sent after the
//  commit; tests/sim drives the same function.
//
//  A turn:  step_begin; step (...) for each input; step_schedule; apply step_writes to one
//  transaction; COMMIT, unless step_failed; and only now act on step_outputs.  When the turn
//  is rolled back: step_reload, load, and step the inputs of that turn again: EFFECT_DONE always
//  (delivery reports once), the others where nobody sends them again.
//  Inputs borrow their pointers for the call, and an EVENT write its body from the input:
//  it is applied before the input is freed.  All other writes wait for the end of the turn: until
//  then their rows may change again, in place.
//  Writes and outputs are valid until the next step_begin.
//
//  What goes in and out stands in step_input.h, step_output.h and step_figures.h (for admin).
//  Files of this folder, by floor; each calls only lower ones:
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
//  step_part.h has the struct of all; those from breaker upwards take it, the lower ones their own.
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

//  random64: the only chance there is; ids and jitter derive from it.
//  Own: fresh, NULL when out of memory.
step_t *
step_new (const step_settings_t *settings, uint64_t random64);
void
step_destroy (step_t **self_p);
void
step_configure (step_t *self, const step_settings_t *settings);

//  Loading (before the first turn, and after a rollback): step_reload forgets everything durable
//  but keeps sessions; then hand over the rows: incidents that are open, those that were last seen
//  within the dedup window (the youngest LIMIT_CLOSED_INCIDENTS), all attempts of open incidents,
//  effects that are to be done, the breaker, alerts of the last hour, the last seq of each topic;
//  then step_loaded arms deadlines.
void
step_reload (step_t *self);
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
//  Counters not covered by the rows above: highest incident number, effect id,
//  journal seq ever used.
void
step_loaded (step_t *self, int64_t last_number, int64_t last_effect, int64_t last_seq,
             clk_now_t now);

//  Known event ids are not held in memory: the loop asks the store and tells step by
//  row.incident.text [0] != 0, meaning "this (source, event_id) is known,
//  it belongs to that incident".

void
step_begin (step_t *self, clk_now_t now);
//  The identity's current session, 0 = none is connected: whom to send a PING before
//  a HELLO of another one.
uint64_t
step_session (const step_t *self, const char *identity);
//  The name that it goes by in lists, "" = not known any more.  Own: borrowed until the next step.
const char *
step_worker_name (const step_t *self, const char *identity);
//  Err: -EAGAIN: a HELLO that waits whether the identity's current session answers;
//  it is said again.
//  -ENOMEM (see step_failed), ERR_LIMIT: nothing changed, the input is answered by a NACK
//  or ignored (the peer sends it again).  ERR_STALE: a worker's message of another session than its
//  identity's current one: nothing changed, nothing is answered.  A worker that is not superseded
//  says HELLO when it has heard nothing for its silence limit.
int
step (step_t *self, const step_in_t *in, clk_now_t now) must_check;
//  Timers, then assignments.  Call once at the end of each turn; also with no input,
//  when step_wake says so.
void
step_schedule (step_t *self, clk_now_t now);
//  Memory ran out in this turn: roll back what it wrote, then step_reload.
bool
step_failed (const step_t *self);
//  Boot time of the next timer, INT64_MAX for none.
int64_t
step_wake (const step_t *self);

//  All writes since step_begin, in order; an incident, attempt or effect has one,
//  where it changed first.
const step_write_t *
step_writes (const step_t *self, size_t *ret_count);
const step_out_t *
step_outputs (const step_t *self, size_t *ret_count);
//  Drain: no assignment leaves any more, no effect is begun (SIGTERM).
void
step_drain (step_t *self);
//  How many effects are at delivery.
int
step_flights (const step_t *self);
//  The disk of the artifacts takes nothing: nothing is assigned, no folder is saved and nobody's
//  time runs out until it is told otherwise.  Nothing of it is durable.
void
step_hold (step_t *self, bool held);
//  We could not do our part for this attempt: that it is given back unstarted is not held against
//  its worker.  finished: nor could we take what it made, so its hard deadline moves away.
void
step_spare (step_t *self, const step_fence_t *fence, bool finished, clk_now_t now);

//  --- what admin shows

void
step_stats (const step_t *self, clk_now_t now, step_stats_t *ret_stats);
//  Fill at most max; returns the number of clusters there are.
size_t
step_clusters (const step_t *self, step_cluster_t *ret_clusters, size_t max);
//  Fill at most max; returns the number of workers there are.
size_t
step_workers (const step_t *self, clk_now_t now, step_worker_t *ret_workers, size_t max);
