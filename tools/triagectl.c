//  triagectl - ask and command a broker, make keys, print the tables the documents are made of.
//
//  Exit: 0 ok, 1 refused, 2 usage, 3 broker not reached, 4 no such thing.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/conf.h"
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/domain/incident.h"
#include "common/wire/curve.h"
#include "common/wire/msg.h"
#include "tools/fetch.h"
#include "tools/term.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

extern char **environ;

enum { CTL_OK, CTL_REFUSED, CTL_USAGE, CTL_UNREACHED, CTL_NOT_FOUND };

typedef struct {
    conf_common_t common;
    const char *url, *keys_dir, *role, *name, *out, *state;
    int output; //  0 text, 1 json
    int64_t limit;
} settings_t;

static const conf_option_t s_rows [] = {
    CONF_COMMON_ROWS (settings_t, common),
    {.key = "url",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, url),
     .env = "TRIAGE_URL",
     .fallback = "http://127.0.0.1:5580",
     .flags = CONF_URL,
     .help = "The broker's HTTP side."},
    {.key = "output",
     .type = CONF_ENUM,
     .offset = offsetof (settings_t, output),
     .env = "TRIAGE_OUTPUT",
     .fallback = "text",
     .choices = "text|json",
     .help = "Shape of answers; -o for short."},
    {.key = "keys_dir",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, keys_dir),
     .env = "TRIAGE_KEYS_DIR",
     .fallback = "./keys",
     .help = "key new: the broker's folder of keys, made when missing."},
    {.key = "role",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, role),
     .help = "key new: worker, publisher or tap."},
    {.key = "name",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, name),
     .help = "key new: name of the new peer."},
    {.key = "out",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, out),
     .help = "key new: folder for the new peer's keys, its keys_dir."},
    {.key = "state",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, state),
     .help = "incidents list: only those in this state."},
    {.key = "limit",
     .type = CONF_INT,
     .offset = offsetof (settings_t, limit),
     .fallback = "50",
     .min = 1,
     .max = 1000000,
     .help = "incidents list: at most so many, newest first."},
    {.key = NULL},
};

static const conf_spec_t s_spec = {
    .program = "triagectl",
    .summary = "Ask and command a triage broker.\n"
               "  key new --role ROLE --name NAME --out DIR    make and enrol a peer's keys\n"
               "  status                                       what the broker is doing\n"
               "  incidents list|show ID|retry ID|cancel ID\n"
               "  workers list|drain NAME|resume NAME\n"
               "  states, protocol                             print the tables of the documents",
    .positional = "COMMAND...",
    .rows = s_rows,
    .settings_size = sizeof (settings_t),
};

typedef struct {
    const settings_t *settings;
    const char *argument; //  ID or NAME, NULL when the command takes none
    const char *part;     //  of the URL, for commands that post
} ctl_t;

static void
s_print (const char *text)
{
    own (buf_fini) buf_t safe = buf_init (LIMIT_MIB (16));
    term_escape (text, strlen (text), &safe);
    fputs (safe.data, stdout);
}

static int
s_fail (int code, const char *text)
{
    own (buf_fini) buf_t safe = buf_init (LIMIT_KIB (64));
    term_escape (text, strlen (text), &safe);
    fprintf (stderr, "triagectl: %s\n", safe.data);
    return code;
}

//  --- asking the broker

//  Own: fresh in *ret_doc.  Returns the exit code; failures are printed.
static int
s_ask (const ctl_t *self, const char *method, const char *path, json_t **ret_doc)
{
    own (buf_fini) buf_t url = buf_init (LIMIT_KIB (8));
    own (buf_fini) buf_t body = buf_init (LIMIT_HTTP_RESPONSE_BYTES);
    own (json_drop) json_t *doc = NULL;
    err_diag_t diag = {.text = ""};
    int status = 0;
    buf_printf (&url, "%s%s", self->settings->url, path);
    if (url.failed || fetch (method, url.data, &body, &status, &diag))
        return s_fail (CTL_UNREACHED, diag.text [0] ? diag.text : "the URL is too long");
    if (json_parse (body.data, body.size, &doc, NULL))
        return s_fail (CTL_UNREACHED, "the answer is not JSON; is this the broker's URL?");
    if (status == 200) {
        *ret_doc = own_take (doc);
        return CTL_OK;
    }
    const json_t *error = json_object_get (doc, "error");
    return s_fail (status == 404 ? CTL_NOT_FOUND : CTL_REFUSED,
                   json_member_text (error, "message", "the broker refused"));
}

//  --- showing

static void
s_show_value (const char *path, const json_t *value)
{
    own (own_mem) char *text = json_is_string (value)
                                   ? strdup (json_string_value (value))
                                   : json_dumps (value, JSON_ENCODE_ANY | JSON_COMPACT);
    printf ("%-32s ", path);
    s_print (text ? text : "");
    printf ("\n");
}

