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
//  Files of this folder: step (entry, inputs -> handlers), row (what is durable), state (what
//  is held), dedup, queue, fleet, rival, dispatch, lease (attempts, deadlines), settle (what
//  follows a verdict), breaker, outbox, overflow, journal, tally, step_load (rows back into it).
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/row.h"
#include "common/base/clk.h"
#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct step step_t; //  the whole state

//  Settings; a copy is kept, step_configure replaces them (SIGHUP).  Units: ms.
typedef struct {
    int64_t agent_attempts;
    int64_t max_deliveries;
    int64_t lease_ttl_ms;
    int64_t reconnect_grace_ms;
    int64_t agent_timeout_ms;
    int64_t agent_grace_ms;  //  what the hard deadline adds for the worker's kill grace
    int64_t revoke_slack_ms; //  and for everything else
    int64_t dedup_window_ms; //  0 = off
    int64_t reinvestigate_after_ms;
    int64_t global_queue_size, cluster_queue_size;
    //  true: reject the newcomer; false: drop the oldest of the lowest severity
    bool overflow_reject;
    enum fault_severity severity_threshold;
    bool upload_failed;
    int64_t failure_threshold; //  incidents in a row that open the breaker, at least 1
    bool notify_failures;      //  its alerts are asked for
    bool breaker_pause;        //  open: only single probes are assigned
    bool slack;                //  there is somewhere to send messages to
    char agent_model [LIMIT_MODEL_BYTES + 1];
    char agent_allowed_tools [LIMIT_TOOLS_BYTES + 1];
} step_settings_t;

typedef enum {
    STEP_IN_EVENT, //  a fault event from ingest, files or intake
    STEP_IN_HELLO,
    STEP_IN_CREDIT,
    STEP_IN_ACCEPT,
    STEP_IN_STARTED,
    STEP_IN_PROGRESS,
    STEP_IN_VERDICT, //  `stored` says what the artifact thread found on disk
    STEP_IN_RELEASE,
    STEP_IN_PING,
    STEP_IN_PONG, //  it answers the broker's PING: it is there
    STEP_IN_BYE,
    STEP_IN_EFFECT_DONE, //  delivery reports
    STEP_IN_COMMAND,     //  operator
    STEP_IN_SOURCE       //  intake tells of a source: connected, lost, gap
} step_in_kind_t;

//  Whom a worker message came from.
typedef struct {
    char identity [ROW_IDENTITY]; //  "worker:<key>", or "local:<uuid>" without keys
    uint64_t session;
    uint64_t seq; //  of the message; outputs answer it by corr
} step_peer_t;

typedef struct {
    ident_t incident;
    int64_t attempt;
} step_fence_t;

typedef enum { STEP_STORED, STEP_MISSING, STEP_NOT_CHECKED } step_stored_t;
typedef enum {
    STEP_EFFECT_OK,
    STEP_EFFECT_RETRY,  //  it did not happen
    STEP_EFFECT_UNSURE, //  it may have happened: again, marked
    STEP_EFFECT_PERMANENT,
    STEP_EFFECT_RESULTS
} step_effect_result_t;
typedef enum {
    STEP_COMMAND_RETRY,
    STEP_COMMAND_CANCEL,
    STEP_COMMAND_DRAIN,
    STEP_COMMAND_RESUME,
    STEP_COMMAND_EFFECT_RETRY,
    STEP_COMMAND_EFFECT_CANCEL,
    STEP_COMMANDS
} step_command_t;
typedef enum {
    STEP_RELEASE_DRAIN,
    STEP_RELEASE_BUSY,
    STEP_RELEASE_HOST,
    STEP_RELEASE_CANCELLED
} step_release_t;

