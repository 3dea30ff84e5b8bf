//  ctl_local - the commands that need no broker.
//  SPDX-License-Identifier: Apache-2.0
#include "tools/ctl_local.h"

#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/domain/incident.h"
#include "common/wire/curve.h"
#include "common/wire/msg.h"
#include "tools/term.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
s_print (const char *text)
{
    own (buf_fini) buf_t safe = buf_init (LIMIT_KIB (64));
    term_escape (text, strlen (text), &safe);
    fputs (safe.data, stdout);
}

//  When does a running broker know the new key?  fresh: the broker's own pair was just made too.
static const char *
s_known (const ctl_t *self, bool fresh)
{
    own (json_drop) json_t *status = NULL;
    err_diag_t diag = {.text = ""};
    ctl_t ask = *self;
    ask.patience_ms = LIMIT_CTL_COMPLETE_MS;
    const bool reached = ctl_ask (&ask, "GET", "/api/v1/status", &status, &diag) == CTL_OK;
    const json_t *curve = reached ? json_object_get (status, "curve") : NULL;
    if (json_is_false (curve))
        return "the broker that runs has no keys: start it "
               "again with this folder as its --keys-dir";
    if (fresh)
        return "the broker's own keys are new: start it, or start "
               "it "
               "again, with this folder as its --keys-dir";
    return "a broker that runs with this folder knows the key within a second";
}

static bool
s_broker_has_keys (const ctl_settings_t *settings)
{
    char path [4096];
    const int size = snprintf (path, sizeof path, "%s/broker.key", settings->keys_dir);
    return size > 0 && (size_t) size < sizeof path && access (path, F_OK) == 0;
}

static int
s_print_key (const ctl_t *self, curve_role_t role, const char *known)
{
    const ctl_settings_t *settings = self->settings;
    if (ctl_json (self)) {
        own (json_drop) json_t *doc = json_pack (
            "{s:s,s:s,s:s,s:s,s:s}", "role", curve_role_name (role), "name", settings->name,
            "enrolled_in", settings->keys_dir, "keys_dir", settings->out, "note", known);
        return doc ? ctl_print (doc) : ctl_fail (CTL_USAGE, "the names are not UTF-8");
    }
    printf ("enrolled %s '", curve_role_name (role));
    s_print (settings->name);
    printf ("' in ");
    s_print (settings->keys_dir);
    printf ("/clients\ncopy the folder ");
    s_print (settings->out);
    printf (" to the %s's host and name it there with --keys-dir; it holds a secret\n%s\n",
            curve_role_name (role), known);
    return CTL_OK;
}

int
ctl_local_key_new (const ctl_t *self)
{
    const ctl_settings_t *settings = self->settings;
    curve_role_t role = CURVE_ROLE_COUNT;
    err_diag_t diag = {.text = ""};
    if (!settings->role [0] || !settings->name [0] || !settings->out [0])
        return ctl_fail (CTL_USAGE, "key new needs --role, --name and --out");
    if (!curve_role_parse (settings->role, &role))
        return ctl_fail (CTL_USAGE, "--role: worker, publisher or tap expected");
    const bool fresh = !s_broker_has_keys (settings);
    int rc = curve_key_new (settings->keys_dir, role, settings->name, settings->out, &diag);
    if (rc)
        return ctl_fail (rc == ERR_CONFIG ? CTL_USAGE : CTL_FAILED, "%s",
                         diag.text [0] ? diag.text : err_str (rc));
    return s_print_key (self, role, s_known (self, fresh));
}

int
ctl_local_states (const ctl_t *self)
{
    incident_print ();
    return CTL_OK;
}

int
ctl_local_protocol (const ctl_t *self)
{
    msg_print ();
    return CTL_OK;
}
