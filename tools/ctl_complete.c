//  ctl_complete - completes the last word of a command line.
//  SPDX-License-Identifier: Apache-2.0
#include "tools/ctl_complete.h"

#include "common/base/limits.h"
#include "common/base/own.h"
#include "tools/ctl_command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LINE_WORDS = 4 }; //  more than any command has

//  The words so far, without flags and their values.
typedef struct {
    const conf_option_t *rows;
    const char *last;           //  the word being typed
    const conf_option_t *value; //  `last` is the value of this row's flag
    const char *url;            //  from the words, or NULL
    const char *words [LINE_WORDS];
    size_t count;
    const ctl_command_t *commands; //  the table of all commands
} line_t;

static void
s_offer (const line_t *line, const char *candidate)
{
    if (strncmp (candidate, line->last, strlen (line->last)) == 0)
        puts (candidate);
}

//  Offer each of "a|b|c".
static void
s_offer_each (const line_t *line, const char *choices)
{
    while (*choices) {
        char choice [64];
        size_t size = strcspn (choices, "|");
        snprintf (choice, sizeof (choice), "%.*s", (int) size, choices);
        s_offer (line, choice);
        choices += size + (choices [size] == '|');
    }
}

//  --- reading the words

static const conf_option_t *
s_row (const conf_option_t *rows, const char *word)
{
    for (const conf_option_t *row = rows; row->key; row++) {
        char flag [128], dashed [136];
        conf_flag_name (row->key, flag, sizeof (flag));
        snprintf (dashed, sizeof (dashed), "--%s", flag);
        if (strcmp (word, dashed) == 0
            || (row->alias && word [0] == '-' && strcmp (word + 1, row->alias) == 0))
            return row;
    }
    return NULL;
}

//  The row of the word's flag, if the word also holds its value after '='; else NULL.
static const conf_option_t *
s_row_with_value (const conf_option_t *rows, const char *word, const char **ret_value)
{
    char flag [128];
    const char *equals = word [0] == '-' ? strchr (word, '=') : NULL;
    if (!equals)
        return NULL;
    snprintf (flag, sizeof (flag), "%.*s", (int) (equals - word), word);
    *ret_value = equals + 1;
    return s_row (rows, flag);
}

static void
s_read_word (line_t *line, const char *before, const char *word, bool last)
{
    const char *value = word;
    const conf_option_t *row = s_row_with_value (line->rows, word, &value);
    if (!row && before)
        row = s_row (line->rows, before);
    if (row && row->type == CONF_BOOL)
        row = NULL;
    if (row && strcmp (row->key, "url") == 0 && !last)
        line->url = value;
    if (last) {
        line->last = row ? value : word;
        line->value = row;
    }
    else if (!row && word [0] != '-' && line->count < LINE_WORDS)
        line->words [line->count++] = word;
}

static line_t
s_read (const ctl_t *self)
{
    line_t line = {.rows = conf_rows (self->conf), .last = "", .commands = self->commands};
    for (size_t i = 0; i < self->arg_count; i++)
        s_read_word (&line, i > 0 ? self->args [i - 1] : NULL, self->args [i],
                     i + 1 == self->arg_count);
    return line;
}

//  --- candidates

static void
s_flags (const line_t *line)
{
    static const char *const common [] = {"--config", "--help", "--version"};
    size_t words = 0;
    const ctl_command_t *command =
        ctl_command_find (line->commands, line->words, line->count, &words);
    const char *mine = command && command->options ? command->options : "";
    for (size_t i = 0; i < sizeof (common) / sizeof (common [0]); i++)
        s_offer (line, common [i]);
    for (const conf_option_t *row = line->rows; row->key; row++) {
        char framed [64], flag [64] = "--";
        snprintf (framed, sizeof (framed), "|%s|", row->key);
        conf_flag_name (row->key, flag + 2, sizeof (flag) - 2);
        if (!ctl_command_owned (line->commands, row->key) || strstr (mine, framed))
            s_offer (line, flag);
    }
}

