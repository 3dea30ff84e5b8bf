//  job - one attempt on this worker: a table {state, event} -> {action, next}.
//
//  The states follow each other: fetch, ready, run, keep, upload, verdict, gone.  A run that is
//  resumed goes to resume before keep; a cancelled one goes to stop.  A job holds a slot until its
//  result is spooled.
//  An event without a cell in the table is stale and changes nothing.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/limits.h"
#include "worker/base/home.h"
#include "worker/keeper/keeper.h"
#include "worker/keeper/spool.h"
#include "worker/loop/box.h"
#include "worker/loop/fetch.h"
#include "worker/loop/ready.h"
#include "worker/loop/remover.h"
#include "worker/loop/run.h"
#include "worker/loop/session.h"
#include "worker/loop/upload.h"

typedef enum {
    JOB_FETCH,   //  downloads prompt and event from the broker
    JOB_READY,   //  waits for its turn to start
    JOB_RUN,     //  the agent runs
    JOB_RESUME,  //  the agent runs once more, in the session of its first run
    JOB_STOP,    //  the agent is being stopped; the attempt is given back
    JOB_KEEP,    //  the run is over; the keeper spools it
    JOB_UPLOAD,  //  uploads its files to the broker
    JOB_VERDICT, //  repeats the verdict until it is acknowledged
    JOB_GONE,    //  to be destroyed
    JOB_STATES
} job_state_t;

typedef enum {
    JOB_ON_FETCHED,
    JOB_ON_FAILED,  //  fetch or start failed; self->reason says why
    JOB_ON_START,   //  it may start
    JOB_ON_ENDED,   //  the agent's processes have ended by themselves
    JOB_ON_STOPPED, //  the agent's processes were stopped, from outside or at the deadline
    JOB_ON_RESUME,  //  the run is over, and there is time to finish its report
    JOB_ON_KEPT,    //  the keeper has returned it
    JOB_ON_CANCEL,  //  the broker cancels it
    JOB_ON_DRAIN,   //  the worker stops
    JOB_ON_STORED,  //  the broker has the files, or needs none
    JOB_ON_MISSING, //  the broker has lost the files
    JOB_ON_ACK,     //  the broker has acknowledged the verdict
    JOB_EVENTS
} job_event_t;

//  Shared by all jobs of a worker.  Own: each job borrows it.
typedef struct {
    const settings_t *settings; //  of the start; those in force may have other keys
    conf_t *conf;               //  in force
    home_t *home;
    session_t *session;
    keeper_t *keeper;
    gateway_t *gateway;
    remover_t *remover;
    const ready_report_t *ready; //  how agents run here; NULL = not known yet
    const char *script, *program_dir;
    int poll_fd;              //  epoll that wakes the loop for status streams
    bool leaving;             //  the worker got a stop signal; the supervisors may have got it too
    int64_t boot_ms, wall_ms; //  now, set each turn
    int64_t started_ms;       //  boot time of the last start of an agent; 0 = none
    bool resumes;             //  the agent can go on in the session of an earlier run
    bool missing;             //  a run could not begin on this host: the worker looks why
    int64_t window_bytes;     //  that may still be sent this turn
    //  After a supervisor left processes: keep killing them until this boot time.  No ended run
    //  goes on before.  0 = none are left.
    int64_t orphans_until_ms;
} job_shared_t;

enum { JOB_PROGRESS_SHARE = 3 }; //  number of PROGRESS messages in one lease

typedef struct job job_t;
struct job {
    job_shared_t *shared;
    conf_t *conf;     //  in force when it began: the keys of its agent.  Own: a share
    redact_t granted; //  secrets of the kubeconfig of its agent
    buf_t prompt;     //  what its agent was given; empty = not known
    job_state_t state;
    spool_verdict_t verdict; //  incident and attempt are set from the start
    char dir [HOME_PATH];    //  jobs/..., later spool/...
    char cluster [LIMIT_CLUSTER_BYTES + 1], model [LIMIT_MODEL_BYTES + 1];
    char allowed_tools [LIMIT_TOOLS_BYTES + 1];
    int64_t timeout_ms;
    fetch_t fetch;
    box_t box;
    run_t run;
    facts_t facts;       //  `observed` and `seen` are the gateway's
    int64_t end_by_ms;   //  boot time by which the supervisor must have ended
    int64_t deadline_ms; //  boot time of the end of its time, of both runs; 0 = not started
    bool looked;         //  that time was nearly over, and it was decided to stop it early or not
    bool early;          //  it was stopped early, to be resumed
    run_result_t first;  //  how the first run ended, once it is resumed
    bool overdue;        //  it had not, and was killed
    bool ended;          //  it has ended
    bool busy;           //  the fetch failed by trouble of the broker
    bool given;          //  the keeper has it
    upload_t upload;
    int64_t progress_ms;            //  boot time of the next PROGRESS
    int64_t verdict_ms;             //  boot time of the next VERDICT
    bool accept_sent, started_sent; //  in this session
    const char *release;            //  reason of a RELEASE: drain, cancelled, host, busy
    char reason [160];
    job_t *prev, *next;
};

const char *
job_state_name (job_state_t state);

//  A job for an assignment.  Makes the workspace at once; a failure ends the job in JOB_GONE.
//  Own: fresh; NULL when out of memory.
job_t *
job_new (job_shared_t *shared, const msg_assign_t *assign);
//  A job for an entry of the spool.  Own: fresh; NULL when out of memory.
job_t *
job_new_spooled (job_shared_t *shared, const char *dir, const spool_verdict_t *verdict);
//  A job for a run that ended while nobody looked.
job_t *
job_new_ended (job_shared_t *shared, const char *dir, const ident_t *incident, int64_t attempt,
               const run_result_t *result);
void
job_destroy (job_t **self_p);
//  Is it the job of this attempt?
bool
job_is (const job_t *self, codec_text_t incident, int64_t attempt);
//  Does it hold a slot?
bool
job_busy (const job_t *self);
//  Handle one event.
void
job_feed (job_t *self, job_event_t event);
//  Do everything that is due now.
void
job_tick (job_t *self);
//  Take the result of the keeper.  Own: item stays the caller's.
void
job_on_kept (job_t *self, const keeper_item_t *item);
//  Announce the job in a new session: ACCEPT, STARTED and VERDICT are sent again.
void
job_greet (job_t *self);
//  Handle a message of the files socket for this job.
void
job_on_file (job_t *self, const link_msg_t *msg);
