"""The agent image, built by podman and by docker on a Debian of debootstrap, and runs in it.
SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from lib import claude, engines
from lib.system import ROOT, System, fault

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(3600)]
BASE, NAME = "triage-test-base:12", "k8s-triage-agent:latest"
AUTHORITIES = Path("/usr/local/share/ca-certificates")


@pytest.fixture(scope="module")
def debian(tmp_path_factory):
    """An archive of a Debian 12 with the certificate authorities of this host."""
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        pytest.skip("debootstrap and root are needed")
    folder = tmp_path_factory.mktemp("debian")
    tree, archive = folder / "tree", folder / "debian.tar"
    with open(folder / "debootstrap.log", "wb") as log:
        subprocess.run(["debootstrap", "--variant=minbase", "--include=ca-certificates",
                        "bookworm", tree], check=True, stdout=log, stderr=log)
    if AUTHORITIES.is_dir():
        shutil.copytree(AUTHORITIES, tree / "usr/local/share/ca-certificates", dirs_exist_ok=True)
        subprocess.run(["chroot", tree, "update-ca-certificates"], check=True,
                       capture_output=True)
    subprocess.run(["tar", "-C", tree, "-cf", archive, "."], check=True)
    shutil.rmtree(tree)
    yield archive
    archive.unlink()


@pytest.fixture(params=["podman", "docker"])
def engine(request, debian):
    """An engine that has the image.  It is built with the host's network, and leaves that as it
    is: the engine makes no network of its own."""
    engines.need(request.param)
    with engines.namespaces(network=False):
        root = Path(tempfile.mkdtemp(prefix="triage-image-"))
        root.chmod(0o711)
        with engines.running(request.param, root / "engine") as engine:
            engine.run("import", debian, BASE)
            build(engine)
            yield engine
        shutil.rmtree(root, ignore_errors=True)


def build(engine):
    base = f"localhost/{BASE}" if engine.name == "podman" else BASE
    done = subprocess.run(
        ["make", "image"], cwd=ROOT, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **engine.env, "ENGINE": engine.name, "DOCKER_BUILDKIT": "0",
             "IMAGE_BASE": base, "IMAGE_OPTIONS": "--network host"})
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def start(system, engine, provider, **options):
    worker = claude.start_worker(
        system, provider, env=engine.env, agent_runtime=engine.name, agent_network="gateway",
        agent_env="", agent_timeout="300s", agent_script_path=claude.SCRIPT, **options)
    worker.wait_log("agents can run", 60)
    return worker


CLIS = {"claude": "@anthropic-ai/claude-code-linux-x64", "codex": "@openai/codex",
        "gemini": "@google/gemini-cli", "opencode": "opencode-linux-x64",
        "qwen": "@qwen-code/qwen-code"}


def inside(engine, *words):
    """What a command says in a container of the image, as any user and without a network."""
    return engine.run("run", "--rm", "--network", "none", "--user", "12345:12345", "--tmpfs",
                      "/tmp", "--env", "HOME=/tmp", NAME, *words).stdout.strip()


def locked(package):
    """The version of a package in the image's lockfile."""
    lock = json.loads((ROOT / "agent-container/package-lock.json").read_text())
    return lock["packages"][f"node_modules/{package}"]["version"]


def test_the_image_runs_a_triage_without_root(engine):
    """By the playbook, and by the image's Claude Code; any user may be its own."""
    user = engine.inspect(NAME)["Config"]["User"]
    assert user == "65534:65534"
    for words in (["id", "-u"], ["kubectl", "version", "--client"], ["node", "--version"],
                  ["kubernetes-mcp-server", "--version"], ["jq", "--version"]):
        assert inside(engine, *words) not in ("", "0"), words
    for agent, package in CLIS.items():
        said = json.loads(inside(engine, "run-agent.sh", "--describe", "--agent", agent))
        assert said["version"] == locked(package).removesuffix("-linux-x64"), said
    provider = claude.provider()
    folder = engine.folder.parent / "system"
    folder.mkdir()
    system = System(folder)
    try:
        broker = system.start_broker(agent_model="sonnet")
        worker = start(system, engine, provider)
        assert worker.records("agents can run")[0]["version"] == \
            locked(CLIS["claude"])
        found = claude.ask(system, "ok")
        attempt, _ = claude.first_attempt(system, found["ok"], 300)
        assert attempt["outcome"] == "success", (attempt, worker.log_tail())
        assert provider.keys() == {claude.KEY}
        worker.stop()
        start(system, engine, provider, name="w2", agent_cli="playbook")
        system.publish([fault("web-playbook")], name="second")
        rows = broker.wait_terminal(2, 300)
        assert {row["state"] for row in rows} == {"reported"}, rows
        assert engine.containers() == []
    finally:
        provider.close()
        system.close()
