//  SPDX-License-Identifier: Apache-2.0
#include "publisher/large_event.h"

#include "common/base/limits.h"

#include <assert.h>

void
large_event_start (large_event_t *self, const char *event_id, const char *cluster, const char *body,
                   size_t size, int64_t now_ms)
{
    assert (event_id && body && size <= LIMIT_EVENT_BYTES);

    *self = (large_event_t){.event_id = event_id,
                            .cluster = cluster,
                            .body = body,
                            .size = (int64_t) size,
                            .quiet_ms = now_ms + LIMIT_PUBLISH_RESEND_MS};
    digest_hex (body, size, self->sha256);
}

void
large_event_stop (large_event_t *self)
{
    *self = (large_event_t){0};
}

static bool
s_send_chunk (large_event_t *self, link_t *link)
{
    int64_t size = self->size - self->sent;
    if (size > LIMIT_CHUNK_BYTES)
        size = LIMIT_CHUNK_BYTES;
    msg_event_chunk_t chunk = {.event_id = codec_text (self->event_id),
                               .offset = self->sent,
                               .size = self->size,
                               .bytes = {self->body + self->sent, (size_t) size}};
    if (link_send (link, NULL, MSG_PUT_EVENT, &chunk, 0) < 0)
        return false;
    self->sent += size;
    return true;
}

static void
s_send_seal (large_event_t *self, link_t *link)
{
    msg_event_chunk_t seal = {.event_id = codec_text (self->event_id),
                              .size = self->size,
                              .sha256 = codec_text (self->sha256)};
    if (*self->cluster)
        seal.cluster = codec_text (self->cluster);
    int64_t seq = link_send (link, NULL, MSG_SEAL_EVENT, &seal, 0);
    self->sealed = seq > 0;
    if (seq > 0)
        self->seal_seq = (uint64_t) seq;
}

void
large_event_pump (large_event_t *self, link_t *link, int64_t now_ms)
{
    if (now_ms >= self->quiet_ms) {
        self->sent = self->acked < self->size ? self->acked : self->size;
        self->sealed = false;
        self->quiet_ms = now_ms + LIMIT_PUBLISH_RESEND_MS;
    }
    while (self->sent < self->size && self->sent - self->acked < LIMIT_FILES_WINDOW_BYTES)
        if (!s_send_chunk (self, link))
            return;
    if (self->acked == self->size && !self->sealed)
        s_send_seal (self, link);
}

void
large_event_go (large_event_t *self, int64_t upto, int64_t now_ms)
{
    if (upto < 0 || upto > self->size)
        return;
    //  Less than it had before: the broker lost the upload, so continue from there.
    if (upto < self->acked) {
        self->sent = upto;
        self->sealed = false;
    }
    self->acked = upto;
    if (self->sent < upto)
        self->sent = upto;
    self->quiet_ms = now_ms + LIMIT_PUBLISH_RESEND_MS;
}
