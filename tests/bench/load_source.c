//  load_source - a publisher that keeps a window of events under way.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/bench/load_source.h"

#include "common/base/ident.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
load_source_init (load_source_t *self, const char *endpoint, const curve_keys_t *keys, int64_t jobs,
                  int64_t window)
{
    err_diag_t diag = {""};
    *self = (load_source_t){.jobs = jobs, .window = window};
    self->link = link_connect (LINK_INGEST, endpoint, keys, &diag);
    if (!self->link)
        bench_die ("ingest: %s", diag.text);
    link_set_session (self->link, ident_random64 ());
    snprintf (self->run, sizeof self->run, "%016" PRIx64, ident_random64 ());
    self->again = calloc ((size_t) window, sizeof *self->again);
    self->sent_us = calloc ((size_t) jobs + 1, sizeof *self->sent_us);
    if (!self->again || !self->sent_us)
        bench_die ("out of memory");
    bench_samples_init (&self->ack_us, (size_t) jobs);
}

void
load_source_fini (load_source_t *self)
{
    link_msg_fini (&self->in);
    link_destroy (&self->link);
    free (self->again);
    free (self->sent_us);
    bench_samples_fini (&self->ack_us);
}

static bool
s_send (load_source_t *self, int64_t number)
{
    char body [BENCH_EVENT_BYTES], id [64];
    const size_t size = bench_event (self->run, number, body);
    snprintf (id, sizeof id, "%s-%" PRId64, self->run, number);
    const msg_event_t event = {.event_id = codec_text (id), .body = {body, size}};
    if (link_send (self->link, NULL, MSG_EVENT, &event, 0) < 0)
        return false;
    self->sent_us [number] = bench_now_us ();
    return true;
}

void
load_source_send (load_source_t *self, int64_t limit)
{
    while (self->again_count > 0 && bench_now_us () >= self->again_us) {
        if (!s_send (self, self->again [self->again_head]))
            return;
        self->again_head = (self->again_head + 1) % self->window;
        self->again_count--;
    }
    while (self->sent < self->jobs && self->sent < limit
           && self->sent - self->acked < self->window) {
        if (!s_send (self, self->sent))
            return;
        self->sent++;
    }
}

//  The number at the end of our event id; -1 when it is not ours.
static int64_t
s_number (const load_source_t *self, codec_text_t id)
{
    char text [64];
    const size_t prefix = strlen (self->run);
    if (!codec_copy (id, text, sizeof text) || strncmp (text, self->run, prefix) != 0)
        return -1;
    const int64_t number = strtoll (text + prefix + 1, NULL, 10);
    return number >= 0 && number < self->jobs ? number : -1;
}

static void
s_refused (load_source_t *self, const msg_event_nack_t *nack)
{
    const int64_t number = s_number (self, nack->event_id);
    if (number < 0 || self->again_count >= self->window)
        return;
    self->again [(self->again_head + self->again_count++) % self->window] = number;
    self->again_us = bench_now_us () + nack->retry_ms * 1000;
    self->refused++;
}

void
load_source_receive (load_source_t *self)
{
    for (;;) {
        err_diag_t diag = {""};
        const int rc = link_recv (self->link, &self->in, &diag);
        if (rc == -EAGAIN)
            return;
        if (rc < 0 || self->in.frame.type == MSG_ERROR)
            bench_die ("ingest: %s", rc < 0 ? diag.text : "refused");
        if (self->in.frame.type == MSG_EVENT_NACK)
            s_refused (self, &self->in.msg.event_nack);
        if (self->in.frame.type != MSG_EVENT_ACK)
            continue;
        const int64_t number = s_number (self, self->in.msg.event_ack.event_id);
        if (number < 0)
            continue;
        bench_samples_add (&self->ack_us, bench_now_us () - self->sent_us [number]);
        self->acked++;
    }
}
