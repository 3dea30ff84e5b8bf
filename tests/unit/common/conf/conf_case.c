//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/common/conf/conf_case.h"

static const conf_option_t case_item_rows [] = {
    {.key = "name",
     .type = CONF_TEXT,
     .offset = offsetof (case_item_t, name),
     .max = 32,
     .flags = CONF_REQUIRED | CONF_UNIQUE,
     .help = "Name."},
    {.key = "mcp.url",
     .type = CONF_TEXT,
     .offset = offsetof (case_item_t, url),
     .flags = CONF_URL,
     .help = "Where."},
    {.key = "mcp.weight",
     .type = CONF_INT,
     .offset = offsetof (case_item_t, weight),
     .fallback = "5",
     .min = 1,
     .max = 9,
     .help = "How much."},
    {.key = "enabled",
     .type = CONF_BOOL,
     .offset = offsetof (case_item_t, enabled),
     .fallback = "true",
     .help = "Whether."},
    {.key = "tags",
     .type = CONF_MAP,
     .offset = offsetof (case_item_t, tags),
     .item_max = 2,
     .help = "Marks."},
    {0},
};

static const conf_option_t case_door_rows [] = {
    {.key = "name", .type = CONF_TEXT, .offset = offsetof (case_door_t, name), .help = "Name."},
    {.key = "code",
     .type = CONF_TEXT,
     .offset = offsetof (case_door_t, code),
     .flags = CONF_SECRET,
     .help = "What opens it."},
    {.key = "bell",
     .type = CONF_TEXT,
     .offset = offsetof (case_door_t, bell),
     .flags = CONF_SECRET | CONF_URL,
     .help = "Where to ring."},
    {0},
};

#define CASE_AT(member) .offset = offsetof (case_settings_t, member)
static const conf_option_t case_rows [] = {
    CONF_COMMON_ROWS (case_settings_t, common),
    {.key = "plain",
     .type = CONF_TEXT,
     CASE_AT (plain),
     .env = "PLAIN",
     .fallback = "def",
     .env_alias = "PLAIN_OLD",
     .help = "Text."},
    {.key = "web_url",
     .type = CONF_TEXT,
     CASE_AT (url),
     .env = "WEB_URL",
     .alias = "web",
     .flags = CONF_URL | CONF_RELOAD,
     .help = "A URL."},
    {.key = "work_endpoint",
     .type = CONF_TEXT,
     CASE_AT (endpoint),
     .env = "WORK_ENDPOINT",
     .flags = CONF_ENDPOINT,
     .help = "An endpoint."},
    {.key = "listen",
     .type = CONF_TEXT,
     CASE_AT (listen),
     .env = "LISTEN",
     .flags = CONF_LISTEN,
     .help = "An address."},
    {.key = "token",
     .type = CONF_TEXT,
     CASE_AT (token),
     .env = "TOKEN",
     .flags = CONF_SECRET | CONF_RELOAD,
     .help = "A secret."},
    {.key = "mcp.deep.key", .type = CONF_TEXT, CASE_AT (deep), .env = "DEEP", .help = "Nested."},
    {.key = "flag",
     .type = CONF_BOOL,
     CASE_AT (flag),
     .env = "FLAG",
     .fallback = "false",
     .help = "A flag."},
    {.key = "quiet",
     .type = CONF_BOOL,
     CASE_AT (quiet),
     .env = "QUIET",
     .fallback = "true",
     .help = "Another."},
    {.key = "count",
     .type = CONF_INT,
     CASE_AT (count),
     .env = "COUNT",
     .alias = "n",
     .fallback = "3",
     .min = 1,
     .max = 10,
     .flags = CONF_RELOAD,
     .help = "A number."},
    {.key = "wait_time",
     .type = CONF_DURATION,
     CASE_AT (wait),
     .env = "WAIT",
     .fallback = "30",
     .min = 0,
     .max = INT64_C (604800000),
     .help = "A time."},
    {.key = "size",
     .type = CONF_SIZE,
     CASE_AT (size),
     .env = "SIZE",
     .fallback = "10MiB",
     .help = "A size."},
    {.key = "share",
     .type = CONF_DECIMAL,
     CASE_AT (share),
     .env = "SHARE",
     .fallback = "0.5",
     .min = 0,
     .max = 4000000,
     .help = "A share."},
    {.key = "mode",
     .type = CONF_ENUM,
     CASE_AT (mode),
     .env = "MODE",
     .fallback = "drop",
     .choices = "drop|reject",
     .help = "What to do | with it."},
    {.key = "items",
     .type = CONF_TABLE,
     CASE_AT (items),
     .rows = case_item_rows,
     .item_size = sizeof (case_item_t),
     .item_max = 3,
     .help = "Things."},
    {.key = "models",
     .type = CONF_TABLE,
     CASE_AT (models),
     .flags = CONF_KEYED,
     .rows = case_item_rows,
     .item_size = sizeof (case_item_t),
     .item_max = 3,
     .help = "By name."},
    {.key = "doors",
     .type = CONF_TABLE,
     CASE_AT (doors),
     .flags = CONF_KEYED | CONF_RELOAD,
     .rows = case_door_rows,
     .item_size = sizeof (case_door_t),
     .item_max = 2,
     .help = "With secrets."},
    {0},
};

