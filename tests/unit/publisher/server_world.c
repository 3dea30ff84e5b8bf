//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/log.h"
#include "server_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t
s_random64 (void)
{
    static uint64_t state = 1;
    return state += 0x9e3779b97f4a7c15U;
}

static recording_t *
s_recording (size_t clusters)
{
    recording_t *recording = NULL;
    FILE *file = fopen ("server.jsonl", "w");
    assert_non_null (file);
    for (size_t at = 0; at < clusters; at++) {
        for (int fault = 0; fault < 3; fault++)
            fprintf (file,
                     "{\"cluster\":\"c%zu\",\"faultType\":\"CrashLoop\",\"resource\":{\"kind\":"
                     "\"Pod\",\"name\":\"p%d\",\"namespace\":\"n%d\"}}\n",
                     at, fault, fault);
        fprintf (file,
                 "{\"cluster\":\"c%zu\",\"event\":{\"type\":\"Warning\",\"reason\":\"BackOff\","
                 "\"involvedObject\":{\"kind\":\"Pod\",\"name\":\"e0\",\"namespace\":\"n0\"}}}\n",
                 at);
    }
    assert_int_equal (fclose (file), 0);
    static const char *const paths [] = {"server.jsonl"};
    recording_args_t args = {.paths = paths, .path_count = 1, .cluster = "", .cancel_fd = -1};
    assert_int_equal (recording_read (&args, &recording), 0);
    return recording;
}

void
server_world_start (server_world_t *self, size_t clusters)
{
    self->recording = s_recording (clusters);
    self->settings.recording = self->recording;
    self->server = mcp_server_new (&self->settings);
    assert_non_null (self->server);
}

int
server_world_setup (void **state)
{
    server_world_t *self = calloc (1, sizeof (server_world_t));
    log_set_level (LOG_LEVEL_ERROR);
    self->settings = (mcp_server_settings_t){
        .pace = {.repeat = 1}, .denied = "", .local = true, .random64 = s_random64};
    self->now = (clk_now_t){.boot_ms = 1000000, .wall_ms = 1768478400000};
    self->request = (mcp_server_request_t){.method = "POST",
                                           .path = "/mcp",
                                           .origin = "",
                                           .accept = "application/json, text/event-stream",
                                           .content_type = "application/json",
                                           .session = "",
                                           .version = "",
                                           .last_event_id = "",
                                           .query_session = "",
                                           .body = "",
                                           .host_plain = true};
    self->got = buf_init (LIMIT_MIB (32));
    *state = self;
    return 0;
}

int
server_world_teardown (void **state)
{
    server_world_t *self = *state;
    free (self->answer.body);
    if (self->stream)
        mcp_server_gone (self->server, &self->stream, self->now);
    mcp_server_destroy (&self->server);
    mcp_server_destroy (&self->server);
    recording_destroy (&self->recording);
    buf_fini (&self->got);
    free (self);
    return 0;
}

unsigned
server_world_ask (server_world_t *self, const mcp_server_request_t *request)
{
    free (self->answer.body);
    mcp_server_ask (self->server, request, self->now, &self->answer);
    return self->answer.status;
}

unsigned
server_world_post (server_world_t *self, const char *body)
{
    mcp_server_request_t request = self->request;
    request.session = self->session;
    request.body = body;
    request.body_size = strlen (body);
    return server_world_ask (self, &request);
}

const char *
server_world_body (const server_world_t *self)
{
    return self->answer.body ? self->answer.body : "";
}

void
server_world_expect (server_world_t *self, const char *body, const char *wanted)
{
    assert_int_equal (server_world_post (self, body), 200);
    if (!strstr (server_world_body (self), wanted))
        fail_msg ("no %s in %s", wanted, server_world_body (self));
}

unsigned
server_world_verb (server_world_t *self, const char *method)
{
    mcp_server_request_t request = self->request;
    request.method = method;
    request.accept = "text/event-stream";
    request.session = self->session;
    return server_world_ask (self, &request);
}

void
server_world_initialize (server_world_t *self)
{
    self->session [0] = 0;
    assert_int_equal (server_world_post (self, INIT), 200);
    assert_int_equal (strlen (self->answer.session), MCP_SERVER_SESSION - 1);
    memcpy (self->session, self->answer.session, MCP_SERVER_SESSION);
}

void
server_world_open (server_world_t *self)
{
    assert_int_equal (server_world_verb (self, "GET"), 200);
    assert_string_equal (self->answer.type, "text/event-stream");
    self->stream = self->answer.stream;
    assert_non_null (self->stream);
}

int
server_world_play (server_world_t *self, int64_t ms)
{
    self->now.boot_ms += ms;
    mcp_server_on_time (self->server, self->now);
    int count = 0;
    while (mcp_server_ready (self->server))
        ;
    for (int64_t size = 1; self->stream && size > 0;) {
        char chunk [333];
        size = mcp_server_read (self->stream, chunk, sizeof (chunk));
        if (size > 0)
            buf_append (&self->got, chunk, (size_t) size);
    }
    for (const char *at = strstr (self->got.data, "notifications/message"); at;
         at = strstr (at + 1, "notifications/message"))
        count++;
    return count;
}

int
server_world_play_anew (server_world_t *self, int64_t ms)
{
    buf_reset (&self->got);
    return server_world_play (self, ms);
}

void
server_world_subscription (const server_world_t *self, char ret_id [16])
{
    const char *at = strstr (server_world_body (self), "sub-");
    assert_non_null (at);
    memcpy (ret_id, at, 12);
    ret_id [12] = 0;
}
