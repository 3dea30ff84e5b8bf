//  Saves one incident at a time: completes its record, then passes it to the backend.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/storage.h"

#include "broker/delivery/storage_azure.h"
#include "broker/delivery/storage_fs.h"
#include "broker/disk/artifact_dir.h"
#include "broker/disk/record.h"
#include "broker/disk/render.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const storage_backend_t *const storage_backends [] = {&storage_azure, &storage_fs, NULL};

struct storage {
    const storage_backend_t *const *backends;
    storage_env_t env;
    store_reader_t *reader;                     //  borrowed
    poison_t *poison;                           //  borrowed
    _Atomic (const storage_backend_t *) chosen; //  for the next effect
    const storage_backend_t *backend;           //  of the effect under way; NULL = none
    row_effect_t effect;
    storage_link_t place; //  of the backend when the save began
    record_t record;
    int folder_fd;
    bool last;     //  the batch under way is result.json
    bool answered; //  the batch has its results, and nobody has looked at them yet
    bool told;     //  the log has this failure already
    storage_batch_t batch;
    storage_file_t files [RECORD_FILES];
    mail_effect_done_t end;
    bool ended;
};

storage_t *
storage_new (const storage_backend_t *const *backends, const storage_env_t *env,
             store_reader_t *reader, poison_t *poison)
{
    assert (backends && env && reader);
    storage_t *self = calloc (1, sizeof (storage_t));
    if (!self)
        return NULL;
    self->backends = backends;
    self->env = *env;
    self->reader = reader;
    self->poison = poison;
    self->folder_fd = -1;
    storage_configure (self, env->settings);
    return self;
}

//  Free the data of the effect that has ended.
static void
s_clear (storage_t *self)
{
    record_fini (&self->record);
    own_fd (&self->folder_fd);
    self->backend = NULL;
}

void
storage_destroy (storage_t **self_p)
{
    assert (self_p);
    storage_t *self = *self_p;
    if (!self)
        return;
    if (self->backend && self->batch.work)
        self->backend->cancel (self->batch.work);
    s_clear (self);
    free (self);
    *self_p = NULL;
}

const storage_backend_t *
storage_choose (const storage_backend_t *const *backends, const settings_t *settings)
{
    while (backends [1] && !(*backends)->chosen (settings))
        backends++;
    assert ((*backends)->chosen (settings));
    return *backends;
}

void
storage_configure (storage_t *self, const settings_t *settings)
{
    self->env.settings = settings;
    atomic_store (&self->chosen, storage_choose (self->backends, settings));
}

int
storage_link (const storage_t *self, const char *incident, const char *path,
              storage_link_t *ret_link)
{
    const storage_backend_t *backend = atomic_load (&self->chosen);
    int rc = backend->link (&self->env, incident, path, ret_link);
    return rc == ERR_NONE ? storage_fs.link (&self->env, incident, path, ret_link) : rc;
}

const char *
storage_name (const storage_t *self)
{
    return atomic_load (&self->chosen)->name;
}


//  --- results

//  Tell what the saved folder takes.
static void
s_saved_folder (storage_t *self)
{
    artifact_dir_size_t size = {.bytes = 0};
    artifact_dir_size (self->folder_fd, &size);
    self->end.folder = (row_folder_t){.incident = self->effect.incident,
                                      .bytes = size.bytes,
                                      .saved_ms = self->record.incident.completed_ms,
                                      .uploaded = self->backend != &storage_fs};
}

static void
s_end (storage_t *self, const storage_file_t *answer)
{
    const char *incident = self->effect.incident.text;
    self->end = (mail_effect_done_t){.id = self->effect.id,
                                     .result = answer->result,
                                     .unreached = answer->unreached,
                                     .retry_after_ms = answer->retry_after_ms};
    snprintf (self->end.error, sizeof self->end.error, "%s", answer->error);
    self->ended = true;
    if (answer->result == STEP_EFFECT_OK) {
        s_saved_folder (self);
        storage_link_t link;
        if (self->backend->link (&self->env, incident, "", &link) < 0)
            link.text [0] = 0;
        log_info ("incident artifacts saved to storage", kv ("incident_id", incident),
                  kv ("path", link.text));
    }
    else if (!self->told)
        log_error ("failed to save incident to storage", kv ("incident_id", incident),
                   kv ("reason", self->end.error));
    s_clear (self);
}

