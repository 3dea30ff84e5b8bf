"""Small disks of a broker's own: full ones and broken ones, real where this machine can mount.

A mount lives in a namespace of its own, held by a process of the system: when that ends, it
is gone.  Who is not root has it in a user namespace.
SPDX-License-Identifier: Apache-2.0
"""
import errno
import os
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from lib.system import Process, wait_until

MIB = 1024 * 1024
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Mounted(Process):
    """A folder with another file system in it, for whoever is started with `prefix`."""

    def __init__(self, system, name, commands):
        self.folder = system.root / name
        self.folder.mkdir(exist_ok=True)
        script = " && ".join(["mount --make-rprivate /", *commands, "echo ready",
                              "exec sleep infinity"])
        user = os.geteuid() != 0
        super().__init__(system, name,
                         ["unshare", *(["--user", "--map-root-user"] if user else []), "--mount",
                                        "sh", "-c", script])
        wait_until(lambda: "ready" in self.out() or not self.alive(), 30, f"{name} mounted")
        self.prefix = ["nsenter", "--target", self.pid,
                       *(["--user", "--preserve-credentials"] if user else []), "--mount", "--"]

    @property
    def seen(self):
        """The folder as it looks from outside."""
        return Path(f"/proc/{self.pid}/root{self.folder}")

    def run(self, *commands):
        subprocess.run([*map(str, self.prefix), "sh", "-ec", "\n".join(commands)], check=True,
                       capture_output=True)


def mounted_or_skipped(system, name, commands):
    """That mount; the test is skipped where none can be had.
    tests/may-skip.txt says which may be."""
    mount = Mounted(system, name, commands)
    if not mount.alive():
        system.processes.remove(mount)
        pytest.skip("no mount namespace can be had here")
    return mount


def fill(folder, leave=0):
    """Take all room of a disk but so many bytes; the file that holds it."""
    ballast = folder / "ballast"
    with open(ballast, "ab", buffering=0) as file:
        for size in (MIB, 4096, 1):
            try:
                while True:
                    file.write(b"b" * size)
            except OSError as error:
                assert error.errno in NO_ROOM, error
        file.truncate(max(0, file.tell() - leave))
    return ballast


class FullTmpfs:
    """A tmpfs that is filled and emptied."""
    reserve_helps = True

    def __init__(self, system, mib=128):
        self.mount = Mounted(system, "disk",
                             [f"mount -t tmpfs -o size={mib}m none {system.root / 'disk'}"])
        self.prefix, self.folder, self.broker = self.mount.prefix, self.mount.folder, None

    def usable(self):
        return self.mount.alive()

    def fill(self):
        self.ballast = fill(self.mount.seen)

    def empty(self):
        self.ballast.unlink()


class FullByLimit:
    """A limit on the size of files, set on the running broker:
    every file that would grow over it fails."""
    reserve_helps = False

    def __init__(self, system):
        self.system, self.prefix, self.folder = system, (), system.root / "disk"
        self.folder.mkdir()

    def _limit(self, size):
        resource.prlimit(self.system.broker.pid, resource.RLIMIT_FSIZE,
                         (size, resource.RLIM_INFINITY))

    def fill(self):
        self._limit((self.folder / "state/broker.db-wal").stat().st_size)

    def empty(self):
        self._limit(resource.RLIM_INFINITY)


def full_disk(system):
    """A disk that can be full: a real one, else a limit."""
    disk = FullTmpfs(system)
    if disk.usable():
        return disk
    system.processes.remove(disk.mount)
    os.rmdir(disk.folder)
    return FullByLimit(system)


class BrokenLoop:
    """ext4 on a loop device whose file cannot grow: data is taken, and fsync fails."""

    def __init__(self, system):
        back, self.folder = system.root / "back", system.root / "disk"
        back.mkdir()
        image = back / "image"
        self.mount = Mounted(system, "disk", [
            f"mount -t tmpfs -o size=24m none {back}", f"truncate -s 200M {image}",
            f"mkfs.ext4 -q -O ^has_journal -E lazy_itable_init=1,nodiscard -F {image}",
            f"mount -o loop {image} {self.folder}"])
        self.prefix, self.env, self.image = self.mount.prefix, {}, image
        self.back = Path(f"/proc/{self.mount.pid}/root{back}")

    def usable(self):
        return self.mount.alive()

    def break_(self):
        self.ballast = fill(self.back)

    def mend(self):
        """Room again; what the kernel still had in memory and never wrote is forgotten."""
        self.ballast.unlink()
        self.mount.run(f"umount {self.folder}", f"e2fsck -fp {self.image} || [ $? -le 2 ]",
                       f"mount -o loop {self.image} {self.folder}")


