//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/notify_about.h"

#include "broker/disk/artifact_dir.h"
#include "broker/disk/artifact_sealed.h"
#include "broker/disk/render.h"
#include "common/base/own.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

//  Read the report of an attempt, and make a link to it.
static int
s_report (const notify_env_t *env, int64_t attempt, notify_about_t *self)
{
    const char *id = self->row.id.text;
    char path [LIMIT_PATH_BYTES] = "output/investigation.md";
    own (own_fd) int fd = artifact_dir_open (env->settings->workspace_root, id, false);
    if (fd < 0)
        return fd;
    own (own_fd) int file = artifact_dir_file (fd, path, O_RDONLY, NULL);
    if (file < 0) //  the upload was given up
        snprintf (path, sizeof path, "attempts/%" PRId64 "/output/investigation.md", attempt);
    const int rc = storage_link (env->storage, id, path, &self->link);
    return rc < 0 ? rc : artifact_sealed_report (fd, env->poison, id, attempt, &self->report);
}

static void
s_url (const notify_env_t *env, notify_about_t *self)
{
    const char *base = env->settings->external_url;
    const size_t size = strlen (base);
    if (size > 0)
        snprintf (self->url, sizeof self->url, "%.*s/api/v1/incidents/%s",
                  (int) (size - (base [size - 1] == '/')), base, self->row.id.text);
}

int
notify_about_load (const notify_env_t *env, const char *incident, notify_about_t *ret_about)
{
    notify_about_t *self = ret_about;
    *self = (notify_about_t){.attempt = NULL};
    const int rc = store_reader_incident (env->reader, incident, &self->row);
    const int count =
        rc < 0 ? rc : store_reader_attempts (env->reader, incident, self->attempts, LIMIT_ATTEMPTS);
    if (count < 0)
        return count;
    const bool ended = incident_terminal (self->row.state);
    const int64_t attempt = render_report (&self->row);
    if (count > 0)
        self->attempt = ended ? render_deciding (&self->row, self->attempts, (size_t) count)
                              : &self->attempts [count - 1];
    self->reported = ended && attempt > 0;
    s_url (env, self);
    return self->reported ? s_report (env, attempt, self) : 0;
}
