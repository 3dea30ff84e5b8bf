//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/notify_body.h"

#include "broker/delivery/notify_about.h"
#include "broker/disk/artifact_dir.h"
#include "broker/slack/slack_alert.h"
#include "broker/slack/slack_incident.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { S_READ_BYTES = LIMIT_KIB (64) };

//  Read all that a message about the incident needs.  *ret_message borrows about.
static int
s_load (const notify_sender_t *sender, notify_about_t *about, slack_incident_t *ret_message)
{
    const row_incident_t *row = &about->row;
    const notify_env_t *env = sender->env;
    const int rc = notify_about_load (env, sender->effect.incident.text, about);
    if (rc < 0)
        return rc;
    *ret_message = (slack_incident_t){
        .incident = row,
        .report = about->reported ? &about->report : NULL,
        .attempt = about->attempt,
        .threaded = sender->target.kind == SETTINGS_TARGET_BOT && row->state == INCIDENT_REPORTED,
        .labels = settings_labels (env->settings, row->fault.cluster)};
    if (about->reported)
        ret_message->link = (slack_link_t){.url = about->way.url,
                                           .path = about->way.path,
                                           .host = about->way.host,
                                           .expires_ms = about->way.expires_ms};
    return 0;
}

static int
s_incident (const notify_sender_t *sender, bool repeated, notify_body_t *ret_body)
{
    slack_incident_t message;
    own (own_mem) notify_about_t *self = calloc (1, sizeof *self);
    if (!self)
        return -ENOMEM;
    int rc = s_load (sender, self, &message);
    if (rc < 0)
        return rc;
    ret_body->text = slack_incident (&message, repeated);
    ret_body->reported = self->row.state == INCIDENT_REPORTED;
    ret_body->since_ms = self->row.created_ms;
    return ret_body->text ? 0 : -ENOMEM;
}

static int
s_alert (const notify_sender_t *sender, bool repeated, notify_body_t *ret_body)
{
    typedef char *(make_fn) (const row_alert_t *alert, bool repeated);
    static const struct {
        const char *kind;
        make_fn *make;
    } kinds [] = {{"degraded/", slack_alert_degraded},
                  {"recovered/", slack_alert_recovered},
                  {"overflow/", slack_alert_overflow}};
    row_alert_t alert;
    const char *key = sender->effect.key;
    int rc = store_reader_alert (sender->env->reader, key, &alert);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds [0]; i++)
        if (strncmp (key, kinds [i].kind, strlen (kinds [i].kind)) == 0) {
            ret_body->text = kinds [i].make (&alert, repeated);
            ret_body->since_ms = alert.first_ms ? alert.first_ms : alert.at_ms;
            return ret_body->text ? 0 : -ENOMEM;
        }
    return ERR_NONE;
}

int
notify_body_make (const notify_sender_t *sender, bool repeated, notify_body_t *ret_body)
{
    *ret_body = (notify_body_t){.text = NULL};
    return sender->effect.incident.text [0] ? s_incident (sender, repeated, ret_body)
                                            : s_alert (sender, repeated, ret_body);
}

void
notify_body_fini (notify_body_t *self)
{
    free (self->text);
    *self = (notify_body_t){.text = NULL};
}

int
notify_body_detail (const notify_sender_t *sender, char **ret_text)
{
    slack_incident_t message;
    own (own_mem) notify_about_t *self = calloc (1, sizeof *self);
    if (!self)
        return -ENOMEM;
    int rc = s_load (sender, self, &message);
    if (rc < 0)
        return rc;
    *ret_text = slack_incident_detail (&message);
    return *ret_text ? 0 : -ENOMEM;
}

static int
s_read (int folder_fd, const char *path, buf_t *out)
{
    char bytes [S_READ_BYTES];
    own (own_fd) int fd = artifact_dir_file (folder_fd, path, O_RDONLY, NULL);
    if (fd < 0)
        return fd;
    for (;;) {
        const ssize_t count = read (fd, bytes, sizeof bytes);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count < 0 ? -errno : 0;
        if (buf_append (out, bytes, (size_t) count) < 0)
            return out->failed;
    }
}

int
notify_body_report (const notify_sender_t *sender, buf_t *ret_text)
{
    row_incident_t row;
    char path [LIMIT_PATH_BYTES];
    const notify_env_t *env = sender->env;
    *ret_text = buf_init (LIMIT_REPORT_BYTES);
    int rc = store_reader_incident (env->reader, sender->effect.incident.text, &row);
    if (rc < 0)
        return rc;
    own (own_fd) int fd = artifact_dir_open (env->settings->workspace_root, row.id.text, false);
    if (fd < 0)
        return fd;
    snprintf (path, sizeof path, "attempts/%" PRId64 "/output/investigation.md", row.winner);
    rc = s_read (fd, path, ret_text);
    if (rc < 0)
        buf_fini (ret_text);
    return rc;
}