class StallShim:
    """A library that holds up fsync and fdatasync of whoever is started with `env`, for as long as
    a file says so; with SLOW_FOLDER, who opens a folder of clients' keys."""
    SOURCE = r"""
        #define _GNU_SOURCE
        #include <dirent.h>
        #include <string.h>
        #include <dlfcn.h>
        #include <stdlib.h>
        #include <time.h>
        #include <unistd.h>
        static const struct timespec pause_time = {.tv_nsec = 10000000};
        static void s_wait (void) {
            const char *path = getenv ("SLOW_DISK");
            while (path && access (path, F_OK) == 0) nanosleep (&pause_time, NULL); }
        int fsync (int fd) { s_wait (); return ((int (*) (int)) dlsym (RTLD_NEXT, "fsync")) (fd); }
        int fdatasync (int fd) {
            s_wait ();
            return ((int (*) (int)) dlsym (RTLD_NEXT, "fdatasync")) (fd); }
        DIR *opendir (const char *name) {
            const char *path = getenv ("SLOW_FOLDER");
            while (path && strstr (name, "/clients") && access (path, F_OK) == 0)
                nanosleep (&pause_time, NULL);
            return ((DIR *(*) (const char *)) dlsym (RTLD_NEXT, "opendir")) (name); }
    """

    def __init__(self, root):
        self.flag, library = root / "slow", root / "slow.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=self.SOURCE,
                       text=True, check=True)
        sanitizer = os.environ.get("ASAN_OPTIONS", "")
        self.env = {"LD_PRELOAD": str(library), "SLOW_DISK": str(self.flag),
                    "ASAN_OPTIONS": f"{sanitizer}:verify_asan_link_order=0"}

    def stall(self):
        self.flag.touch()

    def go_on(self):
        self.flag.unlink()


class BrokenShim:
    """The same by a library that fails fsync and fdatasync while a file says so;
    where no loop device can be had."""
    SOURCE = r"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <stdlib.h>
        #include <unistd.h>
        static int s_broken (void) {
            const char *path = getenv ("BROKEN_DISK");
            return path && access (path, F_OK) == 0; }
        int fsync (int fd) { if (s_broken ()) { errno = EIO; return -1; }
            return ((int (*) (int)) dlsym (RTLD_NEXT, "fsync")) (fd); }
        int fdatasync (int fd) { if (s_broken ()) { errno = EIO; return -1; }
            return ((int (*) (int)) dlsym (RTLD_NEXT, "fdatasync")) (fd); }
    """

    def __init__(self, system):
        self.folder, self.flag, library = system.root / "disk", system.root / "broken", \
            system.root / "broken.so"
        self.folder.mkdir(exist_ok=True)
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=self.SOURCE,
                       text=True, check=True)
        sanitizer = os.environ.get("ASAN_OPTIONS", "")
        self.prefix, self.env = (), {"LD_PRELOAD": str(library), "BROKEN_DISK": str(self.flag),
                                     "ASAN_OPTIONS": f"{sanitizer}:verify_asan_link_order=0"}

    def break_(self):
        self.flag.touch()

    def mend(self):
        self.flag.unlink()


def broken_disk(system):
    """A disk whose fsync can be made to fail: a real one, else a library."""
    disk = BrokenLoop(system)
    if disk.usable():
        return disk
    system.processes.remove(disk.mount)
    return BrokenShim(system)


class SlowSyncs:
    """A disk whose syncs take their time while a file says so: by a library."""
    SOURCE = r"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <stdlib.h>
        #include <time.h>
        #include <unistd.h>
        static void s_wait (void) {
            const char *path = getenv ("SLOW_DISK"), *ms = getenv ("SLOW_DISK_MS");
            if (!path || access (path, F_OK) != 0) return;
            struct timespec wait = {atoi (ms) / 1000, atoi (ms) % 1000 * 1000000L};
            nanosleep (&wait, NULL); }
        int fsync (int fd) { s_wait (); return ((int (*) (int)) dlsym (RTLD_NEXT, "fsync")) (fd); }
        int fdatasync (int fd) {
            s_wait ();
            return ((int (*) (int)) dlsym (RTLD_NEXT, "fdatasync")) (fd); }
    """

    def __init__(self, system, sync_ms):
        self.flag, library = system.root / "slow", system.root / "slow.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=self.SOURCE,
                       text=True, check=True)
        sanitizer = os.environ.get("ASAN_OPTIONS", "")
        self.env = {"LD_PRELOAD": str(library), "SLOW_DISK": str(self.flag),
                    "SLOW_DISK_MS": str(sync_ms),
                    "ASAN_OPTIONS": f"{sanitizer}:verify_asan_link_order=0"}

    def slow(self):
        self.flag.touch()

    def fast(self):
        self.flag.unlink()


