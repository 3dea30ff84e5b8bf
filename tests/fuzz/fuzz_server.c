//  fuzz_server - the publisher's MCP server: recorded lines that may be anything, clients that
//  may say anything, at any time.
//
//  Input: the options' letters, then the recorded lines, then steps, each a letter and its text;
//  all of them up to the byte 0x1E (a record separator).
//      options: f faithful, d distinct, e without end, n the first cluster is denied,
//      a digit: rate, s ten
//      times the recorded speed, c three clusters that each play everything
//      i TEXT  initialize, by this body if there is one; the answer's session is the client's
//      p TEXT  POST of the body            c TEXT  the tool of this name is called,
//      "NAME ARGUMENTS"
//      n       the youngest subscription is cancelled
//      l TEXT  this log level is set       u TEXT  the path from now on
//      a, y, v, s, k TEXT  Accept, Content-Type, MCP-Protocol-Version,
//      Mcp-Session-Id, sessionid of it
//      o, e, h TEXT  Origin, Last-Event-ID, Host is a name ("" = an address)      q  stop
//      m TEXT  a request of this method    g  GET, the stream is kept     x  the oldest
//      stream's client leaves
//      r N     N bytes of the youngest stream are read, 0 all             t N  N ms pass
//  Holds: what mcp_server.h says of answers, each to its own request; every body and every event
//  on a stream is what its type says; no subscription is sent more than its tape; a faithful
//  stream has neither comments nor ids; a turn that wrote nothing does not ask for another one
//  at once; nothing is left behind.
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

enum { STREAMS = 4, TEXTS = 64, SUBSCRIPTIONS = 64, ROUNDS = 2, ADVANCE_MAX_MS = 700000 };

//  Turns that may play something; of a tape without end and pace each may fill all streams.
enum { TURNS = 40, TURNS_FULL = 4 };

typedef struct {
    char id [32];
    int64_t sent;
} subscription_t;


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
    char older_session [MCP_SERVER_SESSION]; //  of the youngest stream of /sse
    char subscription [16];                  //  the youngest
    client_t clients [STREAMS];
    size_t client_count;
    char *texts [TEXTS]; //  of the request; freed at the end
    size_t text_count;
    subscription_t subscriptions [SUBSCRIPTIONS]; //  the first that something was read of
    int64_t most;                                 //  faults that one may be sent
    int turns_left;                               //  see TURNS
} world_t;

static uint64_t random_state; //  the same ids for the same input

static uint64_t
s_random64 (void)
{
    return random_state += 0x9e3779b97f4a7c15;
}

//  --- input

//  The next part of the input, up to a separator or its end.
static size_t
s_part (const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr (data, FUZZ_STEP_END, size) : NULL;
    return end ? (size_t) (end - data) : size;
}

//  As text that lives as long as the world; "" when there are too many.
static const char *
s_text (world_t *self, const char *text)
{
    if (self->text_count == TEXTS)
        return "";
    char *copy = strdup (text);
    assert (copy);
    self->texts [self->text_count++] = copy;
    return copy;
}

//  --- what must hold

//  One fault more of its subscription: never more than the tape has.
static void
s_count (world_t *self, const char *id)
{
    assert (strncmp (id, "sub-", 4) == 0);
    for (size_t i = 0; i < SUBSCRIPTIONS; i++) {
        subscription_t *subscription = &self->subscriptions [i];
        if (subscription->id [0] && strcmp (subscription->id, id) != 0)
            continue;
        snprintf (subscription->id, sizeof subscription->id, "%s", id);
        assert (++subscription->sent <= self->most);
        return;
    }
}

