//  SPDX-License-Identifier: Apache-2.0
#include "tools/ctl_retention.h"

#include "common/base/limits.h"
#include "common/base/own.h"
#include "tools/ctl_cell.h"

#include <stdio.h>

static void
s_line (table_t *table, const char *name, const buf_t *text)
{
    table_line (table);
    table_text (table, name, NULL);
    table_text (table, text->data, NULL);
}

//  A number with what it counts.
static void
s_count (table_t *table, const char *name, const json_t *doc, const char *key)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (1));
    const json_t *count = json_object_get (doc, key);
    if (count && !json_is_null (count))
        buf_printf (&text, "%lld", ctl_cell_count (doc, key));
    s_line (table, name, &text);
}

static void
s_time (table_t *table, const char *name, const json_t *doc, const char *key)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (1));
    buf_text (&text, ctl_cell_text (doc, key));
    s_line (table, name, &text);
}

static void
s_bytes (table_t *table, const char *name, const json_t *doc, const char *key)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (1));
    ctl_cell_bytes (json_object_get (doc, key), &text);
    s_line (table, name, &text);
}

//  The settings, and what is kept by them.
static void
s_show_kept (table_t *table, const json_t *doc)
{
    own (buf_fini) buf_t age = buf_init (LIMIT_KIB (1)), most = buf_init (LIMIT_KIB (1));
    const long long keep_ms = ctl_cell_count (doc, "retain_incidents_ms");
    if (keep_ms == 0)
        buf_text (&age, "for ever");
    else if (keep_ms % 86400000 == 0)
        buf_printf (&age, "%lld days", keep_ms / 86400000);
    else
        buf_printf (&age, "%lld s", keep_ms / 1000);
    s_line (table, "incidents are kept", &age);
    if (ctl_cell_count (doc, "retain_bytes") > 0)
        ctl_cell_bytes (json_object_get (doc, "retain_bytes"), &most);
    else
        buf_text (&most, "no bound");
    s_line (table, "folders may take", &most);
    own (buf_fini) buf_t blobs = buf_init (LIMIT_KIB (1));
    buf_text (&blobs, json_is_true (json_object_get (doc, "retain_blobs"))
                          ? "go with their incident"
                          : "stay");
    s_line (table, "blobs", &blobs);
    s_count (table, "incidents", doc, "incidents");
    s_count (table, "folders", doc, "folders");
    s_bytes (table, "folders take", doc, "folder_bytes");
    s_time (table, "oldest incident", doc, "oldest_at");
    s_count (table, "removed since the start", doc, "removed_total");
}

//  When the incidents go that were found.
static void
s_when (const json_t *doc, const json_t *found, buf_t *text)
{
    if (ctl_cell_count (doc, "retain_incidents_ms") == 0
        && ctl_cell_count (doc, "retain_bytes") == 0)
        buf_text (text, "never: incidents are kept for ever");
    else if (json_is_true (json_object_get (doc, "removes")))
        buf_text (text, "as soon as the broker is idle");
    else if (*ctl_cell_text (doc, "not_before_at"))
        buf_printf (text, "not before %s; --now does not wait",
                    ctl_cell_text (doc, "not_before_at"));
    else if (json_is_object (found))
        buf_text (text, "nothing is due; what is due first is announced 24 h before");
    else
        buf_text (text, "not known yet; ask again");
}

//  What would be removed.
static void
s_show_found (table_t *table, const json_t *doc)
{
    own (buf_fini) buf_t when = buf_init (LIMIT_KIB (1));
    const json_t *found = json_object_get (doc, "removable");
    s_count (table, "incidents to be removed", found, "incidents");
    s_bytes (table, "their folders take", found, "bytes");
    s_time (table, "oldest of them, last seen", found, "oldest_at");
    s_time (table, "newest of them, last seen", found, "newest_at");
    s_count (table, "folders without incident", doc, "folders_without_incident");
    s_count (table, "being removed", doc, "removing");
    s_when (doc, found, &when);
    s_line (table, "when", &when);
}

//  Do not wait any longer.
static int
s_now (const ctl_t *self)
{
    err_diag_t diag = {.text = ""};
    own (json_drop) json_t *doc = NULL;
    const int code = ctl_ask (self, "POST", "/api/v1/storage/retention/now", &doc, &diag);
    if (code)
        return ctl_fail (code, "%s", diag.text);
    if (ctl_json (self))
        return ctl_print (doc);
    puts (json_member_text (doc, "result", "done"));
    return CTL_OK;
}

int
ctl_retention (const ctl_t *self)
{
    static const table_column_t columns [] = {{"NAME", 0}, {"VALUE", TABLE_WRAP}};
    if (self->settings->now && self->settings->dry_run)
        return ctl_fail (CTL_USAGE, "--now and --dry-run exclude each other");
    if (self->settings->now)
        return s_now (self);
    own (json_drop) json_t *doc = NULL;
    const int code = ctl_get (self, "/api/v1/storage/retention", &doc);
    if (code || ctl_json (self))
        return code ? code : ctl_print (doc);
    own (table_destroy) table_t *table = table_new (columns, 2, false, ctl_color (self));
    if (!table)
        return ctl_cell_end (table);
    if (self->settings->dry_run)
        s_show_found (table, doc);
    else
        s_show_kept (table, doc);
    return ctl_cell_end (table);
}
