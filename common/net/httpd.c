//  SPDX-License-Identifier: Apache-2.0
#include "common/net/httpd.h"

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utlist.h>

enum { EVENTS = 64, STREAM_BLOCK_BYTES = 65536 };

//  One connection.
typedef struct client {
    int fd;
    //  In httpd->waiting: it has no complete request and may be closed for another one.
    bool waits;
    struct client *prev, *next;
} client_t;

struct httpd {
    httpd_args_t args;
    client_t *waiting;     //  longest wait first
    unsigned client_count; //  without connections already cut
    int runs;              //  runs of libmicrohttpd that are due at once
    struct MHD_Daemon *daemon;
    //  epoll: libmicrohttpd's own fd, and the sockets of sleeping requests.
    int poll_fd;
    httpd_request_t *sleepers;
    bool local;
    bool closing;
    char address [80];
};

//  One request, from its first line until its answer is sent.
struct httpd_request {
    httpd_t *httpd;
    struct MHD_Connection *connection;
    const char *path, *method; //  libmicrohttpd's, valid as long as the request
    buf_t body;
    size_t body_bytes; //  received so far
    bool too_large;
    bool told;
    bool asleep; //  suspended and in httpd->sleepers
    bool left;   //  its client closed the connection while it slept
    struct MHD_Response *response;
    unsigned status;
    void *tag;
    httpd_request_t *prev, *next; //  in httpd->sleepers
};

//  --- sleeping: libmicrohttpd ignores suspended connections, so we watch for their end

static int
s_socket (const httpd_request_t *self)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info (self->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

static void
s_sleep (httpd_request_t *self)
{
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = self};
    MHD_suspend_connection (self->connection);
    self->asleep = true;
    DL_APPEND (self->httpd->sleepers, self);
    //  Without the watch, a client that left is noticed only at the next byte.
    (void) epoll_ctl (self->httpd->poll_fd, EPOLL_CTL_ADD, s_socket (self), &event);
}

static void
s_wake (httpd_request_t *self)
{
    if (!self->asleep)
        return;
    self->asleep = false;
    DL_DELETE (self->httpd->sleepers, self);
    (void) epoll_ctl (self->httpd->poll_fd, EPOLL_CTL_DEL, s_socket (self), NULL);
    MHD_resume_connection (self->connection);
}

//  --- connections: at the limit, the oldest one with an incomplete request is closed

static void
s_wait (httpd_t *httpd, client_t *client, bool waits)
{
    if (client && client->waits != waits) {
        if (waits)
            DL_APPEND (httpd->waiting, client);
        else
            DL_DELETE (httpd->waiting, client);
        client->waits = waits;
    }
}

