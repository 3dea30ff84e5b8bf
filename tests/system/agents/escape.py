#!/usr/bin/python3
"""An agent that wants out of its box: it tries everything and writes down what worked.

Its workspace holds escape.json, which says where things of the host are; output/escape.json gets
{attempt: "open" or why it failed}. Each attempt runs in a child of its own.
SPDX-License-Identifier: Apache-2.0
"""
import ctypes
import errno
import fcntl
import json
import mmap
import os
import platform
import resource
import signal
import socket
import stat
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
SHMGET, KEYCTL, IOPRIO_SET, IOPRIO_GET = (29, 250, 251, 252) if X86 else (194, 219, 30, 31)
IO_URING_SETUP, CLONE3, PIDFD_OPEN, PIDFD_GETFD = 425, 435, 434, 438
WHO_PROCESS, WHO_USER, USUAL_IO = 1, 3, (2 << 13) | 4  # best effort, the middle
PTRACE_TRACEME, PTRACE_SEIZE, NEWUSER, FASTOPEN, MPTCP = 0, 0x4206, 0x10000000, 0x20000000, 262
TIMEOUT_S = 5


def call(function, *args):
    """A function of libc that says -1 and errno."""
    result = function(*args)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def syscall(number, *args):
    return call(LIBC.syscall, ctypes.c_long(number), *[ctypes.c_long(arg) for arg in args])


# --- files

def write_outside(host):
    open(host["open_dir"] + "/written", "w").close()


def read_outside(host):
    open(host["canary"]).read()


def read_neighbour(host):
    open(host["own_file"]).read()


def write_neighbour(host):
    open(host["own_file"], "a").write("x")


def read_through_a_link(host):
    os.symlink(host["canary"], "link")
    open("link").read()


def hard_link(host):
    os.link(host["own_file"], "hard")


def rename_out(host):
    open("mine", "w").close()
    os.rename("mine", host["open_dir"] + "/moved")


def rename_in(host):
    os.rename(host["own_dir"] + "/second", "second")


def truncate(host):
    os.truncate(host["own_file"], 0)


def truncate_by_reading(host):
    """The file may be read, and belongs to the same user."""
    os.close(os.open(host["readable"], os.O_RDONLY | os.O_TRUNC))


def truncate_by_no_mode(host):
    os.close(os.open(host["readable"], os.O_ACCMODE | os.O_TRUNC))


def see_a_name(host):
    os.stat(host["canary"])


def change_a_mode(host):
    os.chmod(host["own_file"], 0o640)


def change_a_time(host):
    os.utime(host["own_file"], (1, 1))


def hold_by_a_lease(host):
    """Whoever opens the file for writing waits, up to 45 s."""
    fd = os.open(host["readable"], os.O_RDONLY)
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)


def hide_room(host):
    """Take more of the disk than is allowed, in files that have no name and are not open."""
    ends, taken = socket.socketpair(), 0
    while taken <= host["disk"]:
        with open("room", "wb") as file:
            taken += file.write(bytes(1 << 20))
            socket.send_fds(ends[0], [b"x"], [file.fileno()])
        os.unlink("room")
    time.sleep(0.5)  # long enough to be seen


def make_a_device(host):
    os.mknod("device", 0o600 | stat.S_IFBLK, os.makedev(8, 0))


# --- processes

def see_processes(host):
    assert b"victim" in open(f"/proc/{host['victim']}/cmdline", "rb").read()


def read_environment(host):
    assert b"SECRET" in open(f"/proc/{host['victim']}/environ", "rb").read()


def read_memory(host):
    open(f"/proc/{host['victim']}/mem", "rb").close()


def go_by_its_root(host):
    os.listdir(f"/proc/{host['victim']}/root/")


def trace(host):
    call(LIBC.ptrace, ctypes.c_long(PTRACE_SEIZE), ctypes.c_long(host["victim"]), None, None)


def trace_a_child(host):
    call(LIBC.ptrace, ctypes.c_long(PTRACE_TRACEME), ctypes.c_long(0), None, None)


def take_a_descriptor(host):
    syscall(PIDFD_GETFD, syscall(PIDFD_OPEN, host["victim"], 0), 0, 0)


def signal_it(host):
    os.kill(host["victim"], signal.SIGWINCH)


def signal_the_supervisor(host):
    os.kill(host["supervisor"], 0)


def limit_it(host):
    most = min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.prlimit(host["victim"], resource.RLIMIT_NOFILE, (0, most))


def slow_it(host):
    os.setpriority(os.PRIO_PROCESS, host["victim"], 19)


def order_its_io(host):
    """Set that of all processes of the user, to what is usual."""
    syscall(IOPRIO_SET, WHO_USER, 0, USUAL_IO)
    assert syscall(IOPRIO_GET, WHO_PROCESS, host["victim"]) == USUAL_IO


def bind_it_to_a_cpu(host):
    os.sched_setaffinity(host["victim"], {min(os.sched_getaffinity(0))})


# --- the kernel

def become_root(host):
    os.setuid(0)


def gain_by_a_program(host):
    """Would a set-user-id program work?"""
    assert "NoNewPrivs:\t0" in open("/proc/self/status").read()


def new_namespace(host):
    call(LIBC.unshare, NEWUSER)


