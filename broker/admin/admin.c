//  One thread drives httpd and owns the store reader and the mailbox of command replies.
//  The request of a command sleeps until the loop answers or its limit has passed.
//  So no request waits for the command of another.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/admin/admin.h"

#include "broker/admin/admin_part.h"
#include "broker/admin/admin_token.h"
#include "common/base/actor.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/net/httpd.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <utlist.h>

typedef struct command command_t;

enum { S_WRONG_LOG_MS = 60000 };

struct admin {
    httpd_t *httpd;
    actor_t *actor;       //  gets COMMAND_REPLY mails
    mailbox_t *loop;      //  borrowed
    snapshot_t *snapshot; //  borrowed
    clk_t *clk;
    admin_token_t token;
    int64_t wrong;           //  commands with a wrong token since the last line in the log
    int64_t wrong_logged_ms; //  boot time; no further line before it
    admin_view_t view;
    command_t *pending; //  commands that wait for the loop
    uint64_t last_cookie;
};

//  One command under way.  It is the tag of its request, which sleeps.
struct command {
    httpd_request_t *request;
    uint64_t cookie;
    int64_t deadline_ms; //  boot
    command_t *prev, *next;
};

typedef enum { PATH_EXACT, PATH_INCIDENT, PATH_COMMAND } path_t;

typedef struct {
    const char *path;   //  PATH_EXACT: the whole path; else the part before the name
    const char *suffix; //  PATH_COMMAND: the part behind the name
    path_t kind;
    bool post;
    void (*show) (const admin_view_t *view, admin_reply_t *reply);
    void (*page) (const admin_view_t *view, const admin_query_t *query, admin_reply_t *reply);
    const char *parameters; //  allowed query names, "|" on both sides of each
    bool counts;            //  needs store_counts_t
    step_command_t command;
    mail_kind_t mail; //  a question for delivery: this goes to the loop, no command; 0 = none
    int64_t wait_ms;  //  limit for the answer, 0 = LIMIT_COMMAND_MS
} route_t;

static const route_t s_routes [] = {
    {.path = "/healthz", .show = admin_api_healthz},
    {.path = "/-/healthy", .show = admin_api_healthz},
    {.path = "/readyz", .show = admin_api_readyz},
    {.path = "/-/ready", .show = admin_api_readyz},
    {.path = "/metrics", .show = admin_metrics, .counts = true},
    {.path = "/api/v1/status", .show = admin_api_status, .counts = true},
    {.path = "/api/v1/workers", .show = admin_api_workers},
    {.path = "/api/v1/clusters", .show = admin_api_clusters},
    {.path = "/api/v1/storage/retention", .show = admin_api_retention, .counts = true},
    {.path = "/api/v1/storage/retention/now", .post = true, .command = STEP_COMMAND_RETIRE},
    {.path = "/api/v1/breaker/probe", .post = true, .command = STEP_COMMAND_PROBE},
    {.path = "/api/v1/incidents",
     .page = admin_api_incidents,
     .parameters = "|state|reason|before|limit|"},
    {.path = "/api/v1/effects", .page = admin_api_effects, .parameters = "|state|before|limit|"},
    {.path = "/api/v1/routes", .show = admin_routes},
    {.path = "/api/v1/routes/test",
     .page = admin_routes_test,
     .parameters = "|cluster|namespace|severity|type|label|"},
    {.path = "/api/v1/stream", .page = admin_stream, .parameters = "|after|limit|"},
    {.path = "/api/v1/incidents/",
     .suffix = "/retry",
     .kind = PATH_COMMAND,
     .post = true,
     .command = STEP_COMMAND_RETRY},
    {.path = "/api/v1/incidents/",
     .suffix = "/cancel",
     .kind = PATH_COMMAND,
     .post = true,
     .command = STEP_COMMAND_CANCEL},
    {.path = "/api/v1/workers/",
     .suffix = "/drain",
     .kind = PATH_COMMAND,
     .post = true,
     .command = STEP_COMMAND_DRAIN},
    {.path = "/api/v1/workers/",
     .suffix = "/resume",
     .kind = PATH_COMMAND,
     .post = true,
     .command = STEP_COMMAND_RESUME},
    {.path = "/api/v1/effects/",
     .suffix = "/retry",
     .kind = PATH_COMMAND,
     .post = true,
     .command = STEP_COMMAND_EFFECT_RETRY},
    {.path = "/api/v1/effects/",
     .suffix = "/cancel",
     .kind = PATH_COMMAND,
     .post = true,
     .command = STEP_COMMAND_EFFECT_CANCEL},
    {.path = "/api/v1/storage/check",
     .kind = PATH_EXACT,
     .post = true,
     .mail = MAIL_STORAGE_CHECK,
     .wait_ms = LIMIT_STORAGE_CHECK_MS},
    {.path = "/api/v1/slack/check",
     .kind = PATH_EXACT,
     .post = true,
     .mail = MAIL_SLACK_CHECK,
     .wait_ms = LIMIT_STORAGE_CHECK_MS},
    {.path = "/api/v1/slack/send",
     .post = true,
     .mail = MAIL_SLACK_SEND,
     .wait_ms = LIMIT_STORAGE_CHECK_MS},
    {.path = "/api/v1/channels/",
     .suffix = "/retry",
     .kind = PATH_COMMAND,
     .post = true,
     .command = STEP_COMMAND_CHANNEL_RETRY},
    {.path = "/api/v1/incidents/", .suffix = "", .kind = PATH_INCIDENT},
};