//  Members as "a.b.0.c  value", one a line.
static void
s_show_flat (const char *prefix, json_t *value)
{
    char path [256];
    const char *dot = prefix [0] ? "." : "";
    if (json_is_object (value)) {
        const char *key = NULL;
        json_t *member = NULL;
        json_object_foreach (value, key, member)
        {
            snprintf (path, sizeof (path), "%s%s%s", prefix, dot, key);
            s_show_flat (path, member);
        }
    }
    else if (json_is_array (value)) {
        for (size_t i = 0; i < json_array_size (value); i++) {
            snprintf (path, sizeof (path), "%s%s%zu", prefix, dot, i);
            s_show_flat (path, json_array_get (value, i));
        }
    }
    else if (!json_is_null (value))
        s_show_value (prefix, value);
}

static int
s_show (const ctl_t *self, json_t *doc)
{
    if (self->settings->output == 0) {
        s_show_flat ("", doc);
        return CTL_OK;
    }
    own (own_mem) char *text = json_text (doc);
    fputs (text ? text : "", stdout);
    return CTL_OK;
}

//  One line: the members named, in columns.
static void
s_show_row (const json_t *row, const char *const *keys, const int *widths, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        own (buf_fini) buf_t cell = buf_init (LIMIT_KIB (64));
        const json_t *value = json_object_get (row, keys [i]);
        if (json_is_string (value))
            term_escape (json_string_value (value), json_string_length (value), &cell);
        else if (json_is_integer (value))
            buf_printf (&cell, "%lld", (long long) json_integer_value (value));
        else if (json_is_boolean (value))
            buf_text (&cell, json_is_true (value) ? "yes" : "no");
        else
            buf_text (&cell, "-");
        printf ("%-*s%s", widths [i], cell.data, i + 1 < count ? "  " : "\n");
    }
}

static void
s_show_head (const char *const *keys, const int *widths, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf ("%-*s%s", widths [i], keys [i], i + 1 < count ? "  " : "\n");
}

//  --- commands

static int
s_status (const ctl_t *self)
{
    own (json_drop) json_t *doc = NULL;
    int code = s_ask (self, "GET", "/api/v1/status", &doc);
    return code ? code : s_show (self, doc);
}

static int
s_workers_list (const ctl_t *self)
{
    static const char *const keys [] = {"name",  "ready", "quarantined", "draining",
                                        "slots", "free",  "running",     "identity"};
    static const int widths [] = {24, 5, 11, 8, 5, 5, 7, 10};
    own (json_drop) json_t *doc = NULL;
    int code = s_ask (self, "GET", "/api/v1/workers", &doc);
    if (code || self->settings->output == 1)
        return code ? code : s_show (self, doc);
    const json_t *list = json_object_get (doc, "workers");
    s_show_head (keys, widths, 8);
    for (size_t i = 0; i < json_array_size (list); i++)
        s_show_row (json_array_get (list, i), keys, widths, 8);
    return CTL_OK;
}

//  Follow the pages until there are enough.  Own: list gets the incidents.
static int
s_incidents_read (const ctl_t *self, json_t *list)
{
    int64_t before = 0;
    do {
        own (buf_fini) buf_t path = buf_init (LIMIT_KIB (4));
        own (json_drop) json_t *doc = NULL;
        int64_t left = self->settings->limit - (int64_t) json_array_size (list);
        buf_printf (&path, "/api/v1/incidents?limit=%" PRId64,
                    left < LIMIT_HTTP_PAGE_ROWS ? left : LIMIT_HTTP_PAGE_ROWS);
        if (before > 0)
            buf_printf (&path, "&before=%" PRId64, before);
        if (self->settings->state [0]) {
            buf_text (&path, "&state=");
            fetch_escape (self->settings->state, &path);
        }
        int code = s_ask (self, "GET", path.data, &doc);
        if (code)
            return code;
        json_array_extend (list, json_object_get (doc, "incidents"));
        before = json_member_int (doc, "next", 0);
    } while (before > 0 && (int64_t) json_array_size (list) < self->settings->limit);
    return CTL_OK;
}

static int
s_incidents_list (const ctl_t *self)
{
    static const char *const keys [] = {"number",     "state",      "severity", "cluster",
                                        "fault_type", "created_at", "id"};
    static const int widths [] = {7, 13, 8, 16, 18, 24, 36};
    own (json_drop) json_t *list = json_array ();
    int code = s_incidents_read (self, list);
    if (code || self->settings->output == 1)
        return code ? code : s_show (self, list);
    s_show_head (keys, widths, 7);
    for (size_t i = 0; i < json_array_size (list); i++)
        s_show_row (json_array_get (list, i), keys, widths, 7);
    return CTL_OK;
}

