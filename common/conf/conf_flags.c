//  conf_flags - parses the argument list: flags that set rows, and questions such as --help.
//  SPDX-License-Identifier: Apache-2.0
#include "common/conf/conf_part.h"

#include <stdio.h>
#include <string.h>

enum { USAGE_WHERE = CONF_NAME + 16 };

static bool
s_flag_is (const conf_option_t *row, const char *name, size_t size)
{
    char flag [CONF_NAME];
    conf_flag_name (row->key, flag, sizeof (flag));
    if (strlen (flag) == size && memcmp (flag, name, size) == 0)
        return true;
    return size > 1 && row->alias && strlen (row->alias) == size
           && memcmp (row->alias, name, size) == 0;
}

//  The row of a single-letter flag, NULL = none.
static const conf_option_t *
s_brief (const conf_option_t *rows, char letter)
{
    const char name [2] = {letter, 0};
    for (const conf_option_t *row = rows; row->key; row++)
        if (row->alias && strcmp (row->alias, name) == 0)
            return row;
    return NULL;
}

//  The row of a flag, and its form: plain, --KEY-file of a secret, --no-KEY of a boolean.

static bool
s_match (const conf_option_t *rows, const char *name, size_t size, conf_given_t *ret_given,
         bool *ret_no)
{
    for (const conf_option_t *row = rows; row->key; row++) {
        if (row->type == CONF_TABLE)
            continue;
        bool plain = s_flag_is (row, name, size);
        bool file = !plain && (row->flags & CONF_SECRET) && size > 5
                    && memcmp (name + size - 5, "-file", 5) == 0 && s_flag_is (row, name, size - 5);
        bool no = !plain && row->type == CONF_BOOL && size > 3 && memcmp (name, "no-", 3) == 0
                  && s_flag_is (row, name + 3, size - 3);
        if (!plain && !file && !no)
            continue;
        *ret_given = (conf_given_t){.row = row, .from_file = file};
        *ret_no = no;
        return true;
    }
    return false;
}

static void
s_unknown_flag (const conf_spec_t *spec, const char *name, size_t size, conf_errors_t *usage)
{
    static const char *const common [] = {"config",     "check-config", "print-config",
                                          "print-docs", "version",      "help"};
    char written [CONF_NAME], where [USAGE_WHERE];
    char flags [2][CONF_NAME] = {"", ""}; //  the nearest so far, and the current candidate
    (void) snprintf (written, sizeof (written), "%.*s", (int) size, name);
    const char *best = NULL;
    size_t distance = 0;
    for (size_t i = 0; i < sizeof (common) / sizeof (common [0]); i++)
        conf_nearest (written, common [i], &best, &distance);
    for (const conf_option_t *row = spec->rows; row->key; row++) {
        if (row->type == CONF_TABLE)
            continue;
        conf_flag_name (row->key, flags [1], CONF_NAME);
        const char *before = best;
        conf_nearest (written, flags [1], &best, &distance);
        if (best != before) {
            memcpy (flags [0], flags [1], CONF_NAME);
            best = flags [0];
        }
        if (row->alias)
            conf_nearest (written, row->alias, &best, &distance);
    }
    (void) snprintf (where, sizeof (where), "flag --%s", written);
    if (best) {
        conf_error (usage, where, "unknown flag, did you mean --%s?", best);
    }
    else {
        conf_error (usage, where, "unknown flag");
    }
}

static bool
s_ask (conf_args_t *args, const char *arg)
{
    static const struct {
        const char *brief, *name;
        conf_ask_t ask;
    } asks [] = {{"-h", "--help", CONF_ASK_HELP},
                 {"-v", "--version", CONF_ASK_VERSION},
                 {"--", "--print-docs", CONF_ASK_DOCS},
                 {"--", "--check-config", CONF_ASK_CHECK},
                 {"--", "--print-config", CONF_ASK_PRINT}};
    for (size_t i = 0; i < sizeof (asks) / sizeof (asks [0]); i++) {
        if (strcmp (arg, asks [i].brief) != 0 && strcmp (arg, asks [i].name) != 0)
            continue;
        //  A question that needs no configuration wins over one that does.
        if (args->ask == CONF_ASK_RUN || asks [i].ask < args->ask)
            args->ask = asks [i].ask;
        return true;
    }
    return false;
}

