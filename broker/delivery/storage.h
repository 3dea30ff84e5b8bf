//  storage - where the record of an incident is kept for readers; one interface, any backend.
//
//  A backend has a name, saves lists of files and makes links.  A new one is a file that defines a
//  storage_backend_t, and a row in storage_backends; nothing else knows which there are.
//  An incident is saved in two batches: result.json goes alone and last, so that all the rest is
//  there once it is.  Saving again, after a crash at any place, must give the same.
//  Threads: delivery's; storage_name any.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/mail.h"
#include "broker/base/poison.h"
#include "broker/base/settings.h"
#include "broker/store/store.h"
#include "common/net/http.h"


//  --- what a backend is

//  What every backend may use.  Own: all borrowed; the settings change with a CONFIG.
typedef struct {
    const settings_t *settings;
    http_t *http; //  this thread's
} storage_env_t;

//  One file of a batch, and what became of it.
typedef struct {
    char path [LIMIT_PATH_BYTES]; //  below the incident's folder: "output/investigation.md"
    step_effect_result_t result;  //  OK: whole and durable where the backend keeps it
    bool unreached;               //  RETRY: nobody answered, and nothing was sent
    int64_t retry_after_ms;       //  RETRY: not earlier; 0 = no wish
    char error [LIMIT_REASON_BYTES];
} storage_file_t;

//  Files of one incident.  Own: borrowed by the backend until it calls saved.
typedef struct storage_batch {
    const storage_env_t *env;
    const char *incident;
    int folder_fd; //  of the incident: the files are read from it
    size_t count;
    storage_file_t *files;
    void (*saved) (struct storage_batch *batch); //  each file has its answer
    void *arg;                                   //  of saved
} storage_batch_t;

enum { STORAGE_LINK_BYTES = 4096 };

//  How a reader gets at a file.
typedef struct {
    char text [STORAGE_LINK_BYTES];
    bool url;           //  for a browser; else a path on this host
    int64_t expires_ms; //  wall clock; 0 = never
} storage_link_t;

typedef struct {
    const char *name; //  in metrics and logs
    //  Does the configuration ask for it?
    bool (*chosen) (const settings_t *settings);
    //  Save the files, in any order, and answer for each.  saved is called once: before this
    //  returns, or later on the same thread.  The batch is not the backend's any more then.
    void (*save) (storage_batch_t *batch);
    //  Give up a batch whose saved was not called yet: it never is then.  NULL: save always waits.
    void (*cancel) (storage_batch_t *batch);
    //  Where is the file?  A link may be a secret, as one that is signed is.  path "": the
    //  incident's folder; incident "" too: the place of all folders.  These two are logged, and
    //  hold no secret.  Err: ERR_NONE it does not keep files of this path; -ENAMETOOLONG.
    int (*link) (const storage_env_t *env, const char *incident, const char *path,
                 storage_link_t *ret_link);
} storage_backend_t;

//  All backends, NULL behind the last; the first that is chosen is used.
extern const storage_backend_t *const storage_backends [];


//  --- saving incidents

typedef struct storage storage_t;

//  Own: borrows all; poison: of this thread, NULL = none.  Fresh, NULL when out of memory.
storage_t *
storage_new (const storage_backend_t *const *backends, const storage_env_t *env,
             store_reader_t *reader, poison_t *poison);
//  Cancels what is under way.
void
storage_destroy (storage_t **self_p);
//  A new configuration, for what begins from now on.
void
storage_configure (storage_t *self, const settings_t *settings);
//  Begin to save the effect's incident; none may be under way.
void
storage_begin (storage_t *self, const row_effect_t *effect);
//  Has it ended?  Says so once: OK, or the worst answer of a file.  RETRY too when the folder
//  cannot be completed, PERMANENT when there is no such incident.
bool
storage_ended (storage_t *self, mail_effect_done_t *ret_end);
//  Would storage_ended say so now?
bool
storage_waits (const storage_t *self);
//  A link of the backend in use; for a file that it does not keep, the path on this host.
int
storage_link (const storage_t *self, const char *incident, const char *path,
              storage_link_t *ret_link) must_check;
//  Of the backend in use: "filesystem".
const char *
storage_name (const storage_t *self);
