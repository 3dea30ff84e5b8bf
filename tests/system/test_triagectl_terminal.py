"""triagectl on a terminal: what it prints there, and what a shell completes.
SPDX-License-Identifier: Apache-2.0
"""
import os
import pty
import re
import signal
import subprocess
import time

from lib.ctl import HOSTILE, SGR, on_terminal
from lib.system import BIN, ROOT, SLOW, fault, wait_until
from worker import Worker


# --- terminals


def hostile_system(system):
    broker = system.start_broker(agent_attempts=1)
    system.start_worker()
    # the broker takes any label
    stranger = Worker(broker.endpoints["work"], broker.endpoints["files"], name=HOSTILE)
    stranger.hello()
    wait_until(lambda: len(broker.get("/api/v1/workers")["workers"]) == 2, 10, "two workers")
    system.publish([fault(HOSTILE, cluster="c" + HOSTILE, fault_type=HOSTILE, kind=HOSTILE,
                          context=HOSTILE + "do: exit 3")])
    broker.wait_terminal(1)


def test_nothing_that_came_from_elsewhere_acts_on_the_terminal(system):
    hostile_system(system)
    for words in (("incidents", "list"), ("incidents", "show", "1"), ("workers", "list"),
                  ("stream", "replay"),
                  ("effects", "list", "--state", "done"), ("status",),
                  ("incidents", "show", HOSTILE.replace("\n", ""))):
        for mode in ((), ("-o", "json")):
            text, _ = on_terminal(system, *words, *mode, columns=400)
            left = SGR.sub("", text).replace("\n", "").replace("\t", "").replace("\r", "")
            bad = [char for char in left if ord(char) < 32 or 0x7f <= ord(char) < 0xa0
                   or char in "‮​"]
            assert not bad, (words, mode, bad)
            assert not mode or text.isascii() or words[-1] != "1"
    assert "\\x1b" in on_terminal(system, "incidents", "list", columns=400)[0]


def test_a_table_fits_its_terminal_and_is_whole_elsewhere(system):
    broker = system.start_broker()
    names = [f"{'very-long-name-' * 3}{n}-寿司" for n in range(3)]
    system.publish([fault(name, cluster="a-cluster-with-a-long-name") for name in names])
    assert len(broker.incidents()) == 3
    for columns in (60, 80, 120):
        text, code = on_terminal(system, "incidents", "list", columns=columns,
                                 env={"NO_COLOR": "1"})
        widths = [sum(2 if ord(char) > 0x2e80 else 1 for char in line)
                  for line in text.splitlines()]
        assert code == 0 and len(widths) == 4 and max(widths) <= columns, text
        for line in text.splitlines()[1:]:  # what is cut says so
            cluster, kind = re.search(r"critical +(\S+) +(\S+)", line).groups()
            assert cluster == "a-cluster-with-a-long-name" or cluster.endswith("…"), line
            assert kind == "CrashLoop" or kind.endswith("…"), line
            assert "寿司" in line or re.search(r"… +1 +\d+s", line), line
    assert "…" not in on_terminal(system, "incidents", "list", columns=200)[0]
    assert all(name in system.ctl("incidents", "list").stdout for name in names)


def test_a_long_text_is_wrapped_between_words(system):
    """A word that no line can hold is broken, and nothing is lost."""
    system.start_broker()
    path = "/nonexistent/" + "k" * 90
    system.start_worker(kubeconfig=path).wait_log("takes no work")
    said = f"w1: kubeconfig {path}: No such file or directory"
    wait_until(lambda: "held" in system.ctl("status").stdout, 20, "held")
    for columns in (60, 80, 130):
        for command in ("status", "workers"):
            text, code = on_terminal(system, command, columns=columns, env={"NO_COLOR": "1"})
            assert code == 0 and max(map(len, text.splitlines())) <= columns, text
        text = on_terminal(system, "status", columns=columns, env={"NO_COLOR": "1"})[0]
        words = re.search(r"(?m)^held +(.*(\n +.*)*)", text)[1].split()
        assert "".join(words) == said.replace(" ", ""), text
        assert {word for word in said.split() if len(word) < 40} <= set(words), text


