//  fuzz_server - the publisher's MCP server: recorded lines that may be anything, clients that may say
//  anything, at any time.
//
//  Input: the options' letters, then the recorded lines, then steps, each a letter and its text; all of
//  them up to the byte 0x1E (a record separator).
//      options: f faithful, d distinct, e without end, n the first cluster is denied, a digit: rate
//      i TEXT  initialize, by this body if there is one; the answer's session is the client's
//      p TEXT  POST of the body            c TEXT  the tool of this name is called, "NAME ARGUMENTS"
//      l TEXT  this log level is set       u TEXT  the path from now on
//      a, y, v, s, k TEXT  Accept, Content-Type, MCP-Protocol-Version, Mcp-Session-Id, sessionid of it
//      m TEXT  a request of this method    g  GET, the stream is kept     x  the oldest stream's client leaves
//      r N     N bytes of the youngest stream are read, 0 all             t N  N ms pass
//  Holds: what mcp_server.h says of answers; every body and every event on a stream is what its type
//  says; a faithful stream has neither comments nor ids; a turn that wrote nothing does not ask for
//  another one at once; nothing is left behind.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "publisher/mcp_server.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RECORD_END = 0x1E, STREAMS = 4, STEPS = 100, TEXTS = 64, ADVANCE_MAX_MS = 700000 };

typedef struct {
    mcp_server_stream_t *stream;
    buf_t text; //  read and not yet a whole event
} client_t;

typedef struct {
    mcp_server_t *server;
    mcp_server_settings_t settings;
    mcp_server_request_t request; //  what every request has
    clk_now_t now;
    char session [MCP_SERVER_SESSION];
    client_t clients [STREAMS];
    size_t client_count;
    char *texts [TEXTS]; //  of the request; freed at the end
    size_t text_count;
} world_t;

static uint64_t
s_random64 (void)
{
    static uint64_t state;
    return state += 0x9e3779b97f4a7c15;
}

//  --- input

typedef struct {
    const char *bytes;
    size_t size;
} piece_t;

//  The next piece of the input, up to a separator or its end.
static piece_t
s_next (piece_t *left)
{
    const char *end = memchr (left->bytes, RECORD_END, left->size);
    piece_t piece = {left->bytes, end ? (size_t) (end - left->bytes) : left->size};
    left->bytes += piece.size + (end != NULL);
    left->size -= piece.size + (end != NULL);
    return piece;
}

//  As text that lives as long as the world; "" when there are too many.
static const char *
s_text (world_t *self, piece_t piece)
{
    if (self->text_count == TEXTS)
        return "";
    char *text = strndup (piece.bytes, piece.size);
    assert (text);
    self->texts [self->text_count++] = text;
    return text;
}

static int64_t
s_number (piece_t piece, int64_t max)
{
    int64_t number = 0;
    for (size_t at = 0; at < piece.size && number <= max; at++)
        number = number * 10 + (piece.bytes [at] >= '0' ? (piece.bytes [at] - '0') % 10 : 0);
    return number < max ? number : max;
}

//  --- what must hold

static void
s_check_event (const world_t *self, char *event)
{
    own (json_drop) json_t *doc = NULL;
    char *data = strstr (event, "\ndata: ");
    if (event [0] == ':') {
        assert (!self->settings.faithful && !strchr (event, '\n'));
        return;
    }
    assert (data && !strchr (data + 1, '\n'));
    if (strncmp (event, "event: endpoint\ndata: /sse?sessionid=", 37) == 0)
        return;
    assert (strncmp (event, "event: message\ndata: ", 21) == 0);
    assert (json_parse (data + 7, strlen (data + 7), &doc, NULL) == 0);
    assert (strcmp (json_member_text (doc, "jsonrpc", ""), "2.0") == 0);
    const json_t *params = json_object_get (doc, "params");
    if (!json_object_get (doc, "method"))
        return; //  an answer on a stream of /sse
    const json_t *played = json_object_get (params, "data");
    assert (strncmp (json_member_text (played, "subscriptionId", ""), "sub-", 4) == 0);
    assert (json_is_string (json_object_get (played, "cluster")));
    assert (strncmp (json_member_text (params, "logger", ""), "kubernetes/", 11) == 0);
}

