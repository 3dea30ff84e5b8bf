"""A run in its box: the real Claude Code through the worker, behind the key gateway.
SPDX-License-Identifier: Apache-2.0
"""
import tempfile
from pathlib import Path

import pytest

from lib import claude
from lib.system import System


@pytest.fixture
def system():
    """In a folder through which the agent's user can pass."""
    with tempfile.TemporaryDirectory(prefix="triage-box-") as folder:
        Path(folder).chmod(0o711)
        system = System(Path(folder))
        try:
            yield system
        finally:
            system.close()


@pytest.fixture
def provider():
    provider = claude.provider()
    yield provider
    provider.close()


def boxed(system, provider, runtime, **options):
    """A worker whose agents are enclosed; it is ready."""
    worker = claude.start_worker(system, provider, **{
        "agent_runtime": runtime, "agent_network": "gateway", "agent_env": "", **options})
    worker.wait_log("agents can run")
    return worker


@pytest.mark.parametrize("runtime", ["bwrap", "landlock", "none"])
def test_the_agent_works_without_its_key(system, provider, runtime):
    """It holds a token of its run; the provider gets the key, which stands in no file."""
    system.start_broker(agent_model="sonnet")
    system.worker = boxed(system, provider, runtime)
    found = claude.ask(system, "ok")
    attempt, folder = claude.first_attempt(system, found["ok"])
    assert attempt["outcome"] == "success", (attempt, system.worker.log_tail())
    assert provider.keys() == {claude.KEY}
    assert not [path for path in folder.rglob("*") if path.is_file()
                and claude.KEY.encode() in path.read_bytes()]
