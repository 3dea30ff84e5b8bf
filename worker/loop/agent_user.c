//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/agent_user.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

enum { AGENT_USER_NOBODY = 65534, AGENT_USER_BYTES = 4096 };

int
agent_user_give (const char *name, sandbox_spec_t *sandbox, err_diag_t *diag)
{
    if (geteuid () != 0)
        return 0;
    unsigned uid = AGENT_USER_NOBODY, gid = AGENT_USER_NOBODY;
    int used = 0;
    char texts [AGENT_USER_BYTES];
    struct passwd entry, *found = NULL;
    (void) getpwnam_r (*name ? name : "nobody", &entry, texts, sizeof texts, &found);
    if (found) {
        uid = found->pw_uid;
        gid = found->pw_gid;
    }
    else if (*name && (sscanf (name, "%9u:%9u%n", &uid, &gid, &used) != 2 || name [used])) {
        err_diag (diag, "agent_user %s: neither a user of this host nor UID:GID", name);
        return ERR_CONFIG;
    }
    sandbox->has_user = true;
    sandbox->uid = uid;
    sandbox->gid = gid;
    return 0;
}
