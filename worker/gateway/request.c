//  request - http-parser reads head and body; the head is then scanned for what is ambiguous.
//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/request.h"

#include "common/base/own.h"

#include <http_parser.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct request {
    buf_t head; //  changed in place once it is read: names and values end with NUL
    buf_t body;
    http_parser parser;
    const char *method, *path, *query;
    request_header_t headers [REQUEST_HEADERS + 1];
    size_t header_count;
    size_t body_max;
    const char *why;
    bool read;  //  the head is complete
    bool ready; //  all of it is
    bool keeps;
};

//  Headers that say where a request ends, whom it is for and who sends it: never twice.
static const char *const s_once [] = {"host",
                                      "content-length",
                                      "transfer-encoding",
                                      "connection",
                                      "authorization",
                                      "x-api-key",
                                      "x-goog-api-key",
                                      "content-type",
                                      "content-encoding",
                                      "expect",
                                      "upgrade",
                                      "proxy-authorization",
                                      NULL};

//  --- life

request_t *
request_new (void)
{
    request_t *self = calloc (1, sizeof (request_t));
    if (self)
        request_reset (self);
    return self;
}

void
request_destroy (request_t **self_p)
{
    request_t *self = *self_p;
    if (!self)
        return;
    buf_fini (&self->head);
    buf_fini (&self->body);
    free (self);
    *self_p = NULL;
}

void
request_reset (request_t *self)
{
    buf_fini (&self->head);
    buf_fini (&self->body);
    *self = (request_t){
        .head = buf_init (REQUEST_HEAD_BYTES), .method = "", .path = "", .query = "", .why = ""};
    http_parser_init (&self->parser, HTTP_REQUEST);
    self->parser.data = self;
}

static int
s_refuse (request_t *self, int status, const char *why)
{
    self->why = why;
    return status;
}

//  --- the body, as http-parser tells it

static int
s_on_body (http_parser *parser, const char *bytes, size_t size)
{
    request_t *self = parser->data;
    return buf_append (&self->body, bytes, size) == 0 ? 0 : -1;
}

static int
s_on_complete (http_parser *parser)
{
    request_t *self = parser->data;
    self->ready = true;
    http_parser_pause (parser, 1); //  bytes after it belong to the next request
    return 0;
}

static int
s_parse (request_t *self, const char *bytes, size_t size, size_t *ret_taken)
{
    static const http_parser_settings settings = {.on_body = s_on_body,
                                                  .on_message_complete = s_on_complete};
    *ret_taken = http_parser_execute (&self->parser, &settings, bytes, size);
    const enum http_errno error = HTTP_PARSER_ERRNO (&self->parser);
    if (self->body.failed == ERR_LIMIT)
        return s_refuse (self, 413, "the body is too large");
    if (self->body.failed)
        return s_refuse (self, 503, "out of memory");
    if (error != HPE_OK && error != HPE_PAUSED)
        return s_refuse (self, 400, "the request is malformed");
    return self->ready ? REQUEST_READY : REQUEST_MORE;
}

//  --- the head

static bool
s_is_token (const char *text, size_t size)
{
    static const char valid [] =
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    return size > 0 && strspn (text, valid) >= size;
}

//  METHOD SP target SP HTTP/1.x; ends its parts with NUL.
static bool
s_first_line (request_t *self, char *line)
{
    char *target = strchr (line, ' ');
    char *version = target ? strchr (target + 1, ' ') : NULL;
    if (!version || !s_is_token (line, (size_t) (target - line)) || version == target + 1
        || (strcmp (version + 1, "HTTP/1.1") != 0 && strcmp (version + 1, "HTTP/1.0") != 0))
        return false;
    *target = *version = 0;
    self->method = line;
    self->path = target + 1;
    for (const char *at = self->path; *at; at++)
        if (*at < 0x21 || *at > 0x7e || *at == '#')
            return false;
    char *query = strchr (target + 1, '?');
    self->query = query ? query + 1 : "";
    if (query)
        *query = 0;
    return self->path [0] != 0;
}

static bool
s_header_line (request_t *self, char *line)
{
    char *colon = strchr (line, ':');
    if (!colon || !s_is_token (line, (size_t) (colon - line))
        || self->header_count == REQUEST_HEADERS)
        return false;
    *colon = 0;
    char *value = colon + 1 + strspn (colon + 1, " \t");
    size_t size = strlen (value);
    while (size > 0 && (value [size - 1] == ' ' || value [size - 1] == '\t'))
        value [--size] = 0;
    self->headers [self->header_count++] = (request_header_t){.name = line, .value = value};
    return true;
}

//  Cut the head into lines.  Every line ends with CR LF, and no other control byte stands in it.
static bool
s_lines (request_t *self)
{
    char *at = self->head.data, *const end = at + self->head.size - 2; //  the last, empty line
    for (bool first = true; at < end; first = false) {
        char *stop = memchr (at, '\r', (size_t) (end - at));
        if (!stop || stop [1] != '\n')
            return false;
        for (const char *byte = at; byte < stop; byte++)
            if ((*byte >= 0 && *byte < 0x20 && *byte != '\t') || *byte == 0x7f)
                return false;
        *stop = 0;
        if (!(first ? s_first_line (self, at) : s_header_line (self, at)))
            return false;
        at = stop + 2;
    }
    return self->method [0] != 0;
}