//  --- routing

//  Does the route match?  ret_name gets the part of the path that is the name.
static bool
s_route_match (const route_t *route, const char *url, char *ret_name, size_t size)
{
    ret_name [0] = 0;
    if (route->kind == PATH_EXACT)
        return strcmp (route->path, url) == 0;
    size_t prefix = strlen (route->path), suffix = strlen (route->suffix), length = strlen (url);
    if (length <= prefix + suffix || strncmp (url, route->path, prefix) != 0
        || strcmp (url + length - suffix, route->suffix) != 0)
        return false;
    size_t name = length - prefix - suffix;
    if (name >= size)
        return false;
    memcpy (ret_name, url + prefix, name);
    ret_name [name] = 0;
    return true;
}

static const route_t *
s_route_find (const char *url, char *ret_name, size_t size)
{
    for (size_t i = 0; i < sizeof (s_routes) / sizeof (s_routes [0]); i++)
        if (s_route_match (&s_routes [i], url, ret_name, size))
            return &s_routes [i];
    return NULL;
}

//  --- replies

//  Send a reply.  Own: takes its body.
static void
s_send (httpd_request_t *request, admin_reply_t *reply, const char *allow)
{
    char next [24] = "";
    httpd_header_t headers [7] = {{"Content-Type", reply->type},
                                  {"Cache-Control", "no-store"},
                                  {"X-Content-Type-Options", "nosniff"}};
    size_t count = 3;
    if (allow)
        headers [count++] = (httpd_header_t){"Allow", allow};
    if (reply->status == ADMIN_UNAUTHORIZED)
        headers [count++] = (httpd_header_t){"WWW-Authenticate", "Bearer"};
    if (reply->next >= 0) {
        snprintf (next, sizeof (next), "%lld", (long long) reply->next);
        headers [count++] = (httpd_header_t){"X-Next-After", next};
    }
    httpd_reply (request, reply->status, &reply->body, reply->size, headers);
}

static void
s_send_error (httpd_request_t *request, unsigned status, const char *code, const char *message)
{
    admin_reply_t reply = {.next = -1};
    admin_reply_error (&reply, status, code, message);
    s_send (request, &reply, NULL);
}

//  --- commands

