#!/usr/bin/python3
"""The host around a box: what an agent must not reach, a victim, and triage-run with the agent.

    escape_host.py BIN FOLDER RUNTIME ABI NETWORK [ATTEMPT...]

In a network namespace of its own, where the variable OWN_NETWORK says so, it also plays the
metadata service. Prints JSON: the attempts, the holes that the runtime names, run.json, what is
left.
SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

KEPT = []  # sockets that nobody reads
AGENT = Path(__file__).resolve().parents[1] / "agents/escape.py"
MARK = "ESCAPE_MARK"
ROOT = os.geteuid() == 0
OWN_NETWORK = "OWN_NETWORK" in os.environ
NOBODY = 65534
DISK = 24 << 20  # what the agent may take; see hide_room
METADATA = "169.254.169.254"
LIBC = ctypes.CDLL(None, use_errno=True)
ANY_TRACER = (0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)  # of Yama, where the kernel has it
SIOCSIFADDR, SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8916, 0x8913, 0x8914, 1


def interface(name, address=None):
    """Bring an interface up, give it an address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        def ask(code, rest):
            return fcntl.ioctl(sock, code, struct.pack("16s16s", name.encode(), rest))
        if address:
            ask(SIOCSIFADDR, struct.pack("HH4s8s", socket.AF_INET, 0, socket.inet_aton(address),
                                         b""))
        ask(SIOCSIFFLAGS, struct.pack("h", IFF_UP))


def serve(sock):
    """Say hello to whoever comes."""
    def loop():
        while True:
            with contextlib.suppress(OSError):
                peer, _ = sock.accept()
                peer.sendall(b"hello")
                peer.close()
    sock.listen(16)
    threading.Thread(target=loop, daemon=True).start()
    return sock.getsockname()


def serve_udp():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))

    def loop():
        while True:
            _, peer = sock.recvfrom(64)
            sock.sendto(b"hello", peer)
    threading.Thread(target=loop, daemon=True).start()
    return sock.getsockname()


def serve_tcp(address):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(address)
    return serve(sock)


def serve_unix(address):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(address)
    serve(sock)


def gateway(path):
    """Keeps the listeners that boxes hand over."""
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen(4)
    kept = []

    def loop():
        while True:
            peer, _ = sock.accept()
            while True:
                data, fds, _, _ = socket.recv_fds(peer, 64, 4)
                kept.extend(fds)
                if not data:
                    break
    threading.Thread(target=loop, daemon=True).start()


def shared_memory():
    """The id of a segment that all may use; the kernel removes it with this process."""
    segment = LIBC.shmget(0, 4096, 0o1666)
    LIBC.shmat.restype = ctypes.c_ssize_t
    LIBC.shmat(segment, None, 0)
    LIBC.shmctl(segment, 0, None)
    return segment


def as_agent():
    """In the child: become the user of agents, and be as open to it as the kernel's rules are."""
    LIBC.prctl(*ANY_TRACER)
    if ROOT:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def give(path):
    if ROOT:
        os.chown(path, NOBODY, NOBODY)
    return str(path)


def victim():
    """A process of the agent's user: another agent, or the worker itself."""
    program = "import time; time.sleep(120)"
    popen = subprocess.Popen(["/usr/bin/python3", "-c", program, "victim"], preexec_fn=as_agent,
                             env={"KEY": "SECRET"}, stdin=subprocess.DEVNULL)
    return popen


def make_files(folder):
    host = {"canary": str(folder / "canary"), "open_dir": str(folder / "open"),
            "own_dir": str(folder / "neighbour"), "own_file": str(folder / "neighbour/file"),
            "readable": str(folder / "read/readable"), "engine": str(folder / "engine.sock"),
            "log": str(folder / "log.sock"), "abstract": f"escape-{os.getpid()}",
            "segment": shared_memory()}
    for name in ("workspace", "open", "neighbour", "read"):
        (folder / name).mkdir()
    for path in (host["canary"], host["own_file"], host["own_dir"] + "/second", host["readable"]):
        Path(path).write_text("canary")
    os.chmod(host["open_dir"], 0o777)
    for path in (host["own_dir"], host["own_file"], host["own_dir"] + "/second",
                 host["readable"]):
        give(path)
    serve_unix(host["engine"])
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind(host["log"])
    KEPT.append(log)
    os.chmod(host["engine"], 0o777)
    os.chmod(host["log"], 0o777)
    serve_unix("\0" + host["abstract"])
    return host


def make_network(host):
    host["broker"] = serve_tcp(("127.0.0.1", 0))
    host["gateway"] = serve_tcp(("127.0.0.1", 0))[1]
    host["other_gateway"] = serve_tcp(("127.0.0.2", host["gateway"]))
    host["udp"] = serve_udp()
    host["metadata"] = serve_tcp((METADATA, 80)) if OWN_NETWORK else [METADATA, 80]
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        host["free_port"] = sock.getsockname()[1]


def command(binaries, folder, runtime, abi, network, host):
    workspace = folder / "workspace"
    words = [binaries / "triage-run", "--workspace", workspace, "--timeout-ms", "60000",
             "--grace-ms", "2000", "--stdout", folder / "out", "--stderr", folder / "err",
             "--result", folder / "run.json", "--runtime", runtime, "--network", network,
             "--read-only", folder / "read", "--read-only", AGENT,
             "--landlock-abi", abi, "--gateway", folder / "gateway.sock",
             "--gateway-port", host["gateway"], "--disk", DISK]
    if ROOT:
        words += ["--user", f"{NOBODY}:{NOBODY}"]
    if runtime in ("podman", "docker"):
        words += ["--image", "escape:1", "--name", f"triage-agent-{os.getpid()}",
                  "--read-only", "/usr", "--read-only", "/etc"]
    return [str(word) for word in words]


def processes_left():
    """Processes that have the mark of this run in their environment."""
    left = []
    for path in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if path.name.isdigit() and path.name != str(os.getpid()) \
                    and f"{MARK}={os.getpid()}".encode() in (path / "environ").read_bytes():
                left.append(path.name)
    return left


def main():
    binaries, folder = Path(sys.argv[1]), Path(sys.argv[2])
    runtime, abi, network, attempts = sys.argv[3], sys.argv[4], sys.argv[5], sys.argv[6:]
    if OWN_NETWORK:
        interface("lo")
        interface("lo:1", METADATA)
    host = make_files(folder)
    make_network(host)
    gateway(folder / "gateway.sock")
    prey = victim()
    words = command(binaries, folder, runtime, abi, network, host)
    holes = subprocess.run([*words, "--holes"], capture_output=True, text=True, check=True)
    engine = {name: value for name, value in os.environ.items()
              if name.startswith(("CONTAINERS_", "DOCKER_"))}
    environment = {"PATH": "/usr/bin:/bin", MARK: str(os.getpid()), **engine}
    host.update(disk=DISK, victim=prey.pid, supervisor=os.getpid())
    (folder / "workspace/escape.json").write_text(json.dumps(host))
    run = subprocess.Popen([*words, "--", str(AGENT), *attempts], stdin=subprocess.PIPE,
                           stdout=subprocess.DEVNULL, env=environment)
    run.wait()
    prey.poll()
    found = folder / "workspace/output/escape.json"
    print(json.dumps({
        "attempts": json.loads(found.read_text()) if found.exists() else {},
        "holes": holes.stdout.split(), "run": json.loads((folder / "run.json").read_text()),
        "victim": prey.returncode, "left": processes_left(),
        "stderr": (folder / "err").read_text() if (folder / "err").exists() else ""}))
    prey.kill()
    prey.wait()


if __name__ == "__main__":
    main()
