//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/notify_body.h"

#include "broker/disk/artifact_dir.h"
#include "broker/disk/artifact_sealed.h"
#include "broker/disk/render.h"
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

enum { S_URL_BYTES = 1024, S_READ_BYTES = LIMIT_KIB (64) };

//  What a message about an incident is made of.
typedef struct {
    row_incident_t row;
    row_attempt_t attempts [LIMIT_ATTEMPTS];
    report_t report;
    storage_link_t link;
    char url [S_URL_BYTES]; //  of this broker, "" = none
} about_t;

//  Read the report that the incident has, and make a link to it.
static int
s_report (const notify_env_t *env, int64_t attempt, about_t *self)
{
    const char *id = self->row.id.text;
    char path [LIMIT_PATH_BYTES] = "output/investigation.md";
    own (own_fd) int fd = artifact_dir_open (env->settings->workspace_root, id, false);
    if (fd < 0)
        return fd;
    own (own_fd) int file = artifact_dir_file (fd, path, O_RDONLY, NULL);
    if (file < 0) //  the upload was given up
        snprintf (path, sizeof path, "attempts/%" PRId64 "/output/investigation.md", attempt);
    int rc = storage_link (env->storage, id, path, &self->link);
    if (rc < 0)
        return rc;
    const char *base = env->settings->external_url;
    const size_t size = strlen (base);
    if (size > 0)
        snprintf (self->url, sizeof self->url, "%.*s/api/v1/incidents/%s",
                  (int) (size - (base [size - 1] == '/')), base, id);
    return artifact_sealed_report (fd, env->poison, id, attempt, &self->report);
}

//  Read all that a message about the incident needs.  *ret_message borrows self.
static int
s_load (const notify_sender_t *sender, about_t *self, slack_incident_t *ret_message)
{
    const notify_env_t *env = sender->env;
    const char *id = sender->effect.incident.text;
    const row_incident_t *row = &self->row;
    int rc = store_reader_incident (env->reader, id, &self->row);
    const int count =
        rc < 0 ? rc : store_reader_attempts (env->reader, id, self->attempts, LIMIT_ATTEMPTS);
    if (count < 0)
        return count;
    const bool over = incident_terminal (row->state);
    const int64_t reported = over ? render_report (row) : 0;
    rc = reported > 0 ? s_report (env, reported, self) : 0;
    if (rc < 0)
        return rc;
    const row_attempt_t *attempt = over ? render_deciding (row, self->attempts, (size_t) count)
                                   : count > 0 ? &self->attempts [count - 1]
                                               : NULL;
    *ret_message = (slack_incident_t){.incident = row,
                                      .report = reported > 0 ? &self->report : NULL,
                                      .attempt = attempt,
                                      .threaded = sender->target.kind == SETTINGS_TARGET_BOT
                                                  && row->state == INCIDENT_REPORTED,
                                      .labels = settings_labels (env->settings, row->fault.cluster),
                                      .link = {.url = self->link.url ? self->link.text : self->url,
                                               .path = self->link.url ? NULL : self->link.text,
                                               .expires_ms = self->link.expires_ms}};
    return 0;
}

static int
s_incident (const notify_sender_t *sender, bool repeated, notify_body_t *ret_body)
{
    slack_incident_t message;
    own (own_mem) about_t *self = calloc (1, sizeof *self);
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
    own (own_mem) about_t *self = calloc (1, sizeof *self);
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
