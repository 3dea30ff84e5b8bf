"""Small disks of a broker's own: full ones and broken ones, real where this machine can mount.

A mount lives in a namespace of its own, held by a process of the system: when that ends, it is gone.
SPDX-License-Identifier: Apache-2.0
"""
import errno
import os
import resource
import subprocess
from pathlib import Path

from lib.system import Process, wait_until

MIB = 1024 * 1024
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Mounted(Process):
    """A folder with another file system in it, for whoever is started with `prefix`."""

    def __init__(self, system, name, commands):
        self.folder = system.root / name
        self.folder.mkdir(exist_ok=True)
        script = " && ".join(["mount --make-rprivate /", *commands, "echo ready", "exec sleep infinity"])
        super().__init__(system, name, ["unshare", "--mount", "sh", "-c", script])
        wait_until(lambda: "ready" in self.out() or not self.alive(), 30, f"{name} mounted")
        self.prefix = ["nsenter", "--target", self.pid, "--mount", "--"]

    @property
    def seen(self):
        """The folder as it looks from outside."""
        return Path(f"/proc/{self.pid}/root{self.folder}")

    def run(self, *commands):
        subprocess.run([*map(str, self.prefix), "sh", "-ec", "\n".join(commands)], check=True, capture_output=True)


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
        self.mount = Mounted(system, "disk", [f"mount -t tmpfs -o size={mib}m none {system.root / 'disk'}"])
        self.prefix, self.folder, self.broker = self.mount.prefix, self.mount.folder, None

    def usable(self):
        return self.mount.alive()

    def fill(self):
        self.ballast = fill(self.mount.seen)

    def empty(self):
        self.ballast.unlink()


class FullByLimit:
    """A limit on the size of files, set on the running broker: every file that would grow over it fails."""
    reserve_helps = False

    def __init__(self, system):
        self.system, self.prefix, self.folder = system, (), system.root / "disk"
        self.folder.mkdir()

    def _limit(self, size):
        resource.prlimit(self.system.broker.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

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


class BrokenShim:
    """The same by a library that fails fsync and fdatasync while a file says so; where no loop device can be had."""
    SOURCE = r"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <stdlib.h>
        #include <unistd.h>
        static int s_broken (void) { const char *path = getenv ("BROKEN_DISK"); return path && access (path, F_OK) == 0; }
        int fsync (int fd) { if (s_broken ()) { errno = EIO; return -1; }
            return ((int (*) (int)) dlsym (RTLD_NEXT, "fsync")) (fd); }
        int fdatasync (int fd) { if (s_broken ()) { errno = EIO; return -1; }
            return ((int (*) (int)) dlsym (RTLD_NEXT, "fdatasync")) (fd); }
    """

    def __init__(self, system):
        self.folder, self.flag, library = system.root / "disk", system.root / "broken", system.root / "broken.so"
        self.folder.mkdir(exist_ok=True)
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=self.SOURCE, text=True, check=True)
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


class SlowShim:
    """A disk whose syncs take their time while a file says so: by a library."""
    SOURCE = r"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <stdlib.h>
        #include <time.h>
        #include <unistd.h>
        static void s_wait (void) { const char *path = getenv ("SLOW_DISK"), *ms = getenv ("SLOW_DISK_MS");
            if (!path || access (path, F_OK) != 0) return;
            struct timespec wait = {atoi (ms) / 1000, atoi (ms) % 1000 * 1000000L}; nanosleep (&wait, NULL); }
        int fsync (int fd) { s_wait (); return ((int (*) (int)) dlsym (RTLD_NEXT, "fsync")) (fd); }
        int fdatasync (int fd) { s_wait (); return ((int (*) (int)) dlsym (RTLD_NEXT, "fdatasync")) (fd); }
    """

    def __init__(self, system, sync_ms):
        self.flag, library = system.root / "slow", system.root / "slow.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=self.SOURCE, text=True, check=True)
        sanitizer = os.environ.get("ASAN_OPTIONS", "")
        self.env = {"LD_PRELOAD": str(library), "SLOW_DISK": str(self.flag), "SLOW_DISK_MS": str(sync_ms),
                    "ASAN_OPTIONS": f"{sanitizer}:verify_asan_link_order=0"}

    def slow(self):
        self.flag.touch()

    def fast(self):
        self.flag.unlink()
