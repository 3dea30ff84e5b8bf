//  ready - writes a temporary beside the file and renames it when complete.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/ready.h"

#include "common/base/buf.h"
#include "common/base/durable.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int
ready_write (const char *path, const char *lines)
{
    if (!*path)
        return 0;
    own (buf_fini) buf_t part = buf_init (LIMIT_CONFIG_BYTES);
    int rc = buf_printf (&part, "%s.part", path);
    if (rc < 0)
        return rc;
    own (own_fd) int fd =
        open (part.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return -errno;
    rc = durable_fill (fd, lines, strlen (lines));
    if (rc == 0)
        rc = durable_rename (AT_FDCWD, part.data, AT_FDCWD, path, "ready");
    if (rc < 0)
        (void) unlink (part.data);
    return rc;
}
