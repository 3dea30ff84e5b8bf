//  admin - HTTP: health, metrics, API; the port to libmicrohttpd.
//
//  One thread drives libmicrohttpd by hand (poll, MHD_run) and owns the store reader and the mailbox
//  of command replies.  A command suspends its connection until the loop answers or LIMIT_COMMAND_MS
//  are over, so no request ever makes another one wait for the loop.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/io/admin.h"

#include "broker/io/admin_part.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

typedef struct request request_t;

struct admin {
    struct MHD_Daemon *daemon;
    int epoll_fd;         //  MHD's; borrowed
    int stop_fd;          //  eventfd, readable once the thread shall end
    mailbox_t *loop;      //  borrowed
    mailbox_t *replies;   //  COMMAND_REPLY mails
    snapshot_t *snapshot; //  borrowed
    clk_t *clk;
    admin_view_t view;
    request_t *pending; //  requests whose command is with the loop
    uint64_t last_cookie;
    bool loopback; //  bound to a loopback address
    char address [80];
    pthread_t thread;
    bool running;
};

//  One HTTP request, from its first line until its reply is sent.
struct request {
    admin_t *admin;
    struct MHD_Connection *connection;
    size_t body_bytes;   //  received so far; the body itself is not kept
    uint64_t cookie;     //  of the command, 0 = none sent
    int64_t deadline_ms; //  boot
    bool answered;       //  the command's fate is in reply
    admin_reply_t reply;
    request_t *next; //  in admin->pending
};

typedef enum { PATH_EXACT, PATH_INCIDENT, PATH_COMMAND } path_t;

typedef struct {
    const char *path;   //  PATH_EXACT: all of it; else what stands before the name
    const char *suffix; //  PATH_COMMAND: what stands behind the name
    path_t kind;
    bool post;
    void (*show) (const admin_view_t *view, admin_reply_t *reply);
    void (*page) (const admin_view_t *view, const admin_query_t *query, admin_reply_t *reply);
    const char *parameters; //  allowed query names, "|" on both sides of each
    step_command_t command;
} route_t;

static const route_t s_routes [] = {
    {.path = "/healthz", .show = admin_api_healthz},
    {.path = "/-/healthy", .show = admin_api_healthz},
    {.path = "/readyz", .show = admin_api_readyz},
    {.path = "/-/ready", .show = admin_api_readyz},
    {.path = "/metrics", .show = admin_metrics},
    {.path = "/api/v1/status", .show = admin_api_status},
    {.path = "/api/v1/workers", .show = admin_api_workers},
    {.path = "/api/v1/incidents",
     .page = admin_api_incidents,
     .parameters = "|state|before|limit|"},
    {.path = "/api/v1/stream", .page = admin_api_stream, .parameters = "|after|limit|"},
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
    {.path = "/api/v1/incidents/", .suffix = "", .kind = PATH_INCIDENT},
};

//  --- routing

//  Does the route match, and which part of the path is the name?
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

