//  conf - one table of options per program; flags override environment, YAML file and defaults.
//
//  Each row yields the YAML key (snake case), the environment name and the flag (the key in kebab
//  case).  It also feeds --help, --print-config (secrets masked), --check-config, the check of the
//  sample file and docs/configuration.md (--print-docs).
//  All errors are collected and reported at once, each with file, line, key and what was expected.
//  The program then exits with EXIT_CONFIG (78).
//  Every program also has, without a row: -c/--config FILE (or TRIAGE_CONFIG), --check-config,
//  --print-config, --print-docs, -v/--version, -h/--help.  The macro CONF_COMMON_ROWS has the rows
//  that all programs share.
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
    CONF_SIZE,    //  int64_t bytes; "10MiB" "64KiB" "1GiB" or plain bytes
    CONF_DECIMAL, //  int64_t millionths; "2" "0.5"; within min..max millionths
    CONF_ENUM,    //  int: index into choices ("debug|info|warn|error"), case folded
    //  conf_table_t: a YAML list of maps.  `rows` describes one item.  No flag, no environment.
    CONF_TABLE,
    //  conf_table_t of conf_pair_t: a YAML map of texts, only inside the items of a table.
    CONF_MAP
} conf_type_t;

enum conf_flag {
    //  Masked everywhere; may also come from KEY_file (YAML), ENV_FILE, --KEY-file.
    CONF_SECRET = 1,
    CONF_REQUIRED = 2, //  must be set (in a table: in each item)
    //  SIGHUP may change it.  A change of any other row keeps the old configuration.
    CONF_RELOAD = 4,
    CONF_URL = 8, //  value must be http:// or https://
    //  The value must be a ZeroMQ endpoint: tcp://HOST:PORT (0 or * allowed) or ipc://PATH.
    CONF_ENDPOINT = 16,
    CONF_LISTEN = 32, //  value must be HOST:PORT (0 or * allowed)
    CONF_UNIQUE = 64, //  CONF_TEXT in a table: no two items have the same
    //  CONF_TABLE: a YAML map of maps instead of a list.  Its keys set the items' first row, a
    //  CONF_TEXT.
    CONF_KEYED = 128
};

typedef struct conf_option conf_option_t;
struct conf_option {
    const char *key; //  snake case, dots for nesting in YAML ("mcp.endpoint")
    conf_type_t type;
    size_t offset;   //  into the settings struct (or the item struct)
    const char *env; //  full environment name, or NULL
    //  A second flag name without dashes ("mcp-endpoint"; "o" is -o), or NULL.
    const char *alias;
    const char *env_alias; //  a second environment name, or NULL
    const char *fallback;  //  default as text, parsed like any value; NULL = unset
    const char *choices;   //  CONF_ENUM: "a|b|c"; CONF_TEXT: the same, NULL = any text
    //  CONF_INT, CONF_DURATION (ms), CONF_SIZE, CONF_DECIMAL (millionths): the range; both 0 = any.
    //  CONF_TEXT: bytes, 0 = any.
    int64_t min, max;
    unsigned flags; //  enum conf_flag
    //  For the program: who uses a secret; conf ignores it.  The worker's rows with CONF_SECRET
    //  must have it (settings_next_key).
    const char *owner;
    const char *help;          //  one sentence, also in the docs
    const conf_option_t *rows; //  CONF_TABLE: rows of one item, ended by a row with key NULL
    size_t item_size;          //  CONF_TABLE: sizeof one item
    size_t item_max;           //  CONF_TABLE, CONF_MAP: largest number of items
};

typedef struct {
    void *items; //  item_count structs of item_size bytes, owned by the conf_t
    size_t count;
} conf_table_t;

//  One pair of texts; a map keeps the order of the file.
typedef struct {
    const char *key, *value; //  at most LIMIT_MAP_KEY_BYTES and LIMIT_MAP_VALUE_BYTES
} conf_pair_t;

//  One loaded configuration; owns every string in its settings.
typedef struct conf conf_t;
typedef struct conf_check conf_check_t; //  see conf_check.h

