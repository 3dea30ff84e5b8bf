//  conf_docs - prints an option table: help, docs, the configuration in force.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/digest.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/base/utf8.h"
#include "common/conf/conf_part.h"

#include <stdio.h>
#include <string.h>

static const char *
s_type_word (const conf_option_t *row)
{
    switch (row->type) {
        case CONF_TEXT:
            if (row->choices)
                return row->choices;
            return row->flags & CONF_URL        ? "URL"
                   : row->flags & CONF_ENDPOINT ? "endpoint"
                   : row->flags & CONF_LISTEN   ? "HOST:PORT"
                                                : "text";
        case CONF_BOOL: return "bool";
        case CONF_INT: return "integer";
        case CONF_DURATION: return "duration";
        case CONF_SIZE: return "size";
        case CONF_DECIMAL: return "number";
        case CONF_ENUM: return row->choices;
        case CONF_TABLE: return row->flags & CONF_KEYED ? "map of maps" : "list";
        case CONF_MAP: return "map of texts";
    }
    return "";
}

static const char *
s_dashes (const char *flag)
{
    return flag [1] ? "--" : "-";
}

//  Append lines, each indented.

static void
s_lines (buf_t *text, const char *title, const char *indent, const char *lines)
{
    if (!lines)
        return;
    (void) buf_printf (text, "%s\n", title);
    while (*lines) {
        size_t size = strcspn (lines, "\n");
        (void) buf_printf (text, "%s%.*s\n", size ? indent : "", (int) size, lines);
        lines += size + (lines [size] == '\n');
    }
    (void) buf_text (text, "\n");
}

//  --- --help

//  Wrap text for a terminal of 80 columns, each line indented; breaks at blanks only.
static void
s_wrapped (buf_t *text, const char *indent, const char *words)
{
    const size_t room = 79 - strlen (indent);
    while (*words) {
        size_t size = strlen (words);
        if (size > room)
            for (size = room; size > 0 && words [size] != ' ';)
                size--;
        if (size == 0) //  one long word
            size = strcspn (words, " ");
        size_t shown = size; //  two blanks end a sentence
        while (shown > 0 && words [shown - 1] == ' ')
            shown--;
        (void) buf_printf (text, "%s%.*s\n", indent, (int) shown, words);
        words += size;
        words += strspn (words, " ");
    }
}

static void
s_help_row (const conf_option_t *row, buf_t *text)
{
    char flag [CONF_NAME];
    conf_flag_name (row->key, flag, sizeof (flag));
    if (row->type == CONF_BOOL) {
        (void) buf_printf (text, "  --[no-]%s\n", flag);
    }
    else {
        (void) buf_printf (text, "  --%s <%s>\n", flag, s_type_word (row));
    }
    s_wrapped (text, "      ", row->help);
    if (row->flags & CONF_SECRET)
        (void) buf_printf (text, "      A secret: better --%s-file.\n", flag);
    if (row->alias)
        (void) buf_printf (text, "      Also %s%s.\n", s_dashes (row->alias), row->alias);
    if (row->fallback)
        (void) buf_printf (text, "      Default: %s\n", *row->fallback ? row->fallback : "empty");
    if (row->env)
        (void) buf_printf (text, "      Environment: %s\n", row->env);
    if (row->env_alias)
        (void) buf_printf (text, "      Environment: %s\n", row->env_alias);
}

void
conf_docs_help (const conf_spec_t *spec, buf_t *text)
{
    own (buf_fini) buf_t summary = buf_init (LIMIT_KIB (4));
    (void) buf_printf (&summary, "%s - %s", spec->program, spec->summary);
    s_wrapped (text, "", summary.data);
    (void) buf_printf (text, "\nUsage: %s [OPTION]...%s%s\n\n", spec->program,
                       spec->positional ? " " : "", spec->positional ? spec->positional : "");
    s_lines (text, "Commands:", "  ", spec->commands);
    s_lines (text, "Examples:", "  ", spec->examples);
    (void) buf_text (
        text,
        "A flag wins over the environment, the environment over the YAML file, and the\n"
        "YAML file over the default.\n\n"
        "  -c, --config <file>\n"
        "      YAML file with any of the options below.\n"
        "      Environment: TRIAGE_CONFIG\n"
        "  --check-config\n      Check all that a start needs, and end.  Nothing is changed.\n"
        "      Names what it cannot check.  Exit code: 0 all is good, 78 it is not.\n"
        "  --print-config\n      Print the configuration in force, secrets "
        "masked, and end.\n"
        "  --print-docs\n      Print the table of options in Markdown and end.\n"
        "  -v, --version\n      Print the version and end.\n"
        "  -h, --help\n      Print this and end.\n\n");
    for (const conf_option_t *row = spec->rows; row->key; row++) {
        if (row->type == CONF_TABLE) {
            (void) buf_printf (text, "  (in the file only) %s\n", row->key);
            s_wrapped (text, "      ", row->help);
        }
        else {
            s_help_row (row, text);
        }
    }
}

