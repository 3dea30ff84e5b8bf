//  SPDX-License-Identifier: Apache-2.0
#include "common/base/threads.h"

#include "common/base/limits.h"
#include "common/base/log.h"

#include <assert.h>
#include <pthread.h>

//  Each thread lives until the gate opens.
static void *
s_wait (void *gate)
{
    pthread_mutex_lock (gate);
    pthread_mutex_unlock (gate);
    return NULL;
}

int
threads_check (int count)
{
    assert (count > 0 && count <= LIMIT_THREADS);
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t threads [LIMIT_THREADS];
    int started = 0, rc = 0;
    pthread_mutex_lock (&gate);
    while (rc == 0 && started < count) {
        rc = pthread_create (&threads [started], NULL, s_wait, &gate);
        started += rc == 0;
    }
    pthread_mutex_unlock (&gate);
    for (int i = 0; i < started; i++)
        pthread_join (threads [i], NULL);
    if (rc != 0)
        log_error ("threads cannot be started, look at the limits of processes and memory",
                   kv ("wanted", count), kv ("started", started), kv ("error", err_str (-rc)));
    return -rc;
}
