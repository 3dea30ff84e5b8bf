//  ctl_change - the commands that change something.
//  SPDX-License-Identifier: Apache-2.0
#include "tools/ctl_change.h"

#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/domain/incident.h"
#include "tools/ctl_show.h"
#include "tools/request.h"
#include "tools/term.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *list, *verb; //  of the URL: /api/v1/<list>/<name>/<verb>
    const char *done;        //  effects: what happens to each, for example "tried again"
} change_t;

//  name: the start of the line.
static int
s_say (const ctl_t *self, const char *name, int code, const char *text)
{
    if (ctl_json (self)) {
        own (json_drop) json_t *line =
            json_pack ("{s:s,s:s}", "name", name, code ? "error" : "result", text);
        int rc = line ? ctl_print_line (line) : ctl_fail (CTL_FAILED, "out of memory");
        return code ? code : rc;
    }
    if (code)
        return ctl_fail (code, "%.200s: %s", name, text);
    own (buf_fini) buf_t safe = buf_init (LIMIT_KIB (64));
    term_escape (name, strlen (name), &safe);
    buf_text (&safe, ": ");
    term_escape (text, strlen (text), &safe);
    puts (safe.data);
    return CTL_OK;
}

//  Send the command; ret_text receives the broker's answer.
static int
s_command (const ctl_t *self, const change_t *change, const char *name, err_diag_t *ret_text)
{
    own (buf_fini) buf_t path = buf_init (LIMIT_KIB (4));
    own (json_drop) json_t *doc = NULL;
    buf_printf (&path, "/api/v1/%s/", change->list);
    request_escape (name, &path);
    buf_printf (&path, "/%s", change->verb);
    if (path.failed) {
        err_diag (ret_text, "the name is too long");
        return CTL_USAGE;
    }
    int code = ctl_ask (self, "POST", path.data, &doc, ret_text);
    if (code == CTL_OK)
        err_diag (ret_text, "%s", json_member_text (doc, "result", "done"));
    return code;
}

static int
s_change (const ctl_t *self, const change_t *change, const char *name)
{
    err_diag_t text = {.text = ""};
    const int code = s_command (self, change, name, &text);
    return s_say (self, name, code, text.text);
}

//  Keep the first failure.  A failure that would hit the next name too ends the work.
static bool
s_go_on (int *code_p, int code)
{
    if (*code_p == CTL_OK)
        *code_p = code;
    return code != CTL_UNREACHED;
}

static int
s_each (const ctl_t *self, const change_t *change)
{
    int code = CTL_OK;
    for (size_t i = 0; i < self->arg_count; i++)
        if (!s_go_on (&code, s_change (self, change, self->args [i])))
            break;
    return code;
}

//  The outcome for the rows of a list.
typedef struct {
    size_t done;
    err_diag_t failed; //  the failure printed last
    size_t more;       //  later failures of the same reason
} rows_t;

static void
s_rows_tell_more (rows_t *rows)
{
    if (rows->more)
        (void) ctl_fail (CTL_FAILED, "%zu more: %s", rows->more, rows->failed.text);
    rows->more = 0;
}

//  A full queue refuses hundreds: print the reason once, then how many more had it.
static int
s_rows_change (const ctl_t *self, const change_t *change, const char *name, rows_t *rows)
{
    err_diag_t text = {.text = ""};
    const int code = s_command (self, change, name, &text);
    rows->done += code == CTL_OK;
    if (code && !ctl_json (self) && strcmp (text.text, rows->failed.text) == 0) {
        rows->more++;
        return code;
    }
    if (code) {
        s_rows_tell_more (rows);
        rows->failed = text;
    }
    return s_say (self, name, code, text.text);
}

//  Change each row of a list by its number or id.  The list has the newest first; it goes through
//  the oldest first, so that messages are sent in order.
static int
s_each_row (const ctl_t *self, const change_t *change, const json_t *list, size_t *ret_done)
{
    int code = CTL_OK;
    rows_t rows = {.done = 0};
    for (size_t i = json_array_size (list); i > 0; i--) {
        const json_t *row = json_array_get (list, i - 1);
        char number [24];
        snprintf (number, sizeof (number), "%" PRId64, json_member_int (row, "id", 0));
        const char *name = json_member_text (row, "id", number);
        if (!s_go_on (&code, s_rows_change (self, change, name, &rows)))
            break;
    }
    s_rows_tell_more (&rows);
    *ret_done = rows.done;
    return code;
}

