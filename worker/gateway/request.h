//  request - one HTTP/1.1 request from inside, read strictly; the port to http-parser.
//
//  Two readers have to agree on where a request ends: this one and the next one on the way.  So
//  all that could be read in two ways is refused: line ends other than CR LF, folded lines, blanks
//  before a colon, Content-Length beside Transfer-Encoding, a header twice that may stand once.
//  Pure.  Src: RFC 9112.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    REQUEST_HEAD_BYTES = 64 * 1024, //  request line and headers
    REQUEST_HEADERS = 100
};

//  What has become of a request; any other value is the HTTP status that refuses it.
enum {
    REQUEST_MORE = 0, //  it goes on
    REQUEST_HEAD = 1, //  its head is complete, its body goes on
    REQUEST_READY = 2 //  it is complete
};

typedef struct {
    const char *name, *value; //  the value without blanks around it
} request_header_t;

typedef struct request request_t;

//  Own: fresh; NULL when out of memory.
request_t *
request_new (void);
void
request_destroy (request_t **self_p);
//  Forget the request, begin the next one.
void
request_reset (request_t *self);
//  Read on.  *ret_taken: bytes that belong to it, all or fewer.  After REQUEST_HEAD (told once)
//  feed the rest.  body_max: a larger body is refused.
int
request_feed (request_t *self, const char *bytes, size_t size, size_t body_max,
              size_t *ret_taken) must_check;
//  Has any byte of it come?
bool
request_begun (const request_t *self);
//  Why it is refused, a sentence.  Own: static.
const char *
request_why (const request_t *self);

//  From REQUEST_HEAD on.  Own: borrowed until request_reset.
const char *
request_method (const request_t *self);
//  As it was sent, but without the query.
const char *
request_path (const request_t *self);
//  What follows the question mark, "" = nothing.
const char *
request_query (const request_t *self);
//  The value of a header, "" when it is absent.
const char *
request_header (const request_t *self, const char *name);
//  All headers in their order; the list ends with a NULL name.
const request_header_t *
request_headers (const request_t *self);
//  Shall the connection stay open after it?
bool
request_keeps (const request_t *self);
//  Is it of HTTP/1.0, which knows no chunks?
bool
request_old (const request_t *self);
//  The client waits for "100 Continue" before it sends the body.
bool
request_waits (const request_t *self);
//  The body so far; its owner may take it with buf_take when the request is ready.
buf_t *
request_body (request_t *self);
