//  SPDX-License-Identifier: Apache-2.0
#include "publisher/recording.h"

#include "common/base/clk.h"
#include "common/base/digest.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/domain/fault.h"
#include "publisher/lines.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { FAULT_ID_CHARS = 16 };

struct recording {
    recording_tape_t tapes [LIMIT_CLUSTERS];
    size_t tape_count;
    recording_cluster_t clusters [LIMIT_CLUSTERS];
    size_t cluster_count;
    size_t faults, bytes; //  in all tapes
};

//  --- reading

static recording_tape_t *
s_tape (recording_t *self, const char *cluster)
{
    for (size_t at = 0; at < self->cluster_count; at++) {
        if (strcmp (self->clusters [at].name, cluster) == 0)
            return &self->tapes [at];
    }
    if (self->cluster_count == LIMIT_CLUSTERS)
        return NULL;
    recording_cluster_t *entry = &self->clusters [self->cluster_count++];
    snprintf (entry->name, sizeof (entry->name), "%s", cluster);
    entry->tape = &self->tapes [self->tape_count];
    return &self->tapes [self->tape_count++];
}

//  Make room for one more; doubles the capacity.
static int
s_grow (recording_tape_t *tape)
{
    if (tape->count > 0 && (tape->count & (tape->count - 1)) != 0)
        return 0;
    size_t capacity = tape->count ? tape->count * 2 : 1;
    recording_fault_t *faults = reallocarray (tape->faults, capacity, sizeof (recording_fault_t));
    if (!faults)
        return -ENOMEM;
    tape->faults = faults;
    return 0;
}

//  Err: ERR_PROTO not an object, ERR_LIMIT, -ENOMEM; diag says why.
static int
s_add (recording_t *self, const recording_args_t *args, const lines_line_t *line, err_diag_t *diag)
{
    own (json_drop) json_t *doc = NULL;
    int rc = json_parse (line->data, line->size, &doc, diag);
    if (rc != 0)
        return ERR_PROTO;
    if (!json_is_object (doc)) {
        err_diag (diag, "a JSON object is expected");
        return ERR_PROTO;
    }
    fault_t fault;
    fault_read (line->data, line->size, args->cluster, &fault);
    recording_tape_t *tape = s_tape (self, args->copies ? "" : fault.cluster);
    if (!tape || self->faults == LIMIT_SERVE_FAULTS
        || self->bytes + line->size > LIMIT_SERVE_BYTES) {
        err_diag (diag, "over a limit: %d clusters, %d faults, %d MiB", LIMIT_CLUSTERS,
                  LIMIT_SERVE_FAULTS, LIMIT_SERVE_BYTES / LIMIT_MIB (1));
        return ERR_LIMIT;
    }
    own (own_mem) char *text = strndup (line->data, line->size);
    if (!text || s_grow (tape) != 0)
        return -ENOMEM;
    tape->faults [tape->count++] = (recording_fault_t){.text = own_take (text),
                                                       .size = line->size,
                                                       .time_ms = fault.time_ms,
                                                       .event = json_object_get (doc, "event")
                                                                && !json_object_get (doc, "logs")};
    self->faults++;
    self->bytes += line->size;
    return 0;
}

//  Wait for data on standard input.  Err: -EINTR.
static int
s_wait (const lines_t *lines, int cancel_fd)
{
    struct pollfd items [] = {{.fd = lines_fd (lines), .events = POLLIN},
                              {.fd = cancel_fd, .events = POLLIN}};
    if (poll (items, 2, -1) < 0)
        return errno == EINTR ? 0 : -errno;
    return items [1].revents ? -EINTR : 0;
}

//  Read one line.  Returns 1 to continue, 0 at the end.  Err: ERR_PROTO one bad line or file
//  (logged); ERR_LIMIT (logged), -EINTR, -ENOMEM: stop.
static int
s_read_line (recording_t *self, const recording_args_t *args, lines_t *lines)
{
    lines_line_t line;
    err_diag_t diag = {.text = ""};
    int rc = lines_next (lines, &line);
    if (rc == 0)
        return 0;
    if (rc == -EAGAIN) {
        rc = s_wait (lines, args->cancel_fd);
        return rc < 0 ? rc : 1;
    }
    if (rc == 1) {
        rc = s_add (self, args, &line, &diag);
    }
    else if (rc == ERR_PROTO) {
        err_diag (&diag, "%s%s",
                  line.looks ? "no events, it looks like " : "the document ends early",
                  line.looks ? line.looks : "");
    }
    else if (rc == ERR_LIMIT) {
        err_diag (&diag, "longer than %d MiB", LIMIT_EVENT_BYTES / LIMIT_MIB (1));
        rc = ERR_PROTO;
    }
    else {
        log_error ("file cannot be read", kv ("file", line.path), kv ("error", err_str (rc)));
        rc = ERR_PROTO;
    }
    if (*diag.text) {
        log_error ("line cannot be served", kv ("file", line.path), kv ("line", line.number),
                   kv ("reason", diag.text));
    }
    return rc == 0 ? 1 : rc;
}

//  Read everything.  Bad lines are all reported, up to a number.  Err: as recording_read.
static int
s_read (recording_t *self, const recording_args_t *args)
{
    own (lines_destroy) lines_t *lines =
        lines_new (args->paths, args->path_count, LIMIT_EVENT_BYTES);
    if (!lines)
        return -ENOMEM;
    int bad = 0;
    int rc = 1;
    while (rc != 0 && bad < LIMIT_CONFIG_ERRORS) {
        rc = s_read_line (self, args, lines);
        if (rc == ERR_PROTO) {
            bad++;
        }
        else if (rc < 0) {
            return rc;
        }
    }
    return bad ? ERR_CONFIG : 0;
}