//  The value of a flag: after '=', or the next argument.

static const char *
s_flag_value (conf_args_t *args, const char *arg, size_t size, const char *next, int *index_p)
{
    if (arg [size] == '=')
        return arg + size + 1;
    if (next) {
        (*index_p)++;
        return next;
    }
    char where [USAGE_WHERE];
    (void) snprintf (where, sizeof (where), "flag %.*s", (int) size, arg);
    conf_error (args->usage, where, "expected a value");
    return NULL;
}

static void
s_flag (conf_t *self, conf_args_t *args, const char *arg, const char *next, int *index_p)
{
    size_t size = strcspn (arg, "=");
    if ((size == 2 && memcmp (arg, "-c", 2) == 0)
        || (size == 8 && memcmp (arg, "--config", 8) == 0)) {
        args->config = s_flag_value (args, arg, size, next, index_p);
        return;
    }
    conf_given_t given = {.row = NULL};
    bool no = false;
    if (arg [1] != '-') {
        given.row = size == 2 ? s_brief (self->spec->rows, arg [1]) : NULL;
        if (!given.row) {
            char where [USAGE_WHERE];
            (void) snprintf (where, sizeof (where), "flag %.*s", (int) size, arg);
            conf_error (args->usage, where, "unknown flag");
            return;
        }
    }
    else if (!s_match (self->spec->rows, arg + 2, size - 2, &given, &no)) {
        s_unknown_flag (self->spec, arg + 2, size - 2, args->usage);
        return;
    }
    given.name = conf_copy (self, arg, size);
    if (no && arg [size] == '=') {
        conf_error (args->usage, given.name, "expected no value, --no-KEY means false");
        return;
    }
    if (given.row->type == CONF_BOOL && arg [size] != '=') {
        given.value = no ? "false" : "true";
    }
    else {
        given.value = s_flag_value (args, arg, size, next, index_p);
    }
    if (given.value)
        args->given [args->given_count++] = given;
}

static void
s_positional (conf_t *self, conf_args_t *args, const char *arg)
{
    if (self->spec->positional) {
        self->positional [self->positional_count++] = arg;
        return;
    }
    //  Do not print the argument: after a misspelt flag it may be a secret.
    int at = 1;
    while (at < self->argc && self->argv [at] != arg)
        at++;
    char where [USAGE_WHERE];
    (void) snprintf (where, sizeof (where), "argument %d", at);
    conf_error (args->usage, where, "unexpected, only flags are taken");
}

void
conf_flags_scan (conf_t *self, conf_args_t *args)
{
    bool flags = true;
    for (int i = 1; i < self->argc; i++) {
        const char *arg = self->argv [i];
        if (flags && strcmp (arg, "--") == 0) {
            flags = false;
        }
        else if (!flags || arg [0] != '-' || !arg [1]) {
            s_positional (self, args, arg);
        }
        else if (!s_ask (args, arg)) {
            s_flag (self, args, arg, i + 1 < self->argc ? self->argv [i + 1] : NULL, &i);
        }
    }
}

void
conf_flags_apply (conf_t *self, const conf_args_t *args, conf_errors_t *errors)
{
    unsigned char *seen = conf_alloc (self, conf_row_count (self->spec->rows) + 1);
    for (size_t i = 0; i < args->given_count; i++) {
        const conf_given_t *given = &args->given [i];
        size_t index = (size_t) (given->row - self->spec->rows);
        char where [USAGE_WHERE];
        (void) snprintf (where, sizeof (where), "flag %.150s", given->name);
        unsigned char bit = given->from_file ? 2 : 1;
        if (seen [index] & ~bit)
            conf_error (errors, where, "give either the secret or its file, not both");
        seen [index] |= bit;
        self->from [index] = CONF_FROM_FLAG;
        conf_origin_set (self, given->row, self->settings, where,
                         given->from_file ? given->value : NULL);
        if (given->from_file) {
            (void) conf_value_set_file (self, given->row, self->settings, given->value, where,
                                        errors);
        }
        else {
            (void) conf_value_set (self, given->row, self->settings, given->value, where, errors);
        }
    }
}
