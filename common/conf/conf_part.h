//  conf_part - shared by the parts of conf; no other file includes it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/conf/conf.h"

#include <stdatomic.h>

typedef enum {
    CONF_FROM_NONE,
    CONF_FROM_DEFAULT,
    CONF_FROM_FILE,
    CONF_FROM_ENV,
    CONF_FROM_FLAG
} conf_from_t;

enum {
    CONF_WHERE = 512,   //  longest front part of an error line, bytes
    CONF_NAME = 160,    //  longest flag, key or environment name to build, bytes
    CONF_YAML_DEPTH = 8 //  nested maps and lists; the deepest table needs 4
};

#define CONF_MASK "<secret>"

//  Collected error lines, each "WHERE: what was expected, got ...\n".
typedef struct {
    buf_t text;
    size_t count; //  all errors, also those beyond LIMIT_CONFIG_ERRORS without a line
} conf_errors_t;

typedef struct conf_block conf_block_t;   //  one allocation of a conf_t
typedef struct conf_origin conf_origin_t; //  where one value was set

//  What the argument list asks for besides settings.  Values that need no configuration come first.
typedef enum {
    CONF_ASK_RUN,
    CONF_ASK_HELP,
    CONF_ASK_VERSION,
    CONF_ASK_DOCS,
    CONF_ASK_CHECK,
    CONF_ASK_PRINT
} conf_ask_t;

//  A flag that sets a row.
typedef struct {
    const conf_option_t *row;
    const char *value; //  "" is an empty value, not a missing one
    const char *name;  //  as written, with dashes, without value
    bool from_file;    //  --KEY-file
} conf_given_t;

typedef struct {
    conf_ask_t ask;
    const char *config;  //  -c, or NULL
    conf_given_t *given; //  at most one per argument
    size_t given_count;
    conf_errors_t *usage; //  unknown flags and missing values
} conf_args_t;

struct conf {
    atomic_int owners;       //  number of owners; the last one frees it
    const conf_spec_t *spec; //  borrowed, static
    conf_block_t *blocks;    //  every string and table of the settings; wiped at destroy
    char *settings;          //  the program's struct, in blocks
    conf_from_t *from;       //  per row: the source that won, in blocks
    bool unread;             //  the file exists but could not be parsed
    conf_origin_t *origins;  //  of all values that were set, last one first, in blocks
    const char *warnings;    //  lines of the hook `fit`, in blocks; NULL = none
    char **argv;             //  copy for conf_reload, in blocks
    int argc;
    char **envp; //  copy of the entries that rows name, in blocks
    const char **positional;
    size_t positional_count;
};

//  --- conf_part.c: memory, errors, names
//  Zeroed memory that lives as long as self.  Without memory the process ends (start-up, reload).
void *
conf_alloc (conf_t *self, size_t size);
//  Copy size bytes of text, NUL-terminated, into memory that lives as long as self.
char *
conf_copy (conf_t *self, const char *text, size_t size);
//  An empty list.  Own: the caller frees it by buf_fini of its text.
conf_errors_t
conf_errors_init (void);
//  Add a line; keys and values in it are cleaned, as they may be hostile.
void
conf_error (conf_errors_t *errors, const char *where, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));
//  Is the list full, so that further errors are only counted?
bool
conf_errors_full (const conf_errors_t *errors);
size_t
conf_row_count (const conf_option_t *rows);

//  --- conf_value.c
//  Fill unset texts with "" and rows with their defaults; from may be NULL.
void
conf_value_defaults (conf_t *self, const conf_option_t *rows, void *base, conf_from_t *from);
//  Parse text into the row's place.  An error is recorded under `where`; the place is then
//  untouched.
int
conf_value_set (conf_t *self, const conf_option_t *row, void *base, const char *text,
                const char *where, conf_errors_t *errors);
//  As conf_value_set, from the file that holds a secret.
int
conf_value_set_file (conf_t *self, const conf_option_t *row, void *base, const char *path,
                     const char *where, conf_errors_t *errors);
//  Write the value as text that conf_value_set can read; not for tables and maps.
void
conf_value_text (const conf_option_t *row, const void *base, buf_t *text);
//  Do two settings structs, or items, hold the same value in this row?
bool
conf_value_same (const conf_option_t *row, const void *a, const void *b);
//  Write the text as it may be shown: CONF_MASK replaces user and password of a URL.
void
conf_value_shown (const char *text, buf_t *shown);
//  Is the value CONF_MASK, or a URL with it in place of user and password?
bool
conf_value_is_mask (const conf_option_t *row, const void *base);
//  Write what the row accepts: "an integer from 1 to 9" and the like.
void
conf_value_expected (const conf_option_t *row, buf_t *text);
//  Read a file or pipe of at most text->max bytes; symbolic links are followed.
int
conf_value_read (const char *path, buf_t *text);

//  --- conf_yaml.c
//  Set the values in the file; errors are recorded.
void
conf_yaml_load (conf_t *self, const char *file, conf_errors_t *errors);

//  --- conf_check.c
//  Record where the value of this row was set; the last call counts.  file: it holds the secret;
//  NULL = none.
void
conf_origin_set (conf_t *self, const conf_option_t *row, const void *base, const char *where,
                 const char *file);
//  The file of the value at this place; NULL = it is from none.
const char *
conf_origin_file (const conf_t *self, const void *at);
//  Where the value at this place was set, else fallback.
const char *
conf_origin_where (const conf_t *self, const void *at, const char *fallback);
//  Run the hook `fit`, if there is one.  Its warnings are in self afterwards.
void
conf_check_fit (conf_t *self, conf_errors_t *errors);
//  Print the answer to --check-config.  1: all is good; ERR_CONFIG: there are errors, now or
//  before.
int
conf_check_answer (const conf_t *self, conf_errors_t *errors);

//  --- conf_flags.c
//  Read all arguments of self into self's memory.  Sets no value.  Errors go to args->usage.
void
conf_flags_scan (conf_t *self, conf_args_t *args);
//  Set the values of the flags.
void
conf_flags_apply (conf_t *self, const conf_args_t *args, conf_errors_t *errors);

//  --- conf_docs.c
//  The texts of --help, --print-docs and --print-config.
void
conf_docs_help (const conf_spec_t *spec, buf_t *text);
void
conf_docs_table (const conf_spec_t *spec, buf_t *text);
void
conf_docs_config (const conf_t *self, buf_t *text);