static void
s_check_answer (const mcp_server_answer_t *answer)
{
    static const unsigned known [] = {0,   200, 202, 204, 400, 403, 404,
                                      405, 406, 409, 413, 415, 503};
    bool found = false;
    for (size_t at = 0; at < sizeof known / sizeof known [0]; at++)
        found = found || answer->status == known [at];
    assert (found);
    assert (!answer->stream || (answer->status == 200 && !answer->body));
    assert (!answer->session [0] || (answer->status == 200 && answer->body));
    assert ((answer->status == 405) == (answer->allow != NULL));
    assert (!answer->body || (answer->type && answer->size == strlen (answer->body)));
    assert (!answer->body || json_utf8_valid (answer->body, answer->size));
    if (!answer->body || strncmp (answer->type, "text/plain", 10) == 0)
        return;
    own (json_drop) json_t *doc = NULL;
    const char *text = answer->body;
    size_t size = answer->size;
    if (answer->status == 200) {
        assert (size > 23 && strncmp (text, "event: message\ndata: ", 21) == 0);
        assert (strcmp (text + size - 2, "\n\n") == 0);
        text += 21;
        size -= 23;
    }
    assert (!memchr (text, '\n', size) && json_parse (text, size, &doc, NULL) == 0);
    assert (!json_object_get (doc, "result") != !json_object_get (doc, "error"));
}

//  --- steps

static void
s_leave (world_t *self, size_t index)
{
    client_t *client = &self->clients [index];
    mcp_server_gone (self->server, &client->stream, self->now);
    buf_fini (&client->text);
    self->client_count--;
    memmove (client, client + 1, (self->client_count - index) * sizeof (client_t));
}

//  Returns the session of the answer, "" = none.
static void
s_ask (world_t *self, mcp_server_request_t request, bool keep_session)
{
    mcp_server_answer_t answer;
    mcp_server_ask (self->server, &request, self->now, &answer);
    s_check_answer (&answer);
    if (keep_session)
        memcpy (self->session, answer.session, sizeof (self->session));
    if (answer.stream) {
        if (self->client_count == STREAMS)
            s_leave (self, 0);
        self->clients [self->client_count++] =
            (client_t){.stream = answer.stream, .text = buf_init (LIMIT_MIB (32))};
    }
    free (answer.body);
}

static mcp_server_request_t
s_request (const world_t *self, const char *method, const char *body, size_t size)
{
    mcp_server_request_t request = self->request;
    request.method = method;
    request.body = body;
    request.body_size = size;
    if (!*request.session)
        request.session = self->session;
    return request;
}

static void
s_post (world_t *self, json_t *params, const char *method)
{
    own (json_drop) json_t *doc = json_pack ("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", 1,
                                             "method", method, "params", params);
    own (own_mem) char *body = doc ? json_line (doc) : NULL;
    if (body)
        s_ask (self, s_request (self, "POST", body, strlen (body)), false);
}

//  "NAME ARGUMENTS"
static void
s_call (world_t *self, piece_t piece)
{
    const char *name = s_text (self, piece);
    const char *space = strchr (name, ' ');
    json_t *arguments = NULL;
    if (!space || json_parse (space + 1, strlen (space + 1), &arguments, NULL) != 0)
        arguments = json_object ();
    s_post (self,
            json_pack ("{s:o, s:o}", "name",
                       json_stringn (name, space ? (size_t) (space - name) : strlen (name)),
                       "arguments", arguments),
            "tools/call");
}

static void
s_read (world_t *self, int64_t max)
{
    if (self->client_count == 0)
        return;
    client_t *client = &self->clients [self->client_count - 1];
    char chunk [700];
    int64_t got = 1;
    for (int64_t left = max ? max : INT64_MAX; left > 0 && got > 0; left -= got > 0 ? got : 0) {
        size_t size = left < (int64_t) sizeof (chunk) ? (size_t) left : sizeof (chunk);
        got = mcp_server_read (client->stream, chunk, size);
        assert (got <= (int64_t) size);
        if (got > 0)
            assert (buf_append (&client->text, chunk, (size_t) got) == 0);
    }
    for (char *end = strstr (client->text.data, "\n\n"); end;
         end = strstr (client->text.data, "\n\n")) {
        *end = 0;
        s_check_event (self, client->text.data);
        buf_consume (&client->text, (size_t) (end - client->text.data) + 2);
    }
    if (got < 0) {
        assert (client->text.size == 0);
        s_leave (self, self->client_count - 1);
    }
}

static void
s_pass (world_t *self, int64_t ms)
{
    self->now.boot_ms += ms;
    self->now.wall_ms += ms;
    mcp_server_on_time (self->server, self->now);
    bool wrote = false;
    while (mcp_server_ready (self->server))
        wrote = true;
    assert (wrote || mcp_server_wake (self->server) > self->now.boot_ms);
}