typedef struct {
    step_in_kind_t kind;
    step_peer_t peer; //  worker messages
    union {
        struct {
            row_event_t row; //  incident is filled in by step
            const fault_t *fault;
            uint64_t cookie;     //  comes back in the ACK or NACK
            bool triage_enabled; //  of the cluster
        } event;
        struct {
            char name [ROW_NAME];
            int64_t slots;
            const step_fence_t *running;
            size_t running_count;
            const step_fence_t *spooled;
            size_t spooled_count;
            //  Another session of this identity is the current one, its connection is open, is not
            //  this one, and it was sent a PING just now.
            bool rival_asked;
        } hello;
        struct {
            int64_t number, total, free;
        } credit;
        step_fence_t fence; //  ACCEPT, STARTED
        struct {
            step_fence_t fence;
            char phase [16];
        } progress;
        struct {
            step_fence_t fence;
            verdict_outcome_t outcome;
            int exit_code;
            char reason [LIMIT_REASON_BYTES];
            int64_t started_ms, completed_ms;
            step_stored_t stored;
        } verdict;
        struct {
            step_fence_t fence;
            step_release_t reason;
            char detail [LIMIT_REASON_BYTES];
        } release;
        struct {
            int64_t id;
            step_effect_result_t result;
            bool unreached; //  RETRY: nobody answered: soon again, and it does not use its tries up
            int64_t retry_after_ms;
            char error [LIMIT_REASON_BYTES];
        } effect;
        struct {
            step_command_t command;
            const row_incident_t *incident; //  RETRY, CANCEL: the store's row, NULL = there is none
            const row_effect_t *effect;     //  of EFFECT_: the same
            char worker [ROW_NAME];         //  DRAIN, RESUME: a label or an identity
            uint64_t cookie;
        } command;
        struct {
            char cluster [ROW_CLUSTER];
            char change [32];
            char reason [LIMIT_REASON_BYTES];
        } source;
    } as;
} step_in_t;

typedef enum {
    STEP_WRITE_EVENT,
    STEP_WRITE_INCIDENT,
    STEP_WRITE_ATTEMPT,
    STEP_WRITE_EFFECT,
    STEP_WRITE_BREAKER,
    STEP_WRITE_ALERT,
    STEP_WRITE_RECORD
} step_write_kind_t;

typedef struct {
    step_write_kind_t kind;
    union {
        row_event_t event;
        row_incident_t incident;
        row_attempt_t attempt;
        row_effect_t effect;
        row_breaker_t breaker;
        row_alert_t alert;
        row_record_t record;
    } as;
} step_write_t;

typedef enum {
    STEP_OUT_EVENT_ACK,
    STEP_OUT_EVENT_NACK,
    STEP_OUT_WELCOME,
    STEP_OUT_ASSIGN,
    STEP_OUT_LEASE,
    STEP_OUT_VERDICT_ACK,
    STEP_OUT_CANCEL,
    STEP_OUT_PONG,
    STEP_OUT_REFUSE,   //  a session: another live one has its identity
    STEP_OUT_EFFECT,   //  hand to delivery
    STEP_OUT_PROGRESS, //  stream record without a row (seq 0)
    STEP_OUT_COMMAND_REPLY
} step_out_kind_t;

typedef enum {
    STEP_EVENT_NEW,
    STEP_EVENT_REPEAT,
    STEP_EVENT_COUNTED,
    STEP_EVENT_SUPPRESSED
} step_event_t;
typedef enum {
    STEP_COMMITTED,
    STEP_LATE_WIN,
    STEP_DUPLICATE,
    STEP_STALE,
    STEP_UPLOAD_AGAIN
} step_disposition_t;

typedef struct {
    step_out_kind_t kind;
    step_peer_t peer; //  whom to send to; seq = what is answered (0 = nothing)
    union {
        struct {
            uint64_t cookie;
            step_event_t disposition;
            ident_t incident;
        } ack;
        struct {
            uint64_t cookie;
            int64_t retry_ms;
            const char *reason;
        } nack;
        struct {
            const step_fence_t *revoke;
            size_t revoke_count;
            int64_t lease_ms;
        } welcome; //  until the next step_begin
        struct {
            step_fence_t fence;
            char cluster [ROW_CLUSTER], fault_type [FAULT_TYPE_BYTES];
            enum fault_severity severity;
            int64_t timeout_ms, lease_ms;
        } assign;
        struct {
            step_fence_t fence;
            int64_t ms;
        } lease;
        struct {
            step_fence_t fence;
            step_disposition_t disposition;
        } verdict_ack;
        struct {
            step_fence_t fence;
            const char *reason;
        } cancel;
        struct {
            uint64_t rival; //  the session that stays
            bool tell;      //  it was not logged for a while
        } refuse;
        row_effect_t effect;
        row_record_t progress;
        struct {
            uint64_t cookie;
            int rc;
            char text [128];
        } reply;
    } as;
} step_out_t;

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

//  --- what admin shows; all counted from the authoritative state

//  How many took at most each bound, not cumulated; the last bucket is beyond all bounds.
enum { STEP_BOUNDS = 14 };
extern const int64_t step_bounds_ms [STEP_BOUNDS];
typedef struct {
    int64_t buckets [STEP_BOUNDS + 1];
    int64_t sum_ms;
} step_histogram_t;