def new_namespace_by_clone3(host):
    arguments = (ctypes.c_uint64 * 11)()
    arguments[0] = NEWUSER
    arguments[4] = signal.SIGCHLD
    if call(LIBC.syscall, ctypes.c_long(CLONE3), ctypes.byref(arguments), ctypes.c_long(88)) == 0:
        os._exit(0)


def mount(host):
    call(LIBC.mount, b"none", b"/tmp", b"tmpfs", 0, None)


def keyring(host):
    syscall(KEYCTL, 0, -3, 1)


def io_uring(host):
    parameters = (ctypes.c_uint32 * 30)()
    os.close(call(LIBC.syscall, ctypes.c_long(IO_URING_SETUP), ctypes.c_long(1),
                  ctypes.byref(parameters)))


def memory_that_stays(host):
    syscall(SHMGET, 0x7472, 4096, 0o1600)


def memory_of_others(host):
    LIBC.shmat.restype = ctypes.c_ssize_t
    call(LIBC.shmat, host["segment"], None, 0)


def call_of_another_architecture(host):
    """getpid of i386; another number says that there is no such thing."""
    assert X86
    memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(b"\xb8\x14\0\0\0\xcd\x80\xc3")  # mov eax, 20; int 0x80; ret
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert ctypes.CFUNCTYPE(ctypes.c_int)(address)() == os.getpid()


# --- the network

def talk(sock, address):
    with sock:
        sock.settimeout(2)
        sock.connect(address)
        assert sock.recv(16)


def tcp(address, protocol=0):
    talk(socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol), tuple(address))


def tcp_broker(host):
    tcp(host["broker"])


def tcp_metadata(host):
    tcp(host["metadata"])


def tcp_at_the_gateways_port(host):
    tcp(host["other_gateway"])


def multipath_tcp(host):
    tcp(host["broker"], MPTCP)


def tcp_by_sending(host):
    with socket.socket() as sock:
        sock.sendto(b"hello", FASTOPEN, tuple(host["broker"]))
        assert sock.recv(16)


def tcp_listen(host):
    """A port of the host, where others could be taken in."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", host["free_port"]))
        sock.listen()
        assert os.path.exists(host["own_file"])  # the host's loopback, not one of the box


def udp(host):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        sock.sendto(b"hello", tuple(host["udp"]))
        assert sock.recv(16)


def raw_socket(host):
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()


def packet_socket(host):
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()


def engine_socket(host):
    talk(socket.socket(socket.AF_UNIX), host["engine"])


def datagram_by_a_pair(host):
    """Such as to the system's log."""
    socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b"hello", host["log"])


def abstract_socket(host):
    talk(socket.socket(socket.AF_UNIX), "\0" + host["abstract"])


# --- all of it

ATTEMPTS = [
    write_outside, read_outside, read_neighbour, write_neighbour, read_through_a_link, hard_link,
    rename_out, rename_in, truncate, truncate_by_reading, truncate_by_no_mode, see_a_name,
    change_a_mode, change_a_time, hold_by_a_lease, hide_room, make_a_device, see_processes,
    read_environment, read_memory, go_by_its_root, trace, trace_a_child, take_a_descriptor,
    signal_it, signal_the_supervisor, limit_it, slow_it, order_its_io, bind_it_to_a_cpu,
    become_root, gain_by_a_program, new_namespace, new_namespace_by_clone3, mount, keyring,
    io_uring, memory_that_stays, memory_of_others, call_of_another_architecture, tcp_broker,
    tcp_metadata, tcp_at_the_gateways_port, multipath_tcp, tcp_by_sending, tcp_listen, udp,
    raw_socket, packet_socket, engine_socket, datagram_by_a_pair, abstract_socket]


def attempt(function, host):
    """In a child: what one attempt changes in the process, the next one does not see."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(TIMEOUT_S)
        try:
            function(host)
            said = "open"
        except OSError as error:
            said = errno.errorcode.get(error.errno, "") or str(error) or "time"
        except Exception as error:  # noqa: BLE001
            said = repr(error) or "failed"
        os.write(writing, said.encode()[:200])
        os._exit(0)
    os.close(writing)
    said = os.read(reading, 200).decode()
    os.close(reading)
    os.waitpid(pid, 0)
    return said or "killed"


def leave_a_daemon():
    """In a session of its own, with an orphan's parent."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.alarm(60)
            signal.pause()
        os._exit(0)


def traps():
    """What a reader of the workspace may fall over."""
    os.mkfifo("output/fifo")
    open("output/a\nb", "w").close()
    os.symlink("/etc/passwd", "output/passwd")
    os.symlink("loop", "loop")
    deep = "d"
    for _ in range(80):
        os.mkdir(deep)
        deep += "/d"
    os.mkdir("closed")
    os.chmod("closed", 0)


def main():
    host = json.load(open("escape.json"))
    chosen = set(sys.argv[1:])
    found = {function.__name__: attempt(function, host) for function in ATTEMPTS
             if not chosen or function.__name__ in chosen}
    leave_a_daemon()
    os.makedirs("output", exist_ok=True)
    with open("output/escape.json", "w") as file:
        json.dump(found, file)
    if not chosen:
        traps()


if __name__ == "__main__":
    main()
