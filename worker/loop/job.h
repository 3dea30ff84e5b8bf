//  job - one attempt on this worker, as one table {state, event} -> {action, next}.
//
//  fetch -> ready -> run -> keep -> upload -> verdict -> gone; stop on the way when it is taken
//  back.  A job holds a slot until its result is spooled.
//  A missing cell is a stale event: nothing changes.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/limits.h"
#include "worker/base/home.h"
#include "worker/keeper/keeper.h"
#include "worker/keeper/spool.h"
#include "worker/loop/fetch.h"
#include "worker/loop/run.h"
#include "worker/loop/session.h"
#include "worker/loop/upload.h"

typedef enum {
    JOB_FETCH,   //  prompt and event come from the broker
    JOB_READY,   //  waits for its turn to start
    JOB_RUN,     //  the agent runs
    JOB_STOP,    //  the agent is being ended, the attempt goes back
    JOB_KEEP,    //  the run is over, the keeper has it
    JOB_UPLOAD,  //  spooled; files go to the broker
    JOB_VERDICT, //  the verdict is repeated until acknowledged
    JOB_GONE,    //  to be destroyed
    JOB_STATES
} job_state_t;

typedef enum {
    JOB_ON_FETCHED,
    JOB_ON_FAILED,  //  fetch or start impossible; self->reason says why
    JOB_ON_START,   //  its turn
    JOB_ON_ENDED,   //  agent tree is gone, by itself
    JOB_ON_STOPPED, //  agent tree is gone, ended from outside or by its deadline
    JOB_ON_KEPT,    //  the keeper gave it back
    JOB_ON_CANCEL,  //  by the broker
    JOB_ON_DRAIN,   //  the worker leaves
    JOB_ON_STORED,  //  the broker has the files, or wants none
    JOB_ON_MISSING, //  the broker lost them
    JOB_ON_ACK,     //  verdict acknowledged
    JOB_EVENTS
} job_event_t;

//  What all jobs of a worker share; borrowed by each.
typedef struct {
    const settings_t *settings;
    home_t *home;
    session_t *session;
    keeper_t *keeper;
    const char *script, *program_dir;
    int poll_fd;              //  epoll that wakes the loop for status streams
    bool leaving;             //  told to end; whoever did may have told the supervisors too
    int64_t boot_ms, wall_ms; //  now, set each turn
    int64_t started_ms;       //  boot time of the last start of an agent, 0 = none
    int64_t window;           //  bytes that may be put under way this turn
    //  a supervisor left processes: kill them, at most until then; 0 = none
    int64_t orphans_until_ms;
} job_shared_t;

enum { JOB_PROGRESS_SHARE = 3 }; //  PROGRESS goes this often in a lease

typedef struct job job_t;
struct job {
    job_shared_t *shared;
    job_state_t state;
    spool_report_t report; //  incident and attempt from the start
    char dir [HOME_PATH];  //  jobs/... and later spool/...
    char cluster [LIMIT_CLUSTER_BYTES + 1], model [LIMIT_MODEL_BYTES + 1];
    char allowed_tools [LIMIT_TOOLS_BYTES + 1];
    int64_t timeout_ms;
    fetch_t fetch;
    run_t run;
    int64_t end_by_ms;   //  boot time by which the supervisor must be done
    bool overdue, ended; //  it was not; it is
    bool busy;           //  it is the broker that could not do its part
    bool given;          //  to the keeper
    upload_t upload;
    int64_t progress_ms;            //  next PROGRESS
    int64_t verdict_ms;             //  next VERDICT
    bool accept_sent, started_sent; //  in this session
    const char *release;            //  reason of a RELEASE: drain, cancelled, host
    char reason [160];
    job_t *prev, *next;
};

const char *
job_state_name (job_state_t state);

//  A new attempt; its workspace is made at once.  Own: fresh, NULL when out of memory.
job_t *
job_new (job_shared_t *shared, const msg_assign_t *assign);
//  An entry of the spool.
job_t *
job_new_spooled (job_shared_t *shared, const char *dir, const spool_report_t *report);
//  A run that came to its end while nobody looked.
job_t *
job_new_ended (job_shared_t *shared, const char *dir, const ident_t *incident, int64_t attempt,
               const run_result_t *result);
void
job_destroy (job_t **self_p);
bool
job_is (const job_t *self, codec_text_t incident, int64_t attempt);
//  Does it hold a slot?
bool
job_busy (const job_t *self);
void
job_feed (job_t *self, job_event_t event);
//  Do what is due.
void
job_tick (job_t *self);
//  The keeper has done its part.
void
job_on_kept (job_t *self, const keeper_item_t *item);
//  A new session: say ACCEPT and STARTED again.
void
job_greet (job_t *self);
//  A message of the files socket for this job.
void
job_on_file (job_t *self, const link_msg_t *msg);
