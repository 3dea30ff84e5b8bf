//  conf - loads and reloads: flags over environment over file over defaults.
//  SPDX-License-Identifier: Apache-2.0
#include "common/conf/conf.h"

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/conf/conf_part.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

//  --- environment

//  The value of an environment name, NULL when unset or empty.

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

//  Set the row from one of its environment names.  Returns whether one was set.

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
    conf_origin_set (self, row, self->settings, where, path);
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

//  The mask that --print-config shows for a secret is accepted on reading, but a program cannot run
//  with it.

static void
s_check_masks (const conf_t *self, const conf_option_t *rows, const void *base,
               conf_errors_t *errors)
{
    for (const conf_option_t *row = rows; row->key; row++) {
        const conf_table_t *table = (const void *) ((const char *) base + row->offset);
        for (size_t i = 0; row->type == CONF_TABLE && i < table->count; i++)
            s_check_masks (self, row->rows, (const char *) table->items + i * row->item_size,
                           errors);
        if (row->type == CONF_TEXT && conf_value_is_mask (row, base))
            conf_error (errors, conf_origin_where (self, table, row->key),
                        "expected the secret, got what --print-config shows instead");
    }
}

//  Keep what conf_reload needs: the arguments, and the environment entries that rows name.

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
s_fill (conf_t *self, const conf_args_t *args, conf_errors_t *errors)
{
    conf_value_defaults (self, self->spec->rows, self->settings, self->from);
    const char *file = args->config ? args->config : s_env (self->envp, "TRIAGE_CONFIG");
    if (file)
        conf_yaml_load (self, file, errors);
    s_apply_env (self, errors);
    conf_flags_apply (self, args, errors);
    s_check_required (self, errors);
    if (args->ask != CONF_ASK_PRINT)
        s_check_masks (self, self->spec->rows, self->settings, errors);
    //  A printed configuration has masks in place of secrets, which need not fit.
    if (errors->count == 0 && args->ask != CONF_ASK_PRINT)
        conf_check_fit (self, errors);
}

static void
s_print (void (*make) (const conf_spec_t *, buf_t *), const conf_spec_t *spec)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_CONFIG_BYTES);
    make (spec, &text);
    (void) fputs (text.data, stdout);
}

//  > 0 when a question was answered without a configuration, 0 to continue.

static int
s_answer_early (const conf_spec_t *spec, conf_ask_t ask)
{
    if (ask == CONF_ASK_HELP) {
        s_print (conf_docs_help, spec);
    }
    else if (ask == CONF_ASK_DOCS) {
        s_print (conf_docs_table, spec);
    }
    else if (ask == CONF_ASK_VERSION) {
        (void) printf ("%s %s\n", spec->program, TRIAGE_VERSION);
    }
    else {
        return 0;
    }
    (void) fflush (stdout);
    return 1;
}

static int
s_answer_late (const conf_t *self, conf_ask_t ask)
{
    if (ask != CONF_ASK_PRINT)
        return 0;
    own (buf_fini) buf_t text = buf_init (LIMIT_CONFIG_BYTES);
    conf_docs_config (self, &text);
    (void) fputs (text.data, stdout);
    (void) fflush (stdout);
    return 1;
}

//  All steps for a new conf_t; errors stay in the two lists.

static int
s_load (conf_t *self, conf_errors_t *usage, conf_errors_t *errors)
{
    conf_args_t args = {.usage = usage};
    args.given = conf_alloc (self, ((size_t) self->argc + 1) * sizeof (conf_given_t));
    conf_flags_scan (self, &args);
    int done = s_answer_early (self->spec, args.ask);
    if (done)
        return done;
    if (usage->count)
        return -EINVAL;
    s_fill (self, &args, errors);
    if (args.ask == CONF_ASK_CHECK)
        return conf_check_answer (self, errors);
    return errors->count ? ERR_CONFIG : s_answer_late (self, args.ask);
}

int
conf_load (const conf_spec_t *spec, int argc, char *const *argv, char *const *envp,
           conf_t **ret_conf)
{
    own (conf_destroy) conf_t *self = s_new (spec, argc, argv, envp);
    conf_errors_t usage = conf_errors_init (), errors = conf_errors_init ();
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
s_log_errors (const char *lines, buf_t *told)
{
    if (told && strcmp (told->data, lines) == 0)
        return;
    if (told) {
        buf_reset (told);
        (void) buf_text (told, lines);
    }
    while (*lines) {
        size_t size = strcspn (lines, "\n");
        char line [CONF_WHERE + 1024];
        (void) snprintf (line, sizeof (line), "%.*s", (int) size, lines);
        log_error ("configuration not reloaded", kv ("reason", (const char *) line));
        lines += size + (lines [size] == '\n');
    }
}

//  Does a file hold another secret than this one?
static bool
s_secret_changed (const char *path, const char *secret)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_SECRET_BYTES + 2);
    if (conf_secret_file (path, &text) < 0 || text.size == 0)
        return false;
    const char *now = text.data;
    const size_t size = conf_secret (&now);
    const bool changed = size > 0 && strlen (text.data) == text.size
                         && (size != strlen (secret) || memcmp (now, secret, size) != 0);
    explicit_bzero (text.data, text.size);
    return changed;
}

static bool
s_secrets_changed (const conf_t *self, const conf_option_t *rows, const char *base)
{
    bool changed = false;
    for (const conf_option_t *row = rows; row->key; row++) {
        const void *at = base + row->offset;
        const conf_table_t *table = at;
        const char *path = row->flags & CONF_SECRET ? conf_origin_file (self, at) : NULL;
        changed = changed || (path && s_secret_changed (path, *(const char *const *) at));
        for (size_t i = 0; row->type == CONF_TABLE && i < table->count; i++)
            changed = changed
                      || s_secrets_changed (self, row->rows,
                                            (const char *) table->items + i * row->item_size);
    }
    return changed;
}

bool
conf_secrets_changed (const conf_t *self)
{
    return s_secrets_changed (self, self->spec->rows, self->settings);
}

int
conf_reload (const conf_t *self, buf_t *told, conf_t **ret_conf)
{
    own (conf_destroy) conf_t *fresh = s_new (self->spec, self->argc, self->argv, self->envp);
    conf_errors_t usage = conf_errors_init (), errors = conf_errors_init ();
    int rc = s_load (fresh, &usage, &errors);
    assert (rc == 0 || rc == ERR_CONFIG); //  the arguments were valid before
    if (rc == 0)
        s_check_fixed (self, fresh, &errors);
    if (errors.count)
        rc = ERR_CONFIG;
    s_log_errors (errors.text.data, told);
    buf_fini (&usage.text);
    buf_fini (&errors.text);
    if (rc == 0)
        conf_warn (fresh);
    if (rc == 0)
        *ret_conf = own_take (fresh);
    return rc;
}