static void
s_fail (storage_t *self, step_effect_result_t result, int rc)
{
    storage_file_t answer = {.result = result};
    snprintf (answer.error, sizeof answer.error, "%s", err_str (rc));
    s_end (self, &answer);
}


//  --- saving

static void
s_add (storage_t *self, const char *path)
{
    storage_file_t *file = &self->files [self->batch.count++];
    *file = (storage_file_t){.result = STEP_EFFECT_RETRY};
    snprintf (file->path, sizeof file->path, "%s", path);
}

//  The worst result of a batch; NULL: all are OK.  PERMANENT is worse than RETRY.
static const storage_file_t *
s_worst (const storage_batch_t *batch)
{
    const storage_file_t *worst = NULL;
    for (size_t i = 0; i < batch->count; i++) {
        const storage_file_t *file = &batch->files [i];
        if (file->result != STEP_EFFECT_OK && (!worst || file->result == STEP_EFFECT_PERMANENT))
            worst = file;
    }
    return worst;
}

//  A batch has its results.  storage_ended goes on: a backend may call this in a hook of http,
//  where no transfer may begin.
static void
s_saved (storage_batch_t *batch)
{
    storage_t *self = batch->arg;
    self->answered = true;
}

//  Where the backend saves; "" = nowhere.
static void
s_place (const storage_t *self, storage_link_t *ret_place)
{
    if (self->backend->link (&self->env, "", "", ret_place) < 0)
        ret_place->text [0] = 0;
}

static void
s_save (storage_t *self)
{
    self->batch.env = &self->env;
    self->batch.incident = self->effect.incident.text;
    self->batch.folder_fd = self->folder_fd;
    self->batch.files = self->files;
    self->batch.saved = s_saved;
    self->batch.arg = self;
    self->batch.work = NULL;
    self->backend->save (&self->batch);
}

//  Is this file one of the batch that has its results?
static bool
s_has (const storage_t *self, const char *path)
{
    for (size_t i = 0; i < self->batch.count; i++)
        if (strcmp (self->files [i].path, path) == 0)
            return true;
    return false;
}

//  Write result.json, with links to the files that stand there now, and to itself, if the backend
//  signs any.
static int
s_result (const storage_t *self)
{
    static const char *const paths [RENDER_LINKS] = {
        "event.json", "result.json", "output/investigation.md", "output/investigation.html"};
    own (own_mem) storage_link_t *links = calloc (RENDER_LINKS, sizeof *links);
    render_links_t render = {.count = 0};
    if (!links)
        return -ENOMEM;
    for (size_t i = 0; i < RENDER_LINKS; i++) {
        storage_link_t *link = &links [i];
        if (strcmp (paths [i], record_result_path) != 0 && !s_has (self, paths [i]))
            continue;
        const int rc =
            self->backend->link (&self->env, self->effect.incident.text, paths [i], link);
        if (rc < 0 && rc != ERR_NONE)
            return rc;
        if (rc < 0 || !link->url)
            continue;
        const char *slash = strrchr (paths [i], '/');
        render.names [render.count] = slash ? slash + 1 : paths [i];
        render.urls [render.count++] = link->text;
        if (render.count == 1 || link->expires_ms < render.expires_ms)
            render.expires_ms = link->expires_ms;
    }
    return record_result (&self->record, self->folder_fd, &render);
}

//  Does the configuration still name the place where the save began?
static bool
s_stays (const storage_t *self)
{
    storage_link_t place;
    s_place (self, &place);
    return strcmp (place.text, self->place.text) == 0;
}