static void
s_values (const line_t *line)
{
    static const struct {
        const char *key, *choices;
    } texts [] = {
        {"role", "worker|publisher|tap"},
        {"severity", "info|warning|critical"},
        {"reason", "below_severity|triage_disabled|overflow|unparsed"},
    };
    const char *key = line->value->key;
    if (line->value->choices)
        s_offer_each (line, line->value->choices);
    if (strcmp (key, "state") == 0)
        s_offer_each (line, line->count > 0 && ctl_command_noun_is (line->words [0], "effects")
                                ? "ready|sending|done|dead|cancelled"
                                : "pending|investigating|reported|agent_failed|failed|suppressed|"
                                  "cancelled");
    for (size_t i = 0; i < sizeof (texts) / sizeof (texts [0]); i++)
        if (strcmp (key, texts [i].key) == 0)
            s_offer_each (line, texts [i].choices);
}

//  Offer the next word of each command that begins with the words so far.
static void
s_words (const line_t *line)
{
    const char *before = "";
    for (const ctl_command_t *command = line->commands; command->noun; command++) {
        const char *word = NULL;
        if (line->count == 0)
            word = command->noun;
        else if (line->count == 1 && ctl_command_noun_is (line->words [0], command->noun))
            word = command->verb;
        if (word && strcmp (word, before) != 0)
            s_offer (line, word);
        before = word ? word : before;
    }
}

static bool
s_harmless (const char *name)
{
    return name [0] && name [0] != '-'
           && !name [strspn (name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                   "0123456789._-")];
}

static void
s_names (const ctl_t *self, const line_t *line, ctl_args_t args)
{
    static const struct {
        const char *path, *list, *member;
    } lists [] = {
        [CTL_INCIDENTS] = {"/api/v1/incidents?limit=", "incidents", "number"},
        [CTL_WORKERS] = {"/api/v1/workers", "workers", "name"},
        [CTL_EFFECTS] = {"/api/v1/effects?limit=", "effects", "id"},
        [CTL_WORDS] = {NULL, NULL, NULL},
    };
    if (!lists [args].path)
        return;
    ctl_settings_t settings = *self->settings;
    settings.url = line->url ? line->url : settings.url;
    const ctl_t patient = {.settings = &settings, .patience_ms = LIMIT_CTL_COMPLETE_MS};
    own (json_drop) json_t *doc = NULL;
    err_diag_t diag = {.text = ""};
    char path [128];
    snprintf (path, sizeof (path), "%s", lists [args].path);
    if (args != CTL_WORKERS)
        snprintf (path, sizeof (path), "%s%d", lists [args].path, LIMIT_CTL_COMPLETE_ROWS);
    if (ctl_ask (&patient, "GET", path, &doc, &diag))
        return; //  a shell shows no errors during completion
    const json_t *rows = json_object_get (doc, lists [args].list);
    for (size_t i = 0; i < json_array_size (rows) && i < LIMIT_CTL_COMPLETE_ROWS; i++) {
        char number [24];
        const json_t *row = json_array_get (rows, i);
        snprintf (number, sizeof (number), "%" PRId64,
                  json_member_int (row, lists [args].member, 0));
        const char *name = json_member_text (row, lists [args].member, number);
        if (s_harmless (name))
            s_offer (line, name);
    }
}

int
ctl_complete (const ctl_t *self)
{
    line_t line = s_read (self);
    size_t words = 0;
    const ctl_command_t *command = ctl_command_find (line.commands, line.words, line.count, &words);
    if (line.value)
        s_values (&line);
    else if (line.last [0] == '-')
        s_flags (&line);
    else if (command && (words == 2 || !command->verb))
        s_names (self, &line, command->args);
    else
        s_words (&line);
    return CTL_OK;
}
