//  ctl - shared by triagectl's commands: settings, requests to the broker, printed answers.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/conf/conf.h"

enum ctl_exit {
    CTL_OK,
    CTL_FAILED, //  the broker refused, or failed
    CTL_USAGE,
    CTL_UNREACHED, //  no answer, or not a broker
    CTL_NOT_FOUND
};

typedef struct {
    conf_common_t common;
    const char *url, *token_file;
    int output; //  0 table, 1 json
    int color;  //  term_color_t
    const char *keys_dir, *role, *name, *out;
    const char *state, *reason, *channel;
    const char *cluster, *namespace_, *severity, *type, *label; //  of a fault
    int64_t limit, after;
    bool all, dry_run, now, send;
} ctl_settings_t;

typedef struct ctl_command ctl_command_t;

//  A running command.
typedef struct {
    const ctl_command_t *commands; //  the table of all commands
    const conf_t *conf;
    const ctl_settings_t *settings;
    const char *const *args; //  arguments after the command's words
    size_t arg_count;
    int64_t patience_ms; //  limit for one answer
} ctl_t;

//  Is the output JSON?
bool
ctl_json (const ctl_t *self);
//  May the output have colours?
bool
ctl_color (const ctl_t *self);
//  Print an error on stderr, made safe for a terminal.  Returns code.
int
ctl_fail (int code, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

//  Send a request to the broker; body receives the answer, at most its max.  Returns an exit code;
//  unless it is CTL_OK, diag says why.
int
ctl_fetch (const ctl_t *self, const char *method, const char *path, buf_t *body,
           err_diag_t *diag) must_check;
//  As ctl_fetch, for a JSON object.  Own: fresh in *ret_doc; untouched unless CTL_OK.
int
ctl_ask (const ctl_t *self, const char *method, const char *path, json_t **ret_doc,
         err_diag_t *diag) must_check;
//  As ctl_ask with GET; prints failures.
int
ctl_get (const ctl_t *self, const char *path, json_t **ret_doc) must_check;
//  The number of rows to show; for JSON all, unless --limit is given.
int64_t
ctl_limit (const ctl_t *self);
//  Print "50 of 198 incidents are shown (--limit)" on stderr if some are not shown.  all < 0: the
//  total is unknown.
void
ctl_tell_rest (const ctl_t *self, const char *key, int64_t shown, int64_t all);
//  Read a list page by page ("PATH?QUERY", its member `key`) until *list has limit rows.
int
ctl_pages (const ctl_t *self, const char *path, const char *key, int64_t limit,
           json_t *list) must_check;

//  --- answers
//  Print as JSON, ASCII only, indented or on one line.  Returns CTL_OK or CTL_FAILED.
int
ctl_print (const json_t *doc) must_check;
int
ctl_print_line (const json_t *doc) must_check;
//  Age of an RFC 3339 time: "42s", "7m", "3h", "12d"; "" for null.
void
ctl_age (const json_t *time, buf_t *out);
//  Colour of a state of an incident, effect, worker or cluster: "green", "red", ...; NULL = none.
const char *
ctl_state_color (const char *state);
