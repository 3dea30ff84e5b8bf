//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/notify_body.h"

#include "broker/delivery/slack.h"
#include "broker/disk/artifact_dir.h"
#include "broker/disk/artifact_sealed.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

//  Read the report of an incident, and make a link to it.
static int
s_report (const notify_env_t *env, const row_incident_t *row, report_t *ret_report,
          storage_link_t *ret_link)
{
    char path [LIMIT_PATH_BYTES] = "output/investigation.md";
    own (own_fd) int fd = artifact_dir_open (env->settings->workspace_root, row->id.text, false);
    if (fd < 0)
        return fd;
    own (own_fd) int file = artifact_dir_file (fd, path, O_RDONLY, NULL);
    if (file < 0) //  the upload was given up
        snprintf (path, sizeof path, "attempts/%" PRId64 "/output/investigation.md", row->winner);
    int rc = storage_link (env->storage, row->id.text, path, ret_link);
    if (rc < 0)
        return rc;
    return artifact_sealed_report (fd, env->poison, row->id.text, row->winner, ret_report);
}

static int
s_incident (const notify_sender_t *sender, bool repeated, char **ret_body)
{
    row_incident_t row;
    report_t report;
    storage_link_t link;
    const notify_env_t *env = sender->env;
    int rc = store_reader_incident (env->reader, sender->effect.incident.text, &row);
    if (rc == 0)
        rc = s_report (env, &row, &report, &link);
    if (rc < 0)
        return rc;
    const slack_incident_t message = {.incident = &row,
                                      .report = &report,
                                      .path = link.text,
                                      .external_url = env->settings->external_url};
    *ret_body = slack_incident (&message, repeated);
    return *ret_body ? 0 : -ENOMEM;
}

static int
s_alert (const notify_sender_t *sender, bool repeated, char **ret_body)
{
    typedef char *(make_fn) (const row_alert_t *alert, bool repeated);
    static const struct {
        const char *kind;
        make_fn *make;
    } kinds [] = {{"degraded/", slack_degraded},
                  {"recovered/", slack_recovered},
                  {"overflow/", slack_overflow}};
    row_alert_t alert;
    const char *key = sender->effect.key;
    int rc = store_reader_alert (sender->env->reader, key, &alert);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds [0]; i++)
        if (strncmp (key, kinds [i].kind, strlen (kinds [i].kind)) == 0) {
            *ret_body = kinds [i].make (&alert, repeated);
            return *ret_body ? 0 : -ENOMEM;
        }
    return ERR_NONE;
}

int
notify_body (const notify_sender_t *sender, bool repeated, char **ret_body)
{
    return sender->effect.incident.text [0] ? s_incident (sender, repeated, ret_body)
                                            : s_alert (sender, repeated, ret_body);
}
