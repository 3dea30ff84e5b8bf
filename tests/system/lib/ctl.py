"""What the tests of triagectl share: a terminal, tables, and waiting for states.
SPDX-License-Identifier: Apache-2.0
"""
import fcntl
import os
import pty
import re
import struct
import termios

from lib.system import BIN

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m‮evil​ \t\r\nnext"
SGR = re.compile(r"\x1b\[[0-9;]*m")


def terminal(words, columns=80, env=None):
    """Run a program on a terminal of this width; (what it printed, exit code)."""
    pid, fd = pty.fork()
    if pid == 0:
        try:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            os.execve(words[0], words,
                      {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "xterm", **(env or {})})
        finally:
            os._exit(127)
    out = b""
    while True:
        try:
            part = os.read(fd, 65536)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        out += part
    os.close(fd)
    return out.decode().replace("\r\n", "\n"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def on_terminal(system, *words, columns=80, env=None):
    return terminal([str(BIN / "triagectl"), "--url", system.url(), *words], columns, env)


def table(text):
    """A printed table as a list of dicts."""
    lines = text.splitlines()
    head = lines[0].split()
    return [dict(zip(head, line.split())) for line in lines[1:]]
