//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/notify_about.h"

#include "broker/disk/artifact_dir.h"
#include "broker/disk/artifact_sealed.h"
#include "broker/disk/render.h"
#include "common/base/own.h"


//  Read the report of an attempt.
static int
s_report (const notify_env_t *env, int64_t attempt, notify_about_t *self)
{
    const char *id = self->row.id.text;
    own (own_fd) int fd = artifact_dir_open (env->settings->workspace_root, id, false);
    return fd < 0 ? fd : artifact_sealed_report (fd, env->poison, id, attempt, &self->report);
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
    if (!self->reported) {
        link_incident (env->settings, incident, &self->way);
        return 0;
    }
    const int found =
        link_report (env->storage, env->reader, env->settings, &self->row, &self->way);
    return found < 0 ? found : s_report (env, attempt, self);
}
