//  faults_server - a real MCP server with event tools, on the official TypeScript SDK.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/json.h"
#include "common/net/http.h"

#include <sys/types.h>

enum { FAULTS_SERVER_MS = 15000 }; //  limit for one answer

typedef struct {
    pid_t pid;         //  the test ends it
    char address [64]; //  "127.0.0.1:PORT"
    http_t *http;      //  borrowed
} faults_server_t;

//  extra: "NAME=VALUE" for its environment, or NULL.
void
faults_server_start (faults_server_t *self, const char *extra);
//  Send it a command.  Own: fresh.
json_t *
faults_server_control (faults_server_t *self, const char *verb, const char *body);
//  A number of its state, -1 = missing.
int64_t
faults_server_state (faults_server_t *self, const char *member);
