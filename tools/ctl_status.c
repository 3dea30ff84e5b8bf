//  ctl_status - what the broker does, on one page.
//  SPDX-License-Identifier: Apache-2.0
#include "tools/ctl_status.h"

#include "common/base/clk.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "tools/ctl_cell.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof (array) / sizeof ((array) [0]))

typedef struct {
    table_t *table;
    const json_t *doc;
} status_t;

static void
s_status_line (const status_t *self, const char *name, const char *color, const buf_t *text)
{
    table_line (self->table);
    table_text (self->table, name, NULL);
    table_text (self->table, text->data, color);
}

static void
s_status_broker (const status_t *self)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const json_t *store = json_object_get (self->doc, "store");
    const char *files = ctl_cell_text (json_object_get (self->doc, "files"), "trouble");
    bool full = json_is_true (json_object_get (store, "refusing"));
    bool draining = json_is_true (json_object_get (self->doc, "draining"));
    bool ready = json_is_true (json_object_get (self->doc, "ready"));
    buf_text (&text, full       ? "disk full, no events are taken"
                     : draining ? "going down"
                     : *files   ? files
                     : ready    ? "ready"
                                : "not ready");
    if (!full && !draining && *files)
        buf_text (&text, ", nothing is assigned");
    buf_text (&text, ", up ");
    ctl_age (json_object_get (self->doc, "started_at"), &text);
    if (json_is_true (json_object_get (store, "wal_long")))
        buf_text (&text, ", a reader from outside makes the store's log grow");
    s_status_line (self, "broker", ready && !full && !draining ? "green" : "red", &text);
}

//  A missing count of the store is unknown, which is not 0: print "-" and why.  Returns whether it
//  was missing.
static bool
s_status_unknown (const status_t *self, const char *name, const json_t *count)
{
    if (count && !json_is_null (count))
        return false;
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    buf_printf (&text, "- (%s)",
                json_member_text (self->doc, "counts_error", "the broker does not tell"));
    s_status_line (self, name, "yellow", &text);
    return true;
}

//  "3 pending, 1 investigating": the members that are not 0, and since when they count; "" = all
//  history.
static void
s_status_counts (const status_t *self, const char *name, json_t *counts, const char *since)
{
    if (s_status_unknown (self, name, counts))
        return;
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const char *key = NULL;
    const json_t *value = NULL;
    json_object_foreach (counts, key, value)
    {
        if (json_integer_value (value) > 0)
            buf_printf (&text, "%s%lld %s", text.size ? ", " : "",
                        (long long) json_integer_value (value), key);
    }
    buf_printf (&text, "%s%s", text.size ? "" : "none", since);
    s_status_line (self, name, NULL, &text);
}

//  One number, red unless it is 0.
static void
s_status_bad (const status_t *self, const char *name, const char *key)
{
    if (s_status_unknown (self, name, json_object_get (self->doc, key)))
        return;
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const long long count = ctl_cell_count (self->doc, key);
    buf_printf (&text, "%lld", count);
    s_status_line (self, name, count > 0 ? "red" : NULL, &text);
}

static void
s_status_queue (const status_t *self)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const json_t *queue = json_object_get (self->doc, "queue");
    buf_printf (&text, "%lld waiting", ctl_cell_count (queue, "depth"));
    if (ctl_cell_count (queue, "depth") > 0)
        buf_printf (&text, ", the oldest for %llds", ctl_cell_count (queue, "oldest_ms") / 1000);
    if (ctl_cell_count (queue, "given_back") > 0)
        buf_printf (&text, "; %lld given back without a charge",
                    ctl_cell_count (queue, "given_back"));
    s_status_line (self, "queue", NULL, &text);
}

