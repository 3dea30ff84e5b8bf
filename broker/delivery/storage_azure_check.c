//  storage_azure_check - writes a small blob, reads it back, and reads it by a signed link.
//
//  The blob has one name and one content, so that several brokers may share a container.  It stays
//  there: the right to delete is not needed.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/azure/azure_link.h"
#include "broker/delivery/storage_azure_work.h"
#include "common/base/own.h"

#include <stdlib.h>
#include <string.h>

enum { S_CALL_MS = 5000, S_ANSWER_BYTES = LIMIT_KIB (16), S_LINK_BYTES = LIMIT_KIB (8) };
enum { S_MINUTE_MS = 60000 };

static const char s_blob [] = "k8s-triage-check.txt";
static const char s_text [] = "k8s-triage wrote this to see that it can write here.\n";

typedef enum { S_WRITE, S_READ, S_LINK } s_step_t;

typedef struct {
    storage_azure_work_t work;
    storage_check_t *check;
    s_step_t step;
    storage_call_t call;
} s_check_t;

static void
s_free (s_check_t *self)
{
    storage_call_fini (&self->call);
    azure_account_wipe (&self->work.place.account);
    self->check->work = NULL;
    free (self);
}

static void
s_cancel (storage_azure_work_t *work)
{
    s_free ((s_check_t *) work);
}

static void
s_end (s_check_t *self)
{
    storage_check_t *check = self->check;
    s_free (self);
    check->checked (check);
}

static void
s_begin (s_check_t *self, s_step_t step, storage_call_what_t *what)
{
    what->blob = s_blob;
    what->total_ms = S_CALL_MS;
    what->answer_max = S_ANSWER_BYTES;
    self->step = step;
    storage_call_begin (&self->call, &self->work.place, what);
}

static void
s_write (s_check_t *self)
{
    const azure_pair_t headers [] = {{"x-ms-blob-type", "BlockBlob"},
                                     {"Content-Type", "text/plain; charset=utf-8"}};
    storage_call_what_t what = {.method = "PUT",
                                .headers = headers,
                                .header_count = 2,
                                .body = s_text,
                                .body_size = sizeof s_text - 1};
    s_begin (self, S_WRITE, &what);
}

static void
s_found (s_check_t *self, const char *name, mail_storage_result_t result, const char *text)
{
    mail_storage_found (&self->check->found, name, result, "%s", text);
}

//  What a failed write shows: up to where it came.
static void
s_write_failed (s_check_t *self)
{
    const storage_call_place_t *place = &self->work.place;
    const azure_error_t *error = &self->call.error;
    const bool reached = self->call.status != 0;
    s_found (self, "reach", reached ? MAIL_STORAGE_GOOD : MAIL_STORAGE_BAD,
             reached ? place->account.endpoint : error->text);
    self->check->found.stops = true;
    if (!reached)
        return;
    const bool key = error->class != AZURE_AUTH;
    s_found (self, "key", key ? MAIL_STORAGE_GOOD : MAIL_STORAGE_BAD,
             key ? "it is accepted" : error->text);
    if (!key)
        return;
    const bool container = error->class != AZURE_NO_CONTAINER;
    s_found (self, "container", container ? MAIL_STORAGE_GOOD : MAIL_STORAGE_BAD,
             container ? place->container : error->text);
    if (container)
        s_found (self, "write", MAIL_STORAGE_BAD, error->text);
}

static void
s_written (s_check_t *self)
{
    const storage_call_place_t *place = &self->work.place;
    storage_call_what_t what = {.method = "GET"};
    s_found (self, "reach", MAIL_STORAGE_GOOD, place->account.endpoint);
    s_found (self, "key", MAIL_STORAGE_GOOD, "it is accepted");
    s_found (self, "container", MAIL_STORAGE_GOOD, place->container);
    s_found (self, "write", MAIL_STORAGE_GOOD, s_blob);
    s_begin (self, S_READ, &what);
}

//  Does the answer hold what was written?  Say so.
static void
s_judge_read (s_check_t *self, const char *name, const char *good)
{
    const buf_t *body = &self->call.body;
    const bool same =
        body->size == sizeof s_text - 1 && memcmp (body->data, s_text, body->size) == 0;
    if (self->call.error.class != AZURE_OK)
        s_found (self, name, MAIL_STORAGE_BAD, self->call.error.text);
    else
        s_found (self, name, same ? MAIL_STORAGE_GOOD : MAIL_STORAGE_BAD,
                 same ? good : "other bytes came back than were written");
}

//  Try a link.  Returns false if there is none.
static bool
s_link (s_check_t *self)
{
    const storage_call_place_t *place = &self->work.place;
    const azure_link_t link = {.container = place->container,
                               .blob = s_blob,
                               .now_ms = clk_now (place->clk).wall_ms,
                               .expiry_ms = S_MINUTE_MS};
    own (buf_fini) buf_t url = buf_init (S_LINK_BYTES);
    int64_t expires_ms;
    const int rc = azure_link_make (&place->account, &link, &url, &expires_ms);
    if (rc == ERR_NONE)
        s_found (self, "link", MAIL_STORAGE_SKIPPED,
                 "a SharedAccessSignature cannot sign links: messages show paths");
    else if (rc < 0)
        s_found (self, "link", MAIL_STORAGE_BAD, err_str (rc));
    if (rc < 0)
        return false;
    storage_call_what_t what = {.method = "GET", .link = url.data};
    s_begin (self, S_LINK, &what);
    return true;
}

//  Take an answer.  Returns false if it was the last one.
static bool
s_advance (s_check_t *self)
{
    const bool good = self->call.error.class == AZURE_OK;
    switch (self->step) {
        case S_WRITE:
            if (good)
                s_written (self);
            else
                s_write_failed (self);
            return good;
        case S_READ: s_judge_read (self, "read", "the same bytes came back"); return s_link (self);
        case S_LINK: s_judge_read (self, "link", "a signed link can be opened"); return false;
    }
    return false;
}

static void
s_go_on (storage_azure_work_t *work)
{
    s_check_t *self = (s_check_t *) work;
    while (storage_call_ended (&self->call)) {
        if (!s_advance (self)) {
            s_end (self);
            return;
        }
    }
}

void
storage_azure_check_begin (storage_check_t *check, const storage_call_place_t *place)
{
    s_check_t *self = calloc (1, sizeof *self);
    if (!self) {
        mail_storage_found (&check->found, "reach", MAIL_STORAGE_BAD, "out of memory");
        check->checked (check);
        return;
    }
    self->work = (storage_azure_work_t){.go_on = s_go_on, .cancel = s_cancel, .place = *place};
    self->check = check;
    check->work = self;
    s_write (self);
    s_go_on (&self->work);
}