typedef struct {
    const char *program;       //  "triage-broker"
    const char *summary;       //  one line for --help
    const char *positional;    //  "FILE..." for --help, or NULL when none are taken
    const char *commands;      //  lines on them for --help and docs, or NULL
    const char *examples;      //  lines for --help and docs that work as printed, or NULL
    const conf_option_t *rows; //  ended by a row with key NULL
    size_t settings_size;
    bool reloads; //  on SIGHUP; other programs end on it
    //  Each load whose values are good, except for --print-config: checks those that must fit
    //  together, and may derive others (conf_memory).  settings: those of conf.  NULL = nothing.
    void (*fit) (conf_t *conf, void *settings, conf_check_t *check);
    //  --check-config: checks all that the start needs besides the values; NULL = nothing.
    void (*check) (const conf_t *conf, conf_check_t *check);
} conf_spec_t;

//  First member of every program's settings struct.  Filled from CONF_COMMON_ROWS, or from
//  CONF_LOG_ROWS in a program that binds nothing.
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
//  Own: fresh in *ret_conf; argv and envp are borrowed for the call.
//  Err: 0 loaded.  > 0 done, exit with 0 (--help and the like).  ERR_CONFIG: errors were printed to
//  stderr, exit with EXIT_CONFIG.  -EINVAL: unknown flag, exit with EXIT_USAGE.  *ret_conf is set
//  only at 0.
int
conf_load (const conf_spec_t *spec, int argc, char *const *argv, char *const *envp,
           conf_t **ret_conf) must_check;
//  Log the warnings of the load, once the log's format is set; conf_reload does so itself.
void
conf_warn (const conf_t *self);
//  Zeroed memory that lives as long as self, for the hook `fit`.  Without memory the process ends.
void *
conf_memory (conf_t *self, size_t size);
//  Overwrite the values of secrets in the environment itself: /proc shows it and children inherit
//  it.  A loaded configuration keeps what a reload needs.
void
conf_hide_secrets (const conf_t *self, char **envp);
//  Drop one owner's share; the last one frees the configuration.
void
conf_destroy (conf_t **self_p);
//  Add an owner of the same configuration, which never changes.  Own: returns self.  Threads: any.
conf_t *
conf_share (conf_t *self);
//  Trim a secret: blanks and line ends around it do not count, as Kubernetes Secrets made with echo
//  end with one.  Moves *text_p to its start and returns its length, 0 = unset.  Every secret is
//  read through this.
size_t
conf_secret (const char **text_p);
//  Read a regular file with secrets; symbolic links are followed, as mounted Secrets are links.
//  Err: -errno, ERR_LIMIT.
int
conf_secret_file (const char *path, buf_t *text) must_check;
//  The settings struct.  Own: borrowed from self.
const void *
conf_settings (const conf_t *self);
//  Arguments that are not flags; returns their number.  Own: borrowed.
size_t
conf_positional (const conf_t *self, const char *const **ret_args);
//  The rows of the spec.  Own: static.
const conf_option_t *
conf_rows (const conf_t *self);
//  Did a flag set this row?
bool
conf_given (const conf_t *self, const char *key);
//  48 bits of a digest of all values, whatever their source.  Of a secret it covers only whether it
//  is set.
uint64_t
conf_hash (const conf_t *self);
//  The flag of a key: "mcp.token_file" -> "mcp-token-file".
void
conf_flag_name (const char *key, char *ret_flag, size_t size);
//  Replaces *best_p when `candidate` is nearer to name, and near enough to suggest.
void
conf_nearest (const char *name, const char *candidate, const char **best_p, size_t *distance_p);
//  Does a file that a secret was read from hold another one now?  One that cannot be read, or holds
//  none, does not count; nor does a pipe.
bool
conf_secrets_changed (const conf_t *self);
//  Load again with the same argv (SIGHUP).  Err: ERR_CONFIG: errors were logged, or a row without
//  CONF_RELOAD changed.  *ret_conf is then untouched; keep the old configuration.
//  told: what the last call with it has logged, at first empty; the same is not logged again.
//  NULL: all is logged.
int
conf_reload (const conf_t *self, buf_t *told, conf_t **ret_conf) must_check;
