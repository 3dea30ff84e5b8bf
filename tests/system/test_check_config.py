"""--check-config: it refuses what the start would refuse, or run without; it says where,
and leaves nothing behind.

A row is what is broken, what the check says of it, and what the start does with the very same
input: its exit code, or the words of the warning with which it goes on.
SPDX-License-Identifier: Apache-2.0
"""
import dataclasses
import fcntl
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Callable

import pytest

from lib.disk import mounted_or_skipped
from lib.system import BIN, ROOT, SLOW, free_port, sanitizer_options, wait_until

PROGRAMS = {
    "broker": ["--admin-listen", "127.0.0.1:0",
               *(word for name in ("work", "stream", "ingest", "files")
                 for word in (f"--{name}-endpoint", "tcp://127.0.0.1:0"))],
    "worker": ["--script-path", str(ROOT / "agent-container/run-agent.sh"), "--worker-name", "w1"],
    "publisher": ["--shutdown-timeout", "0", "demo.jsonl"],
    "tap": [],
}
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def command(program, words, user=()):
    return [*map(str, user), BIN / f"triage-{program}", *words]


def environment(**more):
    return {"PATH": f"{BIN}:/usr/bin:/bin", "LANG": "C.UTF-8", **sanitizer_options(), **more}


def run(folder, program, *words, user=(), **env):
    return subprocess.run(command(program, words, user), capture_output=True, text=True,
                          timeout=30 * SLOW, cwd=folder,
                          env=environment(**env), stdin=subprocess.DEVNULL, check=False)


