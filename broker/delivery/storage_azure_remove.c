//  storage_azure_remove - removes all blobs of one incident: lists them, and deletes a few at once.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/azure/azure_list.h"
#include "broker/delivery/storage_azure_work.h"
#include "broker/disk/record.h"
#include "common/base/own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    S_CALLS = 8,
    S_NAMES = 64, //  of one page; a record has fewer files
    S_PAGES = 64, //  a server that always has more is tried again later
    S_CALL_MS = 30000,
    S_ANSWER_BYTES = LIMIT_MIB (1)
};

typedef enum { S_RESULT, S_LIST, S_DELETE } s_step_t;

typedef struct {
    storage_azure_work_t work;
    storage_removal_t *removal;
    s_step_t step;
    int pages;
    char names [S_NAMES][STORAGE_CALL_BLOB];
    size_t count, next;
    bool foreign; //  a name in the list is not of this incident
    storage_call_t calls [S_CALLS];
} s_remove_t;

static void
s_free (s_remove_t *self)
{
    for (size_t i = 0; i < S_CALLS; i++)
        storage_call_fini (&self->calls [i]);
    azure_account_wipe (&self->work.place.account);
    self->removal->work = NULL;
    free (self);
}

static void
s_cancel (storage_azure_work_t *work)
{
    s_free ((s_remove_t *) work);
}

static void
s_end (s_remove_t *self)
{
    storage_removal_t *removal = self->removal;
    s_free (self);
    removal->removed (removal);
}

//  The step has failed by itself.
static void
s_fail (s_remove_t *self, const char *text)
{
    storage_file_t *end = &self->removal->end;
    end->result = STEP_EFFECT_RETRY;
    snprintf (end->error, sizeof end->error, "%s", text);
    s_end (self);
}

static void
s_delete (s_remove_t *self, storage_call_t *call, const char *blob)
{
    const azure_pair_t headers [] = {{"x-ms-delete-snapshots", "include"}};
    const storage_call_what_t what = {.method = "DELETE",
                                      .blob = blob,
                                      .headers = headers,
                                      .header_count = 1,
                                      .total_ms = S_CALL_MS,
                                      .answer_max = S_ANSWER_BYTES};
    storage_call_begin (call, &self->work.place, &what);
}

static void
s_list (s_remove_t *self)
{
    char prefix [IDENT_SIZE + 1], most [24];
    snprintf (prefix, sizeof prefix, "%s/", self->removal->incident);
    snprintf (most, sizeof most, "%d", S_NAMES);
    const azure_pair_t query [] = {
        {"comp", "list"}, {"maxresults", most}, {"prefix", prefix}, {"restype", "container"}};
    const storage_call_what_t what = {.method = "GET",
                                      .blob = "",
                                      .query = query,
                                      .query_count = 4,
                                      .total_ms = S_CALL_MS,
                                      .answer_max = S_ANSWER_BYTES};
    self->step = S_LIST;
    storage_call_begin (&self->calls [0], &self->work.place, &what);
}

static void
s_name (void *arg, const char *name)
{
    s_remove_t *self = arg;
    const size_t size = strlen (self->removal->incident);
    if (strncmp (name, self->removal->incident, size) != 0 || name [size] != '/'
        || strlen (name) >= STORAGE_CALL_BLOB)
        self->foreign = true;
    else if (self->count < S_NAMES)
        snprintf (self->names [self->count++], STORAGE_CALL_BLOB, "%s", name);
}

//  Take the list.  Returns false if that was the end.
static bool
s_listed (s_remove_t *self)
{
    char marker [AZURE_LIST_MARKER];
    const buf_t *body = &self->calls [0].body;
    self->count = self->next = 0;
    if (azure_list_read (body->data ? body->data : "", body->size, s_name, self, marker) < 0
        || self->foreign) {
        s_fail (self, "the list of the incident's blobs cannot be read");
        return false;
    }
    if (self->count == 0 && !marker [0]) {
        self->removal->end.result = STEP_EFFECT_OK;
        s_end (self);
        return false;
    }
    if (++self->pages > S_PAGES) {
        s_fail (self, "the incident has too many blobs for one try");
        return false;
    }
    self->step = S_DELETE;
    return true;
}

//  Take an answer.  False: it was the end.
static bool
s_answer (s_remove_t *self, const storage_call_t *call)
{
    const azure_class_t class = call->error.class;
    const bool gone = class == AZURE_NO_BLOB && self->step != S_LIST;
    if (class != AZURE_OK && !gone) {
        storage_call_result (call, &self->removal->end);
        s_end (self);
        return false;
    }
    return self->step != S_LIST || s_listed (self);
}

//  Nothing is under way: begin what comes next.
static void
s_begin (s_remove_t *self)
{
    if (self->step != S_DELETE || self->next == self->count) {
        s_list (self);
        return;
    }
    for (size_t i = 0; i < S_CALLS && self->next < self->count; i++)
        s_delete (self, &self->calls [i], self->names [self->next++]);
}

static void
s_go_on (storage_azure_work_t *work)
{
    s_remove_t *self = (s_remove_t *) work;
    for (bool busy = false; !busy;) {
        for (size_t i = 0; i < S_CALLS; i++) {
            storage_call_t *call = &self->calls [i];
            if (storage_call_ended (call) && !s_answer (self, call))
                return;
            busy |= call->transfer != NULL;
        }
        if (!busy)
            s_begin (self);
    }
}

void
storage_azure_remove_begin (storage_removal_t *removal, const storage_call_place_t *place)
{
    s_remove_t *self = calloc (1, sizeof *self);
    char blob [STORAGE_CALL_BLOB];
    removal->end = (storage_file_t){.result = STEP_EFFECT_RETRY};
    if (!self) {
        snprintf (removal->end.error, sizeof removal->end.error, "out of memory");
        removal->removed (removal);
        return;
    }
    self->work = (storage_azure_work_t){.go_on = s_go_on, .cancel = s_cancel, .place = *place};
    self->removal = removal;
    self->step = S_RESULT;
    removal->work = self;
    snprintf (blob, sizeof blob, "%s/%s", removal->incident, record_result_path);
    s_delete (self, &self->calls [0], blob);
    s_go_on (&self->work);
}
