"""Each row of the worker's option table about the box and the CLI of an agent.
SPDX-License-Identifier: Apache-2.0
"""
import os
import re

import pytest

from lib.system import fault
from test_options_worker import report_of
from test_run import script

ROOT = os.geteuid() == 0
URL = "http://127.0.0.1:9/x"
ARGUMENTS = "{ printf '%0200d\\n' 0; tr '\\0' '\\n' </proc/$PPID/cmdline; } > " \
            "output/investigation.md"


def limit_of(system, flag, **option):
    """What triage-run, the script's parent, is told."""
    text = report_of(system, agent_script_path=script(system, ARGUMENTS), **option)
    return re.search(f"^--{flag}\n(.*)$", text, re.M)[1]


def test_option_worker_agent_memory(system):
    assert limit_of(system, "memory", agent_memory="64MiB") == str(64 << 20)


def test_option_worker_agent_cpus(system):
    assert limit_of(system, "cpus", agent_cpus="0.5") == "500"


def test_option_worker_agent_pids(system):
    assert limit_of(system, "pids", agent_pids=99) == "99"


def test_option_worker_agent_disk(system):
    """An agent that writes more is stopped."""
    broker = system.start_broker()
    text = "head -c 40000000 /dev/zero > output/big; sleep 20"
    system.start_worker(agent_disk="1MiB", agent_script_path=script(system, text))
    system.publish([fault("web-0")])
    row = broker.wait_terminal(1)[0]
    assert row["state"] == "agent_failed" and "disk" in row["reason"], row


def test_option_worker_agent_files(system):
    assert limit_of(system, "files", agent_files=300) == "300"


def test_option_worker_agent_runtime(system):
    """In bwrap an agent sees its own processes only."""
    text = "{ printf '%0200d\\n' 0; echo runtime $AGENT_RUNTIME; ls -d /proc/[0-9]* | wc -l; } > " \
           "output/investigation.md"
    report = report_of(system, agent_runtime="bwrap", agent_script_path=script(system, text))
    assert "runtime bwrap" in report and int(report.split()[-1]) < 10


@pytest.mark.skipif(not ROOT, reason="only root gives its agents another user")
@pytest.mark.parametrize("user,expected", [("12345:23456", "12345 23456"), ("", "65534 65534")])
def test_option_worker_agent_user(system, user, expected):
    text = "{ printf '%0200d\\n' 0; echo $(id -u) $(id -g); } > output/investigation.md"
    report = report_of(system, agent_runtime="bwrap", agent_user=user,
                       agent_script_path=script(system, text))
    assert report.splitlines()[-1] == expected


@pytest.mark.parametrize("given", [True, False])
def test_option_worker_agent_read_paths(system, given):
    runbook = system.root / "runbooks/one.md"
    runbook.parent.mkdir()
    runbook.write_text("restart it\n")
    text = f"{{ printf '%0200d\\n' 0; cat {runbook}; }} > output/investigation.md; exit 0"
    report = report_of(system, agent_runtime="bwrap", agent_script_path=script(system, text),
                       agent_read_paths=runbook.parent if given else "")
    assert ("restart it" in report) == given


CONNECT = r"""exec 3<>/dev/tcp/127.0.0.1/${HTTPS_PROXY##*:}
user=${HTTPS_PROXY#http://}
printf 'CONNECT 127.0.0.1:1 HTTP/1.1\r\nProxy-Authorization: Basic %s\r\n\r\n' \
    "$(printf %s "${user%@*}" | base64 -w 0)" >&3
{ printf '%0200d\n' 0; head -n 1 <&3; } > output/investigation.md"""


def asked(system, **options):
    """What the proxy of an agent says about a port of this host on which nobody listens."""
    path = system.root / "connect.sh"
    path.write_text(f"#!/bin/bash\n{CONNECT}\n")
    path.chmod(0o755)
    return report_of(system, agent_script_path=path, **options).splitlines()[-1]


@pytest.mark.parametrize("runtime", ["bwrap", "none"])
def test_option_worker_agent_network(system, runtime):
    """By its proxy an agent reaches no host that is not allowed."""
    assert "403" in asked(system, agent_runtime=runtime, agent_network="proxy")


def test_option_worker_agent_allowed_hosts(system):
    """It is tried then, and nobody answers."""
    assert "502" in asked(system, agent_network="proxy", agent_allowed_hosts="127.0.0.1:1")


def variable(system, name, **options):
    return re.search(f"^{name}=(.*)$", report_of(system, **options), re.M)[1]


def test_option_worker_agent_max_turns(system):
    assert variable(system, "AGENT_MAX_TURNS", agent_max_turns=7) == "7"


def test_option_worker_agent_max_budget_usd(system):
    assert float(variable(system, "AGENT_MAX_BUDGET_USD", agent_max_budget_usd="1.25")) == 1.25


def test_option_worker_agent_args(system):
    assert variable(system, "AGENT_ARGS", agent_args="--verbose 'a b'") == "--verbose 'a b'"


def test_option_worker_agent_mcp_config(system):
    (system.root / "mcp.json").write_text("{}")
    expected = f"{system.root}/mcp.json"
    assert variable(system, "AGENT_MCP_CONFIG", agent_mcp_config="mcp.json") == expected


def test_option_worker_agent_skills_dir(system):
    (system.root / "skills").mkdir()
    assert variable(system, "AGENT_SKILLS_DIR", agent_skills_dir="skills").endswith("/skills")


def test_option_worker_agent_drivers_dir(system):
    (system.root / "drivers").mkdir()
    assert variable(system, "AGENT_DRIVERS_DIR", agent_drivers_dir="drivers").endswith("/drivers")


def test_option_worker_anthropic_base_url(system):
    assert variable(system, "ANTHROPIC_BASE_URL", anthropic_base_url=URL) == URL


def test_option_worker_openai_base_url(system):
    assert variable(system, "OPENAI_BASE_URL", openai_base_url=URL) == URL


def test_option_worker_gemini_base_url(system):
    assert variable(system, "GOOGLE_GEMINI_BASE_URL", gemini_base_url=URL) == URL
