//  step_figures - what admin shows; all counted from the authoritative state.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/step_input.h"

//  Counts of durations, by the smallest bound that holds each; the last bucket is above all bounds.
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

//  "closed", "open", "half_open".
const char *
step_breaker_name (step_breaker_t state);

typedef enum {
    STEP_UNTOLD_DISABLED, //  notify_on_agent_failure is false
    STEP_UNTOLD_UNOPENED, //  recovered, and no alert of the failures was sent
    STEP_UNTOLD_REPEATED, //  this overflow was announced within the hour
    STEP_UNTOLD_CROWDED,  //  its source has used up its share of overflow messages in this hour
    STEP_UNTOLDS
} step_untold_t;
//  The losses of a source.
typedef enum {
    STEP_LOSS_QUEUE,   //  its incidents that a full queue gave up
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
//  One lane of effects: uploads, removals, or the messages of one receiver.
typedef struct {
    char name [ROW_NAME]; //  "storage", "retention" or the receiver's
    row_channel_t channel;
    int64_t effects;    //  not yet done
    int64_t failing;    //  of them, those that have failed and are tried again
    int64_t blocked_ms; //  how long nothing has succeeded since a failure; 0 = nothing has failed
    //  The message that blocks it, or the upload that is tried again next; id 0 = none.
    int64_t id, tries;
    char key [ROW_ALERT];
    char error [LIMIT_REASON_BYTES];
    int64_t next_ms; //  until its next try, 0 = under way or due
    int64_t behind;  //  messages that wait behind it
    int64_t ok_ms;   //  wall clock of the last success, 0 = none since the start
} step_lane_t;
//  Retention.
typedef struct {
    int64_t not_before_ms; //  wall clock from which on incidents are removed; 0 = none was ever due
    bool begun;            //  it is past
    int64_t retiring;      //  incidents that wait to be removed
    int64_t retired_total;
} step_retention_t;
typedef struct {
    int64_t incidents [INCIDENT_STATES]; //  of those in memory
    int64_t queued, assigned, effects_ready;
    int64_t workers, workers_ready, workers_quarantined, slots, slots_free;
    int64_t workers_draining; //  and not quarantined
    int64_t workers_held;     //  they say that they cannot run agents
    int64_t events_total, events_repeat, events_counted;
    int64_t events_shortened; //  something that names the fault was longer than its field
    int64_t events_suppressed [INCIDENT_SUPPRESS_REASONS];
    int64_t workers_refused_total, assignments_returned_total;
    int64_t leases_expired_total, verdicts_stale_total, verdicts_late_total;
    int64_t outcomes_total [VERDICT_OUTCOMES];
    int64_t classes_total [RUN_CLASSES]; //  of reported attempts; NONE: of older workers
    usage_t used;                        //  by reported attempts; its names are the last one's
    int64_t given_back_total;            //  attempts that ended by a class that charges nothing
    int64_t given_back;                  //  open incidents that have such an attempt
    step_breaker_t breaker;
    int64_t breaker_failures;              //  incidents in a row
    int64_t breaker_opened_ms;             //  wall clock, 0 = closed
    int64_t breaker_paused;                //  1: it holds the queue
    int64_t breaker_probe_ms;              //  until the next probe may go; -1 = not by time
    int64_t breaker_total [STEP_BREAKERS]; //  transitions, by what to
    int64_t revived_total;                 //  incidents put back when it closed
    int64_t untold_total [STEP_UNTOLDS]; //  alerts that were not sent, although Slack is configured
    int64_t oldest_queued_ms;            //  age of the oldest pending incident, 0 = none
    int64_t last_seq;
    step_retention_t retention;
    step_histogram_t run_time [VERDICT_LOST];    //  of reported attempts, by outcome
    step_histogram_t report_time;                //  from an incident's creation to its report
    step_histogram_t notice_time;                //  from an incident's creation to its message
    int64_t failures_total [VERDICT_KINDS];      //  reported attempts without a valid report
    step_histogram_t effect_time [ROW_CHANNELS]; //  of one try
    int64_t tries_total [ROW_CHANNELS][STEP_EFFECT_RESULTS];
    step_source_t sources [STEP_SOURCES]; //  sources with losses since the start
} step_stats_t;

typedef struct {
    char identity [ROW_IDENTITY], name [ROW_NAME];
    bool ready, quarantined, draining; //  ready: takes work, so none of the others nor held
    bool held;                         //  it says that it cannot run agents
    run_class_t class;                 //  of the run that led to that, or would; NONE = not known
    char why [LIMIT_REASON_BYTES];     //  quarantined or held, "" if not
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

//  Count that something took so long.
void
step_histogram_add (step_histogram_t *self, int64_t ms);
