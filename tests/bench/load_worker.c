//  load_worker - a worker whose agent takes no time.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/bench/load_worker.h"

#include "common/base/digest.h"
#include "common/base/ident.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

enum { HELLO_US = 1000000, PING_US = 5000000 };
#define REPORT_PATH "output/investigation.md"

struct load_answer {
    uint8_t type;
    ident_t incident;
    int64_t attempt;
    load_answer_t *prev, *next;
};

void
load_worker_init (load_worker_t *self, const char *work_endpoint, const char *files_endpoint,
                  const curve_keys_t *keys, const char *name, int64_t slots, const char *report)
{
    err_diag_t diag = {""};
    *self = (load_worker_t){.slots = slots, .credit_free = -1, .report = report};
    self->work = link_connect (LINK_WORK, work_endpoint, keys, &diag);
    if (report)
        self->files = link_connect (LINK_FILES, files_endpoint, keys, &diag);
    if (!self->work || (report && !self->files))
        bench_die ("worker: %s", diag.text);
    const uint64_t session = ident_random64 ();
    link_set_session (self->work, session);
    if (self->files)
        link_set_session (self->files, session);
    snprintf (self->name, sizeof self->name, "%s", name);
    const ident_t id = ident_new ((int64_t) time (NULL) * 1000);
    snprintf (self->id, sizeof self->id, "%s", id.text);
    self->report_size = report ? strlen (report) : 0;
    digest_hex (report ? report : "", self->report_size, self->report_sha);
}

static void
s_drop (load_answer_t **list)
{
    load_answer_t *answer, *next;
    DL_FOREACH_SAFE (*list, answer, next)
        free (answer);
    *list = NULL;
}

void
load_worker_fini (load_worker_t *self)
{
    s_drop (&self->out_work);
    s_drop (&self->out_files);
    link_msg_fini (&self->in);
    link_destroy (&self->work);
    link_destroy (&self->files);
}

//  --- sending

static msg_file_t
s_file (const load_worker_t *self)
{
    return (msg_file_t){.path = codec_text (REPORT_PATH),
                        .size = (int64_t) self->report_size,
                        .sha256 = codec_text (self->report_sha)};
}

static int64_t
s_send (load_worker_t *self, link_t *link, const load_answer_t *answer)
{
    const codec_text_t incident = codec_text (answer->incident.text);
    msg_file_t file = s_file (self);
    const codec_list_t files = {self->report ? &file : NULL, self->report ? 1 : 0};
    const msg_fence_t fence = {incident, answer->attempt};
    const msg_chunk_t put = {.incident = incident,
                             .attempt = answer->attempt,
                             .path = file.path,
                             .size = file.size,
                             .bytes = {self->report, self->report_size}};
    const msg_seal_t seal = {incident, answer->attempt, files};
    const msg_verdict_t verdict = {.incident = incident,
                                   .attempt = answer->attempt,
                                   .outcome = codec_text (self->report ? "success" : "agent"),
                                   .exit_code = self->report ? 0 : 1,
                                   .reason =
                                       self->report ? (codec_text_t){0} : codec_text ("bench"),
                                   .files = files};
    const void *from = answer->type == MSG_PUT       ? (const void *) &put
                       : answer->type == MSG_SEAL    ? (const void *) &seal
                       : answer->type == MSG_VERDICT ? (const void *) &verdict
                                                     : (const void *) &fence;
    return link_send (link, NULL, answer->type, from, 0);
}

static void
s_flush (load_worker_t *self, link_t *link, load_answer_t **list)
{
    while (*list) {
        load_answer_t *answer = *list;
        const int64_t rc = s_send (self, link, answer);
        if (rc == -EAGAIN)
            return;
        if (rc < 0)
            bench_die ("%s: a message of type %d was not sent", self->name, answer->type);
        DL_DELETE (*list, answer);
        free (answer);
    }
}

