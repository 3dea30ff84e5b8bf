//  SPDX-License-Identifier: Apache-2.0
#include "broker/admin/admin_query.h"

#include "common/base/limits.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

admin_query_t
admin_query_init (void)
{
    return (admin_query_t){.limit = LIMIT_HTTP_PAGE_ROWS};
}

int
admin_query_number (const char *text, int64_t min, int64_t max, int64_t *ret_number)
{
    int64_t number = 0;
    if (!text [0])
        return ERR_PROTO;
    for (const char *at = text; *at; at++) {
        if (*at < '0' || *at > '9' || number > (INT64_MAX >> 1) / 10)
            return ERR_PROTO;
        number = number * 10 + (*at - '0');
    }
    if (number < min || number > max)
        return ERR_PROTO;
    *ret_number = number;
    return 0;
}

int
admin_query_incident (store_reader_t *reader, const char *name, ident_t *ret_id)
{
    int64_t number = 0;
    if (admin_query_number (name, 1, INT64_MAX >> 1, &number) == 0)
        return store_reader_incident_id (reader, number, ret_id);
    if (!ident_valid (name))
        return ERR_NONE;
    snprintf (ret_id->text, sizeof (ret_id->text), "%s", name);
    return 0;
}

//  Set a parameter that is any text.  False: it is another one.
static bool
s_set_text (admin_query_t *self, const char *name, const char *value)
{
    const struct {
        const char *name, **value;
    } texts [] = {{"state", &self->state},       {"reason", &self->reason},
                  {"cluster", &self->cluster},   {"namespace", &self->namespace_},
                  {"severity", &self->severity}, {"type", &self->type}};
    for (size_t i = 0; i < sizeof (texts) / sizeof (texts [0]); i++)
        if (strcmp (name, texts [i].name) == 0) {
            *texts [i].value = value;
            return true;
        }
    return false;
}

//  This parameter may be given several times.
static int
s_add_label (admin_query_t *self, const char *value, err_diag_t *diag)
{
    if (self->label_count == LIMIT_LABELS) {
        err_diag (diag, "label: at most %d expected", LIMIT_LABELS);
        return ERR_PROTO;
    }
    self->labels [self->label_count++] = value;
    return 0;
}

int
admin_query_set (admin_query_t *self, const char *name, const char *value, err_diag_t *diag)
{
    static const struct {
        const char *name;
        size_t offset;
        int64_t min, max;
    } numbers [] = {
        {"before", offsetof (admin_query_t, before), 1, INT64_MAX >> 1},
        {"after", offsetof (admin_query_t, after), 0, INT64_MAX >> 1},
        {"limit", offsetof (admin_query_t, limit), 1, LIMIT_HTTP_PAGE_ROWS},
    };
    if (s_set_text (self, name, value))
        return 0;
    if (strcmp (name, "label") == 0)
        return s_add_label (self, value, diag);
    for (size_t i = 0; i < sizeof (numbers) / sizeof (numbers [0]); i++) {
        if (strcmp (name, numbers [i].name) != 0)
            continue;
        int64_t number = 0;
        if (admin_query_number (value, numbers [i].min, numbers [i].max, &number)) {
            err_diag (diag, "%s: a number from %lld to %lld expected", name,
                      (long long) numbers [i].min, (long long) numbers [i].max);
            return ERR_PROTO;
        }
        memcpy ((char *) self + numbers [i].offset, &number, sizeof (number));
        return 0;
    }
    err_diag (diag, "unknown query parameter");
    return ERR_PROTO;
}
