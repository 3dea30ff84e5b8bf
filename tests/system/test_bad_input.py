"""Bad input: each gets a clear message, nothing is lost, nobody else is harmed.
SPDX-License-Identifier: Apache-2.0
"""
import json
import re
import socket
import subprocess
import urllib.request

import pytest
import yaml

from lib.disk import mounted_or_skipped
from lib.system import BIN, ROOT, fault, wait_until


def run(program, *words, env=None, cwd=None):
    return subprocess.run([BIN / program, *words], capture_output=True, text=True, timeout=30,
                          cwd=cwd,
                          env={"PATH": "/usr/bin:/bin", **(env or {})}, stdin=subprocess.DEVNULL)


def test_all_configuration_errors_are_reported_at_once_with_file_and_line(tmp_path):
    path = tmp_path / "broker.yaml"
    path.write_text("agent_timout: 5m\nlease_ttl: soon\nagent_attempts: 0\nlog_level: loud\n"
                    "admin_listen: 127.0.0.1:65536\nnonsense: 1\n"
                    "clusters:\n  - name: a\n    mcp:\n      endpont: http://127.0.0.1:1\n")
    done = run("triage-broker", "--config", str(path), "--check-config",
               env={"AGENT_TIMEOUT": "-3"})
    assert done.returncode == 78
    for line, words in ((1, ("agent_timout", "agent_timeout")), (2, ("lease_ttl", "soon")),
                        (3, ("agent_attempts", "0")),
                        (4, ("log_level", "loud")), (5, ("admin_listen", "HOST:PORT")),
                        (6, ("nonsense",)), (10, ("endpont", "endpoint"))):
        found = [text for text in done.stderr.splitlines() if f"broker.yaml:{line}:" in text]
        assert found and all(word in found[0] for word in words), (line, done.stderr)
    assert "AGENT_TIMEOUT" in done.stderr


def test_the_playbook_takes_no_flag_for_a_workspace():
    for flag, code in (("--help", 0), ("-h", 0), ("--version", 64), ("-x", 64)):
        done = run("triage-playbook", flag)
        assert done.returncode == code and (done.stdout
                                            or done.stderr).startswith(
                                                "usage: triage-playbook WORKSPACE\n")
        assert bool(done.stdout) == (code == 0) != bool(done.stderr)


@pytest.mark.parametrize("program",
                         ["triage-broker", "triage-worker", "triage-publisher", "triage-tap"])
def test_an_unknown_flag_is_named_with_a_suggestion(program):
    done = run(program, "--log-levle", "debug")
    assert done.returncode == 2 and "log-levle" in done.stderr and "log-level" in done.stderr


@pytest.mark.parametrize("program,name", [("triage-broker", "broker"), ("triage-worker", "worker"),
                                          ("triage-publisher", "publisher")])
