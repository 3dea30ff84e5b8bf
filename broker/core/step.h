//  step - the broker as a pure function: (state, input, now) -> (writes, outputs).
//
//  It has no I/O, no clock, no SQL and no ZeroMQ; its only random bits come with step_new.  The
//  loop turns messages into inputs, writes into one transaction, and outputs into messages after
//  the commit.  tests/sim drives the same function.
//
//  A turn: step_begin; step for each input; step_schedule; apply step_writes to one transaction;
//  COMMIT, unless step_failed; only then act on step_outputs.
//
//  A turn that is rolled back: step_reload; load the rows.  Step EFFECT_DONE and SOURCE again,
//  because nobody repeats them.  Refuse the other inputs; their peers send them again.
//
//  Pointers of an input are borrowed for the call.  The write of an EVENT borrows its body from the
//  input, so it is applied before the input is freed.  All other writes wait for the end of the
//  turn: until then their rows may change in place.  Writes and outputs are valid until the next
//  step_begin.
//
//  step_input.h and step_output.h have the inputs and outputs, step_figures.h the figures for
//  admin.  Files of this folder, top layer first; each calls only lower ones:
//    step (inputs to handlers), step_load (rows back into memory)
//    dedup (what an event means), lapse (leases that end by themselves)
//    dispatch (who gets what), settle (what follows a verdict)
//    lease (the life of an attempt)
//    breaker (failures in a row), overflow (a full queue is announced), message (who hears of what)
//    book (incidents), fleet (workers), rival (two sessions of one identity)
//    returned (incidents that were given back)
//    journal (the stream's records), queue (who waits), tally (counts by cluster)
//    outbox (effects), channel (their lanes), route (receivers), source (who events come from)
//    attempt, entry, worker (one of each), pack (a row without its zeros), state (the turn),
//    row (what is durable)
//  Files from breaker upwards take the whole state (step_part.h), the others only their own.
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

//  random64: the seed of ids and jitter.  Own: fresh; NULL: no memory.
step_t *
step_new (const step_settings_t *settings, uint64_t random64);
//  *self_p is NULL afterwards.  NULL is allowed.
void
step_destroy (step_t **self_p);
//  Use these settings from now on; they are copied.
void
step_configure (step_t *self, const step_settings_t *settings);

//  --- loading, before the first turn and after a rollback

//  Forget everything durable, and undo what the last turn changed otherwise.  Sessions stay.
void
step_reload (step_t *self);
//  Then load the rows, in this order: open incidents, and those last seen within the dedup window
//  (the newest LIMIT_CLOSED_INCIDENTS); all attempts of open incidents; effects not yet done; the
//  breaker; alerts of the last hour; the last seq of each topic; the retention, if there is one;
//  the time of the newest record.
//  Err: -ENOMEM; for a topic also ERR_LIMIT.
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
void
step_load_retention (step_t *self, const row_retention_t *row);
//  The newest record of the stream is from then (wall clock), 0 = there is none.
void
step_load_newest (step_t *self, int64_t at_ms, clk_now_t now);
//  All rows are loaded: arm deadlines; turns may begin.
//  last_number, last_effect, last_seq: the highest that were ever used.
void
step_loaded (step_t *self, int64_t last_number, int64_t last_effect, int64_t last_seq,
             clk_now_t now);

//  --- a turn

//  Forget the last turn's writes and outputs.
void
step_begin (step_t *self, clk_now_t now);
//  Step one input.  If an event's id is known, its row already holds the incident of that id: the
//  loop looks it up in the store, because event ids are not in memory.
//  Err: -EAGAIN: a HELLO that waits for an answer of the identity's current session; the worker
//  sends it again.
//  -ENOMEM (see step_failed), ERR_LIMIT: nothing has changed.  Refuse or ignore the input: its peer
//  sends it again.
//  ERR_STALE: a worker's message from a session that is not its current one; nothing has changed,
//  and it gets no answer.  A worker without answers sends HELLO.
int
step (step_t *self, const step_in_t *in, clk_now_t now) must_check;
//  Run timers, then assign incidents.  Call it once at the end of each turn.  At the time of
//  step_wake, run a turn without input.
void
step_schedule (step_t *self, clk_now_t now);
//  Has memory run out in this turn?  The caller then rolls back and calls step_reload.
bool
step_failed (const step_t *self);
//  Boot time of the next timer, INT64_MAX = none.
int64_t
step_wake (const step_t *self);
//  All writes since step_begin, in order.  An incident, attempt or effect has one write, at the
//  place of its first change.
const step_write_t *
step_writes (const step_t *self, size_t *ret_count);
//  All outputs since step_begin, in order.
const step_out_t *
step_outputs (const step_t *self, size_t *ret_count);

//  --- calls between inputs

//  The current session of an identity; 0: none is connected.  The loop sends it a PING before it
//  steps a HELLO of another session.
uint64_t
step_session (const step_t *self, const char *identity);
//  The name of a worker in lists; "" = no longer known.  Own: borrowed until the next step.
const char *
step_worker_name (const step_t *self, const char *identity);
//  Begin to drain (SIGTERM): nothing more is assigned, and no effect is begun.
void
step_drain (step_t *self);
//  The incident of this upload at delivery, if it is not in memory; else NULL.  The loop looks it
//  up before it steps the upload's end.  Own: borrowed until the next step.
const char *
step_unknown (const step_t *self, int64_t effect);
//  The incident that the loop looks for in the store, to answer with REVIVE: the next one of this
//  streak behind `after` that was not revived, and has failed or is open.  streak 0: none for now.
typedef struct {
    int64_t streak, after; //  after: its number
} step_revive_t;
step_revive_t
step_reviving (const step_t *self, clk_now_t now);
//  The number of effects at delivery.
int
step_flights (const step_t *self);
//  While held is true, nothing is assigned, no folder is saved, and no deadline passes: the
//  artifacts' disk is in trouble.  A hold is not durable.
void
step_hold (step_t *self, bool held);
//  The broker could not serve this attempt: do not blame its worker for giving it back unstarted.
//  finished: its results could not be stored, so its hard deadline moves.
void
step_spare (step_t *self, const step_fence_t *fence, bool finished, clk_now_t now);

//  --- what admin shows

void
step_stats (const step_t *self, clk_now_t now, step_stats_t *ret_stats);
//  The retention's part of step_stats.
step_retention_t
step_retention (const step_t *self, clk_now_t now);
//  Copy at most max clusters.  Returns how many there are.
size_t
step_clusters (const step_t *self, step_cluster_t *ret_clusters, size_t max);
//  Copy at most max lanes of effects, those that something has failed in first.  Returns how many
//  there are.
size_t
step_lanes (const step_t *self, clk_now_t now, step_lane_t *ret_lanes, size_t max);
//  Copy at most max workers.  Returns how many there are.
size_t
step_workers (const step_t *self, clk_now_t now, step_worker_t *ret_workers, size_t max);
