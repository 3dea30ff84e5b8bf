//  artifact_room - watches the disk of the artifacts: its room, its errors and its speed.
//
//  Each second it reads the free bytes and inodes.  If there are too few, or a trial file cannot be
//  written, files are refused.  They are accepted again with twice the room and a good trial.
//  The disk is slow when one message takes LIMIT_ARTIFACT_SLOW_MS.  So it is when messages of a
//  second and more take that long together while others wait.  Other threads see this while the
//  message is still being handled.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/files/artifact_part.h"

#include "common/base/durable.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char s_trial [] = ".trial";
static const char s_bytes [4096]; //  a block, the least that a disk gives

//  Make, sync and remove a trial file.  Err: -errno.
static int
s_try (const artifact_t *self)
{
    own (own_fd) int dir =
        open (self->settings->workspace_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -errno;
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
    own (own_fd) int file = openat (dir, s_trial, flags, 0600);
    if (file < 0)
        return -errno;
    int rc = durable_fill (file, s_bytes, sizeof s_bytes);
    if (rc == 0)
        rc = durable_sync (file, "trial");
    (void) unlinkat (dir, s_trial, 0);
    return rc;
}

static artifact_trouble_t
s_measure (artifact_t *self, bool refusing)
{
    const int64_t factor = refusing ? 2 : 1;
    struct statvfs fs;
    if (statvfs (self->settings->workspace_root, &fs) != 0)
        return ARTIFACT_BROKEN;
    const int64_t bytes = (int64_t) fs.f_bavail * (int64_t) fs.f_frsize;
    const int64_t files =
        fs.f_files > 0 ? (int64_t) fs.f_favail : -1; //  some file systems count none
    atomic_store (&self->counts [COUNT_FREE_BYTES], bytes);
    atomic_store (&self->counts [COUNT_FREE_FILES], files);
    if (bytes < factor * LIMIT_ARTIFACT_ROOM_BYTES)
        return ARTIFACT_NO_BYTES;
    if (files >= 0 && files < factor * LIMIT_ARTIFACT_ROOM_FILES)
        return ARTIFACT_NO_FILES;
    return ARTIFACT_FINE;
}

void
artifact_room_look (artifact_t *self, bool doubt, int64_t now_ms)
{
    const bool refusing = atomic_load (&self->trouble) != ARTIFACT_FINE;
    if (now_ms < self->look_ms)
        return;
    self->look_ms = now_ms + LIMIT_ARTIFACT_LOOK_MS;
    artifact_trouble_t trouble = s_measure (self, refusing);
    if (trouble == ARTIFACT_FINE && (refusing || doubt) && s_try (self) < 0)
        trouble = ARTIFACT_BROKEN;
    atomic_store (&self->trouble, trouble);
}

void
artifact_room_begin (artifact_t *self)
{
    atomic_store (&self->busy_ms, clk_now (self->clk).boot_ms);
}

void
artifact_room_end (artifact_t *self)
{
    const int64_t now_ms = clk_now (self->clk).boot_ms;
    const int64_t took_ms = now_ms - atomic_load (&self->busy_ms);
    if (took_ms >= LIMIT_ARTIFACT_LOOK_MS)
        atomic_fetch_add (&self->heavy_ms, took_ms);
    if (took_ms >= LIMIT_ARTIFACT_LOOK_MS
        && atomic_load (&self->heavy_ms) >= LIMIT_ARTIFACT_SLOW_MS)
        atomic_store (&self->slow_until_ms, now_ms + LIMIT_ARTIFACT_SLOW_MS);
    atomic_store (&self->busy_ms, 0);
}

void
artifact_room_idle (artifact_t *self)
{
    atomic_store (&self->heavy_ms, 0);
}

artifact_trouble_t
artifact_trouble (artifact_t *self, int64_t boot_ms)
{
    const int64_t busy_ms = atomic_load (&self->busy_ms);
    if (atomic_load (&self->trouble) != ARTIFACT_FINE)
        return (artifact_trouble_t) atomic_load (&self->trouble);
    const int64_t heavy_ms = atomic_load (&self->heavy_ms);
    const bool sits = busy_ms > 0 && boot_ms - busy_ms + heavy_ms >= LIMIT_ARTIFACT_SLOW_MS
                      && boot_ms - busy_ms >= LIMIT_ARTIFACT_LOOK_MS;
    return sits || boot_ms < atomic_load (&self->slow_until_ms) ? ARTIFACT_SLOW : ARTIFACT_FINE;
}

const char *
artifact_trouble_text (artifact_trouble_t trouble)
{
    static const char *const texts [] = {
        [ARTIFACT_FINE] = "",
        [ARTIFACT_NO_BYTES] = "the disk of the artifacts has no room",
        [ARTIFACT_NO_FILES] = "the disk of the artifacts has no inodes",
        [ARTIFACT_BROKEN] = "the disk of the artifacts cannot be written",
        [ARTIFACT_SLOW] = "the disk of the artifacts is slow",
    };
    return texts [trouble];
}
