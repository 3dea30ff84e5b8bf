//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/state.h"

#include <stdlib.h>
#include <string.h>

enum { KEEP_ITEMS = 4096 }; //  room of the lists kept from turn to turn

//  Double the room of an array when it is full; false when memory runs out.
static bool
s_grow (void **items, size_t count, size_t *capacity, size_t item_bytes)
{
    if (count < *capacity)
        return true;
    size_t wanted = *capacity ? *capacity * 2 : 64;
    void *grown = realloc (*items, wanted * item_bytes);
    if (!grown)
        return false;
    *items = grown;
    *capacity = wanted;
    return true;
}

//  Free a list that one large turn has made large.
static void
s_trim (void **items, size_t *capacity)
{
    if (*capacity <= KEEP_ITEMS)
        return;
    free (*items);
    *items = NULL;
    *capacity = 0;
}

bool
state_init (state_t *self, const step_settings_t *settings, uint64_t random64)
{
    self->write_spare = calloc (1, sizeof *self->write_spare);
    self->out_spare = calloc (1, sizeof *self->out_spare);
    self->settings = *settings;
    self->random = random64;
    self->turn = 1; //  0 is no turn
    self->stats.used = usage_none ();
    return self->write_spare && self->out_spare;
}

static void
s_empty (state_t *self)
{
    self->write_count = self->out_count = 0;
    while (self->fence_count)
        free (self->fences [--self->fence_count]);
}

void
state_fini (state_t *self)
{
    s_empty (self);
    free (self->fences);
    free (self->writes);
    free (self->outs);
    free (self->write_spare);
    free (self->out_spare);
}

void
state_begin (state_t *self)
{
    s_empty (self);
    self->stats_before = self->stats;
    self->turn++;
    void *items = self->writes;
    s_trim (&items, &self->write_capacity);
    self->writes = items;
    items = self->outs;
    s_trim (&items, &self->out_capacity);
    self->outs = items;
}

void
state_rollback (state_t *self)
{
    self->stats = self->stats_before;
    self->write_count = self->out_count = 0;
    self->failed = false;
}

step_write_t *
state_write (state_t *self, step_write_kind_t kind)
{
    step_write_t *write = self->write_spare;
    void *items = self->writes;
    if (s_grow (&items, self->write_count, &self->write_capacity, sizeof *write)) {
        self->writes = items;
        write = &self->writes [self->write_count++];
    }
    else
        self->failed = true;
    write->kind = kind;
    return write;
}

step_write_t *
state_write_row (state_t *self, step_write_kind_t kind, written_t *written)
{
    if (written->turn == self->turn && written->at < self->write_count)
        return &self->writes [written->at];
    *written = (written_t){.turn = self->turn, .at = self->write_count};
    return state_write (self, kind);
}

step_out_t *
state_out (state_t *self, step_out_kind_t kind, const step_peer_t *peer)
{
    step_out_t *out = self->out_spare;
    void *items = self->outs;
    if (s_grow (&items, self->out_count, &self->out_capacity, sizeof *out)) {
        self->outs = items;
        out = &self->outs [self->out_count++];
    }
    else
        self->failed = true;
    memset (out, 0, sizeof *out);
    out->kind = kind;
    if (peer)
        out->peer = *peer;
    return out;
}

step_out_t *
state_out_worker (state_t *self, step_out_kind_t kind, const worker_t *worker)
{
    step_peer_t peer = {.session = worker->session};
    state_text (peer.identity, worker->identity);
    return state_out (self, kind, &peer);
}

step_fence_t *
state_fences (state_t *self, size_t count)
{
    step_fence_t *fences = calloc (count ? count : 1, sizeof *fences);
    step_fence_t **lists = realloc (self->fences, (self->fence_count + 1) * sizeof *self->fences);
    if (lists)
        self->fences = lists;
    if (!fences || !lists) {
        free (fences);
        self->failed = true;
        return NULL;
    }
    self->fences [self->fence_count++] = fences;
    return fences;
}

uint64_t
state_random (state_t *self)
{
    uint64_t z = (self->random += 0x9e3779b97f4a7c15u); //  splitmix64
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int64_t
state_random_below (state_t *self, int64_t limit)
{
    return limit > 0 ? (int64_t) (state_random (self) % (uint64_t) limit) : 0;
}

void
state_copy (char *ret_field, size_t size, const char *text)
{
    const size_t length = strnlen (text, size - 1);
    memcpy (ret_field, text, length);
    ret_field [length] = '\0';
}