//  Turn the core's answer into an HTTP reply.
static void
s_command_reply (admin_reply_t *reply, int rc, const char *text)
{
    if (rc == 0)
        admin_reply_json (reply, ADMIN_OK, json_pack ("{s:s}", "result", text [0] ? text : "done"));
    else if (rc == ERR_NONE)
        admin_reply_error (reply, ADMIN_NOT_FOUND, "not_found", text [0] ? text : "no such thing");
    else if (rc == ERR_STALE || rc == ERR_PROTO)
        admin_reply_error (reply, ADMIN_CONFLICT, "conflict",
                           text [0] ? text : "not possible in its present state");
    else
        admin_reply_error (reply, ADMIN_UNAVAILABLE, "refused", text [0] ? text : err_str (rc));
}

//  Answer a command's request and free the command.
static void
s_command_end (command_t *self, admin_t *admin, admin_reply_t *reply)
{
    DL_DELETE (admin->pending, self);
    httpd_set_tag (self->request, NULL);
    s_send (self->request, reply, NULL);
    free (self);
}

static void
s_on_gone (void *arg, httpd_request_t *request)
{
    admin_t *self = arg;
    command_t *command = httpd_tag (request);
    if (!command)
        return;
    DL_DELETE (self->pending, command);
    free (command);
}

//  Put the command and its subject into the mail.
//  Err: ERR_NONE: there is no such subject, *ret_text names its kind; ERR_STORE.
static int
s_subject (const admin_t *self, mail_t *mail, step_command_t command, const char *name,
           const char **ret_text)
{
    mail->as.command.command = command;
    switch (command) {
        case STEP_COMMAND_RETRY:
        case STEP_COMMAND_CANCEL:
            *ret_text = "no such incident";
            return admin_query_incident (self->view.reader, name, &mail->as.command.incident);
        case STEP_COMMAND_DRAIN:
        case STEP_COMMAND_RESUME:
            *ret_text = "no such worker";
            if (strlen (name) >= ROW_NAME)
                return ERR_NONE;
            memcpy (mail->as.command.worker, name, strlen (name) + 1);
            return 0;
        case STEP_COMMAND_CHANNEL_RETRY:
            *ret_text = "no such channel";
            if (strlen (name) >= ROW_NAME)
                return ERR_NONE;
            memcpy (mail->as.command.channel, name, strlen (name) + 1);
            return 0;
        case STEP_COMMAND_EFFECT_RETRY:
        case STEP_COMMAND_EFFECT_CANCEL: break;
        case STEP_COMMAND_PROBE:
        case STEP_COMMAND_RETIRE: return 0;
        case STEP_COMMANDS: assert (false && "no command");
    }
    *ret_text = "no such effect";
    return admin_query_number (name, 1, INT64_MAX >> 1, &mail->as.command.effect) ? ERR_NONE : 0;
}

//  Let the request sleep until the answer with this cookie comes.  Own: takes *command_p.
static void
s_sleep (admin_t *self, httpd_request_t *request, int64_t wait_ms, command_t **command_p)
{
    command_t *command = *command_p, *later = self->pending;
    *command_p = NULL;
    command->request = request;
    command->cookie = ++self->last_cookie;
    command->deadline_ms = clk_now (self->clk).boot_ms + wait_ms;
    httpd_set_tag (request, command);
    while (later && later->deadline_ms <= command->deadline_ms) //  earliest deadline first
        later = later->next;
    if (later)
        DL_PREPEND_ELEM (self->pending, later, command);
    else
        DL_APPEND (self->pending, command);
}

//  Note in the mail who asks, and which answer is its own.
static void
s_asks (const admin_t *self, mail_t *mail)
{
    mailbox_t *reply = actor_inbox (self->actor);
    const uint64_t cookie = self->last_cookie + 1;
    if (mail->kind == MAIL_STORAGE_CHECK) {
        mail->as.storage.reply = reply;
        mail->as.storage.cookie = cookie;
    }
    else if (mail->kind == MAIL_SLACK_CHECK || mail->kind == MAIL_SLACK_SEND) {
        mail->as.slack.reply = reply;
        mail->as.slack.cookie = cookie;
    }
    else {
        mail->as.command.reply = reply;
        mail->as.command.cookie = cookie;
    }
}

