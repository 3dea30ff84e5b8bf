//  worker_start - finds the programs of agents, and the work of an earlier process.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/log.h"
#include "worker/keeper/secrets.h"
#include "worker/loop/driver.h"
#include "worker/loop/program.h"
#include "worker/loop/worker_part.h"

#include <errno.h>
#include <utlist.h>

//  Make a job for an entry of the spool.  An unreadable entry stays in place for an operator.
static void
s_visit_spool (void *ctx, const char *path, const char *name)
{
    worker_t *self = ctx;
    static spool_verdict_t verdict; //  6 KiB, one thread
    int rc = spool_load (path, &verdict);
    job_t *job = rc == 0 ? job_new_spooled (&self->shared, path, &verdict) : NULL;
    if (!job) {
        log_error ("spool entry not readable", kv ("entry", name),
                   kv ("error", err_str (rc ? rc : -ENOMEM)));
        return;
    }
    log_info ("result found in the spool", kv ("incident_id", verdict.incident.text),
              kv ("attempt", verdict.attempt));
    DL_APPEND (self->jobs, job);
}

//  Make a job for a left-over workspace if its run had ended by itself; discard all others.  Also
//  discard one whose attempt is in the spool: each attempt has one job, and the spool is complete.
static void
s_visit_job (void *ctx, const char *path, const char *name)
{
    worker_t *self = ctx;
    ident_t incident;
    int64_t attempt = 0;
    run_result_t result;
    job_t *job = NULL;
    if (home_name_parse (name, &incident, &attempt) && run_result_load (path, &result) == 0
        && run_result_final (&result) && !worker_find (self, codec_text (incident.text), attempt))
        job = job_new_ended (&self->shared, path, &incident, attempt, &result);
    if (!job) {
        home_discard (self->home, path);
        return;
    }
    log_info ("finished run found", kv ("incident_id", incident.text), kv ("attempt", attempt));
    DL_APPEND (self->jobs, job);
}

int
worker_look (worker_t *self, err_diag_t *diag)
{
    int rc = program_folder (self->program_dir, diag);
    if (rc == 0)
        rc = program_script (self->settings, self->program_dir, self->script, diag);
    if (rc < 0 && rc != ERR_CONFIG) { //  it may be installed later: the look at agents says so
        diag->text [0] = 0;
        rc = 0;
    }
    secrets_warn (self->settings);
    return rc == 0 ? driver_check (self->settings, self->script, diag) : rc;
}

void
worker_resume (worker_t *self)
{
    home_each (self->home, "spool", self, s_visit_spool);
    home_each (self->home, "jobs", self, s_visit_job);
}
