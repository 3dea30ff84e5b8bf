//  triagectl - query and command a broker, make keys, print the tables for the documents.
//
//  Exit: 0 ok, 1 failed or refused, 2 usage, 3 no broker reached, 4 no such thing.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/process.h"
#include "tools/ctl_table.h"
#include "tools/request.h"
#include "tools/term.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

extern char **environ;

static const conf_option_t s_rows [] = {
    CONF_LOG_ROWS (ctl_settings_t, common),
    {.key = "url",
     .type = CONF_TEXT,
     .offset = offsetof (ctl_settings_t, url),
     .env = "TRIAGE_URL",
     .fallback = "http://127.0.0.1:5580",
     .flags = CONF_URL,
     .help = "Address of the broker's HTTP API."},
    {.key = "token_file",
     .type = CONF_TEXT,
     .offset = offsetof (ctl_settings_t, token_file),
     .env = "TRIAGE_TOKEN_FILE",
     .fallback = "./state/admin.token",
     .help = "For commands that change something: the file with the broker's token.  An answer "
             "without the right token names it."},
    {.key = "output",
     .type = CONF_ENUM,
     .offset = offsetof (ctl_settings_t, output),
     .env = "TRIAGE_OUTPUT",
     .alias = "o",
     .fallback = "table",
     .choices = "table|json",
     .help = "Shape of answers: for people, or for programs."},
    TERM_COLOR_ROW (ctl_settings_t, color),
    {.key = "state",
     .type = CONF_TEXT,
     .offset = offsetof (ctl_settings_t, state),
     .help = "incidents list, incidents retry, effects list: only those in this state.  resolved "
             "is read as reported, whose old name it is."},
    {.key = "reason",
     .type = CONF_TEXT,
     .offset = offsetof (ctl_settings_t, reason),
     .help = "incidents list, incidents retry: only those suppressed for this reason, for example "
             "overflow."},
    {.key = "limit",
     .type = CONF_INT,
     .offset = offsetof (ctl_settings_t, limit),
     .fallback = "50",
     .min = 1,
     .max = LIMIT_CTL_ROWS,
     .help =
         "Lists: show at most this many, the newest first.  incidents retry, stream replay: all "
         "unless it is given."},
    {.key = "all",
     .type = CONF_BOOL,
     .offset = offsetof (ctl_settings_t, all),
     .fallback = "false",
     .help =
         "effects retry, effects cancel: every dead one.  Those that wait are left as they are."},
    {.key = "dry_run",
     .type = CONF_BOOL,
     .offset = offsetof (ctl_settings_t, dry_run),
     .fallback = "false",
     .help = "storage retention: show what will be removed, and when."},
    {.key = "now",
     .type = CONF_BOOL,
     .offset = offsetof (ctl_settings_t, now),
     .fallback = "false",
     .help = "storage retention: what is due is removed now.  The first time it waits 24 h."},
    {.key = "send",
     .type = CONF_BOOL,
     .offset = offsetof (ctl_settings_t, send),
     .fallback = "false",
     .help = "slack check: send each receiver, webhooks too, one test message."},
    {.key = "channel",
     .type = CONF_TEXT,
     .offset = offsetof (ctl_settings_t, channel),
     .help = "effects retry: every dead one of this channel, and what it waits for now: storage, "
             "retention, slack or another receiver."},
    {.key = "after",
     .type = CONF_INT,
     .offset = offsetof (ctl_settings_t, after),
     .fallback = "0",
     .min = 0,
     .max = INT64_MAX >> 1,
     .help = "stream replay: the records after this sequence number."},
    {.key = "cluster",
     .type = CONF_TEXT,
     .offset = offsetof (ctl_settings_t, cluster),
     .help = "routes test: the cluster of a fault.  Its labels are those in the broker's "
             "configuration, unless label is given."},
    {.key = "namespace",
     .type = CONF_TEXT,
     .offset = offsetof (ctl_settings_t, namespace_),
     .help = "routes test: its namespace."},
    {.key = "severity",
     .type = CONF_TEXT,
     .offset = offsetof (ctl_settings_t, severity),
     .help = "routes test: its severity, info, warning or critical; warning when it is not given."},
    {.key = "type",
     .type = CONF_TEXT,
     .offset = offsetof (ctl_settings_t, type),
     .help = "routes test: its fault type, such as CrashLoop."},
    {.key = "label",
     .type = CONF_TEXT,
     .offset = offsetof (ctl_settings_t, label),
     .help = "routes test: labels of the cluster, KEY=VALUE, several with commas between."},
    {.key = "keys_dir",
     .type = CONF_TEXT,
     .offset = offsetof (ctl_settings_t, keys_dir),
     .env = "TRIAGE_KEYS_DIR",
     .fallback = "./keys",
     .help = "key new: the broker's folder of keys.  It is made when it is missing."},
    {.key = "role",
     .type = CONF_TEXT,
     .offset = offsetof (ctl_settings_t, role),
     .help = "key new: worker, publisher or tap."},
    {.key = "name",
     .type = CONF_TEXT,
     .offset = offsetof (ctl_settings_t, name),
     .help = "key new: name of the new worker, publisher or tap."},
    {.key = "out",
     .type = CONF_TEXT,
     .offset = offsetof (ctl_settings_t, out),
     .help = "key new: folder for the new peer's keys.  Copy it to the peer's host and name it "
             "there with --keys-dir."},
    {.key = NULL},
};

