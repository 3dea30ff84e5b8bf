//  conf - one table of options per program; flags > environment > YAML file > defaults.
//
//  From one row come: the YAML key (snake case), the environment name, the flag (the key in kebab
//  case), --help, --print-config (secrets masked), --check-config, the check of the sample file and
//  docs/configuration.md (--print-docs).  All errors are collected and reported at once, each with
//  file, line, key and what was expected; the program then exits EXIT_CONFIG (78).
//  Common to every program without a row: -c/--config FILE (or TRIAGE_CONFIG), --check-config,
//  --print-config, --print-docs, -v/--version, -h/--help.  Rows every program shares come from the
//  macro CONF_COMMON_ROWS.
//  Port to libyaml.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    CONF_TEXT, //  const char *; "" when unset
    CONF_BOOL, //  bool; true/false/yes/no/on/off/1/0
    CONF_INT,  //  int64_t within min..max
    //  int64_t ms; "300" is seconds; Go style "1m30s" "168h" "500ms"; within min..max ms
    CONF_DURATION,
    CONF_SIZE, //  int64_t bytes; "10MiB" "64KiB" "1GiB" or plain bytes
    CONF_ENUM, //  int: index into choices ("debug|info|warn|error"), case folded
    //  conf_table_t: a YAML list of maps; rows describe one item; no flag, no environment
    CONF_TABLE,
    CONF_MAP //  conf_table_t of conf_pair_t: a YAML map of texts; in the items of a table only
} conf_type_t;

enum conf_flag {
    CONF_SECRET = 1,   //  masked everywhere; also KEY_file (YAML), ENV_FILE, --KEY-file
    CONF_REQUIRED = 2, //  must be set (in a table: in each item)
    CONF_RELOAD = 4, //  SIGHUP may change it; a change of any other row keeps the old configuration
    CONF_URL = 8,    //  value must be http:// or https://
    //  value must be a ZeroMQ endpoint tcp://HOST:PORT (0 or * allowed) or ipc://PATH
    CONF_ENDPOINT = 16,
    CONF_LISTEN = 32, //  value must be HOST:PORT (0 or * allowed)
    CONF_UNIQUE = 64  //  CONF_TEXT in a table: no two items have the same
};

typedef struct conf_option conf_option_t;
struct conf_option {
    const char *key; //  snake case, dots for nesting in YAML ("mcp.endpoint")
    conf_type_t type;
    size_t offset;   //  into the settings struct (or the item struct)
    const char *env; //  full environment name, or NULL
    //  a second flag spelling without dashes ("mcp-endpoint"; "o" is -o), or NULL
    const char *alias;
    const char *env_alias; //  a second environment name, or NULL
    const char *fallback;  //  default as text, parsed like any value; NULL = unset
    const char *choices;   //  CONF_ENUM: "a|b|c"; CONF_TEXT: the same, NULL = any text
    //  CONF_INT, CONF_DURATION (ms), CONF_SIZE; both 0 = not checked.  CONF_TEXT: bytes, 0 = any
    int64_t min, max;
    unsigned flags;            //  enum conf_flag
    const char *owner;         //  for the program: who gets a secret; conf does not read it
    const char *help;          //  one sentence, also in the docs
    const conf_option_t *rows; //  CONF_TABLE: rows of one item, ended by a row with key NULL
    size_t item_size;          //  CONF_TABLE: sizeof one item
    size_t item_max;           //  CONF_TABLE, CONF_MAP: at most so many items
};

typedef struct {
    void *items; //  item_count structs of item_size bytes, owned by the conf_t
    size_t count;
} conf_table_t;

//  Text to text, in the order of the file.
typedef struct {
    const char *key, *value; //  at most LIMIT_MAP_KEY_BYTES and LIMIT_MAP_VALUE_BYTES
} conf_pair_t;

typedef struct conf conf_t; //  one loaded configuration; owns every string in its settings
typedef struct conf_check conf_check_t; //  see conf_check.h

typedef struct {
    const char *program;       //  "triage-broker"
    const char *summary;       //  one line for --help
    const char *positional;    //  "FILE..." for --help, or NULL when none are taken
    const char *commands;      //  lines for --help and docs that say what they may be, or NULL
    const char *examples;      //  the same: command lines that work as printed
    const conf_option_t *rows; //  ended by a row with key NULL
    size_t settings_size;
    bool reloads; //  by SIGHUP; other programs end by it
    //  --check-config: look at all that the start needs besides the values; NULL = nothing.
    void (*check) (const conf_t *conf, conf_check_t *check);
} conf_spec_t;