static enum MHD_Result
s_send (request_t *self, const char *allow)
{
    admin_reply_t *reply = &self->reply;
    static char empty [] = "";
    struct MHD_Response *response = MHD_create_response_from_buffer (
        reply->body ? reply->size : 0, reply->body ? reply->body : empty,
        reply->body ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    reply->body = NULL;
    MHD_add_response_header (response, "Content-Type", reply->type);
    MHD_add_response_header (response, "Cache-Control", "no-store");
    MHD_add_response_header (response, "X-Content-Type-Options", "nosniff");
    if (allow)
        MHD_add_response_header (response, "Allow", allow);
    if (reply->next >= 0) {
        char next [24];
        snprintf (next, sizeof (next), "%lld", (long long) reply->next);
        MHD_add_response_header (response, "X-Next-After", next);
    }
    enum MHD_Result result = MHD_queue_response (self->connection, reply->status, response);
    MHD_destroy_response (response);
    return result;
}

static enum MHD_Result
s_send_error (request_t *self, unsigned status, const char *code, const char *message)
{
    admin_reply_error (&self->reply, status, code, message);
    return s_send (self, NULL);
}

//  --- commands

//  What the core said, as HTTP.
static void
s_command_reply (admin_reply_t *reply, int rc, const char *text)
{
    if (rc == 0)
        admin_reply_json (reply, MHD_HTTP_OK,
                          json_pack ("{s:s}", "result", text [0] ? text : "done"));
    else if (rc == ERR_NONE)
        admin_reply_error (reply, MHD_HTTP_NOT_FOUND, "not_found",
                           text [0] ? text : "no such thing");
    else if (rc == ERR_STALE || rc == ERR_PROTO)
        admin_reply_error (reply, MHD_HTTP_CONFLICT, "conflict",
                           text [0] ? text : "not possible in its present state");
    else
        admin_reply_error (reply, MHD_HTTP_SERVICE_UNAVAILABLE, "refused",
                           text [0] ? text : err_str (rc));
}

static void
s_pending_remove (request_t *self)
{
    for (request_t **at = &self->admin->pending; *at; at = &(*at)->next) {
        if (*at == self) {
            *at = self->next;
            return;
        }
    }
}

//  The reply is in place: let libmicrohttpd call the handler again.
static void
s_resume (request_t *self)
{
    s_pending_remove (self);
    self->answered = true;
    MHD_resume_connection (self->connection);
}

static enum MHD_Result
s_command (request_t *self, const route_t *route, const char *name)
{
    admin_t *admin = self->admin;
    bool incident = route->command == STEP_COMMAND_RETRY || route->command == STEP_COMMAND_CANCEL;
    if (incident && !ident_valid (name))
        return s_send_error (self, MHD_HTTP_NOT_FOUND, "not_found", "no such incident");
    if (!incident && strlen (name) >= ROW_NAME)
        return s_send_error (self, MHD_HTTP_NOT_FOUND, "not_found", "no such worker");

    own (mail_destroy) mail_t *mail = mail_new (MAIL_COMMAND);
    if (!mail)
        return s_send_error (self, MHD_HTTP_SERVICE_UNAVAILABLE, "memory", "out of memory");
    mail->as.command.command = route->command;
    if (incident)
        snprintf (mail->as.command.incident.text, IDENT_SIZE, "%s", name);
    else
        snprintf (mail->as.command.worker, ROW_NAME, "%s", name);
    mail->as.command.reply = admin->replies;
    mail->as.command.cookie = admin->last_cookie + 1;
    if (mailbox_send (admin->loop, &mail))
        return s_send_error (self, MHD_HTTP_SERVICE_UNAVAILABLE, "busy",
                             "the broker is too busy; try again");
    self->cookie = ++admin->last_cookie;
    self->deadline_ms = clk_now (admin->clk).boot_ms + LIMIT_COMMAND_MS;
    self->next = admin->pending;
    admin->pending = self;
    MHD_suspend_connection (self->connection);
    return MHD_YES;
}

static void
s_take_replies (admin_t *self)
{
    for (mail_t *mail = mailbox_recv (self->replies); mail; mail = mailbox_recv (self->replies)) {
        own (mail_destroy) mail_t *held = mail;
        request_t *request = self->pending;
        while (request && request->cookie != held->as.command_reply.cookie)
            request = request->next;
        if (held->kind != MAIL_COMMAND_REPLY || !request)
            continue; //  too late: that request was answered already
        s_command_reply (&request->reply, held->as.command_reply.rc, held->as.command_reply.text);
        s_resume (request);
    }
}

//  Answer what waited too long; returns the ms until the next deadline, -1 for none.
static int64_t
s_expire (admin_t *self, int64_t now_ms)
{
    int64_t wait_ms = -1;
    for (request_t *request = self->pending, *next = NULL; request; request = next) {
        next = request->next;
        int64_t left_ms = request->deadline_ms - now_ms;
        if (left_ms <= 0) {
            admin_reply_error (&request->reply, MHD_HTTP_GATEWAY_TIMEOUT, "timeout",
                               "no answer from the broker's loop; the command may still be done");
            s_resume (request);
        }
        else if (wait_ms < 0 || left_ms < wait_ms)
            wait_ms = left_ms;
    }
    return wait_ms;
}

//  --- requests

typedef struct {
    const route_t *route;
    admin_query_t query;
    bool bad;
    err_diag_t diag;
} query_read_t;

static enum MHD_Result
s_query_item (void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
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
    return self->bad ? MHD_NO : MHD_YES;
}

//  Copy the published snapshot, so that nobody waits while text is made of it.
static void
s_look (admin_t *self)
{
    snapshot_data_t *mine = &self->view.data;
    step_worker_t *workers = mine->workers;
    intake_source_t *sources = mine->sources;
    const snapshot_data_t *theirs = snapshot_read (self->snapshot);
    *mine = *theirs;
    mine->workers = workers;
    mine->sources = sources;
    if (mine->worker_count > LIMIT_WORKERS)
        mine->worker_count = LIMIT_WORKERS;
    if (mine->source_count > LIMIT_CLUSTERS)
        mine->source_count = LIMIT_CLUSTERS;
    if (mine->worker_count > 0)
        memcpy (workers, theirs->workers, mine->worker_count * sizeof (step_worker_t));
    if (mine->source_count > 0)
        memcpy (sources, theirs->sources, mine->source_count * sizeof (intake_source_t));
    snapshot_release (self->snapshot);
    self->view.now = clk_now (self->clk);
}

static enum MHD_Result
s_get (request_t *self, const route_t *route, const char *name)
{
    admin_t *admin = self->admin;
    query_read_t read = {.route = route, .query = admin_query_init ()};
    if (route->page)
        MHD_get_connection_values (self->connection, MHD_GET_ARGUMENT_KIND, s_query_item, &read);
    if (read.bad)
        return s_send_error (self, MHD_HTTP_BAD_REQUEST, "bad_query", read.diag.text);
    s_look (admin);
    if (route->show)
        route->show (&admin->view, &self->reply);
    else if (route->page)
        route->page (&admin->view, &read.query, &self->reply);
    else
        admin_api_incident (&admin->view, name, &self->reply);
    return s_send (self, NULL);
}

static bool
s_address_loopback (const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy (&in, address, sizeof (in));
        return ntohl (in.sin_addr.s_addr) >> 24 == 127;
    }
    if (address->sa_family != AF_INET6)
        return false;
    struct sockaddr_in6 in6;
    memcpy (&in6, address, sizeof (in6));
    return IN6_IS_ADDR_LOOPBACK (&in6.sin6_addr)
           || (IN6_IS_ADDR_V4MAPPED (&in6.sin6_addr) && in6.sin6_addr.s6_addr [12] == 127);
}