class FullOfBytes(FullTmpfs):
    """A tmpfs for artifacts alone, that is filled with one file."""

    def __init__(self, system, options="size=64m"):
        self.mount = Mounted(system, "disk",
                             [f"mount -t tmpfs -o {options} none {system.root / 'disk'}"])
        self.prefix, self.folder, self.env = self.mount.prefix, self.mount.folder, {}

    @property
    def seen(self):
        return self.mount.seen


class FullOfFiles(FullOfBytes):
    """The same, that is filled with empty files: bytes are left, inodes are not."""

    def __init__(self, system):
        super().__init__(system, "size=64m,nr_inodes=6000")

    def fill(self):
        self.ballast = self.mount.seen / "files"
        try:
            self.ballast.mkdir()
            for number in range(1_000_000):
                (self.ballast / str(number)).touch()
        except OSError as error:
            assert error.errno in NO_ROOM, error

    def empty(self):
        shutil.rmtree(self.ballast)


class Shim:
    """A library between a program and one folder of its: slow syncs, or no room, for as
    long as a file is there."""
    SOURCE = r"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <poll.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/statvfs.h>
        #include <unistd.h>
        #define REAL(name, type) ((type) dlsym (RTLD_NEXT, name))
        static int s_on (const char *what) {
            const char *flag = getenv ("SHIM_FLAG"), *how = getenv ("SHIM_HOW");
            return flag && how && strcmp (how, what) == 0 && access (flag, F_OK) == 0; }
        static int s_ours (int fd) {
            char link [64], path [4096]; const char *folder = getenv ("SHIM_FOLDER");
            snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
            ssize_t size = readlink (link, path, sizeof path - 1);
            if (size < 0 || !folder) return 0;
            path [size] = 0; return strncmp (path, folder, strlen (folder)) == 0; }
        int fsync (int fd) {
            for (int i = 0; i < atoi (getenv ("SHIM_TURNS")) && s_on ("slow") && s_ours (fd); i++)
                poll (NULL, 0, 50);
            return REAL ("fsync", int (*) (int)) (fd); }
        ssize_t write (int fd, const void *bytes, size_t size) {
            if (s_on ("full") && s_ours (fd)) { errno = ENOSPC; return -1; }
            return REAL ("write", ssize_t (*) (int, const void *, size_t)) (fd, bytes, size); }
        ssize_t pwrite (int fd, const void *bytes, size_t size, off_t at) {
            if (s_on ("full") && s_ours (fd)) { errno = ENOSPC; return -1; }
            return REAL ("pwrite", ssize_t (*) (int, const void *, size_t, off_t))
                (fd, bytes, size, at); }
        int statvfs (const char *path, struct statvfs *fs) {
            int rc = REAL ("statvfs", int (*) (const char *, struct statvfs *)) (path, fs);
            const char *folder = getenv ("SHIM_FOLDER");
            if (rc == 0 && s_on ("full") && folder && strncmp (path, folder, strlen (folder)) == 0)
                fs->f_bavail = 0;
            return rc; }
    """

    def __init__(self, system, how, sync_ms=5000):
        self.folder, self.flag, library = system.root / "disk", system.root / "shim-on", \
            system.root / "shim.so"
        self.folder.mkdir(exist_ok=True)
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=self.SOURCE,
                       text=True, check=True)
        sanitizer = os.environ.get("ASAN_OPTIONS", "")
        self.prefix, self.seen = (), self.folder
        self.env = {"LD_PRELOAD": str(library), "SHIM_FLAG": str(self.flag),
                    "SHIM_FOLDER": str(self.folder),
                    "SHIM_HOW": how, "SHIM_TURNS": str(sync_ms // 50),
                    "ASAN_OPTIONS": f"{sanitizer}:verify_asan_link_order=0"}

    def fill(self):
        self.flag.touch()

    def empty(self):
        self.flag.unlink()


def slow_disk(system):
    """Each sync of an artifact takes 5 s."""
    return Shim(system, "slow")


def sluggish_disk(system):
    """No message takes 5 s, several together do."""
    return Shim(system, "slow", sync_ms=250)


def mounted_or_shim(make):
    """That disk, where this machine can mount; else a library that says that there is no room."""
    def made(system):
        disk = make(system)
        if disk.mount.alive():
            return disk
        system.processes.remove(disk.mount)
        return Shim(system, "full")
    return made