static void
s_step (world_t *self, piece_t step)
{
    static const char init [] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}";
    if (step.size == 0)
        return;
    piece_t text = {step.bytes + 1, step.size - 1};
    switch (step.bytes [0]) {
        case 'i': {
            mcp_server_request_t request = s_request (self, "POST", text.size ? text.bytes : init,
                                                      text.size ? text.size : strlen (init));
            request.session = "";
            s_ask (self, request, true);
            break;
        }
        case 'p': s_ask (self, s_request (self, "POST", text.bytes, text.size), false); break;
        case 'm': s_ask (self, s_request (self, s_text (self, text), "", 0), false); break;
        case 'g': s_ask (self, s_request (self, "GET", "", 0), false); break;
        case 'c': s_call (self, text); break;
        case 'l':
            s_post (self, json_pack ("{s:o}", "level", json_stringn (text.bytes, text.size)),
                    "logging/setLevel");
            break;
        case 'u': self->request.path = s_text (self, text); break;
        case 'a': self->request.accept = s_text (self, text); break;
        case 'y': self->request.content_type = s_text (self, text); break;
        case 'v': self->request.version = s_text (self, text); break;
        case 's': self->request.session = s_text (self, text); break;
        case 'k': self->request.query_session = s_text (self, text); break;
        case 'x':
            if (self->client_count > 0)
                s_leave (self, 0);
            break;
        case 'r': s_read (self, s_number (text, LIMIT_MIB (1))); break;
        case 't': s_pass (self, s_number (text, ADVANCE_MAX_MS)); break;
        default: break;
    }
}

//  --- the world

//  Own: NULL when the lines are refused.
static recording_t *
s_recording (piece_t lines)
{
    own (own_fd) int fd = memfd_create ("lines", MFD_CLOEXEC);
    assert (fd >= 0 && write (fd, lines.bytes, lines.size) == (ssize_t) lines.size);
    char path [64];
    snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
    const char *paths [] = {path};
    recording_args_t args = {.paths = paths, .path_count = 1, .cluster = "", .cancel_fd = -1};
    recording_t *recording = NULL;
    int rc = recording_read (&args, &recording);
    assert ((rc == 0) == (recording != NULL));
    return recording;
}

static mcp_server_settings_t
s_settings (piece_t options, const recording_t *recording)
{
    const recording_cluster_t *clusters = NULL;
    size_t count = recording_clusters (recording, &clusters);
    assert (count > 0 && count <= LIMIT_CLUSTERS);
    mcp_server_settings_t settings = {.recording = recording,
                                      .pace = {.repeat = 2},
                                      .denied = "",
                                      .local = true,
                                      .random64 = s_random64};
    for (size_t at = 0; at < options.size; at++) {
        char option = options.bytes [at];
        settings.faithful = settings.faithful || option == 'f';
        settings.distinct = settings.distinct || option == 'd';
        if (option == 'e')
            settings.pace.repeat = 0;
        if (option == 'n')
            settings.denied = clusters [0].name;
        if (option >= '0' && option <= '9')
            settings.pace.rate = option - '0';
    }
    return settings;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static int null_fd = -1;
    if (null_fd < 0) {
        null_fd = open ("/dev/null", O_WRONLY | O_CLOEXEC);
        log_set_fd (null_fd);
    }
    piece_t left = {(const char *) data, size};
    piece_t options = s_next (&left);
    own (recording_destroy) recording_t *recording = s_recording (s_next (&left));
    if (!recording)
        return 0;
    world_t self = {.settings = s_settings (options, recording),
                    .now = {.boot_ms = 1000000, .wall_ms = 1767225600000},
                    .request = {.path = "/mcp",
                                .origin = "",
                                .accept = "*/*",
                                .content_type = "application/json",
                                .session = "",
                                .version = "",
                                .last_event_id = "",
                                .query_session = "",
                                .host_plain = true}};
    self.server = mcp_server_new (&self.settings);
    assert (self.server);
    for (int step = 0; step < STEPS && left.size > 0; step++)
        s_step (&self, s_next (&left));
    mcp_server_stop (self.server);
    while (self.client_count > 0)
        s_read (&self, 0);
    assert (mcp_server_streams (self.server) == 0);
    mcp_server_destroy (&self.server);
    for (size_t at = 0; at < self.text_count; at++)
        free (self.texts [at]);
    return 0;
}
