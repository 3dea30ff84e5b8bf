//  SPDX-License-Identifier: Apache-2.0

#include "common/net/http.h"

#include "common/base/own.h"

#include <arpa/inet.h>
#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

enum {
    CONNECT_MS = 10000,
    KEEP_IDLE_S = 15, //  finds a silent peer within 15 + 3 * 5 s
    KEEP_INTERVAL_S = 5,
    KEEP_COUNT = 3,
    UNACKED_MS = 30000, //  the same for sent bytes
    READ_BYTES = 64 * 1024,
    CONNECTION_AGE_S = 50, //  below the idle limits of usual proxies
    RETRY_AFTER_MAX_S = 86400
};

struct http {
    CURLM *multi;
    http_transfer_t *transfers;
    //  A hook has run since http_poll began: return to the caller without waiting.
    bool hooks_ran;
};

struct http_transfer {
    http_t *http;
    CURL *easy;
    struct curl_slist *headers;
    http_hooks_t hooks;
    void *arg;
    size_t response_max_bytes, response_bytes;
    bool head_told;
    bool oversize;
    bool proxied; //  connect_only: allow does not judge the proxy's address
    bool refused; //  connect_only: allow has refused an address
    char reason [CURL_ERROR_SIZE];
    http_transfer_t *prev, *next;
};

static void
s_global_init (void)
{
    (void) curl_global_init (CURL_GLOBAL_DEFAULT); //  curl_multi_init reports a failure
}

http_t *
http_new (void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once (&once, s_global_init);

    http_t *self = calloc (1, sizeof (http_t));
    if (!self)
        return NULL;
    self->multi = curl_multi_init ();
    if (!self->multi)
        http_destroy (&self);
    return self;
}

static void
s_free (http_t *self, http_transfer_t *transfer)
{
    DL_DELETE (self->transfers, transfer);
    curl_multi_remove_handle (self->multi, transfer->easy);
    curl_easy_cleanup (transfer->easy);
    curl_slist_free_all (transfer->headers);
    free (transfer);
}

void
http_destroy (http_t **self_p)
{
    http_t *self = *self_p;
    if (!self)
        return;
    while (self->transfers)
        s_free (self, self->transfers);
    if (self->multi)
        curl_multi_cleanup (self->multi);
    free (self);
    *self_p = NULL;
}


//  --- what libcurl calls

