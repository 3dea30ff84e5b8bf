//  SPDX-License-Identifier: Apache-2.0
#include "publisher/settings_check.h"

#include "common/base/own.h"
#include "common/base/reach.h"
#include "common/client/client.h"
#include "common/wire/curve.h"
#include "publisher/lines.h"
#include "publisher/serve.h"

#include <string.h>
#include <sys/stat.h>

//  Not read here: a pipe would lose the bytes that are read.
static bool
s_is_pipe (const char *path)
{
    struct stat status;
    return strcmp (path, "-") == 0
           || (stat (path, &status) == 0 && !S_ISREG (status.st_mode) && !S_ISDIR (status.st_mode));
}

static void
s_files (const conf_t *conf, conf_check_t *check)
{
    const char *const *inputs = NULL;
    const size_t count = conf_positional (conf, &inputs);
    if (count == 0)
        conf_check_skip (check, "the files to send: none is named");
    for (size_t i = 0; i < count; i++) {
        err_diag_t diag = {""};
        if (s_is_pipe (inputs [i])) {
            conf_check_skip (check, "%s: not a file", inputs [i]);
            continue;
        }
        int rc = reach_readable (inputs [i], &diag);
        if (rc == 0)
            rc = lines_check (&inputs [i], 1, &diag);
        conf_check_result (check, NULL, rc, &diag);
    }
}

static void
s_serve (const settings_t *settings, conf_check_t *check)
{
    err_diag_t diag = {""};
    const int rc = serve_check (settings, &diag);
    conf_check_result (check, &settings->serve, rc, &diag);
    conf_check_skip (check, "whether the port is free, and the address this host's");
    if (*settings->denied)
        conf_check_skip (check, "whether the files have the clusters of denied: %s",
                         settings->denied);
}

static void
s_replay (const settings_t *settings, conf_check_t *check)
{
    const char *const *at [] = {&settings->ingest_endpoint, &settings->files_endpoint};
    client_check (check, &settings->keys_dir, CURVE_ROLE_PUBLISHER, at, sizeof at / sizeof at [0]);
    err_diag_t diag = {""};
    const int folder = reach_folder (settings->spool_dir, false, &diag);
    conf_check_result (check, &settings->spool_dir, folder, &diag);
}

void
settings_check (const conf_t *conf, conf_check_t *check)
{
    const settings_t *settings = conf_settings (conf);
    const void *at = NULL;
    err_diag_t diag = {""};
    const int rc = settings_judge (settings, &at, &diag);
    conf_check_result (check, at, rc, &diag);
    s_files (conf, check);
    if (*settings->serve)
        s_serve (settings, check);
    else
        s_replay (settings, check);
}
