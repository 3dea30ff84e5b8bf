"""What other processes of the same user and the same host may see of a program, and do to it.
SPDX-License-Identifier: Apache-2.0
"""
import os
import pathlib
import signal
import subprocess

from lib.system import BIN, fault

SECRET = "http://127.0.0.1:9/services/T0/B0/canary-5f1d"


def readable_by_its_own_user(process):
    """May another process of its user read it?  What is hidden belongs to root in /proc."""
    return pathlib.Path(f"/proc/{process.pid}/environ").stat().st_uid == os.getuid() != 0


def core_limit(process):
    lines = pathlib.Path(f"/proc/{process.pid}/limits").read_text().splitlines()
    return next(line.split()[4] for line in lines if line.startswith("Max core file size"))


def test_a_broker_hides_its_secrets_from_its_neighbours(system):
    broker = system.start_broker(env={"SLACK_WEBHOOK_URL": SECRET})
    assert not readable_by_its_own_user(broker)
    assert core_limit(broker) == "0"
    if os.getuid() == 0:  # who may read all the same finds no secret in the environment
        shown = pathlib.Path(f"/proc/{broker.pid}/environ").read_bytes()
        assert b"SLACK_WEBHOOK_URL" in shown and b"canary-5f1d" not in shown
    broker.signal(signal.SIGHUP)  # a reload knows it all the same
    broker.wait_log("configuration reloaded")
    assert "canary-5f1d" not in broker.log()


def test_publisher_tap_and_worker_hide_as_well(system):
    system.start_broker()
    started = [system.start_worker(),
               system.start_publisher([fault("web-0")], name="p0", speed=0.001)]
    for process in started:
        if process.alive():
            assert core_limit(process) == "0", process.name


def test_a_stray_argument_is_not_shown(tmp_path):
    """Behind a misspelt flag it may be the secret that the flag was for."""
    done = subprocess.run([BIN / "triage-broker", "--slack-webhok-url", SECRET],
                          capture_output=True, text=True, timeout=30, check=False, cwd=tmp_path)
    assert done.returncode == 2 and "canary-5f1d" not in done.stderr
    assert "slack-webhook-url" in done.stderr and "argument 2: unexpected" in done.stderr
