//  blob_server - a few requests of Azure's Blob service on loopback, for tests: blobs in memory.
//
//  One thread takes one request after the other and checks neither signatures nor MD5.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { BLOB_SERVER_BLOBS = 16, BLOB_SERVER_REQUESTS = 128, BLOB_SERVER_BYTES = 8 * 1024 * 1024 };

typedef struct {
    char name [256]; //  "" = free
    char type [64], md5 [32];
    char *bytes;
    size_t size;
} blob_server_blob_t;

typedef struct blob_server {
    int listen_fd, port;
    pthread_t thread;
    pthread_mutex_t lock; //  of all below
    blob_server_blob_t blobs [BLOB_SERVER_BLOBS];
    char *blocks; //  of the blob under way, in the order they came
    size_t blocks_size;
    char requests [BLOB_SERVER_REQUESTS][512]; //  "PUT /account/container/name?query"
    int count;
    const char *put, *other; //  blob_server_answer
} blob_server_t;

void
blob_server_start (blob_server_t *self);
//  Stop the thread; the blobs stay until blob_server_clear.
void
blob_server_stop (blob_server_t *self);
void
blob_server_clear (blob_server_t *self);
//  Answer so from now on: each PUT, and each other request.  "" = close without an answer.  NULL:
//  handle it.  The texts are borrowed.
void
blob_server_answer (blob_server_t *self, const char *put, const char *other);
//  The blob whose name ends so, NULL = none.
blob_server_blob_t *
blob_server_find (blob_server_t *self, const char *end);
//  The number of requests so far.
int
blob_server_count (blob_server_t *self);
//  The number of requests that begin and contain these words.
int
blob_server_asked (blob_server_t *self, const char *method, const char *part);
