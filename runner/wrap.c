//  SPDX-License-Identifier: Apache-2.0
#include "runner/wrap.h"

#include "common/base/folder.h"
#include "common/base/own.h"
#include "runner/enter/enter.h"
#include "runner/sandbox/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

//  Connect to a unix socket.  Its path may be longer than an address: go by its folder.
static int
s_dial (const char *path)
{
    const char *slash = strrchr (path, '/');
    char folder [4096];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!slash
        || snprintf (folder, sizeof folder, "%.*s", (int) (slash - path + 1), path)
               >= (int) sizeof folder)
        return -EINVAL;
    own (own_fd) int folder_fd = folder_open_path (folder);
    if (folder_fd < 0)
        return folder_fd;
    if (snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder_fd,
                  slash + 1)
        >= (int) sizeof address.sun_path)
        return -ENAMETOOLONG;
    own (own_fd) int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect (fd, (const struct sockaddr *) &address, sizeof address) != 0)
        return -errno;
    const int taken = fd;
    fd = -1;
    return taken;
}

static int
s_descriptors (wrap_t *self, err_diag_t *diag)
{
    int ends [2];
    if (pipe2 (ends, O_CLOEXEC) != 0)
        return -errno;
    self->reading_fd = ends [0];
    self->report_fd = ends [1];
    if (fcntl (self->reading_fd, F_SETFL, O_NONBLOCK) != 0)
        return -errno;
    if (!self->runtime->network || !self->box->gateway)
        return 0;
    self->gateway_fd = s_dial (self->box->gateway);
    if (self->gateway_fd >= 0)
        return 0;
    err_diag (diag, "the gateway %s: %s", self->box->gateway, err_str (self->gateway_fd));
    return self->gateway_fd;
}

static int
s_workspace (wrap_t *self, err_diag_t *diag)
{
    const sandbox_spec_t *box = self->box;
    const int rc = box->has_user ? workspace_give (box->workspace, box->uid, box->gid)
                                 : workspace_give (box->workspace, geteuid (), getegid ());
    self->given = box->has_user;
    if (rc < 0)
        err_diag (diag, "the workspace cannot be given to the agent: %s", err_str (rc));
    return rc;
}

//  The agent's user connects to the gateway itself.  On the host its folder stays closed.
static int
s_open_gateway (const wrap_t *self, err_diag_t *diag)
{
    const char *path = self->box->gateway;
    if (!self->runtime->network || !path || chmod (path, 0666) == 0)
        return 0;
    const int rc = -errno;
    err_diag (diag, "the gateway %s: %s", path, err_str (rc));
    return rc;
}

static int
s_box (wrap_t *self, err_diag_t *diag)
{
    self->runtime = runtime_find (self->box->runtime);
    if (!self->runtime) {
        err_diag (diag, "there is no runtime %s", self->box->runtime);
        return ERR_NONE;
    }
    self->shielded = self->runtime->shielded;
    int rc = s_workspace (self, diag);
    if (rc == 0 && self->runtime->inherits)
        rc = s_descriptors (self, diag);
    else if (rc == 0)
        rc = s_open_gateway (self, diag);
    return rc ? rc : self->runtime->command (self->box, &self->words, diag);
}

int
wrap_open (wrap_t *self, const sandbox_spec_t *box, char *const *script, err_diag_t *diag)
{
    *self = (wrap_t){.box = box, .gateway_fd = -1, .report_fd = -1, .reading_fd = -1};
    const int rc = box ? s_box (self, diag) : 0;
    for (; *script && rc == 0; script++)
        words_add (&self->words, "%s", *script);
    return rc ? rc : self->words.failed;
}

void
wrap_started (wrap_t *self)
{
    own_fd (&self->gateway_fd);
    own_fd (&self->report_fd);
}

bool
wrap_stood (wrap_t *self, int exit_code, err_diag_t *diag)
{
    if (self->reading_fd < 0)
        return true;
    char text [256];
    const ssize_t got = read (self->reading_fd, text, sizeof text - 1);
    text [got > 0 ? got : 0] = 0;
    if (text [0] == ENTER_GOOD)
        return true;
    if (text [0])
        err_diag (diag, "%s: %s", self->runtime->name, text);
    else
        err_diag (diag, "%s ended with exit code %d before the script; agent.stderr.log says why",
                  self->runtime->name, exit_code);
    return false;
}

bool
wrap_end (const wrap_t *self, int *ret_left)
{
    bool oom = false;
    err_diag_t diag = {""};
    const runtime_t *runtime = self->runtime;
    *ret_left = 0;
    if (runtime && runtime->end && runtime->end (self->box, &oom, &diag) < 0) {
        fprintf (stderr, "triage-run: container %s cannot be removed: %s\n", self->box->name,
                 diag.text);
        *ret_left = 1;
    }
    return oom;
}

void
wrap_close (wrap_t *self)
{
    wrap_started (self);
    own_fd (&self->reading_fd);
    words_fini (&self->words);
    if (self->given)
        workspace_take (self->box->workspace, self->box->uid);
    self->given = false;
}