typedef enum {
    STEP_BREAKER_CLOSED,
    STEP_BREAKER_OPEN,
    STEP_BREAKER_HALF_OPEN, //  pause: a probe is under way
    STEP_BREAKERS
} step_breaker_t;
typedef enum {
    STEP_UNTOLD_DISABLED, //  notify_on_agent_failure is false
    STEP_UNTOLD_UNOPENED, //  recovered, and nobody was told of the failures
    STEP_UNTOLD_REPEATED, //  this overflow was told within the hour
    STEP_UNTOLD_CROWDED,  //  its source has had its share of overflow messages in this hour
    STEP_UNTOLDS
} step_untold_t;
//  What a source can lose.
typedef enum {
    STEP_LOSS_QUEUE,   //  its incidents that a full queue did not keep
    STEP_LOSS_CLUSTER, //  its events that are counted under the cluster "other"
    STEP_LOSS_TOPIC,   //  records of its incidents with the cluster "other"
    STEP_LOSS_MESSAGE, //  messages about its full queues beyond its share
    STEP_LOSSES
} step_loss_t;
enum { STEP_SOURCES = 64 }; //  shown one by one; the last one is "other"
typedef struct {
    char name [ROW_SOURCE]; //  "" = no more
    int64_t lost [STEP_LOSSES];
} step_source_t;
//  What a channel is at: the message that all others of it wait for, or the upload
//  that is tried again next.
typedef struct {
    row_effect_t row;   //  id 0 = nothing has failed
    int64_t failing_ms; //  since its first try that failed, or the start
    int64_t next_ms;    //  until its next try, 0 = under way or due
    int64_t behind;     //  others of the channel that wait for it
    int64_t failing;    //  effects of the channel that have failed and are tried again
} step_head_t;
typedef struct {
    int64_t incidents [INCIDENT_STATES]; //  of those in memory
    int64_t queued, assigned, effects_ready;
    step_head_t heads [ROW_CHANNELS];
    int64_t workers, workers_ready, workers_quarantined, slots, slots_free;
    int64_t workers_draining; //  and not quarantined
    int64_t events_total, events_repeat, events_counted;
    int64_t events_shortened; //  something that names the fault was longer than its field
    int64_t events_suppressed [INCIDENT_SUPPRESS_REASONS];
    int64_t workers_refused_total, assignments_returned_total;
    int64_t leases_expired_total, verdicts_stale_total, verdicts_late_total;
    int64_t outcomes_total [VERDICT_OUTCOMES];
    step_breaker_t breaker;
    int64_t breaker_failures;              //  incidents in a row
    int64_t breaker_opened_ms;             //  wall clock, 0 = closed
    int64_t breaker_total [STEP_BREAKERS]; //  transitions, by what to
    int64_t untold_total [STEP_UNTOLDS];   //  alerts that were not asked for though there is Slack
    int64_t oldest_queued_ms;              //  age of the oldest pending incident, 0 = none
    int64_t last_seq;
    step_histogram_t run_time [VERDICT_LOST];    //  of reported attempts, by outcome
    step_histogram_t report_time;                //  from an incident's creation to its report
    step_histogram_t notice_time;                //  from an incident's creation to its message
    int64_t failures_total [VERDICT_KINDS];      //  reported attempts without a valid report
    step_histogram_t effect_time [ROW_CHANNELS]; //  of one try
    int64_t tries_total [ROW_CHANNELS][STEP_EFFECT_RESULTS];
    step_source_t sources [STEP_SOURCES]; //  that have lost something since the start
} step_stats_t;
void
step_stats (const step_t *self, clk_now_t now, step_stats_t *ret_stats);

typedef struct {
    char identity [ROW_IDENTITY], name [ROW_NAME];
    bool ready, quarantined, draining; //  ready: takes work, so neither of the others
    const char *why;                   //  quarantined, "" if not; static
    //  sessions turned away: another worker has its key; -1 = never
    int64_t refused_total, refused_ms_ago;
    int64_t returned_total; //  assignments it gave back, did not accept or forgot before they began
    int64_t slots, free, running, streak, last_seen_ms_ago;
} step_worker_t;
//  One cluster, by the name that events came with; "other" for those beyond
//  LIMIT_TALLIES (tally.h).
typedef struct {
    char cluster [ROW_CLUSTER];
    int64_t events [FAULT_SEVERITIES];              //  taken in, each sending once
    int64_t suppressed [INCIDENT_SUPPRESS_REASONS]; //  events
    int64_t states [INCIDENT_STATES];               //  incidents in memory
    int64_t last_event_ms;                          //  wall clock, 0 = none since the start
} step_cluster_t;
//  Fill at most max; returns the number of clusters there are.
size_t
step_clusters (const step_t *self, step_cluster_t *ret_clusters, size_t max);
//  Fill at most max; returns the number of workers there are.
size_t
step_workers (const step_t *self, clk_now_t now, step_worker_t *ret_workers, size_t max);