//  Commands come from this host and never from a browser (a page of another site may make one POST
//  to a loopback address, but not without an Origin).
static const char *
s_forbidden (const request_t *self)
{
    if (MHD_lookup_connection_value (self->connection, MHD_HEADER_KIND, "Origin"))
        return "commands are not taken from web pages";
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info (self->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (!info || !s_address_loopback (info->client_addr))
        return "commands are taken from the broker's own host only";
    return NULL;
}

static enum MHD_Result
s_answer (request_t *self, const char *url, const char *method)
{
    char name [LIMIT_PATH_BYTES];
    const route_t *route = s_route_find (url, name, sizeof (name));
    if (!route)
        return s_send_error (self, MHD_HTTP_NOT_FOUND, "not_found", "no such page");
    bool get = strcmp (method, MHD_HTTP_METHOD_GET) == 0 || strcmp (method, "HEAD") == 0;
    if (route->post ? strcmp (method, MHD_HTTP_METHOD_POST) != 0 : !get) {
        admin_reply_error (&self->reply, MHD_HTTP_METHOD_NOT_ALLOWED, "method",
                           "this page does not take that method");
        return s_send (self, route->post ? "POST" : "GET, HEAD");
    }
    if (!route->post)
        return s_get (self, route, name);
    const char *forbidden = s_forbidden (self);
    if (forbidden)
        return s_send_error (self, MHD_HTTP_FORBIDDEN, "forbidden", forbidden);
    return s_command (self, route, name);
}

static enum MHD_Result
s_first_call (admin_t *admin, struct MHD_Connection *connection, void **request_p)
{
    request_t *self = calloc (1, sizeof (request_t));
    if (!self)
        return MHD_NO;
    self->admin = admin;
    self->connection = connection;
    self->reply.next = -1;
    *request_p = self;
    const char *length =
        MHD_lookup_connection_value (connection, MHD_HEADER_KIND, "Content-Length");
    if (length && strtoull (length, NULL, 10) > LIMIT_HTTP_BODY_BYTES)
        return s_send_error (self, MHD_HTTP_CONTENT_TOO_LARGE, "too_large", "body over 1 MiB");
    return MHD_YES;
}

//  libmicrohttpd calls this first with the headers, then with the body's parts, then to answer, and
//  once more after a resume.
static enum MHD_Result
s_on_request (void *arg, struct MHD_Connection *connection, const char *url, const char *method,
              const char *version, const char *upload, size_t *upload_size, void **request_p)
{
    request_t *self = *request_p;
    if (!self)
        return s_first_call (arg, connection, request_p);
    if (*upload_size > 0) {
        self->body_bytes += *upload_size;
        *upload_size = 0;
        //  A chunked body has no length: read on for a while, so that the client sees the answer.
        return self->body_bytes > 2 * (size_t) LIMIT_HTTP_BODY_BYTES ? MHD_NO : MHD_YES;
    }
    if (self->body_bytes > LIMIT_HTTP_BODY_BYTES)
        return s_send_error (self, MHD_HTTP_CONTENT_TOO_LARGE, "too_large", "body over 1 MiB");
    if (self->answered)
        return s_send (self, NULL);
    return s_answer (self, url, method);
}

static void
s_on_completed (void *arg, struct MHD_Connection *connection, void **request_p,
                enum MHD_RequestTerminationCode why)
{
    request_t *self = *request_p;
    if (!self)
        return;
    s_pending_remove (self);
    admin_reply_fini (&self->reply);
    free (self);
    *request_p = NULL;
}

static void
s_on_log (void *arg, const char *format, va_list args) __attribute__ ((format (printf, 2, 0)));

static void
s_on_log (void *arg, const char *format, va_list args)
{
    char text [256];
    vsnprintf (text, sizeof (text), format, args);
    log_debug ("admin http", kv ("detail", (const char *) text));
}

//  --- the thread

static int
s_wait_ms (admin_t *self, int64_t command_ms)
{
    MHD_UNSIGNED_LONG_LONG mhd_ms = 0;
    int64_t wait_ms = 1000;
    if (MHD_get_timeout (self->daemon, &mhd_ms) == MHD_YES && (int64_t) mhd_ms < wait_ms)
        wait_ms = (int64_t) mhd_ms;
    if (command_ms >= 0 && command_ms < wait_ms)
        wait_ms = command_ms;
    return (int) wait_ms;
}

static void *
s_run (void *arg)
{
    admin_t *self = arg;
    struct pollfd fds [] = {
        {.fd = self->epoll_fd, .events = POLLIN},
        {.fd = mailbox_fd (self->replies), .events = POLLIN},
        {.fd = self->stop_fd, .events = POLLIN},
    };
    while (!(fds [2].revents & POLLIN)) {
        int64_t command_ms = s_expire (self, clk_now (self->clk).boot_ms);
        MHD_run (self->daemon);
        if (poll (fds, 3, s_wait_ms (self, command_ms)) < 0)
            fds [2].revents = 0; //  EINTR
        s_take_replies (self);
    }
    while (self->pending) {
        admin_reply_error (&self->pending->reply, MHD_HTTP_SERVICE_UNAVAILABLE, "draining",
                           "the broker is going down");
        s_resume (self->pending);
    }
    MHD_run (self->daemon);
    return NULL;
}

//  --- binding

//  "HOST:PORT", "[V6]:PORT", "localhost:PORT", "*:PORT".
static int
s_parse_listen (const char *listen_text, struct addrinfo **ret_list, err_diag_t *diag)
{
    char host [64];
    const char *colon = strrchr (listen_text, ':');
    size_t length = colon ? (size_t) (colon - listen_text) : 0;
    if (!colon || !colon [1] || length >= sizeof (host)) {
        err_diag (diag, "admin_listen: HOST:PORT expected, for example 127.0.0.1:5580");
        return ERR_CONFIG;
    }
    bool brackets = length >= 2 && listen_text [0] == '[' && colon [-1] == ']';
    snprintf (host, sizeof (host), "%.*s", (int) (brackets ? length - 2 : length),
              listen_text + (brackets ? 1 : 0));
    const char *node = host;
    if (strcmp (host, "localhost") == 0)
        node = "127.0.0.1";
    else if (strcmp (host, "*") == 0)
        node = "0.0.0.0";
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    if (!node [0]
        || getaddrinfo (node, strcmp (colon + 1, "*") == 0 ? "0" : colon + 1, &hints, ret_list)) {
        err_diag (diag, "admin_listen: %s: a numeric address and a port are expected", listen_text);
        return ERR_CONFIG;
    }
    return 0;
}

static void
s_describe (admin_t *self, int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof (address);
    char host [64] = "", port [8] = "";
    if (getsockname (fd, (struct sockaddr *) &address, &size) == 0)
        getnameinfo ((struct sockaddr *) &address, size, host, sizeof (host), port, sizeof (port),
                     NI_NUMERICHOST | NI_NUMERICSERV);
    bool v6 = address.ss_family == AF_INET6;
    snprintf (self->address, sizeof (self->address), v6 ? "[%s]:%s" : "%s:%s", host, port);
}

//  Returns the listening socket.  Err: ERR_CONFIG, -errno; diag says why.
static int
s_listen (admin_t *self, const settings_t *settings, err_diag_t *diag)
{
    struct addrinfo *list = NULL;
    int rc = s_parse_listen (settings->admin_listen, &list, diag);
    if (rc)
        return rc;
    struct stat stat_;
    bool keys = stat (settings->keys_dir, &stat_) == 0 && S_ISDIR (stat_.st_mode);
    self->loopback = s_address_loopback (list->ai_addr);
    own (own_fd) int fd = -1;
    if (!self->loopback && !keys) {
        err_diag (diag, "admin_listen: %s is not a loopback address; that needs keys (%s)",
                  settings->admin_listen, settings->keys_dir);
        rc = ERR_CONFIG;
    }
    else {
        int on = 1;
        fd = socket (list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof (on))
            || bind (fd, list->ai_addr, list->ai_addrlen) || listen (fd, SOMAXCONN)) {
            rc = -errno;
            err_diag (diag, "admin_listen: %s: %s", settings->admin_listen, err_str (rc));
        }
    }
    freeaddrinfo (list);
    if (rc)
        return rc;
    s_describe (self, fd);
    int taken = fd;
    fd = -1;
    return taken;
}

