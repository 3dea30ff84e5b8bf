"""The real agent CLIs with the real kubernetes-mcp-server as their tool server, and with skills.

Their provider is scripted, and their cluster is a small API server; all are on loopback.
SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import subprocess

import pytest

from lib.clis import CLIS, KUBECTL, NODE, NPM, SCRIPT, KubeApi, kube_api
from lib.system import ROOT, SLOW

SERVER = NPM / "kubernetes-mcp-server-linux-amd64/bin/kubernetes-mcp-server-linux-amd64"
SKILL = "How to investigate a Kubernetes fault by reading only"
NIGHTLY = [pytest.param(name, marks=pytest.mark.nightly) for name in ("opencode", "qwen")]


def run(cli, root, provider, api, tools="Read,Write,Grep,Glob,Bash,Skill", **env):
    """Run the CLI by its driver; its transcript."""
    workspace, programs = root / "workspace", root / "programs"
    for folder in (workspace, programs):
        folder.mkdir()
    for name, path in ((cli.name, cli.program), ("kubernetes-mcp-server", SERVER), ("node", NODE),
                       ("kubectl", KUBECTL)):
        (programs / name).symlink_to(os.path.realpath(path))
    (root / "prompt.md").write_text("Investigate.\n")
    done = subprocess.run(
        [SCRIPT, "--workspace", workspace, "--agent", cli.name, "--allowed-tools", tools,
         "--prompt-file", root / "prompt.md", "--kubeconfig",
         api.kubeconfig(root / "kubeconfig")],
        env={"PATH": f"{programs}:/usr/bin:/bin", cli.key: "sk-1", cli.url: cli.base(provider),
             **env}, capture_output=True, timeout=120 * SLOW, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = (workspace / "logs/transcript.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("name", ["claude", "codex", "gemini", *NIGHTLY])
def test_a_cluster_is_read_by_mcp_and_its_credentials_are_not(tmp_path, name):
    """The server would show the kubeconfig: configuration_view is refused by the CLI."""
    cli, api = CLIS[name], KubeApi(tmp_path)
    provider = cli.provider("mcp")
    (tmp_path / "skills/own-runbook").mkdir(parents=True)
    (tmp_path / "skills/own-runbook/SKILL.md").write_text(
        "---\nname: own-runbook\ndescription: What to do about checkout.\n---\n\nRead.\n")
    try:
        steps = run(cli, tmp_path, provider, api, AGENT_MCP_CONFIG=str(ROOT / "configs/mcp.json"),
                    AGENT_SKILLS_DIR=str(tmp_path / "skills"))
        bodies = provider.bodies().decode()
    finally:
        provider.close()
        api.close()
    pods = [step for step in steps if "pods_list" in step.get("tool", "")]
    assert [step["exit"] for step in pods] == [0] and "OOMKilled" in json.dumps(pods), steps
    assert ("/api/v1/namespaces/default/pods", True) in api.asked
    viewed = [step for step in steps if "configuration_view" in step.get("tool", "")]
    assert [step["exit"] for step in viewed] in ([], [1]), steps
    assert kube_api.TOKEN not in bodies and "certificate-authority-data" not in bodies
    assert SKILL in bodies and "What to do about checkout." in bodies, "the skills are offered"


@pytest.mark.parametrize("name,served", [("codex", {"web_search"}),
                                         ("gemini", {"google_web_search", "web_fetch"})])
def test_tools_that_the_provider_runs_are_offered_only_where_they_are_allowed(tmp_path, name,
                                                                              served):
    """They reach any host from outside of the sandbox."""
    cli, api = CLIS[name], KubeApi(tmp_path)
    for tools, offered in (("Read,Bash", set()), ("Read,Bash,WebSearch", served)):
        provider, root = cli.provider("ok"), tmp_path / tools
        root.mkdir()
        try:
            run(cli, root, provider, api, tools=tools,
                LLM_MODEL="gpt-5.2" if name == "codex" else "")
            document = json.loads(provider.made()[0].body)
        finally:
            provider.close()
        names = {one.get("name", one.get("type")) for tool in document["tools"]
                 for one in tool.get("functionDeclarations", [tool])}
        assert len(names) > 3 and names & served == offered, names
    api.close()


def test_goose_gets_the_words_of_its_documentation(tmp_path):
    """The program cannot be had: a stand-in keeps its arguments, its prompt and its settings."""
    (tmp_path / "programs").mkdir()
    (tmp_path / "workspace").mkdir()
    (tmp_path / "prompt.md").write_text("Investigate.\n")
    goose = tmp_path / "programs/goose"
    goose.write_text("#!/bin/sh\n[ \"$1\" = --version ] && echo 1.9.0 && exit\necho \"$@\" >words\n"
                     "cat >stdin\nenv | grep -E 'GOOSE|OPENAI' | sort >settings\n"
                     "echo '{\"type\": \"message\", \"message\": {\"role\": \"assistant\", "
                     "\"content\": [{\"type\": \"text\", \"text\": \"Done.\"}]}}'\n")
    goose.chmod(0o755)
    subprocess.run(
        [SCRIPT, "--workspace", tmp_path / "workspace", "--agent", "goose", "--model", "sonnet",
         "--prompt-file", tmp_path / "prompt.md"], check=True, timeout=60 * SLOW,
        env={"PATH": f"{tmp_path}/programs:/usr/bin:/bin", "OPENAI_API_KEY": "sk-1",
             "OPENAI_BASE_URL": "http://127.0.0.1:8377/v1", "AGENT_MAX_TURNS": "7"})
    kept = {name: (tmp_path / "workspace" / name).read_text()
            for name in ("words", "stdin", "settings")}
    assert kept["words"] == "run --no-session --output-format stream-json --max-turns 7 " \
                            "--instructions -\n"
    assert kept["stdin"] == "Investigate.\n"
    for line in ("GOOSE_PROVIDER=openai", "GOOSE_MODEL=gpt-6.2-sol", "GOOSE_MODE=auto",
                 "OPENAI_HOST=http://127.0.0.1:8377", "OPENAI_BASE_PATH=v1/chat/completions"):
        assert line in kept["settings"].splitlines(), kept["settings"]
    result = json.loads((tmp_path / "workspace/output/agent-result.json").read_text())
    assert (result["result"], result["version"], result["is_error"]) == ("Done.", "1.9.0", False)