static void
s_status_workers (const status_t *self)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const json_t *workers = json_object_get (self->doc, "workers");
    buf_printf (&text, "%lld of %lld ready, %lld quarantined", ctl_cell_count (workers, "ready"),
                ctl_cell_count (workers, "known"), ctl_cell_count (workers, "quarantined"));
    if (ctl_cell_count (workers, "draining") > 0)
        buf_printf (&text, ", %lld draining", ctl_cell_count (workers, "draining"));
    if (ctl_cell_count (workers, "held") > 0)
        buf_printf (&text, ", %lld held", ctl_cell_count (workers, "held"));
    buf_printf (&text, "; %lld of %lld slots free", ctl_cell_count (workers, "slots_free"),
                ctl_cell_count (workers, "slots"));
    s_status_line (self, "workers", ctl_cell_count (workers, "ready") ? NULL : "yellow", &text);
}

//  The first workers that get no work although nobody drained them, why, and what to do.
static void
s_status_held (const status_t *self, const json_t *workers)
{
    enum { SHOWN = 4 };
    size_t i, count = 0;
    json_t *worker;
    json_array_foreach (workers, i, worker)
    {
        own (buf_fini) buf_t text = buf_init (LIMIT_KIB (16));
        const bool quarantined = json_is_true (json_object_get (worker, "quarantined"));
        if ((!quarantined && !json_is_true (json_object_get (worker, "held"))) || count++ >= SHOWN)
            continue;
        buf_printf (&text, "%s: ", ctl_cell_text (worker, "name"));
        ctl_cell_worker_note (worker, &text);
        s_status_line (self, quarantined ? "quarantined" : "held", "red", &text);
    }
    if (count > SHOWN) {
        own (buf_fini) buf_t text = buf_init (LIMIT_KIB (1));
        buf_printf (&text, "and %zu more: triagectl workers", count - SHOWN);
        s_status_line (self, "", NULL, &text);
    }
}

//  What agents have used since the start.
static void
s_status_used (const status_t *self)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    ctl_cell_usage (json_object_get (self->doc, "used"), &text);
    if (text.size > 0)
        buf_text (&text, " since the start");
    if (text.size > 0)
        s_status_line (self, "agents used", NULL, &text);
}

//  "; 14 wait, one is tried in 34s: triagectl breaker probe tries it now".
static void
s_status_probe (const status_t *self, const json_t *breaker, buf_t *text)
{
    const json_t *next = json_object_get (breaker, "next_probe_ms");
    buf_printf (text, "; %lld wait, one is tried ",
                ctl_cell_count (json_object_get (self->doc, "queue"), "depth"));
    if (!json_is_integer (next))
        buf_text (text, "now");
    else if (json_integer_value (next) == 0)
        buf_text (text, "as soon as a worker is free");
    else
        buf_printf (text, "in %llds: triagectl breaker probe tries it now",
                    ((long long) json_integer_value (next) + 999) / 1000);
}

static void
s_status_breaker (const status_t *self)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const json_t *breaker = json_object_get (self->doc, "breaker");
    const char *state = ctl_cell_text (breaker, "state");
    buf_text (&text, state);
    if (ctl_cell_count (breaker, "failures") > 0)
        buf_printf (&text, ", %lld failed in a row", ctl_cell_count (breaker, "failures"));
    if (strcmp (state, "closed") != 0) {
        buf_text (&text, ", for ");
        ctl_age (json_object_get (breaker, "opened_at"), &text);
    }
    if (json_is_true (json_object_get (breaker, "paused")))
        s_status_probe (self, breaker, &text);
    s_status_line (self, "breaker", strcmp (state, "closed") == 0 ? NULL : "red", &text);
}

//  "12 of prod, 3 of edge" for the largest, then how many more.
static void
s_lost_of (json_t *counts, buf_t *text)
{
    enum { SHOWN = 4 };
    const char *shown [SHOWN] = {NULL};
    size_t count = 0;
    for (; count < SHOWN && count < json_object_size (counts); count++) {
        const char *key, *most = NULL;
        json_t *value;
        json_object_foreach (counts, key, value)
        {
            bool known = false;
            for (size_t i = 0; i < count; i++)
                known = known || strcmp (shown [i], key) == 0;
            if (!known && (!most || ctl_cell_count (counts, key) > ctl_cell_count (counts, most)))
                most = key;
        }
        shown [count] = most;
        buf_printf (text, "%s%lld of %s", count ? ", " : "", ctl_cell_count (counts, most), most);
    }
    if (json_object_size (counts) > count)
        buf_printf (text, " and of %zu more", json_object_size (counts) - count);
}

