//  SPDX-License-Identifier: Apache-2.0

#include "broker/intake/intake_read.h"

#include "broker/base/poison.h"
#include "common/base/digest.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    S_NAME = 480, //  a cluster's name has up to 253 bytes
    S_ROUGH = 64
};

struct intake_read {
    poison_t *poison;
    char *state_path;
};

intake_read_t *
intake_read_new (const char *state_path)
{
    assert (state_path);
    intake_read_t *self = calloc (1, sizeof (intake_read_t));
    if (!self)
        return NULL;
    self->poison = poison_open (state_path, "intake");
    self->state_path = strdup (state_path);
    if (!self->state_path)
        intake_read_destroy (&self);
    return self;
}

void
intake_read_destroy (intake_read_t **self_p)
{
    intake_read_t *self = *self_p;
    if (!self)
        return;
    poison_destroy (&self->poison);
    free (self->state_path);
    free (self);
    *self_p = NULL;
}

//  The name of an input: of an event the digest of its bytes, of an answer its call and rough size.
//  The bytes of an answer differ each time, by an id or a time in them.  call: NULL for an event.
static void
s_name (const char *source, const char *call, const char *text, size_t size, char ret_name [S_NAME])
{
    char digest [DIGEST_HEX];
    if (!call || memmem (text, size, "notifications/message", 21)) {
        digest_hex (text, size, digest);
        snprintf (ret_name, S_NAME, "%s %s %s", source, call ? "message" : "event", digest);
    }
    else {
        snprintf (ret_name, S_NAME, "%s answer to %s of some %zu bytes", source, call,
                  size / S_ROUGH * S_ROUGH);
    }
}

bool
intake_read_begin (intake_read_t *self, const char *source, const char *cluster, const char *call,
                   const char *text, size_t size)
{
    char name [S_NAME];
    s_name (source, call, text, size, name);
    if (!poison_begin (self->poison, name)) {
        (void) failpoint_before ("answer", "read");
        return false;
    }
    own (own_mem) char *path = NULL;
    const int rc = poison_keep (self->state_path, text, size, &path);
    log_error ("a message that the broker died of is set aside unread", kv ("cluster", cluster),
               kv ("input", name), kv ("bytes", (uint64_t) size),
               kv ("file", rc == 0 ? path : err_str (rc)));
    return true;
}

void
intake_read_end (intake_read_t *self)
{
    failpoint_after ("answer", "read");
    poison_end (self->poison);
}

void
intake_read_event (intake_read_t *self, const char *source, const char *cluster, const char *body,
                   size_t size, fault_t *ret_fault)
{
    char name [S_NAME];
    s_name (source, NULL, body, size, name);
    if (poison_begin (self->poison, name))
        poison_fault (name, body, size, cluster, ret_fault);
    else
        fault_read (body, size, cluster, ret_fault);
    poison_end (self->poison);
}
