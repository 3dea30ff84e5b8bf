//  conf - one table of options per program; flags > environment > YAML file > defaults.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/durable.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/utf8.h"
#include "common/conf/conf.h"
#include "common/conf/conf_part.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct conf_block {
    conf_block_t *next;
    size_t size;
    _Alignas(16) char bytes [];
};

//  What the argument list asks for besides settings.
typedef enum { ASK_RUN, ASK_HELP, ASK_VERSION, ASK_DOCS, ASK_CHECK, ASK_PRINT } ask_t;

//  A flag that names a row.
typedef struct {
    const conf_option_t *row;
    const char *value; //  "" never means missing here
    const char *name;  //  as written, with dashes, without value
    bool from_file;    //  --KEY-file
} given_t;

typedef struct {
    ask_t ask;
    const char *config; //  -c, or NULL
    given_t *given;     //  at most one per argument
    size_t given_count;
    conf_errors_t *usage; //  unknown flags and missing values
} args_t;

enum { USAGE_WHERE = CONF_NAME + 16 };

//  --- memory

void *
conf_alloc (conf_t *self, size_t size)
{
    conf_block_t *block = calloc (1, sizeof (conf_block_t) + size);
    if (!block)
        abort (); //  start-up or reload of a file of at most 1 MiB: no way to go on
    block->size = size;
    block->next = self->blocks;
    self->blocks = block;
    return block->bytes;
}

char *
conf_copy (conf_t *self, const char *text, size_t size)
{
    char *copy = conf_alloc (self, size + 1);
    memcpy (copy, text, size);
    return copy;
}

void
conf_destroy (conf_t **self_p)
{
    assert (self_p);
    conf_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    if (atomic_fetch_sub (&self->owners, 1) > 1)
        return;
    while (self->blocks) {
        conf_block_t *block = self->blocks;
        self->blocks = block->next;
        explicit_bzero (block->bytes, block->size);
        free (block);
    }
    free (self);
}

conf_t *
conf_share (conf_t *self)
{
    assert (self);
    atomic_fetch_add (&self->owners, 1);
    return self;
}

//  --- errors

void
conf_error (conf_errors_t *errors, const char *where, const char *format, ...)
{
    errors->count++;
    if (errors->count > LIMIT_CONFIG_ERRORS)
        return;
    char place [CONF_WHERE], text [1024]; //  keys and values come from outside
    va_list args;
    va_start (args, format);
    (void) vsnprintf (text, sizeof (text), format, args);
    va_end (args);
    (void) snprintf (place, sizeof (place), "%s", where);
    utf8_clean (place);
    utf8_clean (text);
    (void) buf_printf (&errors->text, "%s: %s\n", place, text);
    if (errors->count == LIMIT_CONFIG_ERRORS)
        (void) buf_text (&errors->text, "more errors are not shown\n");
}

bool
conf_errors_full (const conf_errors_t *errors)
{
    return errors->count >= LIMIT_CONFIG_ERRORS;
}

static conf_errors_t
s_errors (void)
{
    return (conf_errors_t){.text = buf_init (LIMIT_CONFIG_BYTES)};
}

static size_t
s_min (size_t a, size_t b)
{
    return a < b ? a : b;
}

//  Levenshtein distance of two short names; SIZE_MAX when one is too long to be a name of ours.
static size_t
s_distance (const char *a, const char *b)
{
    enum { LONGEST = 63 };
    size_t size_a = strlen (a), size_b = strlen (b);
    if (size_a > LONGEST || size_b > LONGEST)
        return SIZE_MAX;
    size_t row [LONGEST + 1];
    for (size_t j = 0; j <= size_b; j++)
        row [j] = j;
    for (size_t i = 1; i <= size_a; i++) {
        size_t diagonal = row [0];
        row [0] = i;
        for (size_t j = 1; j <= size_b; j++) {
            size_t above = row [j];
            size_t change = diagonal + (a [i - 1] != b [j - 1]);
            row [j] = s_min (change, s_min (above, row [j - 1]) + 1);
            diagonal = above;
        }
    }
    return row [size_b];
}

void
conf_nearest (const char *name, const char *candidate, const char **best_p, size_t *distance_p)
{
    size_t distance = s_distance (name, candidate);
    size_t allowed = strlen (candidate) / 3 + 1;
    if (distance > allowed || (*best_p && distance >= *distance_p))
        return;
    *best_p = candidate;
    *distance_p = distance;
}