//  What full queues dropped, by cluster and by sender.
static void
s_status_lost (const status_t *self)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (8));
    const json_t *lost = json_object_get (json_object_get (self->doc, "queue"), "lost");
    if (json_object_size (json_object_get (lost, "sources")) == 0)
        return;
    buf_text (&text, "since the start ");
    s_lost_of (json_object_get (lost, "clusters"), &text);
    buf_text (&text, "; sent by: ");
    s_lost_of (json_object_get (lost, "sources"), &text);
    s_status_line (self, "queue lost", "red", &text);
}

//  What is kept, and what will be removed for the first time.
static void
s_status_retention (const status_t *self)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const json_t *retention = json_object_get (self->doc, "retention");
    const json_t *found = json_object_get (retention, "removable");
    if (!json_is_object (retention)
        || s_status_unknown (self, "kept", json_object_get (retention, "incidents")))
        return;
    const long long count = ctl_cell_count (retention, "incidents");
    buf_printf (&text, "%lld incident%s", count, count == 1 ? "" : "s");
    if (count > 0) {
        buf_text (&text, ", the oldest from ");
        ctl_age (json_object_get (retention, "oldest_at"), &text);
        buf_text (&text, " ago");
    }
    buf_text (&text, "; folders take ");
    ctl_cell_bytes (json_object_get (retention, "folder_bytes"), &text);
    const bool waits = !json_is_true (json_object_get (retention, "removes"))
                       && *ctl_cell_text (retention, "not_before_at");
    if (waits)
        buf_printf (
            &text, "; %lld will be removed from %s on: triagectl storage retention --dry-run",
            ctl_cell_count (found, "incidents"), ctl_cell_text (retention, "not_before_at"));
    s_status_line (self, "kept", waits ? "yellow" : NULL, &text);
}

static void
s_status_clusters (const status_t *self)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const json_t *sources = json_object_get (self->doc, "sources");
    size_t active = 0, count = json_array_size (sources);
    for (size_t i = 0; i < count; i++)
        active += strcmp (ctl_cell_text (json_array_get (sources, i), "state"), "active") == 0;
    buf_printf (&text, "%zu of %zu connected by MCP", active, count);
    s_status_line (self, "clusters", active < count ? "red" : NULL, &text);
}

static void
s_status_events (const status_t *self)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const json_t *events = json_object_get (self->doc, "events");
    buf_printf (&text,
                "%lld taken since the start, %lld of them delivered again, %lld added to a known "
                "incident",
                ctl_cell_count (events, "total"), ctl_cell_count (events, "repeat"),
                ctl_cell_count (events, "counted"));
    s_status_line (self, "events", NULL, &text);
}

//  "1 fails for 50s, 198 wait behind it, next try in 12s: connection refused (effect 7); to try
//  now: triagectl effects retry --channel slack".
static void
s_status_channel (const status_t *self, const json_t *channel)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const json_t *effect = json_object_get (channel, "effect");
    const char *name = ctl_cell_text (channel, "name");
    if (!json_is_object (effect))
        return;
    buf_printf (&text, "%lld %s for ", ctl_cell_count (channel, "failing"),
                ctl_cell_count (channel, "failing") == 1 ? "fails" : "fail");
    ctl_age (json_object_get (channel, "blocked_since"), &text);
    if (ctl_cell_count (effect, "behind") > 0)
        buf_printf (&text, ", %lld wait behind it", ctl_cell_count (effect, "behind"));
    if (ctl_cell_count (effect, "next_try_ms") > 0)
        buf_printf (&text, ", next try in %llds",
                    (ctl_cell_count (effect, "next_try_ms") + 999) / 1000);
    else
        buf_text (&text, ", a try is under way");
    buf_printf (&text, ": %s (effect %lld); to try now: triagectl effects retry --channel %s",
                ctl_cell_text (effect, "error"), ctl_cell_count (effect, "id"), name);
    s_status_line (self, name, "red", &text);
}

