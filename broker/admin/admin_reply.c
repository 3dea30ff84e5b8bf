//  SPDX-License-Identifier: Apache-2.0
#include "broker/admin/admin_reply.h"

#include "common/base/log.h"
#include "common/base/own.h"

#include <stdlib.h>
#include <string.h>

static void
s_fini (admin_reply_t *self)
{
    free (self->body);
    self->body = NULL;
    self->size = 0;
}

void
admin_reply_json (admin_reply_t *self, unsigned status, json_t *doc)
{
    own (json_drop) json_t *held = doc;
    s_fini (self);
    self->status = status;
    self->type = "application/json";
    self->body = held ? json_text (held) : NULL;
    if (!self->body) {
        self->status = ADMIN_INTERNAL;
        self->body =
            strdup ("{\"error\": {\"code\": \"memory\", \"message\": \"out of memory\"}}\n");
    }
    self->size = self->body ? strlen (self->body) : 0;
}

void
admin_reply_error (admin_reply_t *self, unsigned status, const char *code, const char *message)
{
    admin_reply_json (
        self, status,
        json_pack ("{s:{s:s,s:o}}", "error", "code", code, "message", json_any (message)));
    self->next = -1;
}

void
admin_reply_store (admin_reply_t *self, const char *what, int rc)
{
    log_warn ("admin could not read the store", kv ("what", what), kv ("reason", err_str (rc)));
    admin_reply_error (self, ADMIN_UNAVAILABLE, "store", "the store did not answer; try again");
}

void
admin_reply_body (admin_reply_t *self, const char *type, char *body, size_t size)
{
    s_fini (self);
    self->status = ADMIN_OK;
    self->type = type;
    self->body = body;
    self->size = body ? size : 0;
}