//  Look at the results of a batch: report a failure, or go on with result.json, or end.
static void
s_go_on (storage_t *self)
{
    self->answered = false;
    const storage_file_t *worst = s_worst (&self->batch);
    if (worst || self->last) {
        s_end (self, worst ? worst : &self->files [0]);
        return;
    }
    if (!s_stays (self)) { //  the other place would get result.json alone
        static const storage_file_t moved = {
            .result = STEP_EFFECT_RETRY,
            .error = "the configuration names another place now: all files go there"};
        s_end (self, &moved);
        return;
    }
    int rc = s_result (self);
    if (rc < 0) {
        s_fail (self, STEP_EFFECT_RETRY, rc);
        return;
    }
    self->last = true;
    self->batch.count = 0;
    s_add (self, record_result_path);
    s_save (self);
}

bool
storage_ended (storage_t *self, mail_effect_done_t *ret_end)
{
    if (self->backend && self->batch.work)
        self->backend->go_on (self->batch.work);
    while (self->answered)
        s_go_on (self);
    if (!self->ended)
        return false;
    *ret_end = self->end;
    self->ended = false;
    return true;
}

bool
storage_waits (const storage_t *self)
{
    return self->ended || self->answered;
}

static int
s_read (storage_t *self, const char *incident)
{
    record_t *record = &self->record;
    int rc = store_reader_incident (self->reader, incident, &record->incident);
    if (rc < 0)
        return rc;
    rc = store_reader_attempts (self->reader, incident, record->attempts, LIMIT_ATTEMPTS);
    if (rc < 0)
        return rc;
    record->attempt_count = rc;
    rc = store_reader_event_body (self->reader, incident, &record->body, &record->body_size);
    return rc == ERR_NONE ? 0 : rc; //  the store has deleted the old event
}

//  Complete the folder, and fill the first batch with its files.
static int
s_complete (storage_t *self, const char *incident)
{
    const settings_t *settings = self->env.settings;
    record_files_t files;
    self->folder_fd = artifact_dir_open (settings->workspace_root, incident, true);
    int rc = self->folder_fd < 0
                 ? self->folder_fd
                 : record_complete (&self->record, self->folder_fd, settings, self->poison, &files);
    if (rc < 0)
        return rc;
    self->batch.count = 0;
    for (size_t i = 0; i < files.count; i++)
        s_add (self, files.paths [i]);
    return 0;
}

//  The backend for this incident: storage_fs for one without a report.
static const storage_backend_t *
s_backend (const storage_t *self)
{
    const bool wanted = render_report (&self->record.incident) > 0
                        || self->env.settings->upload_failed_investigations;
    return wanted ? self->backend : &storage_fs;
}

//  The backend is known to be out of order.  At its first try the incident's folder is completed
//  all the same, for readers on this host.
static void
s_refuse (storage_t *self, const char *trouble)
{
    int rc = 0;
    if (self->effect.tries == 0)
        rc = s_complete (self, self->effect.incident.text);
    if (rc < 0) {
        s_fail (self, STEP_EFFECT_RETRY, rc);
        return;
    }
    storage_file_t answer = {.result = STEP_EFFECT_RETRY, .unreached = true};
    snprintf (answer.error, sizeof answer.error, "%s", trouble);
    self->told = true;
    s_end (self, &answer);
}

void
storage_begin (storage_t *self, const row_effect_t *effect, const char *trouble)
{
    assert (!self->backend && !self->ended);
    self->effect = *effect;
    self->backend = atomic_load (&self->chosen);
    self->last = self->told = false;
    int rc = s_read (self, effect->incident.text);
    if (rc < 0) {
        s_fail (self, rc == ERR_NONE ? STEP_EFFECT_PERMANENT : STEP_EFFECT_RETRY, rc);
        return;
    }
    self->backend = s_backend (self);
    s_place (self, &self->place);
    if (*trouble && self->backend != &storage_fs) {
        s_refuse (self, trouble);
        return;
    }
    rc = s_complete (self, effect->incident.text);
    if (rc < 0)
        s_fail (self, STEP_EFFECT_RETRY, rc);
    else
        s_save (self);
}