static int
s_incidents_show (const ctl_t *self)
{
    own (buf_fini) buf_t path = buf_init (LIMIT_KIB (4));
    own (json_drop) json_t *doc = NULL;
    buf_text (&path, "/api/v1/incidents/");
    fetch_escape (self->argument, &path);
    int code = s_ask (self, "GET", path.data, &doc);
    return code ? code : s_show (self, doc);
}

static int
s_post (const ctl_t *self)
{
    own (buf_fini) buf_t path = buf_init (LIMIT_KIB (4));
    own (json_drop) json_t *doc = NULL;
    const char *verb = strchr (self->part, '/') + 1;
    buf_printf (&path, "/api/v1/%.*s", (int) (verb - self->part), self->part);
    fetch_escape (self->argument, &path);
    buf_printf (&path, "/%s", verb);
    int code = s_ask (self, "POST", path.data, &doc);
    return code ? code : s_show (self, doc);
}

static int
s_key_new (const ctl_t *self)
{
    const settings_t *settings = self->settings;
    curve_role_t role = CURVE_ROLE_COUNT;
    err_diag_t diag = {.text = ""};
    if (!settings->role [0] || !settings->name [0] || !settings->out [0])
        return s_fail (CTL_USAGE, "key new needs --role, --name and --out");
    if (!curve_role_parse (settings->role, &role))
        return s_fail (CTL_USAGE, "--role: worker, publisher or tap expected");
    int rc = curve_key_new (settings->keys_dir, role, settings->name, settings->out, &diag);
    if (rc)
        return s_fail (CTL_REFUSED, diag.text [0] ? diag.text : err_str (rc));
    printf ("enrolled %s '", curve_role_name (role));
    s_print (settings->name);
    printf ("' in ");
    s_print (settings->keys_dir);
    printf ("/clients\ncopy the folder ");
    s_print (settings->out);
    printf (" to the %s's host and name it there with --keys-dir; it holds a secret\n"
            "a running broker knows the key after SIGHUP\n",
            curve_role_name (role));
    return CTL_OK;
}

static int
s_states (const ctl_t *self)
{
    incident_print ();
    return CTL_OK;
}

static int
s_protocol (const ctl_t *self)
{
    msg_print ();
    return CTL_OK;
}

static const struct {
    const char *noun, *verb;
    bool argument;
    int (*run) (const ctl_t *self);
    const char *part;
} s_commands [] = {
    {"key", "new", false, s_key_new, NULL},
    {"status", NULL, false, s_status, NULL},
    {"incidents", "list", false, s_incidents_list, NULL},
    {"incidents", "show", true, s_incidents_show, NULL},
    {"incidents", "retry", true, s_post, "incidents/retry"},
    {"incidents", "cancel", true, s_post, "incidents/cancel"},
    {"workers", "list", false, s_workers_list, NULL},
    {"workers", "drain", true, s_post, "workers/drain"},
    {"workers", "resume", true, s_post, "workers/resume"},
    {"states", NULL, false, s_states, NULL},
    {"protocol", NULL, false, s_protocol, NULL},
};

//  "incident" is as good as "incidents".
static bool
s_noun_is (const char *word, const char *noun)
{
    size_t length = strlen (noun);
    return strcmp (word, noun) == 0
           || (noun [length - 1] == 's' && strlen (word) == length - 1
               && strncmp (word, noun, length - 1) == 0);
}

static int
s_run (const settings_t *settings, const char *const *words, size_t count)
{
    for (size_t i = 0; i < sizeof (s_commands) / sizeof (s_commands [0]); i++) {
        size_t need = 1u + (s_commands [i].verb ? 1u : 0u) + (s_commands [i].argument ? 1u : 0u);
        if (count == 0 || !s_noun_is (words [0], s_commands [i].noun))
            continue;
        if (s_commands [i].verb && (count < 2 || strcmp (words [1], s_commands [i].verb) != 0))
            continue;
        if (count != need)
            return s_fail (CTL_USAGE, "wrong number of arguments; see triagectl --help");
        ctl_t self = {.settings = settings,
                      .argument = s_commands [i].argument ? words [need - 1] : NULL,
                      .part = s_commands [i].part};
        return s_commands [i].run (&self);
    }
    return s_fail (CTL_USAGE, count ? "unknown command; see triagectl --help"
                                    : "no command; see triagectl --help");
}

int
main (int argc, char **argv)
{
    static char output [] = "--output";
    for (int i = 1; i < argc; i++)
        if (strcmp (argv [i], "-o") == 0)
            argv [i] = output;
    own (conf_destroy) conf_t *conf = NULL;
    int rc = conf_load (&s_spec, argc, argv, environ, &conf);
    if (rc)
        return rc > 0 ? 0 : rc == -EINVAL ? EXIT_USAGE : EXIT_CONFIG;
    const char *const *words = NULL;
    size_t count = conf_positional (conf, &words);
    return s_run (conf_settings (conf), words, count);
}