const conf_spec_t case_spec = {
    .program = "triage-case",
    .summary = "a program for tests",
    .positional = "FILE...",
    .commands = "one FILE\ntwo\n",
    .examples = "triage-case one x\n",
    .rows = case_rows,
    .settings_size = sizeof (case_settings_t),
    .reloads = true,
};

void
case_write (const char *path, const char *text)
{
    FILE *file = fopen (path, "we");
    assert_non_null (file);
    assert_int_equal (fwrite (text, 1, strlen (text), file), strlen (text));
    assert_int_equal (fclose (file), 0);
}

void
case_read (const char *path, char *ret_text, size_t size)
{
    FILE *file = fopen (path, "re");
    assert_non_null (file);
    ret_text [fread (ret_text, 1, size - 1, file)] = 0;
    assert_int_equal (fclose (file), 0);
}

int
case_redirect (int fd, const char *path)
{
    (void) fflush (stdout);
    int saved = fcntl (fd, F_DUPFD_CLOEXEC, 10);
    own (own_fd) int file = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true (saved >= 0 && file >= 0);
    assert_true (dup2 (file, fd) == fd);
    return saved;
}

void
case_restore (int fd, int saved)
{
    (void) fflush (stdout);
    assert_true (dup2 (saved, fd) == fd);
    (void) close (saved);
}

void
case_load (case_t *self, const conf_spec_t *spec, const char *yaml, const char *const *env,
           const char *const *args)
{
    char file_entry [] = "TRIAGE_CONFIG=case.yaml", program [] = "triage-case";
    char *argv [32] = {program}, *envp [32] = {NULL};
    int argc = 1;
    size_t entries = 0;
    for (; args && *args && argc < 31; args++)
        argv [argc++] = strdup (*args);
    for (; env && *env && entries < 30; env++)
        envp [entries++] = strdup (*env);
    size_t copies = entries;
    if (yaml) {
        case_write ("case.yaml", yaml);
        envp [entries++] = file_entry;
    }
    *self = (case_t){.rc = 0};
    int out = case_redirect (1, "case.out"), err = case_redirect (2, "case.err");
    self->rc = conf_load (spec, argc, argv, envp, &self->conf);
    case_restore (1, out);
    case_restore (2, err);
    for (int i = 1; i < argc; i++)
        free (argv [i]);
    for (size_t i = 0; i < copies; i++)
        free (envp [i]);
    case_read ("case.out", self->out, sizeof (self->out));
    case_read ("case.err", self->err, sizeof (self->err));
    self->settings = self->conf ? conf_settings (self->conf) : NULL;
    assert_true ((self->conf != NULL) == (self->rc == 0));
}

void
case_drop (case_t *self)
{
    conf_destroy (&self->conf);
    static const char *const files [] = {"case.yaml", "case.out", "case.err", "case.secret"};
    for (size_t i = 0; i < sizeof (files) / sizeof (files [0]); i++)
        (void) unlink (files [i]);
}

void
case_refused (const char *yaml, const char *lines)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, yaml, NULL, NULL);
    assert_string_equal (load.err, lines);
    assert_int_equal (load.rc, ERR_CONFIG);
}