static int
s_on_socket (void *arg, curl_socket_t fd, curlsocktype purpose)
{
    //  Best effort: a socket other than TCP may refuse these.
    int on = 1, idle = KEEP_IDLE_S, interval = KEEP_INTERVAL_S, count = KEEP_COUNT;
    int unacked = UNACKED_MS;
    (void) setsockopt (fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void) setsockopt (fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void) setsockopt (fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    (void) setsockopt (fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    (void) setsockopt (fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked, sizeof unacked);
    return CURL_SOCKOPT_OK;
}

static void
s_tell_head (http_transfer_t *transfer)
{
    long status = 0;
    curl_easy_getinfo (transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (transfer->head_told || status < 200)
        return;
    transfer->head_told = true;
    transfer->http->hooks_ran = true;
    if (transfer->hooks.head)
        transfer->hooks.head (transfer->arg, transfer, (int) status);
}

static size_t
s_on_header (char *bytes, size_t one, size_t size, void *arg)
{
    if ((size == 2 && bytes [0] == '\r') || (size == 1 && bytes [0] == '\n'))
        s_tell_head (arg);
    return size;
}

static size_t
s_on_body (char *bytes, size_t one, size_t size, void *arg)
{
    http_transfer_t *transfer = arg;
    s_tell_head (transfer);
    if (transfer->response_max_bytes
        && size > transfer->response_max_bytes - transfer->response_bytes) {
        transfer->oversize = true;
        return 0; //  ends the transfer
    }
    if (transfer->response_max_bytes)
        transfer->response_bytes += size;
    transfer->http->hooks_ran = true;
    if (transfer->hooks.body)
        transfer->hooks.body (transfer->arg, transfer, bytes, size);
    return size;
}


//  --- starting and ending

static int
s_add_headers (http_transfer_t *transfer, const http_request_t *request)
{
    //  curl would announce large bodies and wait a second; it would also add a form's content type.
    static const char *const quiet [] = {"Expect:"};
    for (size_t i = 0; i < request->header_count + 1; i++) {
        const char *line = i < request->header_count ? request->headers [i] : quiet [0];
        if (strpbrk (line, "\r\n"))
            return -EINVAL;
        struct curl_slist *longer = curl_slist_append (transfer->headers, line);
        if (!longer)
            return -ENOMEM;
        transfer->headers = longer;
    }
    return 0;
}

static long
s_long (int64_t value)
{
    return value > LONG_MAX ? LONG_MAX : (long) value;
}

//  127/8, ::1, ::ffff:127/104, or localhost?  curl normalises every form of address.
static bool
s_host_is_loopback (const char *host)
{
    char plain [64];
    struct in_addr four;
    struct in6_addr six;
    const size_t size = strlen (host);
    const bool bracket = host [0] == '[' && size > 2 && size - 2 < sizeof plain;
    snprintf (plain, sizeof plain, "%.*s", bracket ? (int) size - 2 : 63, host + bracket);
    if (inet_pton (AF_INET, plain, &four) == 1)
        return ntohl (four.s_addr) >> 24 == 127;
    if (inet_pton (AF_INET6, plain, &six) == 1)
        return IN6_IS_ADDR_LOOPBACK (&six)
               || (IN6_IS_ADDR_V4MAPPED (&six) && six.s6_addr [12] == 127);
    return strcasecmp (host, "localhost") == 0 || strcasecmp (host, "localhost.") == 0;
}

static bool
s_url_is_loopback (const char *text)
{
    CURLU *url = curl_url ();
    char *host = NULL;
    const bool loopback = url && curl_url_set (url, CURLUPART_URL, text, 0) == CURLUE_OK
                          && curl_url_get (url, CURLUPART_HOST, &host, 0) == CURLUE_OK
                          && s_host_is_loopback (host);
    curl_free (host);
    curl_url_cleanup (url);
    return loopback;
}

static void
s_url_free (CURLU **url_p)
{
    curl_url_cleanup (*url_p);
}

static void
s_text_free (char **text_p)
{
    curl_free (*text_p);
}

static bool
s_url_has (CURLU *url, CURLUPart part)
{
    own (s_text_free) char *text = NULL;
    return curl_url_get (url, part, &text, 0) == CURLUE_OK;
}

int
http_base (const char *text, char ret_host [HTTP_HOST], uint16_t *ret_port)
{
    own (s_url_free) CURLU *url = curl_url ();
    own (s_text_free) char *scheme = NULL, *host = NULL, *port = NULL;
    if (!url)
        return -ENOMEM;
    if (curl_url_set (url, CURLUPART_URL, text, 0) != CURLUE_OK
        || curl_url_get (url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK
        || (strcmp (scheme, "https") != 0 && strcmp (scheme, "http") != 0)
        || s_url_has (url, CURLUPART_USER) || s_url_has (url, CURLUPART_PASSWORD)
        || s_url_has (url, CURLUPART_QUERY) || s_url_has (url, CURLUPART_FRAGMENT)
        || curl_url_get (url, CURLUPART_HOST, &host, 0) != CURLUE_OK || strlen (host) >= HTTP_HOST
        || curl_url_get (url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
        return -EINVAL;
    snprintf (ret_host, HTTP_HOST, "%s", host);
    *ret_port = (uint16_t) strtoul (port, NULL, 10);
    return 0;
}

//  The value of a variable in lower or upper case, NULL when it is unset or empty.
static const char *
s_variable (const char *lower, const char *upper)
{
    const char *value = getenv (lower);
    value = value && value [0] ? value : getenv (upper);
    return value && value [0] ? value : NULL;
}

//  Does an entry of no_proxy name this host or a domain above it?
static bool
s_is_direct (const char *host, const char *list)
{
    const size_t whole = strlen (host);
    for (const char *at = list; *at;) {
        at += strspn (at, ", ");
        at += *at == '.';
        const size_t size = strcspn (at, ", ");
        if (size == 1 && *at == '*')
            return true;
        if (size > 0 && size <= whole && strncasecmp (host + whole - size, at, size) == 0
            && (size == whole || host [whole - size - 1] == '.'))
            return true;
        at += size;
    }
    return false;
}

//  libcurl creates the socket here, so an address is judged before any packet.
static curl_socket_t
s_on_open (void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    http_transfer_t *transfer = arg;
    if (!transfer->proxied && transfer->hooks.allow
        && !transfer->hooks.allow (transfer->arg, &address->addr)) {
        transfer->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket (address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static CURLcode
s_set_up_connect (http_transfer_t *transfer, const char *url)
{
    CURL *easy = transfer->easy;
    char host [HTTP_HOST];
    uint16_t port = 0;
    if (http_base (url, host, &port) < 0)
        return CURLE_URL_MALFORMAT;
    const char *proxy = s_variable ("https_proxy", "HTTPS_PROXY");
    proxy = proxy ? proxy : s_variable ("all_proxy", "ALL_PROXY");
    const char *direct = s_variable ("no_proxy", "NO_PROXY");
    transfer->proxied =
        proxy && !s_host_is_loopback (host) && !(direct && s_is_direct (host, direct));
    CURLcode rc = curl_easy_setopt (easy, CURLOPT_CONNECT_ONLY, 1L);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_FRESH_CONNECT, 1L);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_PROXY, transfer->proxied ? proxy : "");
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_NOPROXY, "");
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_OPENSOCKETFUNCTION, s_on_open);
    return rc ? rc : curl_easy_setopt (easy, CURLOPT_OPENSOCKETDATA, transfer);
}

static int
s_set_up (http_transfer_t *transfer, const http_request_t *request)
{
    CURL *easy = transfer->easy;
    int64_t connect_ms = request->connect_ms > 0 ? request->connect_ms : CONNECT_MS;
    long fresh = request->fresh ? 1L : 0L;
    CURLcode rc = curl_easy_setopt (easy, CURLOPT_PROTOCOLS_STR, "http,https");
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_URL, request->url);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_CUSTOMREQUEST, request->method);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_HTTPHEADER, transfer->headers);
    if (s_url_is_loopback (request->url)) //  the environment's proxy never applies here
        rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_PROXY, "");
    if (request->body) {
        const CURLoption body = request->body_stays ? CURLOPT_POSTFIELDS : CURLOPT_COPYPOSTFIELDS;
        rc = rc ? rc
                : curl_easy_setopt (easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                    (curl_off_t) request->body_size);
        rc = rc ? rc : curl_easy_setopt (easy, body, request->body);
    }
    if (strcmp (request->method, "HEAD") == 0)
        rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_NOBODY, 1L);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_FOLLOWLOCATION, 0L);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_NOSIGNAL, 1L);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_QUICK_EXIT, 1L);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_BUFFERSIZE, (long) READ_BYTES);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_MAXAGE_CONN, (long) CONNECTION_AGE_S);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_CONNECTTIMEOUT_MS, s_long (connect_ms));
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_TIMEOUT_MS, s_long (request->total_ms));
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_FRESH_CONNECT, fresh);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_FORBID_REUSE, fresh);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_SOCKOPTFUNCTION, s_on_socket);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_ERRORBUFFER, transfer->reason);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_PRIVATE, transfer);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_HEADERFUNCTION, s_on_header);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_HEADERDATA, transfer);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_WRITEFUNCTION, s_on_body);
    rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_WRITEDATA, transfer);
    const char *authorities = getenv ("SSL_CERT_FILE");
    if (authorities && authorities [0])
        rc = rc ? rc : curl_easy_setopt (easy, CURLOPT_CAINFO, authorities);
    if (request->connect_only)
        rc = rc ? rc : s_set_up_connect (transfer, request->url);
    return rc == CURLE_OK ? 0 : rc == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
}