//  --- --print-docs

//  Append a table cell; '|' is escaped, as it would end the cell.

static void
s_cell (buf_t *text, const char *mark, const char *words)
{
    if (!*words) {
        (void) buf_text (text, " |");
        return;
    }
    (void) buf_printf (text, " %s", mark);
    for (const char *p = words; *p; p++)
        (void) buf_append (text, *p == '|' ? "\\|" : p, *p == '|' ? 2 : 1);
    (void) buf_printf (text, "%s |", mark);
}

static void
s_range_cell (const conf_option_t *row, buf_t *text)
{
    own (buf_fini) buf_t words = buf_init (LIMIT_LOG_VALUE_BYTES);
    if (row->min != 0 || row->max != 0) {
        conf_value_expected (row, &words);
    }
    else {
        (void) buf_text (&words, s_type_word (row));
    }
    s_cell (text, "", words.data);
}

static void
s_docs_row (const conf_spec_t *spec, const conf_option_t *row, const char *prefix, buf_t *text)
{
    char key [CONF_NAME], flag [CONF_NAME], dashed [CONF_NAME + 4];
    (void) snprintf (key, sizeof (key), "%s%s", prefix, row->key);
    conf_flag_name (row->key, flag, sizeof (flag));
    (void) snprintf (dashed, sizeof (dashed), "--%s", flag);
    bool file_only = *prefix || row->type == CONF_TABLE;
    (void) buf_text (text, "|");
    s_cell (text, "`", key);
    s_cell (text, "`", file_only ? "" : dashed);
    s_cell (text, "`", row->env && !file_only ? row->env : "");
    s_range_cell (row, text);
    s_cell (text, "`", row->fallback ? row->fallback : "");
    if (spec->reloads)
        s_cell (text, "", row->flags & CONF_RELOAD ? "yes" : "");
    (void) buf_printf (text, " %s", row->help);
    if (row->flags & CONF_REQUIRED)
        (void) buf_text (text, " Required.");
    if (row->flags & CONF_SECRET)
        (void) buf_printf (text, " A secret; also `%s_file`.", row->key);
    if (row->alias)
        (void) buf_printf (text, " Also `%s%s`.", s_dashes (row->alias), row->alias);
    if (row->env_alias)
        (void) buf_printf (text, " Also `%s`.", row->env_alias);
    (void) buf_text (text, " |\n");
    if (row->type != CONF_TABLE)
        return;
    const bool keyed = row->flags & CONF_KEYED;
    if (keyed)
        (void) snprintf (key, sizeof (key), "%.60s.<%.60s>.", row->key, row->rows->key);
    else
        (void) snprintf (key, sizeof (key), "%.120s[].", row->key);
    for (const conf_option_t *inner = row->rows + keyed; inner->key; inner++)
        s_docs_row (spec, inner, key, text);
}

void
conf_docs_table (const conf_spec_t *spec, buf_t *text)
{
    (void) buf_printf (text, "## %s\n\n%s\n\n", spec->program, spec->summary);
    s_lines (text, "Commands:\n", "    ", spec->commands);
    s_lines (text, "For example:\n", "    ", spec->examples);
    (void) buf_printf (text,
                       "| key | flag | environment | value | default |%s meaning |\n"
                       "|---|---|---|---|---|%s---|\n",
                       spec->reloads ? " SIGHUP |" : "", spec->reloads ? "---|" : "");
    for (const conf_option_t *row = spec->rows; row->key; row++)
        s_docs_row (spec, row, "", text);
}

//  --- --print-config

//  A character that YAML folds as a line end, or a mark that it may drop.

static bool
s_is_break (uint32_t code)
{
    return code == 0x2028 || code == 0x2029 || code == 0xfeff;
}

//  A double-quoted YAML scalar.

static void
s_quote (const char *value, buf_t *text)
{
    (void) buf_text (text, "\"");
    for (size_t left = strlen (value); left > 0;) {
        uint32_t code = 0;
        size_t length = utf8_next (value, left, &code);
        if (length == 0) { //  YAML has no bytes, only characters
            (void) buf_text (text, "\\uFFFD");
            length = 1;
        }
        else if (code == '"' || code == '\\') {
            (void) buf_printf (text, "\\%c", *value);
        }
        else if (code < ' ' || (code >= 0x7f && code < 0xa0) || s_is_break (code)) {
            (void) buf_printf (text, "\\u%04x", (unsigned) code);
        }
        else {
            (void) buf_append (text, value, length);
        }
        value += length;
        left -= length;
    }
    (void) buf_text (text, "\"");
}