static void
s_answer (load_worker_t *self, uint8_t type, codec_text_t incident, int64_t attempt)
{
    load_answer_t *answer = calloc (1, sizeof *answer);
    if (!answer)
        bench_die ("out of memory");
    answer->type = type;
    answer->attempt = attempt;
    codec_copy (incident, answer->incident.text, sizeof answer->incident.text);
    if (type == MSG_PUT || type == MSG_SEAL)
        DL_APPEND (self->out_files, answer);
    else
        DL_APPEND (self->out_work, answer);
}

static void
s_hello (load_worker_t *self, int64_t now_us)
{
    const msg_hello_t hello = {.proto_min = FRAME_VERSION,
                               .proto_max = FRAME_VERSION,
                               .name = codec_text (self->name),
                               .worker_id = codec_text (self->id),
                               .version = codec_text ("bench"),
                               .agent = codec_text ("instant"),
                               .slots = self->slots};
    const int64_t rc = link_send (self->work, NULL, MSG_HELLO, &hello, 0);
    self->hello_us = now_us + (rc > 0 ? HELLO_US : HELLO_US / 100);
}

static void
s_credit (load_worker_t *self)
{
    const int64_t free_slots = self->slots - self->busy;
    if (free_slots == self->credit_free)
        return;
    const msg_credit_t credit = {
        .number = self->credit_number + 1, .total = self->slots, .free = free_slots};
    if (link_send (self->work, NULL, MSG_CREDIT, &credit, 0) < 0)
        return;
    self->credit_number++;
    self->credit_free = free_slots;
}

static void
s_ping (load_worker_t *self, int64_t now_us)
{
    const msg_ping_t ping = {.now_ms = now_us / 1000};
    if (now_us >= self->ping_us && link_send (self->work, NULL, MSG_PING, &ping, 0) > 0)
        self->ping_us = now_us + PING_US;
}

//  --- receiving

static void
s_on_work (load_worker_t *self)
{
    const msg_t *msg = &self->in.msg;
    switch (self->in.frame.type) {
        case MSG_WELCOME: self->welcome = true; break;
        case MSG_ASSIGN:
            self->assigned++;
            self->busy++;
            self->assigned_us = bench_now_us ();
            s_answer (self, MSG_ACCEPT, msg->assign.incident, msg->assign.attempt);
            s_answer (self, MSG_STARTED, msg->assign.incident, msg->assign.attempt);
            s_answer (self, self->report ? MSG_PUT : MSG_VERDICT, msg->assign.incident,
                      msg->assign.attempt);
            break;
        case MSG_VERDICT_ACK:
            self->done++;
            self->busy--;
            break;
        case MSG_ERROR: bench_die ("%s: the broker refused a message", self->name);
        default: break;
    }
}

static void
s_on_files (load_worker_t *self)
{
    const msg_t *msg = &self->in.msg;
    if (self->in.frame.type == MSG_GO)
        s_answer (self, MSG_SEAL, msg->at.incident, msg->at.attempt);
    if (self->in.frame.type == MSG_SEALED)
        s_answer (self, MSG_VERDICT, msg->sealed.incident, msg->sealed.attempt);
    if (self->in.frame.type == MSG_ERROR)
        bench_die ("%s: the broker refused a file", self->name);
}

static void
s_receive (load_worker_t *self, link_t *link)
{
    for (;;) {
        err_diag_t diag = {""};
        const int rc = link_recv (link, &self->in, &diag);
        if (rc == -EAGAIN)
            return;
        if (rc < 0)
            bench_die ("%s: %s", self->name, diag.text);
        if (link == self->work)
            s_on_work (self);
        else
            s_on_files (self);
    }
}

void
load_worker_turn (load_worker_t *self)
{
    s_receive (self, self->work);
    if (self->files)
        s_receive (self, self->files);
    const int64_t now_us = bench_now_us ();
    if (!self->welcome && now_us >= self->hello_us)
        s_hello (self, now_us);
    if (!self->welcome)
        return;
    if (self->files)
        s_flush (self, self->files, &self->out_files);
    s_flush (self, self->work, &self->out_work);
    s_credit (self);
    s_ping (self, now_us);
}
