//  SPDX-License-Identifier: Apache-2.0
#include "tools/ctl_storage.h"

#include "common/base/limits.h"
#include "common/base/own.h"
#include "tools/ctl_cell.h"
#include "tools/table.h"

#include <string.h>

enum { S_PATIENCE_MS = LIMIT_STORAGE_CHECK_MS + 5000 }; //  the broker gives up before us

static int
s_print (const ctl_t *self, const json_t *steps)
{
    static const table_column_t columns [] = {{"STEP", 0}, {"RESULT", 0}, {"FOUND", TABLE_WRAP}};
    own (table_destroy) table_t *table =
        table_new (columns, sizeof columns / sizeof columns [0], true, ctl_color (self));
    for (size_t i = 0; table && i < json_array_size (steps); i++) {
        const json_t *step = json_array_get (steps, i);
        const char *result = ctl_cell_text (step, "result");
        const bool failed = strcmp (result, "failed") == 0;
        table_line (table);
        table_text (table, ctl_cell_text (step, "name"), NULL);
        table_text (table, result, failed ? "red" : "green");
        table_text (table, ctl_cell_text (step, "text"), NULL);
    }
    return ctl_cell_end (table);
}

int
ctl_storage_check (const ctl_t *self)
{
    own (json_drop) json_t *doc = NULL;
    err_diag_t diag = {.text = ""};
    ctl_t patient = *self;
    patient.patience_ms = S_PATIENCE_MS;
    int code = ctl_ask (&patient, "POST", "/api/v1/storage/check", &doc, &diag);
    if (code)
        return ctl_fail (code, "%s", diag.text);
    code = ctl_json (self) ? ctl_print (doc) : s_print (self, json_object_get (doc, "steps"));
    if (code == CTL_OK && !json_is_true (json_object_get (doc, "works")))
        code = CTL_FAILED;
    return code;
}