static client_t *
s_client (const httpd_request_t *self)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info (self->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void
s_on_connection (void *arg, struct MHD_Connection *connection, void **client_p,
                 enum MHD_ConnectionNotificationCode code)
{
    httpd_t *httpd = arg;
    client_t *client = *client_p;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info (connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *client_p = client = calloc (1, sizeof (client_t));
        if (!client || !info)
            return;
        client->fd = info->connect_fd;
        s_wait (httpd, client, true);
        if (++httpd->client_count <= httpd->args.connections)
            return;
        client_t *oldest = httpd->waiting; //  libmicrohttpd closes it
        shutdown (oldest->fd, SHUT_RDWR);
        s_wait (httpd, oldest, false);
        oldest->fd = -1;
        httpd->client_count--;
        httpd->runs = 3;
    }
    else if (client) {
        httpd->client_count -= client->fd >= 0;
        s_wait (httpd, client, false);
        free (client);
        *client_p = NULL;
    }
}

//  --- requests

static enum MHD_Result
s_send (httpd_request_t *self)
{
    return self->response && !self->left
               ? MHD_queue_response (self->connection, self->status, self->response)
               : MHD_NO;
}

static enum MHD_Result
s_tell (httpd_request_t *self)
{
    if (self->httpd->closing)
        return MHD_NO;
    self->told = true;
    s_wait (self->httpd, s_client (self), false);
    self->httpd->args.hooks.request (self->httpd->args.arg, self);
    if (self->response || self->left)
        return s_send (self);
    s_sleep (self);
    return MHD_YES;
}

static enum MHD_Result
s_begin (httpd_t *httpd, struct MHD_Connection *connection, const char *path, const char *method,
         void **request_p)
{
    httpd_request_t *self = calloc (1, sizeof (httpd_request_t));
    if (!self)
        return MHD_NO;
    self->httpd = httpd;
    self->connection = connection;
    self->path = path;
    self->method = method;
    self->body = buf_init (httpd->args.body_bytes);
    *request_p = self;
    const char *length = httpd_header (self, MHD_HTTP_HEADER_CONTENT_LENGTH);
    self->too_large = strtoull (length, NULL, 10) > httpd->args.body_bytes;
    return self->too_large ? s_tell (self) : MHD_YES;
}

static enum MHD_Result
s_on_body (httpd_request_t *self, const char *bytes, size_t size)
{
    size_t max = self->httpd->args.body_bytes;
    self->body_bytes += size;
    self->too_large = self->body_bytes > max;
    if (self->httpd->args.body_kept && !self->too_large
        && buf_append (&self->body, bytes, size) != 0)
        return MHD_NO;
    //  A chunked body has no length.  Read on for a while, so that the client sees the answer.
    return self->body_bytes > 2 * max ? MHD_NO : MHD_YES;
}

//  libmicrohttpd calls this with the headers, then with each part of the body, then for the answer.
//  After each resume it calls once more.
static enum MHD_Result
s_on_request (void *arg, struct MHD_Connection *connection, const char *path, const char *method,
              const char *version, const char *bytes, size_t *size_p, void **request_p)
{
    httpd_request_t *self = *request_p;
    if (!self)
        return s_begin (arg, connection, path, method, request_p);
    if (*size_p > 0) {
        size_t size = *size_p;
        *size_p = 0;
        return s_on_body (self, bytes, size);
    }
    return self->told ? s_send (self) : s_tell (self);
}

static void
s_on_completed (void *arg, struct MHD_Connection *connection, void **request_p,
                enum MHD_RequestTerminationCode why)
{
    httpd_request_t *self = *request_p;
    httpd_t *httpd = arg;
    if (!self)
        return;
    if (self->told && httpd->args.hooks.gone)
        httpd->args.hooks.gone (httpd->args.arg, self);
    client_t *client = s_client (self);
    if (client && client->fd >= 0)
        s_wait (httpd, client, true);
    if (self->response)
        MHD_destroy_response (self->response);
    buf_fini (&self->body);
    free (self);
    *request_p = NULL;
}

static ssize_t
s_on_pull (void *arg, uint64_t at, char *bytes, size_t max)
{
    httpd_request_t *self = arg;
    if (self->left || self->httpd->closing)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    int64_t count = self->httpd->args.hooks.pull (self->httpd->args.arg, self, bytes, max);
    if (count == HTTPD_END)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (count == HTTPD_CUT)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (count == HTTPD_NOTHING)
        s_sleep (self);
    return (ssize_t) count;
}

static void
s_on_log (void *arg, const char *format, va_list args) __attribute__ ((format (printf, 2, 0)));

static void
s_on_log (void *arg, const char *format, va_list args)
{
    char text [256];
    vsnprintf (text, sizeof (text), format, args);
    log_debug ("http server", kv ("detail", (const char *) text));
}

//  --- binding

static bool
s_loopback (const struct sockaddr *address)
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

//  0 to 65535, digits only: getaddrinfo would accept any number and keep its low 16 bits.
static bool
s_is_port (const char *text)
{
    const size_t digits = strspn (text, "0123456789");
    return !text [digits] && digits > 0 && digits <= 5
           && (digits < 5 || strcmp (text, "65535") <= 0);
}

static int
s_parse (const httpd_args_t *args, struct addrinfo **ret_list, err_diag_t *diag)
{
    char host [64];
    const char *colon = strrchr (args->address, ':');
    size_t length = colon ? (size_t) (colon - args->address) : 0;
    if (!colon || !colon [1] || length >= sizeof (host)) {
        err_diag (diag, "%s: HOST:PORT expected, for example 127.0.0.1:5580", args->option);
        return ERR_CONFIG;
    }
    bool brackets = length >= 2 && args->address [0] == '[' && colon [-1] == ']';
    snprintf (host, sizeof (host), "%.*s", (int) (brackets ? length - 2 : length),
              args->address + (brackets ? 1 : 0));
    const char *node = host;
    if (strcmp (host, "localhost") == 0) {
        node = "127.0.0.1";
    }
    else if (strcmp (host, "*") == 0) {
        node = "0.0.0.0";
    }
    const char *port = strcmp (colon + 1, "*") == 0 ? "0" : colon + 1;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    if (!node [0] || !s_is_port (port) || getaddrinfo (node, port, &hints, ret_list)) {
        err_diag (diag, "%s: %s: a numeric address and a port are expected", args->option,
                  args->address);
        return ERR_CONFIG;
    }
    return 0;
}

static void
s_describe (httpd_t *self, int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof (address);
    char host [64] = "", port [8] = "";
    if (getsockname (fd, (struct sockaddr *) &address, &size) == 0) {
        getnameinfo ((struct sockaddr *) &address, size, host, sizeof (host), port, sizeof (port),
                     NI_NUMERICHOST | NI_NUMERICSERV);
    }
    bool v6 = address.ss_family == AF_INET6;
    snprintf (self->address, sizeof (self->address), v6 ? "[%s]:%s" : "%s:%s", host, port);
}

//  Connections inherit keepalive: the peer of a silent stream may vanish without notice.
static int
s_bind (const struct addrinfo *to)
{
    int on = 1;
    int idle_s = LIMIT_HTTP_KEEPALIVE_S;
    own (own_fd) int fd = socket (to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof (on))
        || setsockopt (fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof (on))
        || setsockopt (fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof (idle_s))
        || bind (fd, to->ai_addr, to->ai_addrlen) || listen (fd, SOMAXCONN))
        return -errno;
    int taken = fd;
    fd = -1;
    return taken;
}

