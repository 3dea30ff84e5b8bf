//  httpd - an HTTP/1.1 server on one address, driven by its owner's loop; the port to
//  libmicrohttpd.
//
//  The owner waits until httpd_fd is readable, at most httpd_wait_ms, and then calls httpd_run.
//  The request hook runs when a request's body is complete.  The owner answers in the hook or
//  later; until then the connection sleeps and costs nothing.
//  After `request`, `gone` is called exactly once: when the answer is sent or the client has left.
//  The request is freed after that.
//  Threads: one, the owner's.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct httpd httpd_t;
typedef struct httpd_request httpd_request_t;

//  Results of a pull besides a count of bytes.
enum {
    HTTPD_NOTHING = 0, //  no bytes yet: the stream sleeps until httpd_wake
    HTTPD_END = -1,    //  the stream ends properly
    HTTPD_CUT = -2     //  the connection is closed without an end
};

typedef struct {
    void (*request) (void *arg, httpd_request_t *request);
    void (*gone) (void *arg, httpd_request_t *request); //  may be NULL
    //  Write at most max bytes of a stream.  Returns their count, or a value above.
    int64_t (*pull) (void *arg, httpd_request_t *request, char *ret_bytes, size_t max);
} httpd_hooks_t;

typedef struct {
    const char *option; //  the option that set the address, for error texts
    //  "HOST:PORT", "[V6]:PORT", "localhost:PORT", "*:PORT"; port 0 or *: any free one.
    const char *address;
    //  NULL, or what an address other than loopback would need.
    const char *only_local;
    //  Limit of connections.  Beyond it, the one that has waited longest with an incomplete request
    //  is closed.
    unsigned connections;
    //  A connection that neither sleeps nor moves bytes is closed after this time.
    unsigned idle_s;
    //  A larger body is dropped and httpd_too_large returns true.
    size_t body_bytes;
    bool body_kept; //  keep the body, or only count its bytes
    httpd_hooks_t hooks;
    void *arg; //  passed to the hooks
} httpd_args_t;

typedef struct {
    const char *name, *value;
} httpd_header_t;

//  args is copied; its texts are needed only during the call.  Err: ERR_CONFIG bad address, -errno;
//  diag says why.
int
httpd_new (const httpd_args_t *args, httpd_t **ret_httpd, err_diag_t *diag) must_check;
//  Would httpd_new accept this address?  Nothing is bound.  Err: ERR_CONFIG; diag says why.
int
httpd_check (const httpd_args_t *args, err_diag_t *diag) must_check;
//  Closes every connection; sleeping requests end without an answer.
void
httpd_destroy (httpd_t **self_p);
//  "127.0.0.1:5580" with the real port.  Own: borrowed.
const char *
httpd_address (const httpd_t *self);
//  Is it a loopback address?
bool
httpd_local (const httpd_t *self);
//  Readable when httpd_run has work.  Own: borrowed.
int
httpd_fd (const httpd_t *self);
//  Time until httpd_run is due.  Units: ms, at most max_ms.
int64_t
httpd_wait_ms (const httpd_t *self, int64_t max_ms);
//  Serve without waiting, and call the hooks.
void
httpd_run (httpd_t *self);
//  Accept no more connections; existing ones continue.
void
httpd_quiesce (httpd_t *self);

//  Own: texts are borrowed for the life of the request.
const char *
httpd_method (const httpd_request_t *self);
//  The path without the query, %-escapes resolved.
const char *
httpd_path (const httpd_request_t *self);
//  A request header; "" when there is none.
const char *
httpd_header (const httpd_request_t *self, const char *name);
//  The body; "" unless body_kept.
const char *
httpd_body (const httpd_request_t *self, size_t *ret_size);
//  The body exceeded body_bytes: answer at once, whatever it asks for.
bool
httpd_too_large (const httpd_request_t *self);
//  Is the client on this host?
bool
httpd_from_here (const httpd_request_t *self);
//  Is the Host header absent, an address or localhost?  DNS rebinding fails this check: the browser
//  then sends the web page's own name.
bool
httpd_host_plain (const httpd_request_t *self);
//  Call item for each parameter of the query until it returns false; value is "" when there is
//  none.
void
httpd_query_each (const httpd_request_t *self,
                  bool (*item) (void *arg, const char *name, const char *value), void *arg);
//  A pointer for the owner's use, NULL at first.
void
httpd_set_tag (httpd_request_t *self, void *tag);
void *
httpd_tag (const httpd_request_t *self);

//  Answer.  headers: ended by one without a name, or NULL.  Own: takes *body_p (heap, may be NULL)
//  and nulls it.
void
httpd_reply (httpd_request_t *self, unsigned status, char **body_p, size_t size,
             const httpd_header_t *headers);
//  Answer 200 with a stream that is pulled through the hook.  Units: stall_s, seconds; a client
//  that reads nothing for so long is cut off.
void
httpd_stream (httpd_request_t *self, const httpd_header_t *headers, unsigned stall_s);
//  The stream has bytes to pull again, or its end.
void
httpd_wake (httpd_request_t *self);
