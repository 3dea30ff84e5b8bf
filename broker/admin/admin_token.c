//  SPDX-License-Identifier: Apache-2.0
#include "broker/admin/admin_token.h"

#include "common/base/durable.h"
#include "common/base/own.h"
#include "common/base/reach.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    S_LEAST = 16,
    S_MOST = 256,
    S_BYTES = 32,
    S_FILE = 1024,
    S_LOCK_MS = 2000, //  far longer than a write takes
    S_LOCK_LOOK_MS = 20
};

static const char s_blanks [] = " \t\r\n";

//  Open the file if only its owner can read it.  Err: ERR_CONFIG; -errno, -ENOENT: it is missing.
static int
s_open (const char *path, err_diag_t *diag)
{
    own (own_fd) int fd = open (path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    int rc = fd < 0 || fstat (fd, &status) != 0 ? -errno : 0;
    if (rc < 0) {
        err_diag (diag, "admin_token_file %s: %s", path, err_str (rc));
        return rc;
    }
    if (!S_ISREG (status.st_mode) || (status.st_mode & (S_IRWXG | S_IRWXO))) {
        err_diag (diag,
                  "admin_token_file %s: must be a file that only its owner can read (chmod 600)",
                  path);
        return ERR_CONFIG;
    }
    if (status.st_uid != geteuid () && status.st_uid != 0) { //  its owner knows the token
        err_diag (diag, "admin_token_file %s: must belong to the user of the broker or to root",
                  path);
        return ERR_CONFIG;
    }
    const int kept = fd;
    fd = -1;
    return kept;
}

//  Read the token without the blanks around it.  A file that holds anything else is refused: a cut
//  or mixed one does not show which part is the token.
static int
s_read (const char *path, char ret_token [S_MOST + 1], err_diag_t *diag)
{
    own (own_fd) int fd = s_open (path, diag);
    if (fd < 0)
        return fd;
    char text [S_FILE + 1];
    const ssize_t got = read (fd, text, S_FILE);
    if (got < 0) {
        err_diag (diag, "admin_token_file %s: %s", path, err_str (-errno));
        return -errno;
    }
    text [got] = 0;
    const char *from = text + strspn (text, s_blanks);
    const size_t size = strcspn (from, s_blanks);
    const char *end = from + size + strspn (from + size, s_blanks);
    const bool good = size >= S_LEAST && size <= S_MOST && end == text + got && got < S_FILE;
    if (good) {
        memcpy (ret_token, from, size);
        ret_token [size] = 0;
    }
    else {
        err_diag (
            diag,
            "admin_token_file %s: a token of %d to %d characters is expected, and nothing else",
            path, S_LEAST, S_MOST);
    }
    explicit_bzero (text, sizeof text);
    return good ? 0 : ERR_CONFIG;
}

//  Lock the file.  The wait is short: signals do not end a start, and the holder may be stopped.
//  Err: -EWOULDBLOCK: another program holds the lock.
static int
s_lock (int fd)
{
    for (int waited_ms = 0; flock (fd, LOCK_EX | LOCK_NB) != 0; waited_ms += S_LOCK_LOOK_MS) {
        if (errno != EWOULDBLOCK || waited_ms >= S_LOCK_MS)
            return -errno;
        poll (NULL, 0, S_LOCK_LOOK_MS);
    }
    return 0;
}

//  Make and fill the file under its lock.  Does nothing when another broker that shares it has
//  filled it meanwhile.
static int
s_make (const char *path, err_diag_t *diag)
{
    uint8_t bytes [S_BYTES];
    char text [2 * S_BYTES + 2];
    const int flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    own (own_fd) int fd = open (path, flags, 0600);
    struct stat status = {.st_size = 0};
    int rc = fd < 0 ? -errno : s_lock (fd);
    if (rc == 0 && fstat (fd, &status) != 0)
        rc = -errno;
    const bool fill = rc == 0 && S_ISREG (status.st_mode) && status.st_size == 0
                      && !(status.st_mode & (S_IRWXG | S_IRWXO)) && status.st_uid == geteuid ();
    if (fill && getrandom (bytes, sizeof bytes, 0) != sizeof bytes)
        rc = -errno;
    if (rc == 0 && fill) {
        for (size_t i = 0; i < sizeof bytes; i++)
            snprintf (text + 2 * i, 3, "%02x", bytes [i]);
        memcpy (text + 2 * sizeof bytes, "\n", 2);
        rc = durable_fill (fd, text, strlen (text));
        if (rc < 0 && ftruncate (fd, 0) != 0) //  half a token could pass for one
            (void) unlink (path);
        explicit_bzero (text, sizeof text);
        explicit_bzero (bytes, sizeof bytes);
    }
    if (rc < 0)
        err_diag (diag, "admin_token_file %s: cannot be made: %s", path,
                  rc == -EWOULDBLOCK ? "another program holds its lock" : err_str (rc));
    return rc;
}

//  The path of the file.  It is absolute, because answers show it to operators.
static int
s_path (const settings_t *settings, char ret_path [PATH_MAX])
{
    const char *given = settings->admin_token_file;
    const char *slash = strrchr (settings->state_path, '/');
    const int folder = slash ? (int) (slash - settings->state_path) + 1 : 0;
    char path [PATH_MAX], cwd [PATH_MAX] = "";
    int size = given && *given
                   ? snprintf (path, sizeof path, "%s", given)
                   : snprintf (path, sizeof path, "%.*sadmin.token", folder, settings->state_path);
    if (size < 0 || size >= PATH_MAX || (path [0] != '/' && !getcwd (cwd, sizeof cwd)))
        return -ENAMETOOLONG;
    const char *plain = strncmp (path, "./", 2) == 0 ? path + 2 : path;
    size = path [0] == '/' ? snprintf (ret_path, PATH_MAX, "%s", path)
                           : snprintf (ret_path, PATH_MAX, "%s/%s", cwd, plain);
    return size < 0 || size >= PATH_MAX ? -ENAMETOOLONG : 0;
}

//  Is the file missing or empty?  A power failure can leave it empty; its token was never used.
static bool
s_missing (const char *path)
{
    struct stat status;
    if (lstat (path, &status) != 0)
        return errno == ENOENT;
    return S_ISREG (status.st_mode) && status.st_size == 0;
}

int
admin_token_open (admin_token_t *self, const settings_t *settings, err_diag_t *diag)
{
    char token [S_MOST + 1];
    int rc = s_path (settings, self->path);
    if (rc < 0) {
        err_diag (diag, "admin_token_file: %s", err_str (rc));
        return rc;
    }
    if (s_missing (self->path))
        rc = s_make (self->path, diag);
    if (rc == 0)
        rc = s_read (self->path, token, diag);
    explicit_bzero (token, sizeof token);
    return rc;
}

int
admin_token_look (const settings_t *settings, err_diag_t *diag)
{
    char path [PATH_MAX], token [S_MOST + 1];
    int rc = s_path (settings, path);
    if (rc < 0) {
        err_diag (diag, "admin_token_file: %s", err_str (rc));
        return rc;
    }
    rc = s_missing (path) ? -ENOENT : s_read (path, token, diag);
    explicit_bzero (token, sizeof token);
    //  The start makes the folder of the store.
    return rc == -ENOENT ? reach_writable (path, !*settings->admin_token_file, diag) : rc;
}

int
admin_token_check (const admin_token_t *self, const char *authorization, bool *ret_good,
                   err_diag_t *diag)
{
    static const char scheme [] = "Bearer ";
    char token [S_MOST + 1] = {0}, given [S_MOST + 1] = {0}; //  both padded with zeros
    *ret_good = false;
    const int rc = s_read (self->path, token, diag);
    if (rc < 0)
        return rc;
    unsigned differ = strncasecmp (authorization, scheme, sizeof scheme - 1) != 0;
    if (!differ)
        memcpy (given, authorization + sizeof scheme - 1,
                strnlen (authorization + sizeof scheme - 1, sizeof given));
    for (size_t i = 0; i < sizeof token; i++)
        differ |= (unsigned char) (token [i] ^ given [i]);
    *ret_good = !differ;
    explicit_bzero (token, sizeof token);
    return 0;
}
