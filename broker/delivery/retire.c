//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/retire.h"

#include "broker/delivery/storage_fs.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct retire {
    const storage_backend_t *const *backends;
    storage_env_t env;
    row_effect_t effect;
    const storage_backend_t *backend; //  it removes now; NULL = none does
    storage_removal_t removal;
    bool answered; //  it has ended, and nobody has looked at its result yet
    mail_effect_done_t end;
    bool ended;
};

retire_t *
retire_new (const storage_backend_t *const *backends, const storage_env_t *env)
{
    assert (backends && env);
    retire_t *self = calloc (1, sizeof (retire_t));
    if (!self)
        return NULL;
    self->backends = backends;
    self->env = *env;
    return self;
}

void
retire_destroy (retire_t **self_p)
{
    assert (self_p);
    retire_t *self = *self_p;
    if (!self)
        return;
    if (self->backend && self->removal.work)
        self->backend->cancel (self->removal.work);
    free (self);
    *self_p = NULL;
}

void
retire_configure (retire_t *self, const settings_t *settings)
{
    self->env.settings = settings;
}

static void
s_end (retire_t *self, const storage_file_t *answer)
{
    const char *incident = self->effect.incident.text;
    self->end = (mail_effect_done_t){.id = self->effect.id,
                                     .result = answer->result,
                                     .unreached = answer->unreached,
                                     .retry_after_ms = answer->retry_after_ms};
    //  The incident stays until its files are gone, so a removal is never given up for good.
    if (answer->result != STEP_EFFECT_OK)
        self->end.result = STEP_EFFECT_RETRY;
    snprintf (self->end.error, sizeof self->end.error, "%s", answer->error);
    self->ended = true;
    if (self->end.result == STEP_EFFECT_OK)
        log_info ("incident removed, it is kept no longer", kv ("incident_id", incident));
    else
        log_error ("failed to remove an incident", kv ("incident_id", incident),
                   kv ("backend", self->backend->name), kv ("reason", self->end.error));
    self->backend = NULL;
}

static void
s_removed (storage_removal_t *removal)
{
    retire_t *self = removal->arg;
    self->answered = true;
}

static void
s_remove (retire_t *self, const storage_backend_t *backend)
{
    self->backend = backend;
    self->removal = (storage_removal_t){.env = &self->env,
                                        .incident = self->effect.incident.text,
                                        .removed = s_removed,
                                        .arg = self};
    int rc = 0;
    if (backend == &storage_fs)
        rc = failpoint_before ("retire", "folder");
    if (backend != &storage_fs)
        rc = failpoint_before ("retire", "blobs");
    if (rc == 0) {
        backend->remove (&self->removal);
        return;
    }
    self->removal.end = (storage_file_t){.result = STEP_EFFECT_RETRY};
    snprintf (self->removal.end.error, sizeof self->removal.end.error, "%s", err_str (rc));
    self->answered = true;
}

void
retire_begin (retire_t *self, const row_effect_t *effect)
{
    assert (!self->backend && !self->ended);
    self->effect = *effect;
    const settings_t *settings = self->env.settings;
    s_remove (self,
              settings->retain_blobs ? storage_choose (self->backends, settings) : &storage_fs);
}

//  Look at what has been removed: report a failure, or go on with the folder, or end.
static void
s_next (retire_t *self)
{
    self->answered = false;
    if (self->removal.end.result != STEP_EFFECT_OK) {
        s_end (self, &self->removal.end);
        return;
    }
    if (self->backend != &storage_fs) {
        failpoint_after ("retire", "blobs");
        s_remove (self, &storage_fs);
        return;
    }
    failpoint_after ("retire", "folder");
    s_end (self, &self->removal.end);
}

bool
retire_ended (retire_t *self, mail_effect_done_t *ret_end)
{
    if (self->backend && self->removal.work)
        self->backend->go_on (self->removal.work);
    while (self->answered)
        s_next (self);
    if (!self->ended)
        return false;
    *ret_end = self->end;
    self->ended = false;
    return true;
}

bool
retire_waits (const retire_t *self)
{
    return self->ended || self->answered;
}
