//  http - many HTTP transfers on one thread, the port to libcurl's multi interface.
//
//  HTTP/1.1, no redirects, no decompression, keepalive on each socket, names resolved off-thread.
//  TLS peers are checked against the system's certificates, or those of SSL_CERT_FILE.
//  The environment's http_proxy, https_proxy, all_proxy and no_proxy apply, but never to a loopback
//  address or localhost.
//  http_poll calls the hooks.  They must not start or cancel transfers; queue that for afterwards.
//  Threads: one.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { HTTP_HOST = 256 }; //  bytes of a host name

typedef struct http http_t;
typedef struct http_transfer http_transfer_t;

typedef struct {
    const char *method;         //  "GET", "POST", "PUT", "DELETE", ...
    const char *url;            //  http or https
    const char *const *headers; //  "Name: value"; a value with CR or LF is refused
    size_t header_count;
    const char *body; //  copied; NULL = none
    size_t body_size;
    int64_t connect_ms; //  limit for the connection, 0 = 10 s
    int64_t total_ms;   //  limit for the whole transfer, 0 = none (streams)
    //  A larger response ends the transfer with ERR_LIMIT; 0 = no limit (streams).
    size_t response_max_bytes;
    //  Its own connection, closed at the end (streams).  On one that is used again, libcurl sends
    //  the request once more when the connection ends without a byte of an answer.
    bool fresh;
    bool body_stays; //  body outlives the transfer, so it is not copied
    //  Only connect to the url's host and port, through the proxy that https_proxy names for it.
    //  done may then take the socket (http_take_socket).
    bool connect_only;
} http_request_t;

typedef struct {
    //  The status line and the headers are complete; http_header may be called.
    void (*head) (void *arg, http_transfer_t *transfer, int status);
    //  Bytes of the body.
    void (*body) (void *arg, http_transfer_t *transfer, const char *bytes, size_t size);
    //  The end; the transfer is freed when this returns.  rc: 0 complete (any status), ERR_LIMIT,
    //  -ETIMEDOUT, -ECONNREFUSED, -EIO with a sentence in reason.
    void (*done) (void *arg, http_transfer_t *transfer, int rc, const char *reason);
    //  connect_only, without a proxy: may the socket connect to this address?  A no goes on to the
    //  host's next address; without any, done gets -EACCES.  NULL = yes.
    bool (*allow) (void *arg, const struct sockaddr *address);
} http_hooks_t;

//  Own: fresh, NULL on failure.
http_t *
http_new (void);
//  Cancels running transfers without calling done.
void
http_destroy (http_t **self_p);
//  Own: *ret_transfer belongs to self until done or http_cancel; request and hooks are copied.
//  Err: -EINVAL: the method, the url or a header cannot be sent; -ENOMEM.
int
http_start (http_t *self, const http_request_t *request, const http_hooks_t *hooks, void *arg,
            http_transfer_t **ret_transfer) must_check;
//  Stop a transfer without calling done.
void
http_cancel (http_t *self, http_transfer_t **transfer_p);
//  A response header by name, in any case; the last of several; "" when absent.  Own: borrowed.
const char *
http_header (http_transfer_t *transfer, const char *name);
//  The wait that Retry-After asks for, in seconds or as a date.  Units: ms, at most a day; 0 when
//  absent.
int64_t
http_retry_after (http_transfer_t *transfer);
//  Call each for every response header, until it returns false.
void
http_header_each (http_transfer_t *transfer,
                  bool (*each) (void *arg, const char *name, const char *value), void *arg);
//  Stop or continue to read the body; for hooks too.  Bytes already read are kept and told later.
void
http_pause (http_transfer_t *transfer, bool pause);
//  The socket of a connect_only transfer, for its done.  Own: the caller closes it; -1 on failure.
int
http_take_socket (http_transfer_t *transfer);
//  Split a base URL: http or https, without user, query and fragment.  Err: -EINVAL, -ENOMEM.
int
http_base (const char *url, char ret_host [HTTP_HOST], uint16_t *ret_port) must_check;
//  Has the request left, at least in part?  Then it is unknown what the other side has done with
//  it.
bool
http_sent (http_transfer_t *transfer);
//  Wait at most timeout_ms for transfers, or for fd (-1 = none) to be readable, and run hooks.
void
http_poll (http_t *self, int fd, int64_t timeout_ms);
