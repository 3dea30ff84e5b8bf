//  admin_reply - the answer to one request: JSON, an error, or finished text.
//
//  Each function replaces the old content.  Out of memory it leaves a short error or no body;
//  httpd then sends an empty one.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/json.h"

#include <stddef.h>
#include <stdint.h>

//  The status codes that admin answers with.
enum {
    ADMIN_OK = 200,
    ADMIN_BAD = 400,
    ADMIN_UNAUTHORIZED = 401,
    ADMIN_FORBIDDEN = 403,
    ADMIN_NOT_FOUND = 404,
    ADMIN_METHOD = 405,
    ADMIN_CONFLICT = 409,
    ADMIN_TOO_LARGE = 413,
    ADMIN_NOT_JSON = 415,
    ADMIN_INTERNAL = 500,
    ADMIN_UNAVAILABLE = 503,
    ADMIN_TIMEOUT = 504
};

typedef struct {
    unsigned status;
    const char *type; //  static
    char *body;       //  owned heap text
    size_t size;
    int64_t next; //  X-Next-After, -1 = none
} admin_reply_t;

//  A JSON document.  Own: takes the reference to doc.
void
admin_reply_json (admin_reply_t *self, unsigned status, json_t *doc);
//  An error: {"error": {"code", "message"}}.
void
admin_reply_error (admin_reply_t *self, unsigned status, const char *code, const char *message);
//  An error of the store, which is logged as well.
void
admin_reply_store (admin_reply_t *self, const char *what, int rc);
//  Finished text with status 200.  Own: takes the body, which may be NULL; type is static.
void
admin_reply_body (admin_reply_t *self, const char *type, char *body, size_t size);