static const char s_examples [] = "triagectl status\n"
                                  "triagectl incidents list --state agent_failed\n"
                                  "triagectl incidents show 1\n"
                                  "triagectl incidents retry --state failed\n"
                                  "triagectl incidents retry --reason overflow\n"
                                  "triagectl clusters -o json\n"
                                  "triagectl routes test --cluster prod --severity critical\n"
                                  "triagectl effects retry --channel storage\n"
                                  "triagectl stream replay --after 0\n"
                                  "triagectl key new --role worker --name w1 --out w1-keys\n";

//  Reject an option that belongs to another command: it would change nothing here.
static int
s_check_options (const conf_t *conf, const ctl_command_t *command)
{
    for (const conf_option_t *row = s_rows; row->key; row++) {
        char framed [64], flag [64];
        snprintf (framed, sizeof (framed), "|%s|", row->key);
        conf_flag_name (row->key, flag, sizeof (flag));
        if (conf_given (conf, row->key) && ctl_command_owned (ctl_table, row->key)
            && !(command->options && strstr (command->options, framed)))
            return ctl_fail (CTL_USAGE, "%s%s%s takes no --%s", command->noun,
                             command->verb ? " " : "", command->verb ? command->verb : "", flag);
    }
    return CTL_OK;
}

static int
s_run (const conf_t *conf)
{
    const char *const *words = NULL;
    size_t count = conf_positional (conf, &words), named = 0;
    const ctl_command_t *command = ctl_command_find (ctl_table, words, count, &named);
    if (!command) {
        own (buf_fini) buf_t wrong = buf_init (LIMIT_KIB (4));
        ctl_command_unknown (ctl_table, words, count, &wrong);
        return ctl_fail (CTL_USAGE, "%s; see triagectl --help", wrong.data);
    }
    const ctl_t self = {.commands = ctl_table,
                        .conf = conf,
                        .settings = conf_settings (conf),
                        .args = words + named,
                        .arg_count = count - named,
                        .patience_ms = REQUEST_TOTAL_MS};
    if (self.arg_count < command->least || self.arg_count > command->most)
        return ctl_fail (CTL_USAGE, "usage: triagectl %s%s%s%s%s", command->noun,
                         command->verb ? " " : "", command->verb ? command->verb : "",
                         command->usage ? " " : "", command->usage ? command->usage : "");
    int code = s_check_options (conf, command);
    return code ? code : command->run (&self);
}

int
main (int argc, char **argv)
{
    own (buf_fini) buf_t commands = buf_init (LIMIT_KIB (16));
    ctl_command_help (ctl_table, &commands);
    const conf_spec_t spec = {
        .program = "triagectl",
        .summary = "Ask and command a triage broker.",
        .positional = "COMMAND...",
        .commands = commands.data,
        .examples = s_examples,
        .rows = s_rows,
        .settings_size = sizeof (ctl_settings_t),
    };
    process_hide (); //  `key new` has a secret in its memory
    own (conf_destroy) conf_t *conf = NULL;
    setlocale (LC_CTYPE, ""); //  for the width of characters in a table
    int rc = conf_load (&spec, argc, argv, environ, &conf);
    if (rc)
        return rc > 0 ? CTL_OK : CTL_USAGE;
    const ctl_settings_t *settings = conf_settings (conf);
    log_set_level ((enum log_level) settings->common.log_level);
    log_set_format ((enum log_format) settings->common.log_format);
    int code = s_run (conf);
    if (fflush (stdout) || ferror (stdout))
        return ctl_fail (CTL_FAILED, "cannot write the answer: %s", err_str (-errno));
    return code;
}