def tree(folder):
    """All there is: names, kinds, modes, sizes, times, contents, link targets."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        known = path.is_file() and not path.is_symlink() and os.access(path, os.R_OK)
        content = hashlib.sha256(path.read_bytes()).hexdigest() if known else ""
        found[str(path.relative_to(folder))] = (status.st_mode, status.st_size, status.st_mtime_ns,
                                                status.st_ino, content)
    return found


# --- what can be broken

def text(name, content="x\n", mode=0o600):
    def make(folder):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
    return make


def directory(name, mode=0o755):
    def make(folder):
        (folder / name).mkdir(parents=True)
        (folder / name).chmod(mode)
    return make


def link(name, target):
    return lambda folder: (folder / name).symlink_to(target)


def all_of(*makers):
    def make(folder):
        for maker in makers:
            maker(folder)
    return make


def keys(*broken):
    """keys/ of a broker, k/ of a worker; then what is broken in them."""
    def make(folder):
        done = subprocess.run([BIN / "triagectl", "key", "new", "--keys-dir", "keys", "--role",
                               "worker", "--name", "w1", "--out", "k"],
                              cwd=folder, env=environment(), capture_output=True, text=True,
                              check=False, timeout=30)
        assert done.returncode == 0, done.stderr
        all_of(*broken)(folder)
    return make


def hard_link(folder):
    directory("state")(folder)
    text("state/broker.db", "SQLite format 3\0" + 84 * "\0")(folder)
    os.link(folder / "state/broker.db", folder / "state/other.db")


def remove(name):
    return lambda folder: (folder / name).unlink() if (folder / name).is_file() \
        else shutil.rmtree(folder / name)


def mode(name, bits):
    return lambda folder: (folder / name).chmod(bits)


def nothing(folder):
    pass


@dataclasses.dataclass
class Row:
    program: str
    name: str
    says: str             # a regular expression; {f} is the configuration file
    start: object         # exit code, or words of the warning
    yaml: str = ""
    make: Callable = nothing
    words: tuple = ()
    env: dict = dataclasses.field(default_factory=dict)


HELD = "this worker takes no work"
NO_KEYS = "without keys only loopback and ipc endpoints may be used; make keys with `triagectl " \
          "key new`"
CLUSTER = "clusters:\n- name: a\n  mcp:\n    endpoint: http://127.0.0.1:9/mcp\n" \
          "    token_file: {0}\n"
BROKER = [
    Row("broker", "prompt missing", r"{f}:1: agent_system_prompt_file: gone: No such file", 78,
        "agent_system_prompt_file: gone\n"),
    Row("broker", "prompt is a folder", r"{f}:2: agent_system_prompt_file: d: ", 78,
        "\nagent_system_prompt_file: d\n", directory("d")),
    Row("broker", "prompt too large", r"{f}:1: agent_system_prompt_file: p: .*at most 65536 bytes",
        78, "agent_system_prompt_file: p\n", text("p", "x" * 70000)),
    Row("broker", "root below a file", r"{f}:1: workspace_root: file: Not a directory", 78,
        "workspace_root: file/x/y\n", text("file")),
    Row("broker", "root is a file", r"{f}:1: workspace_root: file: Not a directory", 78,
        "workspace_root: file\n", text("file")),
    Row("broker", "root in /proc", r"environment WORKSPACE_ROOT: /proc: cannot be written", 78,
        env={"WORKSPACE_ROOT": "/proc/x/y"}),
    Row("broker", "root is a loose link", r"{f}:1: workspace_root: l: a symbolic link to nothing",
        78, "workspace_root: l\n", link("l", "gone")),
    Row("broker", "lock is a link", r"{f}:1: workspace_root: inc/\.broker\.lock: ", 78,
        "workspace_root: inc\n", all_of(directory("inc"), link("inc/.broker.lock", "x"))),
    Row("broker", "state below a file", r"{f}:1: state_path: file: Not a directory", 78,
        "state_path: file/x.db\n", text("file")),
    Row("broker", "state in /proc", r"flag --state-path: /proc: cannot be written", 78,
        words=("--state-path", "/proc/x/y.db")),
    Row("broker", "state is a folder", r"{f}:1: state_path: d: Is a directory", 78,
        "state_path: d\n", directory("d")),
    Row("broker", "state is empty", r"{f}:1: state_path: is empty or too long", 78,
        "state_path: ''\n"),
    Row("broker", "store is no database", r"{f}:1: state_path: s/x.db is no database", 65,
        "state_path: s/x.db\n", text("s/x.db", "x" * 5000)),
    Row("broker", "store lost", r"{f}:1: state_path: s/x.db is gone or empty, but was there", 65,
        "state_path: s/x.db\n", text("s/x.db.reserve")),
    Row("broker", "store with two names", r"state_path: \./state/broker.db has 2 names", 65,
        make=hard_link),
    Row("broker", "admin token others read",
        r"{f}:1: admin_token_file: \S*/t: must be a file that only its owner can read", 78,
        "admin_token_file: t\n", text("t", "x" * 40, 0o644)),
    Row("broker", "admin token short",
        r"{f}:1: admin_token_file: \S*/t: a token of 16 to 256 characters", 78,
        "admin_token_file: t\n", text("t")),
    Row("broker", "admin token beside the store",
        r"admin_token_file: \S*/state/admin.token: must be", 78,
        make=text("state/admin.token", "x" * 40, 0o640)),
    Row("broker", "admin token nowhere", r"{f}:1: admin_token_file: \S*/no: No such file", 1,
        "admin_token_file: no/t\n"),
    Row("broker", "endpoint without keys", r"{f}:1: work_endpoint: tcp://0.0.0.0:0: " + NO_KEYS, 78,
        "work_endpoint: tcp://0.0.0.0:0\n"),
    Row("broker", "keys_dir a file", r"{f}:1: keys_dir: file: not a readable folder", 78,
        "keys_dir: file\n", text("file")),
    Row("broker", "keys_dir empty", r"{f}:1: keys_dir: --keys-dir k h.*the broker's own is wanted",
        78, "keys_dir: k\n", directory("k")),
    Row("broker", "secret others read", r"keys_dir: \S*broker.key_secret: others may read it", 78,
        make=keys(mode("keys/broker.key_secret", 0o640))),
    Row("broker", "secret is none", r"keys_dir: \S*broker.key_secret: not a key file", 78,
        make=keys(text("keys/broker.key_secret", "x\n"))),
    Row("broker", "no clients", r"keys_dir: \S*keys/clients: No such file.*enrol", 78,
        make=keys(remove("keys/clients"))),
    Row("broker", "a client is none", r"keys_dir: \S*clients/x.key: not an enrolled key", 78,
        make=keys(text("keys/clients/x.key"))),
    Row("broker", "unix socket nowhere", r"{f}:1: stream_endpoint: ipc://no/x: no: No such file", 1,
        "stream_endpoint: ipc://no/x\n"),
    Row("broker", "unix socket long",
        r"{f}:1: stream_endpoint: ipc://x+\.\.\.: the path of a unix socket has at most 107 bytes",
        1, f"stream_endpoint: ipc://{'x' * 120}\n"),
    Row("broker", "no endpoint", r'{f}:1: files_endpoint: "": an endpoint is expected', 78,
        "files_endpoint: ''\n"),
    Row("broker", "a path for an endpoint", r"{f}:1: files_endpoint: expected an endpoint such as",
        78, "files_endpoint: /run/x\n"),
    Row("broker", "a name to bind",
        r"{f}:1: files_endpoint: tcp://a.name:0: an address, an interface", 1,
        "files_endpoint: tcp://a.name:0\n", keys()),
    Row("broker", "one port twice",
        r"{f}:2: ingest_endpoint: tcp://127.0.0.1:{port}: another option has "
        r"tcp://127.0.0.1:{port}", 78,
        "work_endpoint: tcp://127.0.0.1:{port}\ningest_endpoint: tcp://127.0.0.1:{port}\n"),
    Row("broker", "a port of all addresses",
        r"{f}:2: admin_listen: 127.0.0.1:{port}: another option has tcp://\*:{port}", 78,
        "stream_endpoint: tcp://*:{port}\nadmin_listen: 127.0.0.1:{port}\n", keys()),
    Row("broker", "one unix socket twice",
        r"{f}:2: files_endpoint: ipc://x: another option has ipc://x", 78,
        "work_endpoint: ipc://x\nfiles_endpoint: ipc://x\n"),
    Row("broker", "HTTP without keys",
        r"{f}:1: admin_listen: 0.0.0.0:0 is not a loopback address; that needs keys", 78,
        "admin_listen: 0.0.0.0:0\n"),
    Row("broker", "HTTP by name", r"{f}:1: admin_listen: a.name:0: a numeric address", 78,
        "admin_listen: a.name:0\n"),
    Row("broker", "ready file nowhere", r"{f}:1: ready_file: no: No such file", 78,
        "ready_file: no/x\n"),
    Row("broker", "webhook file missing", r'{f}:1: slack_webhook_url_file: cannot read "no"', 78,
        "slack_webhook_url_file: no\n"),
    # a Secret may be mounted later; until then the server is asked without a token
    Row("broker", "token file missing", r"{f}:5: clusters\[0\].mcp.token_file: no: No such file",
        "token file not readable", CLUSTER.format("no")),
    Row("broker", "token file a folder", r"{f}:5: clusters\[0\].mcp.token_file: d: Is a directory",
        "token file not readable", CLUSTER.format("d"), directory("d")),
    Row("broker", "token file empty",
        r"{f}:5: clusters\[0\].mcp.token_file: t: expected a token, is empty",
        "token file is empty", CLUSTER.format("t"), text("t", "\n")),
]
WORKER = [
    Row("worker", "name", r"{f}:1: worker_name: \"a/b\": expected 1 to 63 of", 78,
        "worker_name: a/b\n"),
    Row("worker", "root below a file", r"{f}:1: workspace_root: file: Not a directory", 78,
        "workspace_root: file/x/y\n", text("file")),
    Row("worker", "root in /proc", r"{f}:1: workspace_root: /proc: cannot be written", 78,
        "workspace_root: /proc/x\n"),
    Row("worker", "identity", r"{f}:1: workspace_root: \S*/w/w1/worker-id: not a UUID; mend it", 78,
        "workspace_root: w\n", text("w/w1/worker-id")),
    Row("worker", "a file for a folder", r"{f}:1: workspace_root: \S*/w/w1/spool: Not a directory",
        78, "workspace_root: w\n", text("w/w1/spool")),
    Row("worker", "lock is a link", r"{f}:1: workspace_root: \S*/w/w1/.lock: ", 78,
        "workspace_root: w\n", all_of(directory("w/w1"), link("w/w1/.lock", "x"))),
    Row("worker", "keys_dir a file", r"{f}:1: keys_dir: file: not a readable folder", 78,
        "keys_dir: file\n", text("file")),
    Row("worker", "keys of the broker", r"{f}:1: keys_dir: --keys-dir keys holds .*wanted", 78,
        "keys_dir: keys\n", keys()),
    Row("worker", "no key of the broker",
        r"{f}:1: keys_dir: k/broker.key: the broker's public key is missing", 78, "keys_dir: k\n",
        keys(remove("k/broker.key"))),
    Row("worker", "endpoint without keys", r"{f}:1: broker_files_endpoint: tcp://10.0.0.1:5573: "
        + NO_KEYS, 78, "broker_files_endpoint: tcp://10.0.0.1:5573\n"),
    Row("worker", "port 0",
        r"flag --broker-endpoint: tcp://127.0.0.1:0: a port to connect to is expected", 78,
        words=("--broker-endpoint", "tcp://127.0.0.1:0")),
    Row("worker", "ready file nowhere", r"environment TRIAGE_READY_FILE: no: No such file", 78,
        env={"TRIAGE_READY_FILE": "no/x"}),
    Row("worker", "key file missing", r'environment ANTHROPIC_API_KEY_FILE: cannot read "no"', 78,
        env={"ANTHROPIC_API_KEY_FILE": "no"}),
    # what is missing may be installed or mounted later; until then no agent runs, or without it
    Row("worker", "script missing", r"{f}:1: agent_script_path: ./no.sh: No such file",
        HELD, "agent_script_path: ./no.sh\n"),
    Row("worker", "script not executable",
        r"{f}:1: agent_script_path: s.sh: not an executable file", HELD,
        "agent_script_path: s.sh\n", text("s.sh", "#!/bin/sh\n")),
    Row("worker", "program missing", r"{f}:1: agent_cli: agent 'goose' needs the program 'goose'",
        HELD, "agent_cli: goose\n"),
    Row("worker", "no custom command", r"{f}:1: agent_cli: .*custom.* needs AGENT_CUSTOM_COMMAND",
        HELD, "agent_cli: custom\nagent_env: AGENT_CUSTOM_COMMAND\n"),
    Row("worker", "custom command kept back",
        r"{f}:1: agent_cli: .*custom.* needs AGENT_CUSTOM_COMMAND", HELD, "agent_cli: custom\n",
        env={"AGENT_CUSTOM_COMMAND": "/bin/true"}),
    Row("worker", "kubeconfig missing", r"environment KUBECONFIG: no: No such file",
        HELD, make=text("there"), env={"KUBECONFIG": "there:no"}),
    Row("worker", "MCP file missing", r"{f}:1: agent_mcp_config: no.json: No such file", HELD,
        "agent_mcp_config: no.json\n"),
    Row("worker", "skills missing", r"{f}:1: agent_skills_dir: no: No such file", HELD,
        "agent_skills_dir: no\n"),
    Row("worker", "drivers are no folder", r"{f}:1: agent_drivers_dir: f: Not a directory", HELD,
        "agent_drivers_dir: f\n", text("f")),
    Row("worker", "a path to read is missing", r"{f}:1: agent_read_paths: no: No such file", HELD,
        "agent_read_paths: /usr/bin:no\n"),
    Row("worker", "a host that is a URL",
        r"{f}:1: agent_allowed_hosts: http://a/: HOST, HOST:PORT or \*.DOMAIN is expected", HELD,
        "agent_allowed_hosts: a.test, http://a/\n"),
    Row("worker", "no such user", r"{f}:1: agent_user: nobodyy: neither a user of this host nor",
        HELD, "agent_user: nobodyy\n"),
    Row("worker", "no key of the agent",
        r"{f}:1: agent_cli: agent 'codex' needs OPENAI_API_KEY, which is not set", HELD,
        "agent_cli: codex\n", text("p/codex", "#!/bin/sh\necho 1.2.3\n", 0o755),
        env={"PATH": f"p:{BIN}:/usr/bin:/bin"}),
    Row("worker", "kubeconfig of a cluster", r"{f}:3: clusters\[0\].kubeconfig: d: Is a directory",
        HELD, "clusters:\n- name: a\n  kubeconfig: d\n", directory("d")),
]
OTHERS = [
    Row("publisher", "keys of another role",
        r"{f}:1: keys_dir: --keys-dir k holds a worker's key, ", 78, "keys_dir: k\n", keys()),
    Row("publisher", "endpoint without keys", r"{f}:1: files_endpoint: tcp://10.0.0.1:5573: "
        + NO_KEYS, 78, "files_endpoint: tcp://10.0.0.1:5573\n"),
    Row("publisher", "spool in no folder", r"{f}:1: spool_dir: no: No such file", 1,
        "spool_dir: no/x\n"),
    Row("publisher", "spool a file", r"{f}:1: spool_dir: file: Not a directory", 1,
        "spool_dir: file\n", text("file")),
    Row("publisher", "serve by name", r"{f}:1: serve: a.name:0: a numeric address", 78,
        "serve: a.name:0\n"),
    Row("publisher", "speed without serve", r"{f}:1: speed: only together with serve", 78,
        "speed: 5\n"),
    Row("publisher", "no JSON", r"FILE\.\.\.: x.gz is not JSON, it looks like", 1,
        make=text("x.gz", gzip.compress(b"x")), words=("x.gz",)),
    # the other files are sent all the same
    Row("publisher", "file missing", r"FILE\.\.\.: no: No such file", "file cannot be read",
        words=("no",)),
    # nobody waits for the file but who asked for it
    Row("publisher", "ready file nowhere", r"{f}:1: ready_file: no: No such file",
        "ready file cannot be written", "ready_file: no/x\n"),
    Row("tap", "keys_dir a file", r"{f}:1: keys_dir: file: not a readable folder", 78,
        "keys_dir: file\n", text("file")),
    Row("tap", "port 0", r"{f}:1: stream_endpoint: tcp://127.0.0.1:0: a port to connect", 78,
        "stream_endpoint: tcp://127.0.0.1:0\n"),
]
ROWS = BROKER + WORKER + OTHERS


def prepare(folder, row):
    """The row's files and its configuration.  Returns the words of the command line,
    and what is said."""
    port = str(free_port())
    (folder / "config.yaml").write_text(row.yaml.replace("{port}", port))
    (folder / "demo.jsonl").write_text('{"kind":"x"}\n')
    row.make(folder)
    words = ["-c", "config.yaml", *PROGRAMS[row.program], *row.words]
    for key in re.findall(r"(?m)^\w+", row.yaml):  # a flag would win over the file
        flag = "--" + key.replace("agent_script", "script").replace("_", "-")
        while flag in words:
            del words[words.index(flag):words.index(flag) + 2]
    return words, row.says.replace("{f}", r"config\.yaml").replace("{port}", port)


def started(folder, row, words, user=()):
    """The start does what the row says."""
    if isinstance(row.start, int):
        done = run(folder, row.program, *words, user=user, **row.env)
        assert done.returncode == row.start, done.stderr
        return
    log = folder.parent / f"{folder.name}.log"
    with open(log, "wb") as out, subprocess.Popen(command(row.program, words, user), stdout=out,
                                                  stderr=out, cwd=folder,
                                                   env=environment(**row.env),
                                                  stdin=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: row.start in log.read_text() or process.poll() is not None, 20,
                       row.start)
        finally:
            process.terminate()
            wait_until(lambda: process.poll() is not None, 30, "the end")
    assert row.start in log.read_text()


def checked(folder, row, words, says, user=()):
    before = tree(folder)
    done = run(folder, row.program, *words, "--check-config", user=user, **row.env)
    assert done.returncode == 78 and done.stdout == "", (done.returncode, done.stdout, done.stderr)
    assert any(re.match(says, line) for line in done.stderr.splitlines()), (says, done.stderr)
    assert tree(folder) == before, "it left something behind"
    assert len(done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.program}: {row.name}")
def test_it_says_what_the_start_says(tmp_path, row):
    folder = tmp_path / "f"
    folder.mkdir()
    words, says = prepare(folder, row)
    checked(folder, row, words, says)
    started(folder, row, words)


# --- as a user who may not do everything

DENIED = [
    Row("broker", "root", r"{f}:1: workspace_root: closed: cannot be written: Permission denied",
        78, "workspace_root: closed/x\n", directory("closed", 0o555)),
    Row("broker", "state", r"{f}:1: state_path: closed: cannot be written: Permission denied", 78,
        "state_path: closed/s/x.db\n", directory("closed", 0o555)),
    Row("broker", "store", r"{f}:1: state_path: s/x.db: Permission denied", 78,
        "state_path: s/x.db\n", all_of(directory("s", 0o777), text("s/x.db", "", 0o400))),
    Row("broker", "prompt", r"{f}:1: agent_system_prompt_file: p: Permission denied", 78,
        "agent_system_prompt_file: p\n", text("p", mode=0)),
    Row("broker", "admin token", r"{f}:1: admin_token_file: \S*/t: Permission denied", 1,
        "admin_token_file: t\n", text("t", "x" * 40, 0)),
    Row("broker", "ready file", r"{f}:1: ready_file: closed: cannot be written", 78,
        "ready_file: closed/x\n", directory("closed", 0o555)),
    Row("broker", "token", r"{f}:5: clusters\[0\].mcp.token_file: t: Permission denied",
        "token file not readable", CLUSTER.format("t"), text("t", mode=0)),
    Row("worker", "root", r"{f}:1: workspace_root: closed: cannot be written: Permission denied",
        78, "workspace_root: closed/x\n", directory("closed", 0o555)),
    Row("worker", "kubeconfig", r"{f}:1: kubeconfig: k: Permission denied",
        HELD, "kubeconfig: k\n", text("k", mode=0)),
    Row("publisher", "spool", r"{f}:1: spool_dir: closed: cannot be written: Permission denied", 1,
        "spool_dir: closed/x\n", directory("closed", 0o555)),
]


@pytest.mark.parametrize("row", DENIED, ids=lambda row: f"{row.program}: {row.name}")
def test_it_asks_as_the_user_who_starts_it(row):
    with tempfile.TemporaryDirectory(prefix="triage-user-") as name:
        top = Path(name)
        top.chmod(0o755)
        folder = top / "f"
        folder.mkdir()
        folder.chmod(0o777)
        words, says = prepare(folder, row)
        for file in ("config.yaml", "demo.jsonl"):
            (folder / file).chmod(0o644)
        user = NOBODY if os.geteuid() == 0 else ()
        checked(folder, row, words, says, user)
        started(folder, row, words, user)


def test_a_disk_that_is_read_only_is_told(system):
    """Root may write everywhere, but not there."""
    disk = mounted_or_skipped(system, "disk",
                              [f"mount -t tmpfs -o ro,size=1m none {system.root / 'disk'}"])
    for program, key, code in (("broker", "workspace_root", 74), ("broker", "state_path", 74),
                               ("worker", "workspace_root", 74), ("publisher", "spool_dir", 1)):
        row = Row(program, "", rf"{{f}}:1: {key}: disk: cannot be written: Read-only file system",
                  code, f"{key}: disk/x\n")
        words, says = prepare(system.root, row)
        # who enters a namespace stands in its root
        there = [*disk.prefix, "env", "-C", system.root]
        done = run(system.root, program, *words, "--check-config", user=there)
        assert done.returncode == 78 and re.match(says, done.stderr), done.stderr
        started(system.root, row, words, there)


# --- what is good

NOT_CHECKED = {
    "broker": ["whether the ports are free",
               "MCP server http://<secret>@127.0.0.1:9/mcp: nothing is sent",
               "Slack webhook: nothing is sent", "whether another broker holds"],
    "worker": ["broker tcp://127.0.0.1:5570: nothing is sent",
               "whether another worker of this name is running"],
    "publisher": ["broker tcp://127.0.0.1:5572: nothing is sent", "-: not a file"],
    "tap": ["broker tcp://127.0.0.1:5571: nothing is sent"],
}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("with_keys", [False, True], ids=["plain", "keys"])
def test_what_is_good_is_said_to_be_and_what_is_not_known_is_named(tmp_path, program, with_keys):
    yaml = {"broker": CLUSTER.format("t").replace("//", "//me:pw@")
            + "slack_webhook_url: http://127.0.0.1:9/\n"}.get(program, "")
    row = Row(program, "", "", 0, yaml, all_of(text("t"), keys()) if with_keys else text("t"),
              words=("-",) if program == "publisher" else ())
    words, _ = prepare(tmp_path, row)
    if with_keys and program == "worker":
        words += ["--keys-dir", "k"]
    if with_keys and program in ("publisher", "tap"):  # each role has keys of its own
        done = subprocess.run([BIN / "triagectl", "key", "new", "--keys-dir", "keys", "--role",
                               program, "--name", "x", "--out", "o"],
                              cwd=tmp_path, env=environment(), check=False)
        assert done.returncode == 0
        words += ["--keys-dir", "o"]
    before = tree(tmp_path)
    done = run(tmp_path, program, *words, "--check-config")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "configuration ok" and all(line.startswith("not checked: ")
                                                  for line in lines[1:])
    for words in NOT_CHECKED[program]:
        assert any(line.startswith("not checked: " + words) for line in lines), (words, done.stdout)
    assert ("not checked: what another user than root may read and write" in lines) == (
        os.geteuid() == 0)
    assert tree(tmp_path) == before, "it left something behind"


def test_a_secret_too_short_to_redact_is_a_warning(tmp_path):
    row = Row("worker", "", "", 0, "anthropic_api_key: abc\nagent_cli: playbook\n")
    words, _ = prepare(tmp_path, row)
    done = run(tmp_path, "worker", *words, "--check-config")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "warning: config.yaml:1: anthropic_api_key: anthropic_api_key has 3 " \
                          "bytes: too short to be removed from what " \
                          "agents write\n"


def test_a_running_broker_and_worker_are_no_error(system):
    broker, worker = system.start_broker(), system.start_worker()
    for process in (broker, worker):
        done = subprocess.run([*process.words, "--check-config"], capture_output=True, text=True,
                              cwd=system.root, env=environment(), timeout=30 * SLOW, check=False)
        assert done.returncode == 0, done.stderr
    assert broker.alive() and worker.alive()


def test_a_worker_in_the_folder_of_a_running_broker_is_one(tmp_path):
    row = Row("worker", "",
              r"{f}:1: workspace_root: \S*/w is held by a broker: give the worker its own", 78,
              "workspace_root: w\n", text("w/.broker.lock", ""))
    words, says = prepare(tmp_path, row)
    with open(tmp_path / "w/.broker.lock", "r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        checked(tmp_path, row, words, says)
        started(tmp_path, row, words)


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    yaml = "lease_ttl: soon\nagent_system_prompt_file: no\nworkspace_root: /proc/x\n" \
           "state_path: /proc/x/y\nready_file: no/x\n"
    (tmp_path / "config.yaml").write_text(yaml + CLUSTER.format("no"))
    done = run(tmp_path, "broker", "-c", "config.yaml", "--check-config")
    assert done.returncode == 78
    for line, key in ((1, "lease_ttl"), (2, "agent_system_prompt_file"), (3, "workspace_root"),
                      (4, "state_path"), (5, "ready_file"), (10, "clusters[0].mcp.token_file")):
        assert f"config.yaml:{line}: {key}: " in done.stderr
    assert len(done.stderr.splitlines()) == 6
