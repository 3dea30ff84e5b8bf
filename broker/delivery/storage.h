//  storage - keeps the records of incidents for readers: one interface, several backends.
//
//  Ensures: result.json is saved last and alone; when it exists, all other files do.  Saving again,
//  after a crash at any point, gives the same result.
//  A backend has a name, saves and removes files of incidents, makes links and can be checked.
//  To add one, define a storage_backend_t in a file of its own and add it to storage_backends,
//  before storage_fs.
//  Threads: delivery's; storage_name any.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/mail.h"
#include "broker/base/poison.h"
#include "broker/base/settings.h"
#include "broker/store/store.h"
#include "common/net/http.h"

#include <limits.h>


//  --- backends

//  The environment of a backend.  Own: all borrowed; the settings change with a CONFIG.
typedef struct {
    const settings_t *settings;
    http_t *http;     //  this thread's
    const clk_t *clk; //  wall time for signatures
} storage_env_t;

//  One file of a batch, and its result.
typedef struct {
    char path [LIMIT_PATH_BYTES]; //  below the incident's folder: "output/investigation.md"
    step_effect_result_t result;  //  OK: complete and durable in the backend
    //  RETRY: the storage takes nothing at all: no server, wrong key, no container, no room.  Such
    //  a try does not count, so that no outage loses a file.
    bool unreached;
    int64_t retry_after_ms; //  RETRY: least time to wait; 0 = not given
    char error [LIMIT_REASON_BYTES];
} storage_file_t;

//  Files of one incident.  Own: borrowed by the backend until it calls saved.
typedef struct storage_batch {
    const storage_env_t *env;
    const char *incident;
    int folder_fd; //  the incident's folder, with the files
    size_t count;
    storage_file_t *files;
    void (*saved) (struct storage_batch *batch); //  called when each file has its result
    void *arg;                                   //  for saved
    void *work;                                  //  the backend's; NULL when it calls saved
} storage_batch_t;

//  A check of the storage.  Own: borrowed by the backend until it calls checked.
typedef struct storage_check {
    const storage_env_t *env;
    mail_storage_t found; //  a step of it for each thing that was tried
    void (*checked) (struct storage_check *check);
    void *arg;  //  for checked
    void *work; //  the backend's; NULL when it calls checked
} storage_check_t;

//  The removal of one incident.  Own: borrowed by the backend until it calls removed.
typedef struct storage_removal {
    const storage_env_t *env;
    const char *incident;
    storage_file_t end; //  its result; OK: no file of the incident is left; path is not used
    void (*removed) (struct storage_removal *removal);
    void *arg;  //  for removed
    void *work; //  the backend's; NULL when it calls removed
} storage_removal_t;

enum { STORAGE_LINK_BYTES = PATH_MAX + IDENT_SIZE + LIMIT_PATH_BYTES };

//  A link to a file, for a reader.
typedef struct {
    char text [STORAGE_LINK_BYTES];
    bool url;           //  for a browser; else a path on this host
    int64_t expires_ms; //  wall clock; 0 = never
} storage_link_t;

typedef struct {
    const char *name; //  in metrics and logs
    //  Does the configuration choose this backend?
    bool (*chosen) (const settings_t *settings);
    //  Save the files in any order, and set each result.  Call saved once, before returning or
    //  later on the same thread, also in a hook of http.  From then on the batch is the caller's
    //  again; saved itself begins nothing.
    void (*save) (storage_batch_t *batch);
    //  Try what saving and reading need, and say what was found.  checked: as saved of a batch.
    void (*check) (storage_check_t *check);
    //  Remove all files of an incident, result.json first; none is no error.  removed: as saved.
    void (*remove) (storage_removal_t *removal);
    //  Go on with a save, check or removal.  Call it with its `work` after each http_poll, until
    //  that is NULL: it has ended.  NULL: all end before they return.
    void (*go_on) (void *work);
    //  Give up one that has not ended, by its `work`; its end is then never told.
    void (*cancel) (void *work);
    //  Make a link to a file.  A link may be a secret, for example a signed URL.
    //  path "": the incident's folder; incident "" as well: the folder of all incidents.  These two
    //  are logged, so they must hold no secret.
    //  Err: ERR_NONE: the backend does not keep this path; -ENAMETOOLONG.
    int (*link) (const storage_env_t *env, const char *incident, const char *path,
                 storage_link_t *ret_link);
} storage_backend_t;

//  All backends; NULL ends the list.  The first one that is chosen is used, so storage_fs is the
//  last one: it is always chosen.
extern const storage_backend_t *const storage_backends [];
//  The first of a list that the settings choose.
const storage_backend_t *
storage_choose (const storage_backend_t *const *backends, const settings_t *settings);


//  --- saving incidents

typedef struct storage storage_t;

//  The last backend must be one that is always chosen.  poison: of this thread, may be NULL.
//  Own: fresh; borrows all; NULL when out of memory.
storage_t *
storage_new (const storage_backend_t *const *backends, const storage_env_t *env,
             store_reader_t *reader, poison_t *poison);
//  Cancel the save under way.
void
storage_destroy (storage_t **self_p);
//  Use a new configuration for saves that begin from now on.
void
storage_configure (storage_t *self, const settings_t *settings);
//  Begin to save the effect's incident; none may be under way.  An incident without a report stays
//  in its folder, unless upload_failed_investigations is set.
//  trouble: not "": why the backend can save nothing now; it is not asked, and the try is RETRY.
void
storage_begin (storage_t *self, const row_effect_t *effect, const char *trouble);
//  Go on with a save whose batch has its results.  Has the save ended?  Never call it in a hook of
//  http: it may begin the next batch.
//  Returns true once, with the result: OK, or the worst result of a file.  It is RETRY if the
//  folder cannot be completed, PERMANENT if there is no such incident.
bool
storage_ended (storage_t *self, mail_effect_done_t *ret_end);
//  Has storage_ended something to do or to return now?
bool
storage_waits (const storage_t *self);
//  A link of the backend in use; for a file that it does not keep, the path on this host.
//  Err: -ENAMETOOLONG.
int
storage_link (const storage_t *self, const char *incident, const char *path,
              storage_link_t *ret_link) must_check;
//  The name of the backend in use: "filesystem".
const char *
storage_name (const storage_t *self);