static void
s_check_event (world_t *self, char *event)
{
    own (json_drop) json_t *doc = NULL;
    char *data = strstr (event, "\ndata: ");
    if (event [0] == ':') {
        assert (!self->settings.faithful && !strchr (event, '\n'));
        return;
    }
    assert (data && !strchr (data + 1, '\n'));
    if (strncmp (event, "event: endpoint\ndata: /sse?sessionid=", 37) == 0) {
        snprintf (self->older_session, sizeof self->older_session, "%s", event + 37);
        return;
    }
    assert (strncmp (event, "event: message\ndata: ", 21) == 0);
    assert (json_parse (data + 7, strlen (data + 7), &doc, NULL) == 0);
    assert (strcmp (json_member_text (doc, "jsonrpc", ""), "2.0") == 0);
    const json_t *params = json_object_get (doc, "params");
    if (!json_object_get (doc, "method"))
        return; //  an answer on a stream of /sse
    const json_t *played = json_object_get (params, "data");
    s_count (self, json_member_text (played, "subscriptionId", ""));
    assert (json_is_string (json_object_get (played, "cluster")));
    assert (strncmp (json_member_text (params, "logger", ""), "kubernetes/", 11) == 0);
}

static void
s_check_answer (const mcp_server_request_t *request, const mcp_server_answer_t *answer)
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
    own (json_drop) json_t *asked = NULL;
    if (answer->status != 200)
        return;
    assert (json_parse (request->body, request->body_size, &asked, NULL) == 0);
    assert (json_equal (json_object_get (asked, "id"), json_object_get (doc, "id")));
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
    s_check_answer (&request, &answer);
    if (keep_session)
        memcpy (self->session, answer.session, sizeof (self->session));
    const char *created = answer.body ? strstr (answer.body, "# Event Subscription Created") : NULL;
    if (created && strstr (created, "sub-"))
        snprintf (self->subscription, sizeof self->subscription, "%.12s", strstr (created, "sub-"));
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
    if (!*request.query_session)
        request.query_session = self->older_session;
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

static void
s_cancel (world_t *self)
{
    s_post (self,
            json_pack ("{s:s, s:{s:s}}", "name", "events_unsubscribe", "arguments",
                       "subscriptionId", self->subscription),
            "tools/call");
}

//  "NAME ARGUMENTS"
static void
s_call (world_t *self, const char *name)
{
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
    if (self->turns_left-- <= 0)
        return;
    self->now.boot_ms += ms;
    self->now.wall_ms += ms;
    mcp_server_on_time (self->server, self->now);
    bool wrote = false;
    while (mcp_server_ready (self->server))
        wrote = true;
    assert (wrote || mcp_server_wake (self->server) > self->now.boot_ms);
}

static void
s_initialize (world_t *self, const char *text, size_t size)
{
    static const char usual [] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}";
    mcp_server_request_t request =
        s_request (self, "POST", size ? text : usual, size ? size : strlen (usual));
    request.session = "";
    s_ask (self, request, true);
}

//  A header of the requests from now on; false when the letter is none of theirs.
static bool
s_header (world_t *self, char letter, const char *text)
{
    mcp_server_request_t *request = &self->request;
    switch (letter) {
        case 'u': request->path = s_text (self, text); return true;
        case 'a': request->accept = s_text (self, text); return true;
        case 'y': request->content_type = s_text (self, text); return true;
        case 'v': request->version = s_text (self, text); return true;
        case 's': request->session = s_text (self, text); return true;
        case 'k': request->query_session = s_text (self, text); return true;
        case 'o': request->origin = s_text (self, text); return true;
        case 'e': request->last_event_id = s_text (self, text); return true;
        case 'h': request->host_plain = !*text; return true;
        default: return false;
    }
}

static void
s_step (void *arg, char letter, const char *text, size_t size)
{
    world_t *self = arg;
    if (s_header (self, letter, text))
        return;
    switch (letter) {
        case 'i': s_initialize (self, text, size); break;
        case 'p': s_ask (self, s_request (self, "POST", text, size), false); break;
        case 'm': s_ask (self, s_request (self, text, "", 0), false); break;
        case 'g': s_ask (self, s_request (self, "GET", "", 0), false); break;
        case 'c': s_call (self, text); break;
        case 'n': s_cancel (self); break;
        case 'l':
            s_post (self, json_pack ("{s:o}", "level", json_stringn (text, size)),
                    "logging/setLevel");
            break;
        case 'x':
            if (self->client_count > 0)
                s_leave (self, 0);
            break;
        case 'r': s_read (self, fuzz_number (text, LIMIT_MIB (1))); break;
        case 't': s_pass (self, fuzz_number (text, ADVANCE_MAX_MS)); break;
        case 'q': mcp_server_stop (self->server); break;
        default: break;
    }
}

