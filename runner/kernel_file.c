//  SPDX-License-Identifier: Apache-2.0
#include "runner/kernel_file.h"

#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

int
kernel_file_read (int dir_fd, const char *path, buf_t *text)
{
    own (own_fd) int fd = openat (dir_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    char bytes [4096];
    while (true) {
        const ssize_t got = read (fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : 0;
        const int rc = buf_append (text, bytes, (size_t) got);
        if (rc < 0)
            return rc;
    }
}

int
kernel_file_write (int dir_fd, const char *path, const char *text)
{
    own (own_fd) int fd = openat (dir_fd, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    const ssize_t size = (ssize_t) strlen (text);
    const ssize_t done = write (fd, text, (size_t) size);
    return done == size ? 0 : done < 0 ? -errno : -EIO;
}

int64_t
kernel_file_number (const char *text, const char *word)
{
    const size_t size = strlen (word);
    for (const char *line = text; *line; line += strcspn (line, "\n"), line += *line != 0)
        if (strncmp (line, word, size) == 0 && (line [size] == ' ' || line [size] == '\t'))
            return strtoll (line + size, NULL, 10);
    return -1;
}