static void
s_free (struct addrinfo **list_p)
{
    if (*list_p)
        freeaddrinfo (*list_p);
    *list_p = NULL;
}

//  Resolve the address and check that it may be bound.  Own: *ret_list is fresh.  Err: ERR_CONFIG;
//  diag says why.
static int
s_address (const httpd_args_t *args, struct addrinfo **ret_list, err_diag_t *diag)
{
    int rc = s_parse (args, ret_list, diag);
    if (rc == 0 && args->only_local && !s_loopback ((*ret_list)->ai_addr)) {
        err_diag (diag, "%s: %s is not a loopback address; that needs %s", args->option,
                  args->address, args->only_local);
        rc = ERR_CONFIG;
    }
    return rc;
}

//  Returns the listening socket.  Err: ERR_CONFIG, -errno; diag says why.
static int
s_listen (httpd_t *self, err_diag_t *diag)
{
    own (s_free) struct addrinfo *list = NULL;
    int rc = s_address (&self->args, &list, diag);
    if (rc)
        return rc;
    self->local = s_loopback (list->ai_addr);
    rc = s_bind (list);
    if (rc < 0) {
        err_diag (diag, "%s: %s: %s", self->args.option, self->args.address, err_str (rc));
    }
    else {
        s_describe (self, rc);
    }
    return rc;
}

//  Own: takes listen_fd.
static int
s_start (httpd_t *self, int listen_fd)
{
    self->daemon = MHD_start_daemon (
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, s_on_request,
        self, MHD_OPTION_EXTERNAL_LOGGER, s_on_log, NULL, MHD_OPTION_LISTEN_SOCKET, listen_fd,
        MHD_OPTION_CONNECTION_LIMIT, self->args.connections + 1, MHD_OPTION_NOTIFY_CONNECTION,
        s_on_connection, self, MHD_OPTION_CONNECTION_TIMEOUT, self->args.idle_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) LIMIT_HTTP_MEMORY_BYTES,
        MHD_OPTION_NOTIFY_COMPLETED, s_on_completed, self, MHD_OPTION_END);
    if (!self->daemon) {
        close (listen_fd);
        return -EIO;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info (self->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (!info || epoll_ctl (self->poll_fd, EPOLL_CTL_ADD, info->epoll_fd, &event) != 0)
        return -EIO;
    return 0;
}

//  --- the module

int
httpd_check (const httpd_args_t *args, err_diag_t *diag)
{
    own (s_free) struct addrinfo *list = NULL;
    return s_address (args, &list, diag);
}

int
httpd_new (const httpd_args_t *args, httpd_t **ret_httpd, err_diag_t *diag)
{
    assert (args->option && args->address && args->hooks.request);

    own (httpd_destroy) httpd_t *self = calloc (1, sizeof (httpd_t));
    if (!self)
        return -ENOMEM;
    self->args = *args;
    self->poll_fd = epoll_create1 (EPOLL_CLOEXEC);
    if (self->poll_fd < 0)
        return -errno;
    int fd = s_listen (self, diag);
    if (fd < 0)
        return fd;
    int rc = s_start (self, fd);
    if (rc < 0) {
        err_diag (diag, "%s: the HTTP server did not start", args->option);
        return rc;
    }
    self->args.option = self->args.address = self->args.only_local = NULL;
    *ret_httpd = own_take (self);
    return 0;
}

void
httpd_destroy (httpd_t **self_p)
{
    httpd_t *self = *self_p;
    if (!self)
        return;
    self->closing = true;
    while (self->sleepers) { //  libmicrohttpd does not stop while a request is suspended
        self->sleepers->left = true;
        s_wake (self->sleepers);
    }
    if (self->daemon) {
        MHD_run (self->daemon);
        MHD_stop_daemon (self->daemon);
    }
    own_fd (&self->poll_fd);
    free (self);
    *self_p = NULL;
}

const char *
httpd_address (const httpd_t *self)
{
    return self->address;
}

bool
httpd_local (const httpd_t *self)
{
    return self->local;
}

int
httpd_fd (const httpd_t *self)
{
    return self->poll_fd;
}

int64_t
httpd_wait_ms (const httpd_t *self, int64_t max_ms)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    if (MHD_get_timeout (self->daemon, &wait_ms) != MHD_YES || wait_ms > (uint64_t) max_ms)
        return max_ms;
    return (int64_t) wait_ms;
}