def test_colours_only_on_a_terminal_and_without_no_color(system):
    system.start_broker()
    system.publish([fault("web-0")])
    assert "\x1b[" in on_terminal(system, "incidents", "list")[0]
    assert "\x1b" not in on_terminal(system, "incidents", "list", env={"NO_COLOR": "1"})[0]
    assert "\x1b" not in on_terminal(system, "incidents", "list", "--color", "never")[0]
    assert "\x1b" not in system.ctl("incidents", "list").stdout
    assert "\x1b[" in system.ctl("incidents", "list", "--color", "always").stdout


# --- completion


COMPLETE = r"""
source "$SCRIPT"
COMP_LINE="triagectl $*"
COMP_POINT=${#COMP_LINE}
_triagectl
printf '%s\n' "${COMPREPLY[@]}"
"""


def completed(system, *words):
    done = subprocess.run(["/bin/bash", "--norc", "-euc", COMPLETE, "bash", *words],
                          capture_output=True, text=True, timeout=60,
                          env={"PATH": f"{BIN}:/usr/bin:/bin",
                               "SCRIPT": str(ROOT / "tools/triagectl.bash"),
                               "TRIAGE_URL": system.url()})
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.split()


def completes(system, *words, to):
    """What only the broker knows; a completion waits a second for it,
    a machine may sleep longer."""
    wait_until(lambda: completed(system, *words) == to, 20, f"{words} completed to {to}")


def test_bash_completes_commands_options_values_and_names(system):
    system.start_broker()
    system.start_worker(name="w-one")
    Worker(system.broker.endpoints["work"], system.broker.endpoints["files"],
           name="w;reboot").hello()
    system.publish([fault("web-0", cluster="x"), fault("web-1", cluster="x")])
    wait_until(lambda: len(system.broker.get("/api/v1/workers")["workers"]) == 2, 10, "two workers")
    assert {"status", "incidents", "workers", "clusters", "effects", "stream",
            "key"} <= set(completed(system, ""))
    assert completed(system, "inc") == ["incidents"]
    assert completed(system, "incidents", "") == ["list", "show", "retry", "cancel"]
    assert completed(system, "incident", "re") == ["retry"]
    completes(system, "incidents", "show", "", to=["2", "1"])
    completes(system, "workers", "drain", "w", to=["w-one"])  # the other is no word for a shell
    assert completed(system, "--url", "http://127.0.0.1:1", "workers", "drain", "w") == []
    assert completed(system, "incidents", "list", "--state", "s") == ["suppressed"]
    assert completed(system, "effects", "list", "--state",
                     "") == ["ready", "sending", "done", "dead", "cancelled"]
    assert completed(system, "status", "-o",
                     "j") == ["json"] == completed(system, "status", "--output=j")
    completes(system, f"--url={system.url()}", "incidents", "show", "1", to=["1"])
    assert completed(system, "--url=http://127.0.0.1:1", "incidents", "show", "1") == []
    assert completed(system, "incidents", "list", "--reason", "over") == ["overflow"]
    flags = completed(system, "stream", "replay", "--")
    assert {"--after", "--limit", "--url", "--output"} <= set(flags) and "--state" not in flags
    assert completed(system, "key", "new", "--role", "") == ["worker", "publisher", "tap"]
    assert completed(system, "nonsense", "") == []


def test_completion_in_a_real_shell_on_a_terminal(system):
    """Readline itself: TAB after an unfinished word writes the rest."""
    system.start_broker()
    pid, fd = pty.fork()
    if pid == 0:
        os.execve("/bin/bash", ["bash", "--norc", "-i"],
                  {"PATH": f"{BIN}:/usr/bin:/bin", "PS1": "$ ", "TERM": "dumb",
                   "TRIAGE_URL": system.url(),
                   "TRIAGE_TEST_ROOT": str(system.root)})
    seen = b""

    def until(text):
        nonlocal seen
        deadline = time.monotonic() + 20 * SLOW
        while text not in seen:
            assert time.monotonic() < deadline, seen
            seen += os.read(fd, 4096)
    try:
        until(b"$ ")
        os.write(fd, f"source {ROOT}/tools/triagectl.bash; echo sour''ced\n".encode())
        until(b"sourced")
        os.write(fd, b"triagectl incid\t")
        until(b"triagectl incidents ")
        os.write(fd, b"li\t")
        until(b"incidents list ")
        os.write(fd, b"\n")
        until(b"no incidents")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.close(fd)
        os.waitpid(pid, 0)
