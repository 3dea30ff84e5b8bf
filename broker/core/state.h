//  state - what the core holds in memory, and the two lists a turn fills: writes and outputs.
//
//  Internal to broker/core.  Invariant: every change of a row is a write of the same turn, so that
//  the rows of the store are always the rows held here.  Memory runs out: `failed` is set, the turn
//  must be rolled back and the state reloaded.  Times: boot clock ms unless named wall.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/worker.h"

typedef struct entry entry_t;
typedef struct lane lane_t;     //  queue.c
typedef struct source source_t; //  source.c
typedef struct effect effect_t; //  outbox.c
typedef struct told told_t;     //  overflow.c
typedef struct topic topic_t;   //  journal.c

//  What is counted of one cluster.
typedef struct tally {
    step_cluster_t shown;
    source_t *source;      //  that brought it; NULL = "other"
    struct tally *into;    //  it gave its place away: its incidents are counted there, NULL = here
    int64_t entries;       //  incidents in memory that point here
    uint64_t turn;         //  that counted an event last
    step_cluster_t before; //  when that turn began; without name and states
    UT_hash_handle hh;
} tally_t;

//  Where the turn's write of a row is.
typedef struct {
    uint64_t turn; //  that wrote it last, 0 = none
    size_t at;
} written_t;

//  What a reload must not forget of an attempt.
typedef struct {
    char fence [IDENT_SIZE + 24];
    uint64_t session;
    bool accepted, unreflected, probe, spared;
    int64_t order, accept_ms, lease_ms, deadline_ms, superseded_ms;
    UT_hash_handle hh;
} kept_t;

struct step {
    step_settings_t settings;
    uint64_t random, turn; //  number of the turn
    bool failed, drained, held, loaded, watch_dirty;
    bool grace_over;  //  reconnect_grace since the start has passed, and was acted on
    int64_t start_ms; //  boot time of the first step_loaded
    int64_t asked_ms; //  what step_wake said last
    //  durable
    entry_t *entries, *by_key;
    entry_t *closed, *watched;
    int64_t open_count, closed_count;
    attempt_t *open_attempts;
    effect_t *effects, *effects_by_key; //  that are to be done
    topic_t *topics;
    row_breaker_t breaker;
    told_t *told;
    int64_t last_number, last_effect, last_seq;
    //  queue
    lane_t *lanes [FAULT_SEVERITIES];
    source_t *sources;
    int64_t virtual_now [FAULT_SEVERITIES];
    int64_t queued;
    int64_t retry_ms; //  when a waiting incident may become assignable by time alone
    //  fleet
    worker_t *workers;
    int64_t successes, successes_before, assigned_order; //  before: when the turn began
    effect_t *channels [ROW_CHANNELS]; //  in order; of messages at most the first has been begun
    effect_t *delayed;                 //  uploads that have failed, by their next try
    bool fresh_next;                   //  uploads: the next one is none of these, if there is one
    tally_t *tallies, tally_spare;     //  the spare counts what memory was out for
    int64_t flight_id [ROW_CHANNELS];  //  effect at delivery, 0 = none
    int64_t flight_ms [ROW_CHANNELS];  //  since when
    int64_t flight_before [ROW_CHANNELS]; //  when the turn began: a rollback returns to it
    bool flight_again [ROW_CHANNELS];     //  asked for once more while in flight
    bool again_before [ROW_CHANNELS];     //  when the turn began
    int64_t probe_ms, probe_backoff_ms;   //  pause: no probe before, wait after the next failure
    int64_t probe_before_ms, backoff_before_ms; //  when the turn began
    kept_t *kept;
    //  the turn
    step_write_t *writes, *write_spare;
    step_out_t *outs, *out_spare;
    size_t write_count, write_capacity, out_count, out_capacity;
    step_fence_t **revokes; //  borrowed by WELCOMEs of this turn
    size_t revoke_count;
    step_stats_t stats, stats_before; //  before: when the turn began
};

//  An item at the end of the turn's list, outputs zeroed;
//  never NULL (a spare once memory has run out).
step_write_t *
state_write (step_t *self, step_write_kind_t kind);
//  The same for a row that may change more than once in a turn:
//  it is written once, as it is at the end.
step_write_t *
state_write_row (step_t *self, step_write_kind_t kind, written_t *written);
step_out_t *
state_out (step_t *self, step_out_kind_t kind, const step_peer_t *peer);
//  The same to a worker's current session, unasked.
step_out_t *
state_out_worker (step_t *self, step_out_kind_t kind, const worker_t *worker);

uint64_t
state_random (step_t *self);
//  0 .. limit - 1
int64_t
state_random_below (step_t *self, int64_t limit);
//  Copy text into a field, cut.
#define state_text(field, text) state_copy ((field), sizeof (field), (text))
void
state_copy (char *ret_field, size_t size, const char *text);