//  --- tapes

static void
s_measure (recording_tape_t *tape)
{
    int64_t first_ms = 0;
    int64_t last_ms = 0;
    for (size_t at = 0; at < tape->count; at++) {
        int64_t time_ms = tape->faults [at].time_ms;
        if (!time_ms)
            continue;
        first_ms = !first_ms || time_ms < first_ms ? time_ms : first_ms;
        last_ms = time_ms > last_ms ? time_ms : last_ms;
    }
    tape->span_ms = last_ms - first_ms + 1000;
}

//  One tape for all: `copies` clusters play it.
static void
s_copy (recording_t *self, const char *cluster, size_t copies)
{
    const char *name = *cluster ? cluster : "cluster";
    for (size_t at = 0; at < copies; at++) {
        snprintf (self->clusters [at].name, RECORDING_NAME, "%.*s-%d", RECORDING_NAME - 5, name,
                  (unsigned char) at + 1);
        self->clusters [at].tape = &self->tapes [0];
    }
    self->cluster_count = copies;
}

int
recording_read (const recording_args_t *args, recording_t **ret_recording)
{
    assert (args->paths && args->cluster && args->copies <= LIMIT_CLUSTERS);

    own (recording_destroy) recording_t *self = calloc (1, sizeof (recording_t));
    if (!self)
        return -ENOMEM;
    int rc = s_read (self, args);
    if (rc != 0)
        return rc;
    if (self->faults == 0) {
        log_error ("the files hold no fault", kv ("files", (uint64_t) args->path_count));
        return ERR_CONFIG;
    }
    for (size_t at = 0; at < self->tape_count; at++)
        s_measure (&self->tapes [at]);
    if (args->copies)
        s_copy (self, args->cluster, args->copies);
    *ret_recording = own_take (self);
    return 0;
}

void
recording_destroy (recording_t **self_p)
{
    recording_t *self = *self_p;
    if (!self)
        return;
    for (size_t at = 0; at < self->tape_count; at++) {
        for (size_t fault = 0; fault < self->tapes [at].count; fault++)
            free (self->tapes [at].faults [fault].text);
        free (self->tapes [at].faults);
    }
    free (self);
    *self_p = NULL;
}

size_t
recording_clusters (const recording_t *self, const recording_cluster_t **ret_clusters)
{
    *ret_clusters = self->clusters;
    return self->cluster_count;
}

//  --- playing

//  RFC 3339 in whole seconds, like event servers.  Times of late rounds stop where the calendar
//  ends.
static void
s_shift (json_t *object, const char *key, const recording_tape_t *tape, int64_t round)
{
    char text [CLK_TEXT];
    int64_t time_ms = 0;
    int64_t delta_ms = 0;
    if (clk_parse (json_member_text (object, key, ""), &time_ms) != 0)
        return;
    if (__builtin_mul_overflow (round, tape->span_ms, &delta_ms)
        || __builtin_add_overflow (time_ms, delta_ms, &time_ms))
        time_ms = INT64_MAX;
    clk_text (time_ms, text, sizeof (text));
    char *fraction = strchr (text, '.');
    if (fraction)
        snprintf (fraction, sizeof (text) - (size_t) (fraction - text), "Z");
    json_object_set_new (object, key, json_string (text));
}

static void
s_rename (json_t *object, const char *key, int64_t round)
{
    const char *text = json_member_text (object, key, "");
    if (*text)
        json_object_set_new (object, key, json_sprintf ("%s-%" PRId64, text, round + 1));
}

//  The event server's own formula.  It also hashes the container's name, which is not recorded.
static void
s_new_fault_id (json_t *doc, const json_t *resource)
{
    char hex [DIGEST_HEX];
    own (json_drop) json_t *text = json_sprintf ("%s:%s:%s:", json_member_text (doc, "cluster", ""),
                                                 json_member_text (doc, "faultType", ""),
                                                 json_member_text (resource, "uid", ""));
    if (!text || !*json_member_text (doc, "faultId", ""))
        return;
    digest_hex (json_string_value (text), json_string_length (text), hex);
    hex [FAULT_ID_CHARS] = 0;
    json_object_set_new (doc, "faultId", json_string (hex));
}

json_t *
recording_play (const recording_cluster_t *cluster, size_t index, int64_t round, bool distinct)
{
    assert (index < cluster->tape->count);

    const recording_fault_t *fault = &cluster->tape->faults [index];
    json_t *doc = NULL;
    if (json_parse (fault->text, fault->size, &doc, NULL) != 0)
        return NULL;
    json_object_set_new (doc, "cluster", json_string (cluster->name));
    if (round == 0)
        return doc;
    json_t *event = json_object_get (doc, "event");
    json_t *object =
        event ? json_object_get (event, "involvedObject") : json_object_get (doc, "resource");
    s_shift (doc, "timestamp", cluster->tape, round);
    s_shift (event, "timestamp", cluster->tape, round);
    s_shift (event, "lastTimestamp", cluster->tape, round);
    if (!distinct)
        return doc;
    s_rename (object, "name", round);
    s_rename (object, "uid", round);
    s_new_fault_id (doc, object);
    return doc;
}