static void
s_command (admin_t *self, httpd_request_t *request, const route_t *route, const char *name)
{
    const bool check = route->mail;
    own (mail_destroy) mail_t *mail = mail_new (check ? route->mail : MAIL_COMMAND);
    own (own_mem) command_t *command = calloc (1, sizeof (command_t));
    if (!mail || !command) {
        s_send_error (request, ADMIN_UNAVAILABLE, "memory", "out of memory");
        return;
    }
    const char *text = NULL;
    int rc = check ? 0 : s_subject (self, mail, route->command, name, &text);
    if (rc) {
        admin_reply_t reply = {.next = -1};
        s_command_reply (&reply, rc, rc == ERR_NONE ? text : "");
        s_send (request, &reply, NULL);
        return;
    }
    s_asks (self, mail);
    if (mailbox_send (self->loop, &mail)) {
        s_send_error (request, ADMIN_UNAVAILABLE, "busy", "the broker is too busy; try again");
        return;
    }
    s_sleep (self, request, route->wait_ms ? route->wait_ms : LIMIT_COMMAND_MS, &command);
}

//  The cookie of an answer; 0: the mail is none.
static uint64_t
s_cookie (const mail_t *mail)
{
    if (mail->kind == MAIL_STORAGE_CHECKED)
        return mail->as.storage.cookie;
    if (mail->kind == MAIL_SLACK_CHECKED)
        return mail->as.slack.cookie;
    return mail->kind == MAIL_COMMAND_REPLY ? mail->as.command_reply.cookie : 0;
}

static void
s_take_replies (admin_t *self)
{
    for (mail_t *mail = actor_recv (self->actor); mail; mail = actor_recv (self->actor)) {
        own (mail_destroy) mail_t *held = mail;
        const uint64_t cookie = s_cookie (held);
        command_t *command = self->pending;
        while (command && command->cookie != cookie)
            command = command->next;
        if (!command)
            continue; //  too late: the request has been answered
        admin_reply_t reply = {.next = -1};
        if (held->kind == MAIL_STORAGE_CHECKED)
            admin_api_storage_checked (&held->as.storage.found, &reply);
        else if (held->kind == MAIL_SLACK_CHECKED)
            admin_api_slack_checked (held->as.slack.text, &reply);
        else
            s_command_reply (&reply, held->as.command_reply.rc, held->as.command_reply.text);
        s_command_end (command, self, &reply);
    }
}

//  Answer the commands that are overdue.  Returns the ms until the next deadline, at most max_ms.
static int64_t
s_expire (admin_t *self, int64_t now_ms, int64_t max_ms)
{
    while (self->pending && self->pending->deadline_ms <= now_ms) { //  earliest deadline first
        admin_reply_t reply = {.next = -1};
        admin_reply_error (&reply, ADMIN_TIMEOUT, "timeout",
                           "no answer in time; the command may still be done");
        s_command_end (self->pending, self, &reply);
    }
    int64_t left_ms = self->pending ? self->pending->deadline_ms - now_ms : max_ms;
    return left_ms < max_ms ? left_ms : max_ms;
}

//  --- requests

typedef struct {
    const route_t *route;
    admin_query_t query;
    bool bad;
    err_diag_t diag;
} query_read_t;

static bool
s_query_item (void *arg, const char *name, const char *value)
{
    query_read_t *self = arg;
    char framed [32];
    int length = snprintf (framed, sizeof (framed), "|%s|", name);
    const char *allowed = self->route->parameters ? self->route->parameters : "";
    if (length < 0 || (size_t) length >= sizeof (framed) || !strstr (allowed, framed)) {
        err_diag (&self->diag, "unknown query parameter");
        self->bad = true;
    }
    else
        self->bad = admin_query_set (&self->query, name, value, &self->diag) != 0;
    return !self->bad;
}