static bool
s_is_twice (const request_t *self)
{
    for (const char *const *name = s_once; *name; name++) {
        int count = 0;
        for (size_t i = 0; i < self->header_count; i++)
            count += strcasecmp (self->headers [i].name, *name) == 0;
        if (count > 1)
            return true;
    }
    return false;
}

//  Judge what is left to judge when each line is well formed.
static int
s_judge (request_t *self)
{
    const char *length = request_header (self, "content-length");
    const char *coding = request_header (self, "transfer-encoding");
    if (s_is_twice (self))
        return s_refuse (self, 400, "a header stands twice");
    if (length [0] && coding [0])
        return s_refuse (self, 400, "Content-Length and Transfer-Encoding");
    if (coding [0] && (strcasecmp (coding, "chunked") != 0 || request_old (self)))
        return s_refuse (self, 400, "only chunked may be the Transfer-Encoding");
    if (length [strspn (length, "0123456789")] || strlen (length) > 12)
        return s_refuse (self, 400, "Content-Length is not a number");
    if (strtoull (length, NULL, 10) > self->body_max)
        return s_refuse (self, 413, "the body is too large");
    if (request_header (self, "upgrade") [0] && strcmp (self->method, "CONNECT") != 0)
        return s_refuse (self, 400, "no other protocol is spoken here");
    if (strcmp (self->method, "CONNECT") == 0 && (length [0] || coding [0]))
        return s_refuse (self, 400, "CONNECT has no body");
    return 0;
}

static int
s_read_head (request_t *self)
{
    size_t taken = 0;
    const size_t size = self->head.size;
    self->body = buf_init (self->body_max);
    const int rc = s_parse (self, self->head.data, size, &taken);
    self->keeps = http_should_keep_alive (&self->parser) != 0;
    if (rc >= 400 || taken != size)
        return rc >= 400 ? rc : s_refuse (self, 400, "the request is malformed");
    if (!s_lines (self))
        return s_refuse (self, 400, "the head is malformed");
    const int status = s_judge (self);
    self->read = status == 0;
    //  CONNECT: http-parser waits for no body, but does not say that it is complete.
    self->ready = self->ready || strcmp (self->method, "CONNECT") == 0;
    return status ? status : self->ready ? REQUEST_READY : REQUEST_HEAD;
}

//  Collect the head up to its empty line.  Returns the number of bytes taken; *ret_whole: it is
//  complete.
static size_t
s_collect (request_t *self, const char *bytes, size_t size, bool *ret_whole)
{
    for (size_t at = 0; at < size; at++) {
        if (bytes [at] != '\n')
            continue;
        const size_t before = self->head.size;
        //  The end may lie on the border of two pieces: look at the last four bytes of both.
        char last [4] = {0};
        for (size_t i = 0; i < 4; i++) {
            const size_t back = 3 - i;
            if (at >= back)
                last [i] = bytes [at - back];
            else if (before + at >= back)
                last [i] = self->head.data [before + at - back];
        }
        if (memcmp (last, "\r\n\r\n", 4) == 0) {
            *ret_whole = true;
            return at + 1;
        }
    }
    *ret_whole = false;
    return size;
}

int
request_feed (request_t *self, const char *bytes, size_t size, size_t body_max, size_t *ret_taken)
{
    if (self->read)
        return s_parse (self, bytes, size, ret_taken);
    bool whole = false;
    *ret_taken = s_collect (self, bytes, size, &whole);
    if (buf_append (&self->head, bytes, *ret_taken) < 0)
        return self->head.failed == ERR_LIMIT ? s_refuse (self, 431, "the head is too large")
                                              : s_refuse (self, 503, "out of memory");
    self->body_max = body_max;
    return whole ? s_read_head (self) : REQUEST_MORE;
}

//  --- looking at it

bool
request_begun (const request_t *self)
{
    return self->head.size > 0;
}

const char *
request_why (const request_t *self)
{
    return self->why;
}

const char *
request_method (const request_t *self)
{
    return self->method;
}

const char *
request_path (const request_t *self)
{
    return self->path;
}

const char *
request_query (const request_t *self)
{
    return self->query;
}

const char *
request_header (const request_t *self, const char *name)
{
    for (size_t i = 0; i < self->header_count; i++)
        if (strcasecmp (self->headers [i].name, name) == 0)
            return self->headers [i].value;
    return "";
}

const request_header_t *
request_headers (const request_t *self)
{
    return self->headers;
}

bool
request_keeps (const request_t *self)
{
    return self->keeps;
}

bool
request_old (const request_t *self)
{
    return self->parser.http_minor == 0;
}

bool
request_waits (const request_t *self)
{
    return !request_old (self) && strcasecmp (request_header (self, "expect"), "100-continue") == 0;
}

buf_t *
request_body (request_t *self)
{
    return &self->body;
}
