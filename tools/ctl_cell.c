//  ctl_cell - members of the broker's answers as cells of a table.
//  SPDX-License-Identifier: Apache-2.0
#include "tools/ctl_cell.h"

#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/domain/run_class.h"

#include <string.h>

void
ctl_cell_bytes (const json_t *bytes, buf_t *out)
{
    static const char *const units [] = {"KiB", "MiB", "GiB", "TiB"};
    if (!json_is_integer (bytes))
        return;
    double value = (double) json_integer_value (bytes) / 1024;
    size_t unit = 0;
    for (; value >= 1024 && unit + 1 < sizeof units / sizeof units [0]; unit++)
        value /= 1024;
    if (json_integer_value (bytes) < 1024)
        buf_printf (out, "%lld B", (long long) json_integer_value (bytes));
    else
        buf_printf (out, "%.1f %s", value, units [unit]);
}

int
ctl_cell_end (table_t *table)
{
    return table && table_print (table) == 0 ? CTL_OK : ctl_fail (CTL_FAILED, "out of memory");
}

const char *
ctl_cell_text (const json_t *object, const char *key)
{
    return json_member_text (object, key, "");
}

long long
ctl_cell_count (const json_t *object, const char *key)
{
    return (long long) json_member_int (object, key, 0);
}

void
ctl_cell_age (table_t *table, const json_t *object, const char *key)
{
    own (buf_fini) buf_t age = buf_init (LIMIT_KIB (1));
    ctl_age (json_object_get (object, key), &age);
    table_text (table, age.data, NULL);
}

//  "4.2s", "3m12s", "2h05m".
static void
s_duration (long long ms, buf_t *out)
{
    const long long minutes = ms / 60000;
    if (minutes == 0)
        buf_printf (out, "%.1fs", (double) ms / 1000.0);
    else if (minutes < 60)
        buf_printf (out, "%lldm%02llds", minutes, ms / 1000 % 60);
    else
        buf_printf (out, "%lldh%02lldm", minutes / 60, minutes % 60);
}

void
ctl_cell_usage (const json_t *usage, buf_t *out)
{
    static const struct {
        const char *key, *unit;
    } counts [] = {
        {"calls", "calls"},
        {"turns", "turns"},
        {"input_tokens", "tokens in"},
        {"output_tokens", "out"},
        {"cache_read_tokens", "from the cache"},
        {"cache_write_tokens", "into the cache"},
    };
    const char *gap = "";
    for (size_t i = 0; i < sizeof (counts) / sizeof (counts [0]); i++) {
        if (!json_is_integer (json_object_get (usage, counts [i].key)))
            continue;
        buf_printf (out, "%s%lld %s", gap, ctl_cell_count (usage, counts [i].key), counts [i].unit);
        gap = ", ";
    }
    const json_t *cost = json_object_get (usage, "cost_usd");
    if (json_is_number (cost)) {
        buf_printf (out, "%s$%.4f", gap, json_number_value (cost));
        gap = ", ";
    }
    if (json_is_integer (json_object_get (usage, "duration_ms"))) {
        buf_text (out, gap);
        s_duration (ctl_cell_count (usage, "duration_ms"), out);
    }
}

void
ctl_cell_worker_note (const json_t *worker, buf_t *out)
{
    const char *name = ctl_cell_text (worker, "class");
    run_class_t class = RUN_CLASS_NONE;
    buf_text (out, ctl_cell_text (worker, "quarantined_for"));
    //  A worker that is held says itself what to do.
    if (!json_is_true (json_object_get (worker, "held"))
        && run_class_parse (name, strlen (name), &class) && run_class_rule (class)->mend)
        buf_printf (out, "; %s", run_class_rule (class)->mend);
}