//  Copy the published snapshot, so that its lock is not held while text is made from it.
static void
s_look (admin_t *self)
{
    snapshot_data_t *mine = &self->view.data;
    step_worker_t *workers = mine->workers;
    intake_source_t *sources = mine->sources;
    step_cluster_t *clusters = mine->clusters;
    step_lane_t *lanes = mine->lanes;
    conf_destroy (&mine->conf);
    const snapshot_data_t *theirs = snapshot_read (self->snapshot);
    *mine = *theirs;
    mine->conf = theirs->conf ? conf_share (theirs->conf) : NULL;
    mine->workers = workers;
    mine->sources = sources;
    mine->clusters = clusters;
    mine->lanes = lanes;
    if (mine->worker_count > LIMIT_WORKERS)
        mine->worker_count = LIMIT_WORKERS;
    if (mine->source_count > LIMIT_CLUSTERS)
        mine->source_count = LIMIT_CLUSTERS;
    if (mine->cluster_count > LIMIT_TALLIES)
        mine->cluster_count = LIMIT_TALLIES;
    if (mine->cluster_count > 0)
        memcpy (clusters, theirs->clusters, mine->cluster_count * sizeof (step_cluster_t));
    if (mine->lane_count > 0)
        memcpy (lanes, theirs->lanes, mine->lane_count * sizeof (step_lane_t));
    if (mine->worker_count > 0)
        memcpy (workers, theirs->workers, mine->worker_count * sizeof (step_worker_t));
    if (mine->source_count > 0)
        memcpy (sources, theirs->sources, mine->source_count * sizeof (intake_source_t));
    snapshot_release (self->snapshot);
    self->view.now = clk_now (self->clk);
}

static void
s_get (admin_t *self, httpd_request_t *request, const route_t *route, const char *name)
{
    query_read_t read = {.route = route, .query = admin_query_init ()};
    if (route->page)
        httpd_query_each (request, s_query_item, &read);
    if (read.bad) {
        s_send_error (request, ADMIN_BAD, "bad_query", read.diag.text);
        return;
    }
    s_look (self);
    if (route->counts)
        self->view.counted = store_reader_counts (self->view.reader, &self->view.counts) == 0;
    admin_reply_t reply = {.next = -1};
    if (route->show)
        route->show (&self->view, &reply);
    else if (route->page)
        route->page (&self->view, &read.query, &reply);
    else
        admin_api_incident (&self->view, name, &reply);
    s_send (request, &reply, NULL);
}

//  Refuse DNS rebinding: a web page whose own host name resolves to this address.
//  A page cannot choose the Host header, so the header shows the page's name.
static bool
s_misnamed (const admin_t *self, const httpd_request_t *request, bool post)
{
    return (post || httpd_local (self->httpd)) && !httpd_host_plain (request);
}

//  Accept commands from this host only, and none from a browser.  A page of another site can POST
//  to a loopback address, but the browser then adds Origin, and asks first before it sends JSON.
static const char *
s_forbidden (const httpd_request_t *request)
{
    if (*httpd_header (request, "Origin"))
        return "commands are not taken from web pages";
    if (!httpd_from_here (request))
        return "commands are taken from the broker's own host only";
    return NULL;
}

static bool
s_is_json (const httpd_request_t *request)
{
    static const char json [] = "application/json";
    const char *type = httpd_header (request, "Content-Type");
    size_t size = strcspn (type, "; \t");
    return size == sizeof (json) - 1 && strncasecmp (type, json, size) == 0;
}

