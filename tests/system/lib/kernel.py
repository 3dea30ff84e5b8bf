"""A machine with Debian's own kernel, for what another kernel does: qemu without acceleration.

The machine sees the files of this one read-only, with a /tmp of its own, and runs one script as
root.  The kernel's package is downloaded once, into build/kernel.
SPDX-License-Identifier: Apache-2.0
"""
import fcntl
import gzip
import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / "build/kernel"
MODULES = ("virtio_pci", "9pnet_virtio", "9p")
BEGIN, END = "---- the script begins ----", "---- the script ended: "

INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /dev /host
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
for module in @MODULES@; do /bin/busybox insmod /modules/$module; done
/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144 host /host
/bin/busybox mount -t proc proc /host/proc
/bin/busybox mount -t sysfs sys /host/sys
/bin/busybox mount -t cgroup2 cgroup /host/sys/fs/cgroup
/bin/busybox mount -t devtmpfs dev /host/dev
/bin/busybox mount -t tmpfs tmp /host/tmp
/bin/busybox mount -t tmpfs run /host/run
/bin/busybox mkdir -m 1777 /host/dev/shm
/bin/busybox mount -t tmpfs shm /host/dev/shm
/bin/busybox ip link set lo up
/bin/busybox cp /script /host/tmp/script
echo "@BEGIN@"
/bin/busybox chroot /host /bin/sh /tmp/script </dev/null 2>&1
echo "@END@$?"
/bin/busybox poweroff -f
"""


def _download():
    """The package of Debian's current kernel, or what to do without it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    names = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], capture_output=True,
                           text=True, check=False).stdout.split()
    names = [name for name in names if name.startswith("linux-image-6")]
    assert names, "apt knows no linux-image-amd64: apt-get update"
    found = list(CACHE.glob(f"{names[0]}_*.deb"))
    if not found:
        ended = subprocess.run(["apt-get", "-q", "download", names[0]], cwd=CACHE,
                               capture_output=True, text=True, check=False)
        found = list(CACHE.glob(f"{names[0]}_*.deb"))
        assert found, f"the kernel's package cannot be had: {ended.stderr[-400:]}"
    return names[0].removeprefix("linux-image-"), found[0]


def _unpack(release, package):
    """Its files; they are complete once they have their name."""
    tree = CACHE / release
    if not tree.exists():
        part = CACHE / f"{release}.part"
        shutil.rmtree(part, ignore_errors=True)
        subprocess.run(["dpkg-deb", "-x", package, part], check=True)
        part.rename(tree)
    return tree


def _modules(release, tree):
    """The modules that the init needs, those that others need first."""
    paths = {path.stem.replace("-", "_"): path
             for path in (tree / "lib/modules" / release / "kernel").rglob("*.ko")}
    ordered = []

    def add(name):
        path = paths.get(name.replace("-", "_"))
        if path is None or path in ordered:
            return  # built in, or there already
        for needed in re.findall(rb"\0depends=([^\0]*)\0", path.read_bytes()):
            for other in filter(None, needed.decode().split(",")):
                add(other)
        ordered.append(path)

    for name in MODULES:
        add(name)
    return ordered


def _initrd(folder, modules, script):
    """The first root: busybox, modules, the init above and the script."""
    root = folder / "initrd"
    (root / "bin").mkdir(parents=True)
    (root / "modules").mkdir()
    shutil.copy("/bin/busybox", root / "bin/busybox")
    for path in modules:
        shutil.copy(path, root / "modules" / path.name)
    init = INIT.replace("@MODULES@", " ".join(path.name for path in modules))
    (root / "init").write_text(init.replace("@BEGIN@", BEGIN).replace("@END@", END))
    (root / "init").chmod(0o755)
    (root / "script").write_text(script)
    names = subprocess.run(["find", "."], cwd=root, capture_output=True, check=True).stdout
    archive = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names,
                             capture_output=True, check=True).stdout
    path = folder / "initrd.gz"
    path.write_bytes(gzip.compress(archive, 1))
    return path


def run(folder, script, timeout_s=280):
    """Run the shell script as root on Debian's kernel; its exit code and what it printed."""
    assert shutil.which("qemu-system-x86_64"), "apt-get install qemu-system-x86"
    assert shutil.which("cpio"), "apt-get install cpio"
    assert Path("/bin/busybox").exists(), "apt-get install busybox-static"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        release, package = _download()
        tree = _unpack(release, package)
    initrd = _initrd(Path(folder), _modules(release, tree), script)
    words = ["qemu-system-x86_64", "-accel", "tcg", "-m", "768", "-nographic", "-no-reboot",
             "-nodefaults", "-serial", "stdio", "-kernel", str(tree / f"boot/vmlinuz-{release}"),
             "-initrd", str(initrd), "-append", "console=ttyS0 quiet panic=1",
             "-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,"
             "multidevs=remap"]
    env = {**os.environ, "TMPDIR": str(folder)}
    ended = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                           errors="replace", timeout=timeout_s, check=False, env=env)
    console = ended.stdout.replace("\r", "")
    assert BEGIN in console and END in console, \
        f"the machine did not run the script: {ended.stderr[-400:]}{console[-800:]}"
    printed, _, rest = console.partition(BEGIN)[2].partition(END)
    return int(rest.split()[0]), printed.strip()