//  --- the world

//  Own: NULL when the lines are refused.
static recording_t *
s_recording (const uint8_t *lines, size_t size, bool copies)
{
    own (own_fd) int fd = memfd_create ("lines", MFD_CLOEXEC);
    assert (fd >= 0 && write (fd, lines, size) == (ssize_t) size);
    char path [64];
    snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
    const char *paths [] = {path};
    recording_args_t args = {
        .paths = paths, .path_count = 1, .cluster = "", .copies = copies ? 3 : 0, .cancel_fd = -1};
    recording_t *recording = NULL;
    int rc = recording_read (&args, &recording);
    assert ((rc == 0) == (recording != NULL));
    return recording;
}

//  Every fault in the first rounds and in far ones.  Returns how many there are.
static int64_t
s_play_all (const recording_t *recording)
{
    static const int64_t rounds [] = {0, 1, 1000000};
    const recording_cluster_t *clusters = NULL;
    size_t count = recording_clusters (recording, &clusters);
    int64_t faults = 0;
    for (size_t i = 0; i < count; i++) {
        assert (json_utf8_valid (clusters [i].name, strlen (clusters [i].name)));
        for (size_t at = 0; at < clusters [i].tape->count; at++, faults++) {
            for (size_t r = 0; r < sizeof rounds / sizeof rounds [0]; r++) {
                own (json_drop) json_t *doc =
                    recording_play (&clusters [i], at, rounds [r], r % 2 == 1);
                assert (json_is_object (doc));
                assert (strcmp (json_member_text (doc, "cluster", ""), clusters [i].name) == 0);
            }
        }
    }
    return faults;
}

static mcp_server_settings_t
s_settings (const uint8_t *options, size_t size, const recording_t *recording)
{
    const recording_cluster_t *clusters = NULL;
    size_t count = recording_clusters (recording, &clusters);
    assert (count > 0 && count <= LIMIT_CLUSTERS);
    mcp_server_settings_t settings = {.recording = recording,
                                      .pace = {.repeat = ROUNDS},
                                      .denied = "",
                                      .local = true,
                                      .random64 = s_random64};
    for (size_t at = 0; at < size; at++) {
        char option = (char) options [at];
        settings.faithful = settings.faithful || option == 'f';
        settings.distinct = settings.distinct || option == 'd';
        if (option == 'e')
            settings.pace.repeat = 0;
        if (option == 's')
            settings.pace.speed = 10;
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
    random_state = 0;
    size_t options = s_part (data, size);
    size_t from = options < size ? options + 1 : size;
    size_t lines = s_part (data + from, size - from);
    size_t steps = from + lines < size ? from + lines + 1 : size;
    own (recording_destroy) recording_t *recording =
        s_recording (data + from, lines, options && memchr (data, 'c', options));
    if (!recording)
        return 0;
    world_t self = {.settings = s_settings (data, options, recording),
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
    int64_t faults = s_play_all (recording);
    self.most = self.settings.pace.repeat ? ROUNDS * faults : INT64_MAX;
    self.turns_left = !self.settings.pace.repeat && !self.settings.pace.rate ? TURNS_FULL : TURNS;
    fuzz_steps (data + steps, size - steps, s_step, &self);
    mcp_server_stop (self.server);
    while (self.client_count > 0)
        s_read (&self, 0);
    assert (mcp_server_streams (self.server) == 0);
    mcp_server_destroy (&self.server);
    for (size_t at = 0; at < self.text_count; at++)
        free (self.texts [at]);
    return 0;
}