//  --- rows

size_t
conf_row_count (const conf_option_t *rows)
{
    size_t count = 0;
    while (rows [count].key)
        count++;
    return count;
}

void
conf_defaults (conf_t *self, const conf_option_t *rows, void *base, conf_from_t *from)
{
    for (const conf_option_t *row = rows; row->key; row++) {
        if (row->type == CONF_TEXT)
            *(const char **) (void *) ((char *) base + row->offset) = "";
        if (!row->fallback)
            continue;
        conf_errors_t errors = s_errors ();
        int rc = conf_value_set (self, row, base, row->fallback, row->key, &errors);
        if (rc < 0) //  a bug in the table, not input
            (void) fputs (errors.text.data, stderr);
        assert (rc == 0);
        buf_fini (&errors.text);
        if (from)
            from [row - rows] = CONF_FROM_DEFAULT;
    }
}

//  --- flags

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

//  The row that a single letter names, NULL = none.
static const conf_option_t *
s_brief (const conf_option_t *rows, char letter)
{
    const char name [2] = {letter, 0};
    for (const conf_option_t *row = rows; row->key; row++)
        if (row->alias && strcmp (row->alias, name) == 0)
            return row;
    return NULL;
}

//  The row a flag names and how: plain, --KEY-file of a secret, --no-KEY of a boolean.

static bool
s_match (const conf_option_t *rows, const char *name, size_t size, given_t *ret_given, bool *ret_no)
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
        *ret_given = (given_t){.row = row, .from_file = file};
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
    char flags [2][CONF_NAME] = {"", ""}; //  the nearest so far and the one under trial
    (void) snprintf (written, sizeof (written), "%.*s", (int) s_min (size, CONF_NAME - 1), name);
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
s_ask (args_t *args, const char *arg)
{
    static const struct {
        const char *brief, *name;
        ask_t ask;
    } asks [] = {{"-h", "--help", ASK_HELP},
                 {"-v", "--version", ASK_VERSION},
                 {"--", "--print-docs", ASK_DOCS},
                 {"--", "--check-config", ASK_CHECK},
                 {"--", "--print-config", ASK_PRINT}};
    for (size_t i = 0; i < sizeof (asks) / sizeof (asks [0]); i++) {
        if (strcmp (arg, asks [i].brief) != 0 && strcmp (arg, asks [i].name) != 0)
            continue;
        //  What needs no configuration wins over what does.
        if (args->ask == ASK_RUN || asks [i].ask < args->ask)
            args->ask = asks [i].ask;
        return true;
    }
    return false;
}

//  The value of a flag: behind '=' or the next argument.

static const char *
s_flag_value (args_t *args, const char *arg, size_t size, const char *next, int *index_p)
{
    if (arg [size] == '=')
        return arg + size + 1;
    if (next) {
        (*index_p)++;
        return next;
    }
    char where [USAGE_WHERE];
    (void) snprintf (where, sizeof (where), "flag %.*s", (int) s_min (size, CONF_NAME), arg);
    conf_error (args->usage, where, "expected a value");
    return NULL;
}