//  Checked before the list is read: for a state without a retry, every row would fail.
static int
s_retry_state (const char *name)
{
    incident_state_t state = INCIDENT_NONE;
    if (!name [0] || !incident_state_parse (name, &state)
        || incident_next (state, INCIDENT_ON_RETRY) != INCIDENT_STATES)
        return CTL_OK; //  reading the list reports an unknown name
    return ctl_fail (
        CTL_USAGE,
        "incidents retry: none that is %s; agent_failed, failed, suppressed or cancelled expected",
        name);
}

int
ctl_change_incident_retry (const ctl_t *self)
{
    static const change_t change = {.list = "incidents", .verb = "retry"};
    const ctl_settings_t *settings = self->settings;
    bool chosen = settings->state [0] || settings->reason [0];
    if (chosen == (self->arg_count > 0))
        return ctl_fail (CTL_USAGE, "incidents retry needs either ids, or --state or --reason");
    if (!chosen)
        return s_each (self, &change);
    int code = s_retry_state (settings->state);
    if (code)
        return code;
    own (json_drop) json_t *rows = json_array ();
    int64_t limit = conf_given (self->conf, "limit") ? settings->limit : LIMIT_CTL_ROWS;
    code = ctl_show_incidents_read (self, limit, rows);
    size_t done;
    if (code == CTL_OK && json_array_size (rows) == 0 && !ctl_json (self))
        puts ("nothing to retry");
    return code ? code : s_each_row (self, &change, rows, &done);
}

int
ctl_change_incident_cancel (const ctl_t *self)
{
    static const change_t change = {.list = "incidents", .verb = "cancel"};
    return s_each (self, &change);
}

int
ctl_change_worker_drain (const ctl_t *self)
{
    static const change_t change = {.list = "workers", .verb = "drain"};
    return s_each (self, &change);
}

int
ctl_change_worker_resume (const ctl_t *self)
{
    static const change_t change = {.list = "workers", .verb = "resume"};
    return s_each (self, &change);
}

//  --all covers the dead ones only.  It also says how many others wait and are left alone.
static void
s_say_all (const change_t *change, size_t dead, size_t done, size_t waiting)
{
    if (dead == 0)
        printf ("nothing to %s%s", change->verb, waiting ? ": no effect is dead" : "");
    else
        printf ("%zu dead effect%s %s", done, done == 1 ? " is" : "s are", change->done);
    if (waiting)
        printf ("; %zu that wait%s left as %s", waiting, waiting == 1 ? "s is" : " are",
                waiting == 1 ? "it is" : "they are");
    putchar ('\n');
}

static int
s_effects (const ctl_t *self, const change_t *change)
{
    if (self->settings->all == (self->arg_count > 0))
        return ctl_fail (CTL_USAGE, "effects %s needs either ids, or --all", change->verb);
    if (!self->settings->all)
        return s_each (self, change);
    own (json_drop) json_t *rows = json_array (), *waiting = json_array ();
    size_t done = 0;
    int code = ctl_show_effects_read (self, "dead", LIMIT_CTL_ROWS, rows);
    if (code == CTL_OK && !ctl_json (self))
        code = ctl_show_effects_read (self, "ready", LIMIT_CTL_ROWS, waiting);
    if (code)
        return code;
    code = s_each_row (self, change, rows, &done);
    if (!ctl_json (self))
        s_say_all (change, json_array_size (rows), done, json_array_size (waiting));
    return code;
}

int
ctl_change_effect_retry (const ctl_t *self)
{
    static const change_t change = {"effects", "retry", "tried again"};
    static const change_t channel = {.list = "channels", .verb = "retry"};
    const ctl_settings_t *settings = self->settings;
    if (!settings->channel [0])
        return s_effects (self, &change);
    if (settings->all || self->arg_count > 0)
        return ctl_fail (CTL_USAGE, "effects retry needs either ids, --all or --channel");
    return s_change (self, &channel, settings->channel);
}

int
ctl_change_effect_cancel (const ctl_t *self)
{
    static const change_t change = {"effects", "cancel", "given up"};
    return s_effects (self, &change);
}

int
ctl_change_breaker_probe (const ctl_t *self)
{
    err_diag_t text = {.text = ""};
    own (json_drop) json_t *doc = NULL;
    const int code = ctl_ask (self, "POST", "/api/v1/breaker/probe", &doc, &text);
    return s_say (self, "breaker", code, code ? text.text : json_member_text (doc, "result", ""));
}