//  First member of every program's settings struct, filled from CONF_COMMON_ROWS, or from
//  CONF_LOG_ROWS where nothing is ever bound.
typedef struct {
    int log_level;          //  enum log_level
    int log_format;         //  enum log_format
    const char *ready_file; //  written when everything is bound: "name=endpoint" lines
} conf_common_t;

#define CONF_LOG_ROWS(owner, member)                                                               \
    {.key = "log_level",                                                                           \
     .type = CONF_ENUM,                                                                            \
     .offset = offsetof (owner, member.log_level),                                                 \
     .env = "LOG_LEVEL",                                                                           \
     .fallback = "info",                                                                           \
     .choices = "debug|info|warn|error",                                                           \
     .flags = CONF_RELOAD,                                                                         \
     .help = "Lowest level that is logged."},                                                      \
    {                                                                                              \
        .key = "log_format", .type = CONF_ENUM, .offset = offsetof (owner, member.log_format),     \
        .env = "TRIAGE_LOG_FORMAT", .fallback = "logfmt", .choices = "logfmt|json",                \
        .help = "Shape of a log line."                                                             \
    }

#define CONF_COMMON_ROWS(owner, member)                                                            \
    CONF_LOG_ROWS (owner, member),                                                                 \
    {                                                                                              \
        .key = "ready_file", .type = CONF_TEXT, .offset = offsetof (owner, member.ready_file),     \
        .env = "TRIAGE_READY_FILE",                                                                \
        .help = "File that is written when the program is ready.  Each line is name=address."      \
    }

//  Read flags, environment and file.  Prints help, version, config, docs or all errors itself.
//  Own:   returns fresh in *ret_conf.  argv and envp are borrowed for the call.
//  Err:   0 loaded; > 0 done, exit with 0 (--help and the like); ERR_CONFIG errors were printed to
//         stderr, exit EXIT_CONFIG; -EINVAL unknown flag, exit EXIT_USAGE.
//         *ret_conf untouched then.
int
conf_load (const conf_spec_t *spec, int argc, char *const *argv, char *const *envp,
           conf_t **ret_conf) must_check;
//  Overwrite the values of secrets in the environment itself, which is read in /proc and goes
//  to children: a loaded configuration keeps what a reload needs.
void
conf_hide_secrets (const conf_t *self, char **envp);
//  Give one owner's share up; the last one frees it.
void
conf_destroy (conf_t **self_p);
//  One more owner of the same configuration, which never changes.  Any thread.
conf_t *
conf_share (conf_t *self);
//  A secret is what was given without the blanks and line ends around it: Kubernetes Secrets made
//  with echo end with one.  Moves *text_p to its start and returns its length, 0 = unset.
//  Every secret is read through this.
size_t
conf_secret (const char **text_p);
//  Read a regular file with secrets; symlinks are followed, since mounted Secrets are some.
//  Err: -errno, ERR_LIMIT.
int
conf_secret_file (const char *path, buf_t *text) must_check;
//  The settings struct.  Own: borrowed from self.
const void *
conf_settings (const conf_t *self);
//  Arguments that are not flags.  Own: borrowed.
size_t
conf_positional (const conf_t *self, const char *const **ret_args);
//  The spec's.
const conf_option_t *
conf_rows (const conf_t *self);
//  Was this row set by a flag?
bool
conf_given (const conf_t *self, const char *key);
//  48 bits of a digest of all values, wherever they came from; of a secret only whether it is set.
uint64_t
conf_hash (const conf_t *self);
//  "mcp.token_file" -> "mcp-token-file", the flag of a key.
void
conf_flag_name (const char *key, char *ret_flag, size_t size);
//  The nearest of two candidates: replaces *best_p when `candidate` is close enough to name.
void
conf_nearest (const char *name, const char *candidate, const char **best_p, size_t *distance_p);
//  Load again with the same argv (SIGHUP).  Err: ERR_CONFIG (errors logged; also when a row without
//  CONF_RELOAD changed): *ret_conf untouched, keep the old one.
int
conf_reload (const conf_t *self, conf_t **ret_conf) must_check;
