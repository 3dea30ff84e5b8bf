//  artifact_request - a request about an attempt: its rows, its permission, and our own failures.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/files/artifact_part.h"

#include "broker/disk/artifact_dir.h"

#include <string.h>

static const row_attempt_t *
s_attempt_of (const artifact_request_t *request)
{
    for (int i = 0; i < request->attempt_count; i++) {
        if (request->attempts [i].number == request->attempt)
            return &request->attempts [i];
    }
    return NULL;
}

bool
artifact_request (artifact_t *self, const link_msg_t *msg, codec_text_t incident, int64_t attempt,
                  artifact_request_t *ret)
{
    ident_t id;
    if (!codec_copy (incident, id.text, sizeof id.text) || !ident_valid (id.text) || attempt < 1) {
        artifact_peer_strike (self, msg, "malformed", "incident must be a UUID, attempt from 1");
        return false;
    }
    if (!artifact_peer_role (self, msg, CURVE_ROLE_WORKER)) {
        artifact_peer_strike (self, msg, "role", "this needs the enrolled key of a worker");
        return false;
    }
    ret->attempt = attempt;
    int rc = store_reader_incident (self->reader, id.text, &ret->incident);
    if (rc == 0) {
        rc = store_reader_attempts (self->reader, id.text, ret->attempts, LIMIT_ATTEMPTS);
        ret->attempt_count = rc < 0 ? 0 : rc;
    }
    if (rc < 0 && rc != ERR_NONE) {
        artifact_busy (self, msg, "cannot read the store", rc);
        return false;
    }
    //  Without keys the sender has no identity here: the attempt must exist, that is all.
    const row_attempt_t *row = rc < 0 ? NULL : s_attempt_of (ret);
    if (!row || (self->zap && strcmp (row->identity, msg->identity) != 0)) {
        artifact_refuse (self, msg, "unknown", "this attempt was not issued to this worker");
        return false;
    }
    return true;
}

void
artifact_request_busy (artifact_t *self, const link_msg_t *msg, const artifact_request_t *request,
                       const char *what, int rc)
{
    artifact_busy (self, msg, what, rc);
    mail_t *mail = mail_new (MAIL_SPARE);
    if (mail) {
        mail->as.spare.fence =
            (step_fence_t){.incident = request->incident.id, .attempt = request->attempt};
        mail->as.spare.finished = msg->frame.type != MSG_GET;
        actor_post (self->actor, &mail);
    }
    artifact_room_look (self, true, clk_now (self->clk).boot_ms);
}

int
artifact_request_folder (artifact_t *self, const artifact_request_t *request, bool make)
{
    return artifact_dir_open (self->settings->workspace_root, request->incident.id.text, make);
}
