//  slack_peer - plays Slack's Web API to one bot, call by call, as a script says.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>
#include <stddef.h>

enum { SLACK_PEER_REQUEST = 32768, SLACK_PEER_CALLS = 32 };

//  One call that is expected, by the end of its path, and its answer: a status line's code and a
//  body; more: further headers.  code 0: the connection ends without an answer.
typedef struct {
    const char *path;
    int code;
    const char *body, *more;
} slack_peer_turn_t;

typedef struct {
    int listen_fd, port;
    const slack_peer_turn_t *script;
    size_t count, served;
    char (*requests) [SLACK_PEER_REQUEST]; //  head and body
    pthread_t thread;
} slack_peer_t;

//  Listen, and play the script.
void
slack_peer_start (slack_peer_t *self, const slack_peer_turn_t *script, size_t count);
//  Fail unless all calls of the script were made, each to its path.  The requests stay; free them.
void
slack_peer_stop (slack_peer_t *self);
