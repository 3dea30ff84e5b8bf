//  SPDX-License-Identifier: Apache-2.0
#include "common/conf/conf_check.h"

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/reach.h"
#include "common/base/utf8.h"
#include "common/conf/conf_part.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct conf_origin {
    conf_origin_t *next; //  older
    const void *at;
    const char *where, *key;
    const char *file; //  NULL = the value itself was given
};

struct conf_check {
    const conf_t *conf;
    conf_errors_t *errors;
    buf_t warnings, skipped; //  lines
};

enum { S_TEXT = 1024 };

void
conf_origin_set (conf_t *self, const conf_option_t *row, const void *base, const char *where,
                 const char *file)
{
    conf_origin_t *origin = conf_alloc (self, sizeof (conf_origin_t));
    *origin = (conf_origin_t){.next = self->origins,
                              .at = (const char *) base + row->offset,
                              .key = row->key,
                              .where = conf_copy (self, where, strlen (where)),
                              .file = file ? conf_copy (self, file, strlen (file)) : NULL};
    self->origins = origin;
}

const char *
conf_origin_file (const conf_t *self, const void *at)
{
    const conf_origin_t *origin = self->origins;
    while (origin && origin->at != at)
        origin = origin->next;
    return origin ? origin->file : NULL;
}

const char *
conf_origin_where (const conf_t *self, const void *at, const char *fallback)
{
    const conf_origin_t *origin = self->origins;
    while (origin && origin->at != at)
        origin = origin->next;
    return origin ? origin->where : fallback;
}

//  "FILE:LINE: key", "environment NAME", "flag --key"; the key alone when nothing set it.
static conf_origin_t
s_origin (const conf_t *conf, const void *at)
{
    for (const conf_origin_t *origin = conf->origins; origin; origin = origin->next)
        if (origin->at == at)
            return *origin;
    for (const conf_option_t *row = conf->spec->rows; row->key; row++)
        if (conf->settings + row->offset == (const char *) at)
            return (conf_origin_t){.where = row->key, .key = row->key};
    return (conf_origin_t){
        .where = conf->spec->positional ? conf->spec->positional : "configuration", .key = ""};
}

//  --- reports of the hooks

void
conf_check_error (conf_check_t *self, const void *at, const char *format, ...)
{
    char text [S_TEXT];
    va_list args;
    va_start (args, format);
    (void) vsnprintf (text, sizeof (text), format, args);
    va_end (args);
    conf_error (self->errors, s_origin (self->conf, at).where, "%s", text);
}

void
conf_check_warn (conf_check_t *self, const void *at, const char *format, ...)
{
    char text [S_TEXT], place [CONF_WHERE];
    va_list args;
    va_start (args, format);
    (void) vsnprintf (text, sizeof (text), format, args);
    va_end (args);
    (void) snprintf (place, sizeof (place), "%s", s_origin (self->conf, at).where);
    utf8_clean (place);
    utf8_clean (text);
    (void) buf_printf (&self->warnings, "warning: %s: %s\n", place, text);
}

void
conf_check_skip (conf_check_t *self, const char *format, ...)
{
    char text [S_TEXT];
    va_list args;
    va_start (args, format);
    (void) vsnprintf (text, sizeof (text), format, args);
    va_end (args);
    utf8_clean (text);
    (void) buf_printf (&self->skipped, "not checked: %s\n", text);
}

void
conf_check_network (conf_check_t *self, const char *what, const char *address)
{
    own (buf_fini) buf_t shown = buf_init (LIMIT_CONFIG_BYTES);
    conf_value_shown (address, &shown);
    conf_check_skip (self, "%s%s%s: nothing is sent to the network", what, *address ? " " : "",
                     shown.data);
}

void
conf_check_result (conf_check_t *self, const void *at, int rc, const err_diag_t *diag)
{
    if (rc >= 0)
        return;
    //  The sentence may begin with the key, which the place names already.
    const char *key = s_origin (self->conf, at).key, *text = diag->text;
    const size_t size = strlen (key);
    if (strncmp (text, key, size) == 0 && text [size] && strchr (": ", text [size]))
        text += size + strspn (text + size, ": ");
    conf_check_error (self, at, "%s", *text ? text : err_str (rc));
}

//  --- each load

void
conf_check_fit (conf_t *conf, conf_errors_t *errors)
{
    if (!conf->spec->fit)
        return;
    conf_check_t self = {.conf = conf, .errors = errors, .warnings = buf_init (LIMIT_CONFIG_BYTES)};
    conf->spec->fit (conf, conf->settings, &self);
    if (self.warnings.size)
        conf->warnings = conf_copy (conf, self.warnings.data, self.warnings.size);
    buf_fini (&self.warnings);
}

void
conf_warn (const conf_t *self)
{
    static const char mark [] = "warning: ";
    for (const char *line = self->warnings; line && *line;) {
        char text [S_TEXT];
        const size_t size = strcspn (line, "\n"), skip = sizeof mark - 1;
        (void) snprintf (text, sizeof text, "%.*s", (int) (size - skip), line + skip);
        log_warn ("configuration", kv ("warning", (const char *) text));
        line += size + (line [size] == '\n');
    }
}

//  --- the answer

//  The only row of all daemons that names a path.
static void
s_ready_file (conf_check_t *self)
{
    for (const conf_option_t *row = self->conf->spec->rows; row->key; row++) {
        const char *const *path = (const void *) (self->conf->settings + row->offset);
        err_diag_t diag = {""};
        if (strcmp (row->key, "ready_file") == 0 && **path)
            conf_check_result (self, path, reach_writable (*path, false, &diag), &diag);
    }
}

static void
s_values (conf_check_t *self)
{
    s_ready_file (self);
    if (self->conf->spec->check)
        self->conf->spec->check (self->conf, self);
}

int
conf_check_answer (const conf_t *conf, conf_errors_t *errors)
{
    conf_check_t self = {.conf = conf,
                         .errors = errors,
                         .warnings = buf_init (LIMIT_CONFIG_BYTES),
                         .skipped = buf_init (LIMIT_CONFIG_BYTES)};
    if (conf->warnings)
        (void) buf_text (&self.warnings, conf->warnings);
    if (!conf->unread) //  else the values are not those of the file
        s_values (&self);
    if (conf->spec->check && geteuid () == 0)
        conf_check_skip (&self, "what another user than root may read and write");
    (void) fputs (self.warnings.data, stderr);
    const bool good = errors->count == 0;
    if (good)
        (void) printf ("configuration ok\n%s", self.skipped.data);
    (void) fflush (stdout);
    buf_fini (&self.warnings);
    buf_fini (&self.skipped);
    return good ? 1 : ERR_CONFIG;
}