//  Log commands with a wrong token, many in one line.
static void
s_wrong_token (admin_t *self)
{
    const int64_t now_ms = clk_now (self->clk).boot_ms;
    self->wrong++;
    if (now_ms < self->wrong_logged_ms)
        return;
    log_warn ("command refused, its token is wrong", kv ("token_file", self->token.path),
              kv ("count", self->wrong));
    self->wrong = 0;
    self->wrong_logged_ms = now_ms + S_WRONG_LOG_MS;
}

//  Check the token and answer the request if it is wrong or missing.  The address is not enough:
//  behind a proxy on this host every client seems local.
static bool
s_unauthorized (admin_t *self, httpd_request_t *request)
{
    bool good = false;
    err_diag_t diag = {.text = ""};
    admin_reply_t reply = {.next = -1};
    const char *given = httpd_header (request, "Authorization");
    if (admin_token_check (&self->token, given, &good, &diag) < 0) {
        log_warn ("no command can be taken", kv ("reason", diag.text));
        s_send_error (request, ADMIN_UNAVAILABLE, "token", diag.text);
        return true;
    }
    if (good)
        return false;
    if (given [0])
        s_wrong_token (self);
    char text [PATH_MAX + 128];
    snprintf (text, sizeof text, "%scommands need the token in %s (triagectl --token-file)",
              given [0] ? "wrong token: " : "", self->token.path);
    admin_reply_error (&reply, ADMIN_UNAUTHORIZED, "unauthorized", text);
    s_send (request, &reply, NULL);
    return true;
}

static void
s_post (admin_t *self, httpd_request_t *request, const route_t *route, const char *name)
{
    const char *forbidden = s_forbidden (request);
    if (forbidden) {
        s_send_error (request, ADMIN_FORBIDDEN, "forbidden", forbidden);
    }
    else if (!s_is_json (request)) {
        s_send_error (request, ADMIN_NOT_JSON, "content_type",
                      "commands need Content-Type: application/json");
    }
    else if (!s_unauthorized (self, request)) {
        s_command (self, request, route, name);
    }
}

static void
s_on_request (void *arg, httpd_request_t *request)
{
    admin_t *self = arg;
    char name [LIMIT_PATH_BYTES];
    const char *method = httpd_method (request);
    const route_t *route = s_route_find (httpd_path (request), name, sizeof (name));
    bool get = strcmp (method, "GET") == 0 || strcmp (method, "HEAD") == 0;
    if (httpd_too_large (request)) {
        s_send_error (request, ADMIN_TOO_LARGE, "too_large", "body over 1 MiB");
    }
    else if (s_misnamed (self, request, !get)) {
        s_send_error (request, ADMIN_FORBIDDEN, "host",
                      "the Host header must be an address or localhost, as in "
                      "http://127.0.0.1:5580");
    }
    else if (!route) {
        s_send_error (request, ADMIN_NOT_FOUND, "not_found", "no such page");
    }
    else if (route->post ? strcmp (method, "POST") != 0 : !get) {
        admin_reply_t reply = {.next = -1};
        admin_reply_error (&reply, ADMIN_METHOD, "method", "this page does not take that method");
        s_send (request, &reply, route->post ? "POST" : "GET, HEAD");
    }
    else if (route->post) {
        s_post (self, request, route, name);
    }
    else {
        s_get (self, request, route, name);
    }
}

//  --- the thread

static void
s_run (void *arg)
{
    admin_t *self = arg;
    struct pollfd fds [] = {
        {.fd = httpd_fd (self->httpd), .events = POLLIN},
        {.fd = actor_fd (self->actor), .events = POLLIN},
    };
    while (!actor_ends (self->actor)) {
        int64_t wait_ms = s_expire (self, clk_now (self->clk).boot_ms, 1000);
        httpd_run (self->httpd);
        (void) poll (fds, 2, (int) httpd_wait_ms (self->httpd, wait_ms));
        s_take_replies (self);
    }
    while (self->pending) {
        admin_reply_t reply = {.next = -1};
        admin_reply_error (&reply, ADMIN_UNAVAILABLE, "draining", "the broker is going down");
        s_command_end (self->pending, self, &reply);
    }
    httpd_run (self->httpd);
}