static void
s_pairs (const conf_table_t *map, buf_t *text)
{
    const conf_pair_t *pairs = map->items;
    for (size_t i = 0; i < map->count; i++) {
        (void) buf_text (text, i ? ", " : "{");
        s_quote (pairs [i].key, text);
        (void) buf_text (text, ": ");
        s_quote (pairs [i].value, text);
    }
    (void) buf_text (text, "}");
}

static const conf_table_t *
s_map_of (const conf_option_t *row, const void *base)
{
    return (const void *) ((const char *) base + row->offset);
}

static void
s_value (const conf_option_t *row, const void *base, buf_t *text)
{
    if (row->type == CONF_MAP) {
        s_pairs (s_map_of (row, base), text);
        return;
    }
    own (buf_fini) buf_t value = buf_init (LIMIT_CONFIG_BYTES);
    conf_value_text (row, base, &value);
    if (row->flags & CONF_SECRET && value.size) {
        s_quote (CONF_MASK, text);
    }
    else if (row->type == CONF_TEXT) {
        own (buf_fini) buf_t shown = buf_init (LIMIT_CONFIG_BYTES + LIMIT_LOG_VALUE_BYTES);
        conf_value_shown (value.size ? value.data : "", &shown);
        s_quote (shown.size ? shown.data : "", text);
    }
    else {
        (void) buf_text (text, value.data);
    }
    if (value.size)
        explicit_bzero (value.data, value.size);
}

//  Does a value exist that the file could hold?  0 may be outside the range of an unset number.

static bool
s_is_set (const conf_option_t *row, const void *base)
{
    own (buf_fini) buf_t value = buf_init (LIMIT_CONFIG_BYTES);
    if (row->fallback)
        return true;
    if (row->type == CONF_MAP)
        return s_map_of (row, base)->count > 0;
    conf_value_text (row, base, &value);
    return row->type == CONF_TEXT ? value.size > 0 : strcmp (value.data, "0") != 0;
}

static void
s_items (const conf_option_t *row, const conf_table_t *table, buf_t *text)
{
    const bool keyed = row->flags & CONF_KEYED;
    (void) buf_printf (text, "%s:%s\n", row->key, table->count ? "" : keyed ? " {}" : " []");
    for (size_t i = 0; i < table->count; i++) {
        const char *item = (const char *) table->items + i * row->item_size;
        const char *lead = keyed ? "    " : "  - ";
        if (keyed) {
            (void) buf_text (text, "  ");
            s_value (row->rows, item, text);
            (void) buf_text (text, ":\n");
        }
        for (const conf_option_t *inner = row->rows + keyed; inner->key; inner++) {
            if (!s_is_set (inner, item))
                continue;
            (void) buf_printf (text, "%s%s: ", lead, inner->key);
            s_value (inner, item, text);
            (void) buf_text (text, "\n");
            lead = "    ";
        }
    }
}

uint64_t
conf_hash (const conf_t *self)
{
    enum { HASH_BYTES = 6 }; //  Prometheus values are doubles, which hold 53 bits
    own (digest_destroy) digest_t *digest = digest_new ();
    for (const conf_option_t *row = self->spec->rows; row->key; row++) {
        own (buf_fini) buf_t text = buf_init (LIMIT_CONFIG_BYTES);
        digest_field (digest, row->key);
        if (row->type == CONF_TABLE) {
            s_items (row, (const void *) (self->settings + row->offset), &text);
        }
        else {
            s_value (row, self->settings, &text);
        }
        digest_field (digest, text.data);
    }
    uint8_t bytes [DIGEST_BYTES];
    digest_finish (digest, bytes);
    uint64_t hash = 0;
    for (size_t i = 0; i < HASH_BYTES; i++)
        hash = hash << 8 | bytes [i];
    return hash;
}

void
conf_docs_config (const conf_t *self, buf_t *text)
{
    const conf_option_t *rows = self->spec->rows;
    (void) buf_printf (text, "# the configuration of %s in force\n", self->spec->program);
    for (const conf_option_t *row = rows; row->key; row++) {
        const void *at = self->settings + row->offset;
        if (row->type == CONF_TABLE) {
            s_items (row, at, text);
        }
        else if (self->from [row - rows] == CONF_FROM_NONE) {
            (void) buf_printf (text, "# %s is not set\n", row->key);
        }
        else {
            (void) buf_printf (text, "%s: ", row->key);
            s_value (row, self->settings, text);
            (void) buf_text (text, "\n");
        }
    }
}