//  How many uploads wait.
static long long
s_status_uploads (const status_t *self)
{
    size_t i;
    json_t *channel;
    json_array_foreach (json_object_get (json_object_get (self->doc, "effects"), "channels"), i,
                        channel)
    {
        if (strcmp (ctl_cell_text (channel, "name"), "storage") == 0)
            return ctl_cell_count (channel, "waiting");
    }
    return 0;
}

//  The storage, if its last check went wrong: "link: 403 ...; 7 uploads wait (triagectl storage
//  check)".  False: it did not.
static bool
s_status_storage (const status_t *self)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const json_t *storage = json_object_get (self->doc, "storage");
    const json_t *steps = json_object_get (storage, "steps");
    for (size_t i = 0; i < json_array_size (steps); i++) {
        const json_t *step = json_array_get (steps, i);
        if (strcmp (ctl_cell_text (step, "result"), "failed") != 0)
            continue;
        buf_printf (&text, "%s: %s", ctl_cell_text (step, "name"), ctl_cell_text (step, "text"));
        const long long waiting = s_status_uploads (self);
        if (waiting > 0)
            buf_printf (&text, "; %lld upload%s", waiting, waiting == 1 ? " waits" : "s wait");
        buf_text (&text, " (triagectl storage check)");
        s_status_line (self, ctl_cell_text (storage, "backend"), "red", &text);
        return true;
    }
    return false;
}

static void
s_status_effects (const status_t *self)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const json_t *effects = json_object_get (self->doc, "effects");
    if (!s_status_unknown (self, "effects", json_object_get (effects, "dead"))) {
        const long long dead = ctl_cell_count (effects, "dead");
        buf_printf (&text, "%lld due, %lld dead", ctl_cell_count (effects, "ready"), dead);
        if (dead)
            buf_text (&text, ": triagectl effects list");
        s_status_line (self, "effects", dead ? "red" : NULL, &text);
    }
    size_t i;
    json_t *channel;
    const bool told = s_status_storage (self); //  once is enough for one fault
    json_array_foreach (json_object_get (effects, "channels"), i, channel)
    {
        if (!told || strcmp (ctl_cell_text (channel, "name"), "storage") != 0)
            s_status_channel (self, channel);
    }
    s_status_bad (self, "dead letters", "dead_letters");
}

int
ctl_status (const ctl_t *self)
{
    static const table_column_t columns [] = {{"NAME", 0}, {"VALUE", TABLE_WRAP}};
    own (json_drop) json_t *doc = NULL, *workers = NULL;
    int code = ctl_get (self, "/api/v1/status", &doc);
    if (code || ctl_json (self))
        return code ? code : ctl_print (doc);
    const json_t *counts = json_object_get (doc, "workers");
    if (ctl_cell_count (counts, "quarantined") > 0 || ctl_cell_count (counts, "held") > 0)
        code = ctl_get (self, "/api/v1/workers", &workers);
    if (code)
        return code;
    own (table_destroy) table_t *table =
        table_new (columns, COUNT (columns), false, ctl_color (self));
    if (!table)
        return ctl_cell_end (table);
    const status_t status = {.table = table, .doc = doc};
    s_status_broker (&status);
    s_status_counts (&status, "incidents", json_object_get (doc, "incidents"), "");
    s_status_bad (&status, "no report", "without_report");
    s_status_queue (&status);
    s_status_lost (&status);
    s_status_workers (&status);
    s_status_held (&status, json_object_get (workers, "workers"));
    s_status_breaker (&status);
    s_status_clusters (&status);
    s_status_events (&status);
    s_status_counts (&status, "suppressed", json_object_get (doc, "suppressed"), "");
    s_status_counts (&status, "outcomes", json_object_get (doc, "outcomes"), " since the start");
    s_status_counts (&status, "classes", json_object_get (doc, "classes"), " since the start");
    s_status_retention (&status);
    s_status_used (&status);
    s_status_effects (&status);
    return ctl_cell_end (table);
}
