//  SPDX-License-Identifier: Apache-2.0
#include "broker/loop/snapshot.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct snapshot {
    pthread_mutex_t mutex; //  guards `published` and the copy it names
    snapshot_data_t copies [2];
    int published;
};

const char *
snapshot_socket_name (snapshot_socket_t socket)
{
    static const char *const names [SNAPSHOT_SOCKETS] = {
        [SNAPSHOT_WORK] = "work",
        [SNAPSHOT_INGEST] = "ingest",
        [SNAPSHOT_STREAM] = "stream",
        [SNAPSHOT_FILES] = "files",
    };
    return names [socket];
}

static int
s_data_init (snapshot_data_t *self)
{
    self->workers = calloc (LIMIT_WORKERS, sizeof *self->workers);
    self->sources = calloc (LIMIT_CLUSTERS, sizeof *self->sources);
    self->clusters = calloc (LIMIT_TALLIES, sizeof *self->clusters);
    self->lanes = calloc (LIMIT_LANES_SHOWN, sizeof *self->lanes);
    return self->workers && self->sources && self->clusters && self->lanes ? 0 : -1;
}

snapshot_t *
snapshot_new (void)
{
    snapshot_t *self = calloc (1, sizeof (snapshot_t));
    if (!self)
        return NULL;
    pthread_mutex_init (&self->mutex, NULL);
    if (s_data_init (&self->copies [0]) < 0 || s_data_init (&self->copies [1]) < 0)
        snapshot_destroy (&self);
    return self;
}

void
snapshot_destroy (snapshot_t **self_p)
{
    assert (self_p);
    snapshot_t *self = *self_p;
    if (!self)
        return;
    for (int i = 0; i < 2; i++) {
        conf_destroy (&self->copies [i].conf);
        free (self->copies [i].workers);
        free (self->copies [i].sources);
        free (self->copies [i].clusters);
        free (self->copies [i].lanes);
    }
    pthread_mutex_destroy (&self->mutex);
    free (self);
    *self_p = NULL;
}

snapshot_data_t *
snapshot_edit (snapshot_t *self)
{
    assert (self);
    //  Only the loop changes `published`, so it may read it without the mutex.
    return &self->copies [1 - self->published];
}

void
snapshot_publish (snapshot_t *self)
{
    assert (self);
    //  A slow reader must not block the loop; newer figures come in a second.
    if (pthread_mutex_trylock (&self->mutex) != 0)
        return;
    self->published = 1 - self->published;
    pthread_mutex_unlock (&self->mutex);
}

const snapshot_data_t *
snapshot_read (snapshot_t *self)
{
    assert (self);
    pthread_mutex_lock (&self->mutex);
    return &self->copies [self->published];
}

void
snapshot_release (snapshot_t *self)
{
    assert (self);
    pthread_mutex_unlock (&self->mutex);
}

const char *
snapshot_trouble (const snapshot_data_t *data)
{
    return artifact_trouble_text (data->artifacts_trouble);
}

const char *
snapshot_notify_reason (notify_reason_t reason)
{
    return notify_reason_name (reason);
}
