//  httpd - an HTTP/1.1 server on one address, driven by its owner's loop;
//  the port to libmicrohttpd.
//
//  The owner waits until httpd_fd is readable, at most httpd_wait_ms, and then calls httpd_run.
//  A request is told when its body is complete.  It is answered there and then, or later: until
//  then its connection sleeps and costs nothing.  A request that was told ends with one `gone`: its
//  answer is sent, or its client has left; after that it must not be used.
//  Threads: one, the owner's.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct httpd httpd_t;
typedef struct httpd_request httpd_request_t;

//  What a pull returns besides a count of bytes.
enum {
    HTTPD_NOTHING = 0, //  for now: the stream sleeps until httpd_wake
    HTTPD_END = -1,    //  the stream ends in order
    HTTPD_CUT = -2     //  the connection is closed without an end
};

typedef struct {
    void (*request) (void *arg, httpd_request_t *request);
    void (*gone) (void *arg, httpd_request_t *request); //  may be NULL
    //  Write at most max bytes of a stream.  Returns their count, or one of the above.
    int64_t (*pull) (void *arg, httpd_request_t *request, char *ret_bytes, size_t max);
} httpd_hooks_t;

typedef struct {
    const char *option;  //  that named the address, for sentences
    const char *address; //  "HOST:PORT", "[V6]:PORT", "localhost:PORT", "*:PORT"; port 0 or *: any
    const char *only_local; //  NULL, or what an address besides loopback would need
    unsigned connections;   //  at a time; who waits longest with half a request gives way
    unsigned idle_s;        //  a connection that neither sleeps nor moves is closed after this
    size_t body_bytes;      //  larger bodies are told as too large
    bool body_kept;         //  or only counted
    httpd_hooks_t hooks;
    void *arg; //  of the hooks
} httpd_args_t;

typedef struct {
    const char *name, *value;
} httpd_header_t;

//  args: copied; its texts are needed for this call only.
//  Err: ERR_CONFIG bad address, -errno; diag says why.
int
httpd_new (const httpd_args_t *args, httpd_t **ret_httpd, err_diag_t *diag) must_check;
//  Would httpd_new take this address?  Nothing is bound.  Err: ERR_CONFIG; diag says why.
int
httpd_check (const httpd_args_t *args, err_diag_t *diag) must_check;
//  Closes every connection; requests that sleep end without an answer.
void
httpd_destroy (httpd_t **self_p);
//  "127.0.0.1:5580" with the real port.  Own: borrowed.
const char *
httpd_address (const httpd_t *self);
//  Is it a loopback address?
bool
httpd_local (const httpd_t *self);
int
httpd_fd (const httpd_t *self);
//  Longest time until httpd_run is due, ms; at most max_ms.
int64_t
httpd_wait_ms (const httpd_t *self, int64_t max_ms);
void
httpd_run (httpd_t *self);
//  Take no more connections; those that exist go on.
void
httpd_quiesce (httpd_t *self);

//  Own: texts are borrowed for the life of the request.
const char *
httpd_method (const httpd_request_t *self);
//  Without the query, %-escapes resolved.
const char *
httpd_path (const httpd_request_t *self);
//  "" when there is none.
const char *
httpd_header (const httpd_request_t *self, const char *name);
//  "" unless body_kept.
const char *
httpd_body (const httpd_request_t *self, size_t *ret_size);
//  The body was over body_bytes: answer at once, what it asks for does not matter.
bool
httpd_too_large (const httpd_request_t *self);
//  Does the client sit on this host?
bool
httpd_from_here (const httpd_request_t *self);
//  Is its Host header an address or localhost, or is there none?  A web page whose own name was
//  made to point here cannot make its browser say that.
bool
httpd_host_plain (const httpd_request_t *self);
//  Each parameter of the query, until one returns false; value "" when there is none.
void
httpd_query_each (const httpd_request_t *self,
                  bool (*item) (void *arg, const char *name, const char *value), void *arg);
//  A pointer of the owner's, NULL at first.
void
httpd_set_tag (httpd_request_t *self, void *tag);
void *
httpd_tag (const httpd_request_t *self);

//  Answer.  headers: ended by one without a name, or NULL.
//  Own: takes *body_p (heap), which may be NULL, and nulls it.
void
httpd_reply (httpd_request_t *self, unsigned status, char **body_p, size_t size,
             const httpd_header_t *headers);
//  Answer 200 with bytes that come by and by, pulled through the hook.
//  Units: stall_s, a client that takes nothing for so long is cut off.
void
httpd_stream (httpd_request_t *self, const httpd_header_t *headers, unsigned stall_s);
//  There is something to pull (again), or the end.
void
httpd_wake (httpd_request_t *self);