int
http_start (http_t *self, const http_request_t *request, const http_hooks_t *hooks, void *arg,
            http_transfer_t **ret_transfer)
{
    assert (self && request && request->method && request->url && hooks && ret_transfer);

    http_transfer_t *transfer = calloc (1, sizeof (http_transfer_t));
    if (!transfer)
        return -ENOMEM;
    transfer->http = self;
    transfer->hooks = *hooks;
    transfer->arg = arg;
    transfer->response_max_bytes = request->response_max_bytes;
    transfer->easy = curl_easy_init ();
    DL_APPEND (self->transfers, transfer);
    int rc = transfer->easy ? s_add_headers (transfer, request) : -ENOMEM;
    rc = rc ? rc : s_set_up (transfer, request);
    if (rc == 0 && curl_multi_add_handle (self->multi, transfer->easy) != CURLM_OK)
        rc = -ENOMEM;
    if (rc) {
        s_free (self, transfer);
        return rc;
    }
    *ret_transfer = transfer;
    return 0;
}

void
http_cancel (http_t *self, http_transfer_t **transfer_p)
{
    if (!*transfer_p)
        return;
    s_free (self, *transfer_p);
    *transfer_p = NULL;
}

const char *
http_header (http_transfer_t *transfer, const char *name)
{
    struct curl_header *header = NULL;
    if (curl_easy_header (transfer->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return "";
    if (header->amount > 1
        && curl_easy_header (transfer->easy, name, header->amount - 1, CURLH_HEADER, -1, &header)
               != CURLHE_OK)
        return "";
    return header->value;
}

int64_t
http_retry_after (http_transfer_t *transfer)
{
    curl_off_t seconds = 0;
    curl_easy_getinfo (transfer->easy, CURLINFO_RETRY_AFTER, &seconds);
    if (seconds > RETRY_AFTER_MAX_S)
        seconds = RETRY_AFTER_MAX_S;
    return seconds > 0 ? seconds * 1000 : 0;
}

void
http_header_each (http_transfer_t *transfer,
                  bool (*each) (void *arg, const char *name, const char *value), void *arg)
{
    struct curl_header *header = NULL;
    while ((header = curl_easy_nextheader (transfer->easy, CURLH_HEADER, -1, header)) != NULL)
        if (!each (arg, header->name, header->value))
            return;
}

void
http_pause (http_transfer_t *transfer, bool pause)
{
    curl_easy_pause (transfer->easy, pause ? CURLPAUSE_RECV : CURLPAUSE_CONT);
}

int
http_take_socket (http_transfer_t *transfer)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (curl_easy_getinfo (transfer->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK
        || fd == CURL_SOCKET_BAD)
        return -1;
    return fcntl (fd, F_DUPFD_CLOEXEC, 0); //  libcurl closes its own
}

bool
http_sent (http_transfer_t *transfer)
{
    long bytes = 0;
    curl_easy_getinfo (transfer->easy, CURLINFO_REQUEST_SIZE, &bytes);
    return bytes > 0;
}

static void
s_end (http_t *self, http_transfer_t *transfer, CURLcode code)
{
    int rc = 0;
    const char *reason = transfer->reason [0] ? transfer->reason : curl_easy_strerror (code);
    if (transfer->oversize) {
        rc = ERR_LIMIT;
        reason = "response over its limit";
    }
    else if (code != CURLE_OK && transfer->refused) {
        rc = -EACCES;
    }
    else if (code == CURLE_OPERATION_TIMEDOUT) {
        rc = -ETIMEDOUT;
    }
    else if (code == CURLE_COULDNT_CONNECT) {
        rc = -ECONNREFUSED;
    }
    else if (code != CURLE_OK) {
        rc = -EIO;
    }
    if (transfer->hooks.done)
        transfer->hooks.done (transfer->arg, transfer, rc, rc ? reason : "");
    s_free (self, transfer);
}

//  Let libcurl work, then end finished transfers.
static void
s_perform (http_t *self)
{
    int running = 0, left = 0;
    curl_multi_perform (self->multi, &running);
    const CURLMsg *msg;
    while ((msg = curl_multi_info_read (self->multi, &left)) != NULL) {
        if (msg->msg != CURLMSG_DONE)
            continue;
        CURLcode code = msg->data.result; //  msg is freed with its handle
        http_transfer_t *transfer = NULL;
        curl_easy_getinfo (msg->easy_handle, CURLINFO_PRIVATE, &transfer);
        self->hooks_ran = true;
        s_end (self, transfer, code);
    }
}

void
http_poll (http_t *self, int fd, int64_t timeout_ms)
{
    assert (self);

    self->hooks_ran = false;
    s_perform (self); //  starts timers of new transfers; some end at once
    if (self->hooks_ran)
        timeout_ms = 0;
    struct curl_waitfd extra = {.fd = fd, .events = CURL_WAIT_POLLIN};
    int wait_ms = timeout_ms < 0 ? 0 : timeout_ms > 60000 ? 60000 : (int) timeout_ms;
    curl_multi_poll (self->multi, fd < 0 ? NULL : &extra, fd < 0 ? 0 : 1, wait_ms, NULL);
    s_perform (self);
}