static void
s_flag (conf_t *self, args_t *args, const char *arg, const char *next, int *index_p)
{
    size_t size = strcspn (arg, "=");
    if ((size == 2 && memcmp (arg, "-c", 2) == 0)
        || (size == 8 && memcmp (arg, "--config", 8) == 0)) {
        args->config = s_flag_value (args, arg, size, next, index_p);
        return;
    }
    given_t given = {.row = NULL};
    bool no = false;
    if (arg [1] != '-') {
        given.row = size == 2 ? s_brief (self->spec->rows, arg [1]) : NULL;
        if (!given.row) {
            char where [USAGE_WHERE];
            (void) snprintf (where, sizeof (where), "flag %.*s", (int) s_min (size, CONF_NAME),
                             arg);
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
s_positional (conf_t *self, args_t *args, const char *arg)
{
    if (self->spec->positional) {
        self->positional [self->positional_count++] = arg;
        return;
    }
    //  Not what it says: behind a misspelt flag it may be a secret.
    int at = 1;
    while (at < self->argc && self->argv [at] != arg)
        at++;
    char where [USAGE_WHERE];
    (void) snprintf (where, sizeof (where), "argument %d", at);
    conf_error (args->usage, where, "unexpected, only flags are taken");
}

static void
s_scan_args (conf_t *self, args_t *args)
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

static void
s_apply_flags (conf_t *self, const args_t *args, conf_errors_t *errors)
{
    unsigned char *seen = conf_alloc (self, conf_row_count (self->spec->rows) + 1);
    for (size_t i = 0; i < args->given_count; i++) {
        const given_t *given = &args->given [i];
        size_t index = (size_t) (given->row - self->spec->rows);
        char where [USAGE_WHERE];
        (void) snprintf (where, sizeof (where), "flag %.150s", given->name);
        unsigned char bit = given->from_file ? 2 : 1;
        if (seen [index] & ~bit)
            conf_error (errors, where, "give either the secret or its file, not both");
        seen [index] |= bit;
        self->from [index] = CONF_FROM_FLAG;
        conf_origin_set (self, given->row, self->settings, where);
        if (given->from_file) {
            (void) conf_value_set_file (self, given->row, self->settings, given->value, where,
                                        errors);
        }
        else {
            (void) conf_value_set (self, given->row, self->settings, given->value, where, errors);
        }
    }
}

//  --- environment

//  The value of a name, NULL when unset or empty.

static const char *
s_env (char *const *envp, const char *name)
{
    size_t size = name ? strlen (name) : 0;
    for (; size && *envp; envp++) {
        if (strncmp (*envp, name, size) == 0 && (*envp) [size] == '=')
            return (*envp) [size + 1] ? *envp + size + 1 : NULL;
    }
    return NULL;
}

static const char *
s_env_file (char *const *envp, const char *name, char ret_name [CONF_NAME])
{
    ret_name [0] = 0;
    if (!name)
        return NULL;
    (void) snprintf (ret_name, CONF_NAME, "%.150s_FILE", name);
    return s_env (envp, ret_name);
}

//  Set the row from one of its environment names.  Returns whether the name was set.

static bool
s_apply_env_name (conf_t *self, const conf_option_t *row, const char *name, conf_errors_t *errors)
{
    char file_name [CONF_NAME], where [CONF_WHERE];
    const char *text = s_env (self->envp, name);
    if (text && row->flags & CONF_SECRET && conf_secret (&text) == 0)
        text = NULL;
    const char *path = row->flags & CONF_SECRET ? s_env_file (self->envp, name, file_name) : NULL;
    if (!text && !path)
        return false;
    (void) snprintf (where, sizeof (where), "environment %.160s", text && name ? name : file_name);
    conf_origin_set (self, row, self->settings, where);
    if (text && path) {
        conf_error (errors, where, "give either %s or %s, not both", name, file_name);
    }
    else if (path) {
        (void) conf_value_set_file (self, row, self->settings, path, where, errors);
    }
    else {
        (void) conf_value_set (self, row, self->settings, text, where, errors);
    }
    return true;
}

static void
s_apply_env (conf_t *self, conf_errors_t *errors)
{
    const conf_option_t *rows = self->spec->rows;
    for (const conf_option_t *row = rows; row->key; row++) {
        if (s_apply_env_name (self, row, row->env, errors)
            || s_apply_env_name (self, row, row->env_alias, errors))
            self->from [row - rows] = CONF_FROM_ENV;
    }
}

//  --- loading

static void
s_check_required (conf_t *self, conf_errors_t *errors)
{
    const conf_option_t *rows = self->spec->rows;
    for (const conf_option_t *row = rows; row->key; row++) {
        if (!(row->flags & CONF_REQUIRED) || self->from [row - rows] != CONF_FROM_NONE)
            continue;
        char flag [CONF_NAME];
        conf_flag_name (row->key, flag, sizeof (flag));
        conf_error (errors, row->key, "required, set it in the file%s%s or with --%s",
                    row->env ? ", in the environment as " : "", row->env ? row->env : "", flag);
    }
}

//  What --print-config shows in place of a secret is read back, but it is nothing to run with.

static void
s_check_masks (const conf_option_t *rows, const void *base, conf_errors_t *errors)
{
    for (const conf_option_t *row = rows; row->key; row++) {
        const conf_table_t *table = (const void *) ((const char *) base + row->offset);
        for (size_t i = 0; row->type == CONF_TABLE && i < table->count; i++)
            s_check_masks (row->rows, (const char *) table->items + i * row->item_size, errors);
        if (row->type == CONF_TEXT && conf_value_is_mask (row, base))
            conf_error (errors, row->key,
                        "expected the secret, got what --print-config shows instead");
    }
}

//  Keep what conf_reload needs: arguments, and of the environment only what rows name.

static bool
s_env_matters (const conf_spec_t *spec, const char *entry)
{
    size_t size = strcspn (entry, "=");
    if (size == 13 && memcmp (entry, "TRIAGE_CONFIG", 13) == 0)
        return true;
    for (const conf_option_t *row = spec->rows; row->key; row++) {
        const char *names [] = {row->env, row->env_alias};
        for (size_t i = 0; i < 2; i++) {
            size_t length = names [i] ? strlen (names [i]) : 0;
            bool same = length && length <= size && memcmp (entry, names [i], length) == 0;
            if (same
                && (size == length
                    || (size == length + 5 && memcmp (entry + length, "_FILE", 5) == 0)))
                return true;
        }
    }
    return false;
}

static void
s_keep_sources (conf_t *self, int argc, char *const *argv, char *const *envp)
{
    size_t count = argc > 0 ? (size_t) argc : 0;
    self->argc = argc;
    self->argv = conf_alloc (self, (count + 1) * sizeof (char *));
    self->positional = conf_alloc (self, (count + 1) * sizeof (char *));
    for (size_t i = 0; i < count; i++)
        self->argv [i] = conf_copy (self, argv [i], strlen (argv [i]));
    size_t entries = 0;
    while (envp [entries])
        entries++;
    self->envp = conf_alloc (self, (entries + 1) * sizeof (char *));
    for (size_t i = 0, kept = 0; i < entries; i++) {
        if (s_env_matters (self->spec, envp [i]))
            self->envp [kept++] = conf_copy (self, envp [i], strlen (envp [i]));
    }
}

static conf_t *
s_new (const conf_spec_t *spec, int argc, char *const *argv, char *const *envp)
{
    conf_t *self = calloc (1, sizeof (conf_t));
    if (!self)
        abort ();
    self->owners = 1;
    self->spec = spec;
    self->settings = conf_alloc (self, spec->settings_size);
    self->from = conf_alloc (self, (conf_row_count (spec->rows) + 1) * sizeof (conf_from_t));
    s_keep_sources (self, argc, argv, envp);
    return self;
}

static void
s_fill (conf_t *self, const args_t *args, conf_errors_t *errors)
{
    conf_defaults (self, self->spec->rows, self->settings, self->from);
    const char *file = args->config ? args->config : s_env (self->envp, "TRIAGE_CONFIG");
    if (file)
        conf_yaml_load (self, file, errors);
    s_apply_env (self, errors);
    s_apply_flags (self, args, errors);
    s_check_required (self, errors);
    if (args->ask != ASK_PRINT)
        s_check_masks (self->spec->rows, self->settings, errors);
}

static void
s_print (void (*make) (const conf_spec_t *, buf_t *), const conf_spec_t *spec)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_CONFIG_BYTES);
    make (spec, &text);
    (void) fputs (text.data, stdout);
}

//  > 0 when the question was answered without a configuration, 0 to go on.

static int
s_answer_early (const conf_spec_t *spec, ask_t ask)
{
    if (ask == ASK_HELP) {
        s_print (conf_docs_help, spec);
    }
    else if (ask == ASK_DOCS) {
        s_print (conf_docs_table, spec);
    }
    else if (ask == ASK_VERSION) {
        (void) printf ("%s %s\n", spec->program, TRIAGE_VERSION);
    }
    else {
        return 0;
    }
    (void) fflush (stdout);
    return 1;
}

static int
s_answer_late (const conf_t *self, ask_t ask)
{
    if (ask != ASK_PRINT)
        return 0;
    own (buf_fini) buf_t text = buf_init (LIMIT_CONFIG_BYTES);
    conf_docs_config (self, &text);
    (void) fputs (text.data, stdout);
    (void) fflush (stdout);
    return 1;
}

//  The whole way for a new conf_t; errors stay in the two lists.

static int
s_load (conf_t *self, conf_errors_t *usage, conf_errors_t *errors)
{
    args_t args = {.usage = usage};
    args.given = conf_alloc (self, ((size_t) self->argc + 1) * sizeof (given_t));
    s_scan_args (self, &args);
    int done = s_answer_early (self->spec, args.ask);
    if (done)
        return done;
    if (usage->count)
        return -EINVAL;
    s_fill (self, &args, errors);
    if (args.ask == ASK_CHECK)
        return conf_check_answer (self, errors);
    return errors->count ? ERR_CONFIG : s_answer_late (self, args.ask);
}

int
conf_load (const conf_spec_t *spec, int argc, char *const *argv, char *const *envp,
           conf_t **ret_conf)
{
    own (conf_destroy) conf_t *self = s_new (spec, argc, argv, envp);
    conf_errors_t usage = s_errors (), errors = s_errors ();
    int rc = s_load (self, &usage, &errors);
    if (rc == -EINVAL)
        (void) fprintf (stderr, "%s%s: try --help\n", usage.text.data, spec->program);
    if (rc == ERR_CONFIG)
        (void) fputs (errors.text.data, stderr);
    buf_fini (&usage.text);
    buf_fini (&errors.text);
    if (rc == 0)
        *ret_conf = own_take (self);
    return rc;
}

void
conf_hide_secrets (const conf_t *self, char **envp)
{
    assert (self && envp);
    for (const conf_option_t *row = self->spec->rows; row->key; row++) {
        const char *names [] = {row->env, row->env_alias};
        for (size_t i = 0; row->flags & CONF_SECRET && i < 2; i++) {
            const size_t size = names [i] ? strlen (names [i]) : 0;
            for (char **entry = envp; size && *entry; entry++)
                if (strncmp (*entry, names [i], size) == 0 && (*entry) [size] == '=')
                    explicit_bzero (*entry + size + 1, strlen (*entry + size + 1));
        }
    }
}

const void *
conf_settings (const conf_t *self)
{
    return self->settings;
}

size_t
conf_positional (const conf_t *self, const char *const **ret_args)
{
    *ret_args = self->positional;
    return self->positional_count;
}

const conf_option_t *
conf_rows (const conf_t *self)
{
    return self->spec->rows;
}

bool
conf_given (const conf_t *self, const char *key)
{
    const conf_option_t *rows = self->spec->rows;
    for (const conf_option_t *row = rows; row->key; row++)
        if (strcmp (row->key, key) == 0)
            return self->from [row - rows] == CONF_FROM_FLAG;
    return false;
}

//  --- reload

static void
s_check_fixed (const conf_t *self, const conf_t *fresh, conf_errors_t *errors)
{
    for (const conf_option_t *row = self->spec->rows; row->key; row++) {
        if (!(row->flags & CONF_RELOAD) && !conf_value_same (row, self->settings, fresh->settings))
            conf_error (errors, row->key, "changed, which needs a restart");
    }
}

static void
s_log_errors (const char *lines)
{
    while (*lines) {
        size_t size = strcspn (lines, "\n");
        char line [CONF_WHERE + 1024];
        (void) snprintf (line, sizeof (line), "%.*s", (int) s_min (size, sizeof (line) - 1), lines);
        log_error ("configuration not reloaded", kv ("reason", (const char *) line));
        lines += size + (lines [size] == '\n');
    }
}

int
conf_reload (const conf_t *self, conf_t **ret_conf)
{
    own (conf_destroy) conf_t *fresh = s_new (self->spec, self->argc, self->argv, self->envp);
    conf_errors_t usage = s_errors (), errors = s_errors ();
    int rc = s_load (fresh, &usage, &errors);
    assert (rc == 0 || rc == ERR_CONFIG); //  the arguments were good once
    if (rc == 0)
        s_check_fixed (self, fresh, &errors);
    if (errors.count)
        rc = ERR_CONFIG;
    s_log_errors (errors.text.data);
    buf_fini (&usage.text);
    buf_fini (&errors.text);
    if (rc == 0)
        *ret_conf = own_take (fresh);
    return rc;
}

//  --- ready file

int
conf_write_ready (const char *path, const char *lines)
{
    if (!*path)
        return 0;
    own (buf_fini) buf_t part = buf_init (LIMIT_CONFIG_BYTES);
    int rc = buf_printf (&part, "%s.part", path);
    if (rc < 0)
        return rc;
    own (own_fd) int fd =
        open (part.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return -errno;
    rc = durable_fill (fd, lines, strlen (lines));
    if (rc == 0)
        rc = durable_rename (AT_FDCWD, part.data, AT_FDCWD, path, "ready");
    if (rc < 0)
        (void) unlink (part.data);
    return rc;
}