static int
s_start_daemon (admin_t *self, int listen_fd, err_diag_t *diag)
{
    self->daemon = MHD_start_daemon (
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, s_on_request,
        self, MHD_OPTION_EXTERNAL_LOGGER, s_on_log, NULL, MHD_OPTION_LISTEN_SOCKET, listen_fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned) LIMIT_HTTP_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) LIMIT_HTTP_IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) LIMIT_HTTP_MEMORY_BYTES,
        MHD_OPTION_NOTIFY_COMPLETED, s_on_completed, NULL, MHD_OPTION_END);
    if (!self->daemon) {
        close (listen_fd);
        err_diag (diag, "admin: the HTTP server did not start");
        return -EIO;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info (self->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    self->epoll_fd = info ? info->epoll_fd : -1;
    return self->epoll_fd >= 0 ? 0 : -EIO;
}

//  Signals belong to the main thread.
static int
s_start_thread (admin_t *self, err_diag_t *diag)
{
    sigset_t all, before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    int rc = pthread_create (&self->thread, NULL, s_run, self);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    self->running = rc == 0;
    if (rc)
        err_diag (diag, "admin: no thread: %s", err_str (-rc));
    return -rc;
}

admin_t *
admin_new (const settings_t *settings, snapshot_t *snapshot, mailbox_t *loop, err_diag_t *diag)
{
    own (admin_destroy) admin_t *self = calloc (1, sizeof (admin_t));
    if (!self)
        return NULL;
    self->loop = loop;
    self->snapshot = snapshot;
    self->epoll_fd = -1;
    self->stop_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->clk = clk_new ();
    self->replies = mailbox_new (LIMIT_MAILBOX, mail_item_destroy);
    self->view.workspace_root = settings->workspace_root;
    self->view.data.workers = calloc (LIMIT_WORKERS, sizeof (step_worker_t));
    self->view.data.sources = calloc (LIMIT_CLUSTERS, sizeof (intake_source_t));
    if (self->stop_fd < 0 || !self->clk || !self->replies || !self->view.data.workers
        || !self->view.data.sources) {
        err_diag (diag, "admin: out of memory");
        return NULL;
    }
    int listen_fd = s_listen (self, settings, diag);
    if (listen_fd < 0)
        return NULL;
    if (s_start_daemon (self, listen_fd, diag)
        || store_reader_open (settings->state_path, &self->view.reader, diag)
        || s_start_thread (self, diag))
        return NULL;
    return own_take (self);
}

void
admin_destroy (admin_t **self_p)
{
    admin_t *self = *self_p;
    if (!self)
        return;
    if (self->running) {
        eventfd_write (self->stop_fd, 1);
        pthread_join (self->thread, NULL);
    }
    if (self->daemon)
        MHD_stop_daemon (self->daemon);
    store_reader_destroy (&self->view.reader);
    mailbox_destroy (&self->replies);
    clk_destroy (&self->clk);
    own_fd (&self->stop_fd);
    free (self->view.data.workers);
    free (self->view.data.sources);
    free (self);
    *self_p = NULL;
}

const char *
admin_address (const admin_t *self)
{
    return self->address;
}
