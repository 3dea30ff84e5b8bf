//  SPDX-License-Identifier: Apache-2.0
#include "tools/ctl_slack.h"

#include "common/base/limits.h"
#include "common/base/own.h"
#include "tools/ctl_cell.h"
#include "tools/table.h"

#include <string.h>

enum { S_PATIENCE_MS = LIMIT_STORAGE_CHECK_MS + 5000 }; //  the broker gives up before us

static int
s_print (const ctl_t *self, const json_t *receivers)
{
    static const table_column_t columns [] = {
        {"RECEIVER", 0}, {"KIND", 0}, {"RESULT", 0}, {"FOUND", TABLE_WRAP}};
    own (table_destroy) table_t *table =
        table_new (columns, sizeof columns / sizeof columns [0], true, ctl_color (self));
    for (size_t i = 0; table && i < json_array_size (receivers); i++) {
        const json_t *row = json_array_get (receivers, i);
        const char *result = ctl_cell_text (row, "result");
        const char *color = strcmp (result, "failed") == 0 ? "red" : NULL;
        table_line (table);
        table_text (table, ctl_cell_text (row, "receiver"), NULL);
        table_text (table, ctl_cell_text (row, "kind"), NULL);
        table_text (table, result, strcmp (result, "ok") == 0 ? "green" : color);
        table_text (table, ctl_cell_text (row, "text"), NULL);
    }
    return ctl_cell_end (table);
}

int
ctl_slack_check (const ctl_t *self)
{
    own (json_drop) json_t *doc = NULL;
    err_diag_t diag = {.text = ""};
    const char *path = self->settings->send ? "/api/v1/slack/send" : "/api/v1/slack/check";
    ctl_t patient = *self;
    patient.patience_ms = S_PATIENCE_MS;
    int code = ctl_ask (&patient, "POST", path, &doc, &diag);
    if (code)
        return ctl_fail (code, "%s", diag.text);
    code = ctl_json (self) ? ctl_print (doc) : s_print (self, json_object_get (doc, "receivers"));
    if (code == CTL_OK && !json_is_true (json_object_get (doc, "works")))
        code = CTL_FAILED;
    return code;
}
