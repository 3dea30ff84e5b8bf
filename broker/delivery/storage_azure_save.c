//  storage_azure_save - saves the files of one incident, a few at a time.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/storage_azure_work.h"
#include "broker/delivery/storage_upload.h"
#include "common/base/own.h"

#include <stdio.h>
#include <stdlib.h>

enum { S_UPLOADS = 4 };

typedef struct {
    storage_azure_work_t work;
    storage_batch_t *batch;
    size_t next;                //  file that is not begun
    const storage_file_t *down; //  its result holds for all that are not begun
    storage_upload_t uploads [S_UPLOADS];
} s_save_t;

static void
s_free (s_save_t *self)
{
    for (size_t i = 0; i < S_UPLOADS; i++)
        storage_upload_fini (&self->uploads [i]);
    azure_account_wipe (&self->work.place.account);
    self->batch->work = NULL;
    free (self);
}

static void
s_cancel (storage_azure_work_t *work)
{
    s_free ((s_save_t *) work);
}

//  All files have their results, or will have none.
static void
s_end (s_save_t *self)
{
    storage_batch_t *batch = self->batch;
    for (size_t i = self->next; i < batch->count; i++) {
        storage_file_t *file = &batch->files [i];
        file->result = self->down->result;
        file->unreached = self->down->unreached;
        file->retry_after_ms = self->down->retry_after_ms;
        snprintf (file->error, sizeof file->error, "%s", self->down->error);
    }
    s_free (self);
    batch->saved (batch);
}

//  Is the upload under way?  Begin the next file if not.
static bool
s_step (s_save_t *self, storage_upload_t *upload)
{
    storage_batch_t *batch = self->batch;
    while (!storage_upload_go_on (upload)) {
        if (upload->file && upload->file->unreached)
            self->down = upload->file;
        if (self->down || self->next == batch->count)
            return false;
        storage_upload_begin (upload, &self->work.place, batch->incident, batch->folder_fd,
                              &batch->files [self->next++]);
    }
    return true;
}

static void
s_go_on (storage_azure_work_t *work)
{
    s_save_t *self = (s_save_t *) work;
    bool busy = false;
    for (size_t i = 0; i < S_UPLOADS; i++)
        busy |= s_step (self, &self->uploads [i]);
    if (!busy)
        s_end (self);
}

void
storage_azure_save_begin (storage_batch_t *batch, const storage_call_place_t *place)
{
    s_save_t *self = calloc (1, sizeof *self);
    if (!self) { //  every file is RETRY already
        batch->saved (batch);
        return;
    }
    self->work = (storage_azure_work_t){.go_on = s_go_on, .cancel = s_cancel, .place = *place};
    self->batch = batch;
    batch->work = self;
    s_go_on (&self->work);
}