enum { S_NEEDS = 512 };

static httpd_args_t
s_listen_args (const settings_t *settings, char ret_needs [S_NEEDS], admin_t *arg)
{
    struct stat stat_;
    snprintf (ret_needs, S_NEEDS, "keys (%s)", settings->keys_dir);
    bool keys = stat (settings->keys_dir, &stat_) == 0 && S_ISDIR (stat_.st_mode);
    return (httpd_args_t){.option = "admin_listen",
                          .address = settings->admin_listen,
                          .only_local = keys ? NULL : ret_needs,
                          .connections = LIMIT_HTTP_CONNECTIONS,
                          .idle_s = LIMIT_HTTP_IDLE_S,
                          .body_bytes = LIMIT_HTTP_BODY_BYTES,
                          .hooks = {.request = s_on_request, .gone = s_on_gone},
                          .arg = arg};
}

int
admin_check (const settings_t *settings, err_diag_t *diag)
{
    char needs [S_NEEDS];
    const httpd_args_t args = s_listen_args (settings, needs, NULL);
    return httpd_check (&args, diag);
}

static int
s_open (admin_t *self, const settings_t *settings, err_diag_t *diag)
{
    char needs [S_NEEDS];
    const httpd_args_t args = s_listen_args (settings, needs, self);
    int rc = httpd_new (&args, &self->httpd, diag);
    return rc ? rc : store_reader_open (settings->state_path, &self->view.reader, diag);
}

int
admin_new (const settings_t *settings, snapshot_t *snapshot, mailbox_t *loop, admin_t **ret_admin,
           err_diag_t *diag)
{
    own (admin_destroy) admin_t *self = calloc (1, sizeof (admin_t));
    if (!self)
        return -ENOMEM;
    self->loop = loop;
    self->snapshot = snapshot;
    self->clk = clk_new ();
    self->actor = actor_new (LIMIT_MAILBOX, mail_item_destroy, NULL);
    self->view.workspace_root = settings->workspace_root;
    self->view.data.workers = calloc (LIMIT_WORKERS, sizeof (step_worker_t));
    self->view.data.sources = calloc (LIMIT_CLUSTERS, sizeof (intake_source_t));
    self->view.data.clusters = calloc (LIMIT_TALLIES, sizeof (step_cluster_t));
    self->view.data.lanes = calloc (LIMIT_LANES_SHOWN, sizeof (step_lane_t));
    if (!self->clk || !self->actor || !self->view.data.workers || !self->view.data.sources
        || !self->view.data.clusters || !self->view.data.lanes) {
        err_diag (diag, "admin: out of memory");
        return -ENOMEM;
    }
    int rc = admin_token_open (&self->token, settings, diag);
    if (rc == 0)
        rc = s_open (self, settings, diag);
    if (rc < 0)
        return rc;
    rc = actor_start (self->actor, s_run, self);
    if (rc < 0) {
        err_diag (diag, "admin: no thread: %s", err_str (rc));
        return rc;
    }
    *ret_admin = own_take (self);
    return 0;
}

void
admin_destroy (admin_t **self_p)
{
    admin_t *self = *self_p;
    if (!self)
        return;
    actor_destroy (&self->actor);
    httpd_destroy (&self->httpd);
    store_reader_destroy (&self->view.reader);
    clk_destroy (&self->clk);
    conf_destroy (&self->view.data.conf);
    free (self->view.data.workers);
    free (self->view.data.sources);
    free (self->view.data.clusters);
    free (self->view.data.lanes);
    free (self);
    *self_p = NULL;
}

const char *
admin_address (const admin_t *self)
{
    return httpd_address (self->httpd);
}