void
httpd_run (httpd_t *self)
{
    struct epoll_event events [EVENTS];
    int count = epoll_wait (self->poll_fd, events, EVENTS, 0);
    for (int at = 0; at < count; at++) {
        httpd_request_t *request = events [at].data.ptr;
        if (!request)
            continue;
        request->left = true;
        s_wake (request);
    }
    //  The next run closes connections that were cut; the one after it accepts those that wait for
    //  their place.
    self->runs = 1;
    for (int at = 0; at < EVENTS && self->runs > 0; at++, self->runs--)
        MHD_run (self->daemon);
}

void
httpd_quiesce (httpd_t *self)
{
    int fd = MHD_quiesce_daemon (self->daemon);
    if (fd >= 0)
        close (fd);
}

//  --- requests, for their owner

const char *
httpd_method (const httpd_request_t *self)
{
    return self->method;
}

const char *
httpd_path (const httpd_request_t *self)
{
    return self->path;
}

const char *
httpd_header (const httpd_request_t *self, const char *name)
{
    const char *value = MHD_lookup_connection_value (self->connection, MHD_HEADER_KIND, name);
    return value ? value : "";
}

const char *
httpd_body (const httpd_request_t *self, size_t *ret_size)
{
    *ret_size = self->body.size;
    return self->body.data;
}

bool
httpd_too_large (const httpd_request_t *self)
{
    return self->too_large;
}

bool
httpd_from_here (const httpd_request_t *self)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info (self->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info && s_loopback (info->client_addr);
}

bool
httpd_host_plain (const httpd_request_t *self)
{
    char host [64];
    struct in6_addr address;
    const char *header = httpd_header (self, "Host");
    bool brackets = header [0] == '[';
    size_t size = brackets ? strcspn (++header, "]") : strcspn (header, ":");
    const char *rest = header + size + (brackets && header [size] == ']');
    if (!header [0])
        return true;
    if (size >= sizeof (host) || (*rest && *rest != ':') || rest [strspn (rest, ":0123456789")])
        return false;
    memcpy (host, header, size);
    host [size] = 0;
    return inet_pton (brackets ? AF_INET6 : AF_INET, host, &address) == 1
           || (!brackets && strcasecmp (host, "localhost") == 0);
}

typedef struct {
    bool (*item) (void *arg, const char *name, const char *value);
    void *arg;
} s_each_t;

static enum MHD_Result
s_on_query (void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    const s_each_t *self = arg;
    return self->item (self->arg, name, value ? value : "") ? MHD_YES : MHD_NO;
}

void
httpd_query_each (const httpd_request_t *self,
                  bool (*item) (void *arg, const char *name, const char *value), void *arg)
{
    s_each_t each = {.item = item, .arg = arg};
    MHD_get_connection_values (self->connection, MHD_GET_ARGUMENT_KIND, s_on_query, &each);
}

void
httpd_set_tag (httpd_request_t *self, void *tag)
{
    self->tag = tag;
}

void *
httpd_tag (const httpd_request_t *self)
{
    return self->tag;
}

//  A sleeping request continues; any other is still inside its hook.
static void
s_answer (httpd_request_t *self, unsigned status, const httpd_header_t *headers)
{
    self->status = status;
    for (; self->response && headers && headers->name; headers++)
        MHD_add_response_header (self->response, headers->name, headers->value);
    self->left = self->left || !self->response; //  no memory: the connection is closed
    s_wake (self);
}

void
httpd_reply (httpd_request_t *self, unsigned status, char **body_p, size_t size,
             const httpd_header_t *headers)
{
    assert (!self->response);

    static char empty [] = "";
    char *body = body_p ? *body_p : NULL;
    self->response =
        MHD_create_response_from_buffer (body ? size : 0, body ? body : empty,
                                         body ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    if (!self->response)
        free (body);
    if (body_p)
        *body_p = NULL;
    s_answer (self, status, headers);
}

void
httpd_stream (httpd_request_t *self, const httpd_header_t *headers, unsigned stall_s)
{
    assert (!self->response && self->httpd->args.hooks.pull);

    MHD_set_connection_option (self->connection, MHD_CONNECTION_OPTION_TIMEOUT, stall_s);
    self->response = MHD_create_response_from_callback (MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES,
                                                        s_on_pull, self, NULL);
    s_answer (self, MHD_HTTP_OK, headers);
}

void
httpd_wake (httpd_request_t *self)
{
    if (self->response)
        s_wake (self);
}
