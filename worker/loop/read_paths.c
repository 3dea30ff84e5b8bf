//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/read_paths.h"

#include "common/base/path.h"
#include "worker/loop/run_env.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    READ_PATHS_LINKS = 16,  //  most links from a name in PATH to the program
    READ_PATHS_USER = 4096, //  bytes of the texts of a user
};

static bool
s_has (const read_paths_t *self, const char *path)
{
    const char *at = self->texts.data;
    for (size_t i = 0; i < self->count; i++, at += strlen (at) + 1)
        if (strcmp (at, path) == 0)
            return true;
    return false;
}

//  Is the folder the home of the worker's user, or above it?  Keys and kubeconfigs lie there.
static bool
s_holds_home (const char *folder)
{
    char home [PATH_MAX], real [PATH_MAX], texts [READ_PATHS_USER];
    const char *name = getenv ("HOME");
    struct passwd entry, *user = NULL;
    if (!name || !*name)
        (void) getpwuid_r (geteuid (), &entry, texts, sizeof texts, &user);
    if (!realpath (user ? user->pw_dir : name ? name : "", home) || !realpath (folder, real))
        return false;
    const size_t size = strlen (real);
    return strncmp (home, real, size) == 0 && (home [size] == '/' || !home [size]);
}

//  Add a path that exists.  The system's own folder /usr is in every box that is no image.
static void
s_add (read_paths_t *self, const char *path)
{
    char absolute [PATH_MAX];
    struct stat status;
    if (!*path || stat (path, &status) != 0)
        return;
    if (*path != '/')
        path = path_absolute (path, absolute);
    const bool there = !self->image && strncmp (path, "/usr/", 5) == 0;
    if (strcmp (path, "/") == 0 || there || s_has (self, path))
        return;
    (void) buf_append (&self->texts, path, strlen (path) + 1);
    self->count++;
}

static void
s_add_folder (read_paths_t *self, const char *path)
{
    char absolute [PATH_MAX], folder [PATH_MAX];
    path = path_absolute (path, absolute);
    const char *slash = strrchr (path, '/');
    snprintf (folder, sizeof folder, "%.*s", slash ? (int) (slash - path) : 0, path);
    s_add (self, folder);
}

static void
s_add_list (read_paths_t *self, const char *list)
{
    char path [PATH_MAX];
    while (list && settings_next_path (&list, path))
        s_add (self, path);
}

//  Add the folders of PATH.
static void
s_add_path (read_paths_t *self)
{
    char path [PATH_MAX];
    for (const char *list = getenv ("PATH"); list && settings_next_path (&list, path);)
        if (!s_holds_home (path))
            s_add (self, path);
}

//  Add the folder of a program, or in a home folder the program alone.  `program` loses its name.
static void
s_add_beside (read_paths_t *self, char *program)
{
    char *slash = strrchr (program, '/');
    *slash = 0;
    const bool home = s_holds_home (program);
    if (home)
        *slash = '/';
    s_add (self, program);
    *slash = 0;
}

//  Add the folder of a program, and that of each link on the way to it.  A program of npm needs
//  the whole outermost node_modules.
static void
s_add_program (read_paths_t *self, const char *path)
{
    char at [PATH_MAX], real [PATH_MAX], target [PATH_MAX];
    snprintf (at, sizeof at, "%s", path);
    for (int links = 0; *at == '/' && links < READ_PATHS_LINKS; links++) {
        const ssize_t size = readlink (at, target, sizeof target - 1);
        s_add_beside (self, at);
        if (size <= 0)
            break;
        target [size] = 0;
        char next [PATH_MAX];
        const int rc = *target == '/' ? snprintf (next, sizeof next, "%s", target)
                                      : snprintf (next, sizeof next, "%s/%s", at, target);
        if (rc < 0 || (size_t) rc >= sizeof next)
            break;
        memcpy (at, next, (size_t) rc + 1);
    }
    if (!*path || !realpath (path, real))
        return;
    static const char modules [] = "/node_modules/";
    char *found = strstr (real, modules);
    if (!found) {
        s_add_beside (self, real);
        return;
    }
    found [sizeof modules - 2] = 0;
    s_add (self, real);
}

int
read_paths_find (const settings_t *settings, const driver_t *driver, const char *script,
                 const char *program_dir, bool image, read_paths_t *ret_paths)
{
    static const char *const certificates [] = {"SSL_CERT_FILE",        "SSL_CERT_DIR",
                                                "NODE_EXTRA_CA_CERTS",  "CURL_CA_BUNDLE",
                                                "CODEX_CA_CERTIFICATE", "REQUESTS_CA_BUNDLE"};
    read_paths_t self = {.texts = buf_init (READ_PATHS_BYTES), .image = image};
    if (!image) {
        s_add (&self, program_dir);
        s_add_program (&self, driver->path);
        s_add_path (&self);
    }
    if (driver->ours)
        s_add_folder (&self, script);
    else
        s_add (&self, script);
    for (size_t i = 0; i < sizeof certificates / sizeof certificates [0]; i++)
        s_add_list (&self, getenv (certificates [i]));
    s_add_list (&self, run_env_named (settings, "TRIAGE_PLAYBOOK"));
    s_add (&self, settings->agent_mcp_config); //  keys of the worker may lie beside it
    s_add (&self, settings->agent_skills_dir);
    s_add (&self, settings->agent_drivers_dir);
    s_add_list (&self, settings->agent_read_paths);
    *ret_paths = self;
    return self.texts.failed ? self.texts.failed : self.count > SANDBOX_PATHS ? ERR_LIMIT : 0;
}

void
read_paths_fini (read_paths_t *self)
{
    buf_fini (&self->texts);
    self->count = 0;
}

void
read_paths_give (const read_paths_t *self, sandbox_spec_t *sandbox)
{
    const char *at = self->texts.data;
    for (size_t i = 0; i < self->count && sandbox->read_only_count < SANDBOX_PATHS; i++) {
        sandbox->read_only [sandbox->read_only_count++] = at;
        at += strlen (at) + 1;
    }
}

//  A path of the option `i` of read_paths_look.
static int
s_look (size_t i, const char *path)
{
    struct stat status;
    if (stat (path, &status) != 0 || access (path, R_OK) != 0)
        return -errno;
    if (i == 0 && S_ISDIR (status.st_mode))
        return -EISDIR;
    return (i == 1 || i == 2) && !S_ISDIR (status.st_mode) ? -ENOTDIR : 0;
}

int
read_paths_look (const settings_t *settings, size_t i, read_paths_option_t *ret_option,
                 err_diag_t *diag)
{
    const read_paths_option_t options [READ_PATHS_OPTIONS] = {
        {"agent_mcp_config", &settings->agent_mcp_config},
        {"agent_skills_dir", &settings->agent_skills_dir},
        {"agent_drivers_dir", &settings->agent_drivers_dir},
        {"agent_read_paths", &settings->agent_read_paths}};
    *ret_option = options [i];
    const char *rest = *ret_option->at;
    char path [PATH_MAX];
    int rc = 0;
    if (i < 3) { //  one path, which may have a colon
        rc = *rest ? s_look (i, rest) : 0;
        if (rc < 0)
            err_diag (diag, "%s: %s", rest, err_str (rc));
        return rc;
    }
    while (rc == 0 && settings_next_path (&rest, path))
        rc = s_look (i, path);
    if (rc < 0)
        err_diag (diag, "%s: %s", path, err_str (rc));
    return rc;
}