def test_the_sample_configuration_is_valid_and_names_every_option(program, name):
    done = run(program, "--config", str(ROOT / f"configs/{name}.yaml"), "--check-config", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    printed = run(program, "--print-docs").stdout
    sample = (ROOT / f"configs/{name}.yaml").read_text()
    keys = [line.split("`")[1] for line in printed.splitlines() if line.startswith("| `")]
    assert keys
    missing = [key for key in keys if key.split(".")[-1] + ":" not in sample]
    assert not missing


@pytest.mark.parametrize("name", ["broker", "worker", "publisher"])
def test_the_sample_configuration_shows_the_defaults(tmp_path, name):
    """Each commented option taken in: nothing is wrong, and but for the examples
    of clusters and models nothing changes."""
    path = tmp_path / "all.yaml"
    path.write_text(re.sub(r"(?m)^#( *(?:- )?[a-z_]+:)", r"\1",
                           (ROOT / f"configs/{name}.yaml").read_text()))
    every, default = (yaml.safe_load(run(f"triage-{name}", "--print-config", *words).stdout)
                      for words in (("--config", str(path)), ()))
    examples = ("clusters", "agent_models", "receivers", "routes")
    assert len(default) > 10 and {key: every[key] for key in default if key not in examples} == {
        key: value for key, value in default.items() if key not in examples}
    assert {value for key, value in every.items() if key not in default} <= {""}
    assert name == "publisher" or [item["name"] for item in every["clusters"]] == ["prod-us-east-1"]


@pytest.mark.parametrize("endpoint", ["tcp://0.0.0.0:0", "tcp://*:0"])
def test_without_keys_a_non_loopback_endpoint_is_refused(system, endpoint):
    broker = system.start_broker(wait=False, work_endpoint=endpoint)
    assert broker.wait(10) == 78
    assert "without keys" in broker.log() and "triagectl key new" in broker.log()


@pytest.mark.parametrize("keys", ["system", "secure"])
def test_a_taken_admin_port_is_not_called_bad_configuration_and_a_bad_one_is(request, keys):
    """A supervisor starts again what ended with 1, and not what ended with 78."""
    system = request.getfixturevalue(keys)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        broker = system.start_broker(wait=False, admin_listen=f"127.0.0.1:{taken.getsockname()[1]}")
        assert broker.wait(10) == 1 and "Address already in use" in broker.log()
    for address in ("nowhere", "127.0.0.1:65536", "a.name:0"):
        broker = system.start_broker(wait=False, admin_listen=address)
        assert broker.wait(10) == 78 and address in broker.log()


def second_broker(system, prefix=(), **options):
    defaults = {"state_path": system.root / "other/broker.db",
                "workspace_root": system.root / "other-incidents",
                "agent_system_prompt_file": ROOT / "configs/triage-system-prompt.md",
                "admin_listen": "127.0.0.1:0",
                **{f"{name}_endpoint": "tcp://127.0.0.1:0"
                   for name in ("work", "stream", "ingest", "files")}}
    words = [word for key, value in {**defaults, **options}.items()
             for word in ("--" + key.replace("_", "-"), str(value))]
    return subprocess.run([*map(str, prefix), BIN / "triage-broker", *words], capture_output=True,
                          text=True, timeout=30, check=False,
                          env={"PATH": "/usr/bin:/bin", "TRIAGE_TEST_ROOT": str(system.root)},
                          cwd=system.root)


def test_a_second_broker_is_refused_on_the_same_store_and_on_the_same_folder(system):
    broker = system.start_broker()
    for path in (system.root / "state/broker.db", "state/broker.db", "./state/../state/broker.db"):
        done = second_broker(system, state_path=path)
        assert done.returncode == 3 \
            and f"another broker holds {system.root}/state/broker.db" in done.stderr
    # the one who reads it stands elsewhere
    for path in (system.root / "incidents", "incidents", "./incidents"):
        done = second_broker(system, workspace_root=path)
        assert done.returncode == 3 and "another broker holds workspace_root" in done.stderr
        assert f"workspace_root={system.root}/incidents" in done.stderr
    #  another way to the same folder is the same folder
    (system.root / "link").symlink_to(system.root / "incidents")
    assert second_broker(system, workspace_root=system.root / "link").returncode == 3
    system.publish([fault("web-0")])  # the first one has not noticed
    assert len(broker.incidents()) == 1
    broker.kill9()  # a lock does not outlive its holder
    system.start_broker()


@pytest.mark.parametrize("name", ["symbolic link", "hard link", "bind mount"])
def test_a_second_broker_is_refused_by_whatever_name_it_knows_the_store(system, name):
    """Each name has a lock of its own beside it; what both would write is one file."""
    broker = system.start_broker()
    path, other = system.root / "state/broker.db", system.root / "other/broker.db"
    other.parent.mkdir()
    prefix = []
    if name == "symbolic link":
        other.symlink_to(path)
    elif name == "hard link":
        other.hardlink_to(path)
    else:
        other.touch()
        prefix = mounted_or_skipped(system, "names", [f"mount --bind {path} {other}"]).prefix
    done = second_broker(system, prefix=prefix)
    assert done.returncode == 3 and "another broker holds" in done.stderr \
        and "broker.db" in done.stderr
    system.publish([fault("web-0")])  # the first one has not noticed
    assert len(broker.incidents()) == 1


def test_a_missing_system_prompt_is_refused(system):
    broker = system.start_broker(wait=False, agent_system_prompt_file="/nonexistent/prompt.md")
    assert broker.wait(10) == 78 and "/nonexistent/prompt.md" in broker.log()


ODD = {
    "no fields": "{}",
    "extra fields": json.dumps(fault("extra", surprise={"deep": [1, 2, {"x": None}]})),
    "wrong types": json.dumps(fault("types", severity=7, timestamp=[], cluster={"a": 1},
                                    faultId=12)),
    "resource is a list": json.dumps({**fault("list"), "resource": ["Pod", "x"]}),
    "not JSON": "this is not JSON",
    "a JSON text": '"hello"',
    "truncated": json.dumps(fault("cut"))[:-20],
    "invalid UTF-8": None,
    "nested 5000 deep": "[" * 5000,
    "control characters": json.dumps(fault("ctl", context="\x1b[31mred\x07\u2028 \u0000"[:-1])),
    "duplicate keys": '{"faultId": "a", "faultId": "b"}',
}


def test_odd_events_are_kept_with_what_they_have(system):
    broker = system.start_broker()
    lines = [text.encode() if text is not None
             else b'{"faultId": "\xff\xfe", "faultType": "CrashLoop"}'
             for text in ODD.values()]
    path = system.root / "odd.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    publisher = system.start_publisher(path)
    publisher.wait(30)
    acknowledged = publisher.records("event acknowledged")
    assert len({record["event_id"] for record in acknowledged}) == len(ODD), publisher.log_tail()
    #  all are recorded; what could not be parsed is flagged and not investigated
    rows = broker.incidents()
    unparsed = [row for row in rows if row["fault_type"] == "Unparsed"]
    assert {row["state"] for row in unparsed} == {"suppressed"}
    assert len(unparsed) >= 4
    assert broker.alive()


def test_an_event_with_a_context_of_five_megabytes_is_kept_whole(system):
    broker = system.start_broker()
    system.start_worker()
    context = "x" * (5 * 1024 * 1024)
    system.publish([fault("big", context=context)])
    row = broker.wait_terminal(1)[0]
    assert row["state"] == "reported"
    kept = json.loads((system.root / "incidents" / row["id"] / "event.json").read_text())
    assert kept["context"] == context and kept["incidentId"] == row["id"]


def test_an_event_over_the_limit_is_named_and_the_others_go_through(system):
    broker = system.start_broker()
    publisher = system.publish([fault("a"), fault("huge", context="x" * (9 * 1024 * 1024)),
                                fault("b")], expect=1)
    assert publisher.records("line is too long, it is not sent")[0]["line"] == "2"
    wait_until(lambda: len(broker.incidents()) == 2, 10, "two incidents")


def test_hostile_text_cannot_forge_a_log_line(system):
    broker = system.start_broker(log_level="debug")
    evil = 'x" level=error msg="forged\nts=2026 level=error msg=forged'
    system.publish([fault("web-0", cluster=evil, fault_type=evil, context=evil)])
    wait_until(lambda: broker.incidents(), 10, "recorded")
    broker.stop()
    assert not [line for line in broker.log().splitlines()
                if line.startswith("ts=2026 level=error")]
    assert all(line.startswith("ts=") for line in broker.log().splitlines())


def test_the_broker_takes_all_the_file_descriptors_that_it_may(system):
    broker = system.start_broker(prefix=("prlimit", "--nofile=256:2048"))
    assert "process_max_fds 2048\n" in broker.get("/metrics", raw=True)


def test_clients_that_never_finish_their_request_do_not_keep_others_out(system):
    broker = system.start_broker()
    host, port = broker.endpoints["admin"].split(":")
    slow = [socket.create_connection((host, int(port)), 10) for _ in range(80)]
    for sock in slow:
        sock.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
    for _ in range(10):  # a silent connection is closed after 10 s: that does not help here
        with urllib.request.urlopen(f"{system.url()}/healthz", timeout=8) as answer:
            assert answer.read() == b"ok\n"
    for sock in slow:
        sock.close()
