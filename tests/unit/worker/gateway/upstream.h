//  upstream - a scripted provider for tests: a thread for each connection, raw bytes as answers.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UPSTREAM_HEAD = 16 * 1024, UPSTREAM_CONNECTIONS = 64 };

typedef struct upstream upstream_t;

//  One request that has come.
typedef struct {
    upstream_t *upstream;
    int fd;
    int number; //  from 1
    char head [UPSTREAM_HEAD];
    size_t body_size;
} upstream_request_t;

//  Write an answer.  Returns false: the connection is to be closed.
typedef bool (upstream_fn) (upstream_request_t *request);

struct upstream {
    int fd;
    uint16_t port;
    upstream_fn *script;
    void *arg;
    pthread_mutex_t lock;
    pthread_t acceptor;
    pthread_t threads [UPSTREAM_CONNECTIONS];
    int fds [UPSTREAM_CONNECTIONS];
    int threads_used;
    int requests, running, most_running;
    char last_head [UPSTREAM_HEAD];
    int64_t sum; //  for the script
};

//  Listen on a free port of 127.0.0.1.
void
upstream_start (upstream_t *self, upstream_fn *script, void *arg);
//  Cut what is left and wait for all threads.
void
upstream_stop (upstream_t *self);
//  "http://127.0.0.1:PORT"
const char *
upstream_url (const upstream_t *self);
//  Requests that have come.
int
upstream_count (upstream_t *self);

//  Write all of a text, or of so many bytes; false: the other side has gone.
bool
upstream_write (int fd, const void *bytes, size_t size);
bool
upstream_text (int fd, const char *text);
//  An answer with its length.
bool
upstream_reply (int fd, const char *status, const char *headers, const char *body);

//  Connect to a port of 127.0.0.1; it always succeeds.
int
upstream_connect (uint16_t port);
//  Send raw bytes to a port and read until the other side closes.  Own: fresh, free().
char *
upstream_talk (uint16_t port, const char *raw);
//  Read until `end` has come; cuts the test on a timeout.  Own: fresh, free().
char *
upstream_read_to (int fd, const char *end);
