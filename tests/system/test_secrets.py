"""A secret that an agent was given is followed to wherever it could come out.
SPDX-License-Identifier: Apache-2.0
"""
import base64
import json
import os
import shutil
import urllib.parse

import pytest

from lib.system import ROOT, fault, wait_until
from receiver import Receiver
from test_flow import FaultServer, clusters_yaml, connected
from test_run import script

HELD = "agents cannot run here: this worker takes no work"
SECRET = 'sk-ant-"f\\i%e+l/d\n-00\u00e91?>'  # all that one writing or another escapes
PLAIN = "sk-ant-field-0001"
PAGES = ("/metrics", "/api/v1/status", "/api/v1/workers", "/api/v1/clusters", "/api/v1/incidents",
         "/api/v1/effects?state=done", "/api/v1/stream?limit=200")

WRITER = r"""
import base64, json, os, urllib.parse
secret = os.environ["ANTHROPIC_API_KEY"]
raw, forms = secret.encode(), [
    secret, json.dumps(secret), json.dumps(json.dumps(secret)),
    json.dumps(secret, ensure_ascii=False), urllib.parse.quote(secret),
    urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret)]
for shift in range(3):
    forms += [base64.b64encode(b"x" * shift + raw + b"\n").decode(),
              base64.urlsafe_b64encode(b"x" * shift + raw).decode()]
front = b"a line of sixty bytes is in front of it, it wraps in its own"
forms.append(base64.encodebytes(front + raw).decode())
forms += [os.environ["DB_URL"], os.environ["GH_PAT"], open(os.environ["KUBECONFIG"]).read()]
text = "\n\n".join(forms) + "\n"
os.write(1, text.encode())
os.write(2, text.encode())
open("logs/more.log", "w").write(text)
open("logs/prompt.md", "a").write(text)
open("logs/transcript.jsonl", "w").write(json.dumps({"n": 1, "output": text}) + "\n")
open("output/investigation.md", "w").write(
    "## Root Cause\n\nRefused: " + forms[0].replace("\n", "") + " " + " ".join(forms[7:9])
    + "\n\n**Confidence:** LOW\n\n" + text)
json.dump({"is_error": os.path.exists("../../../../error"),
           "result": "bad key " + secret + " " + forms[7]}, open("output/agent-result.json", "w"))
"""


def writings(secret):
    """What of a secret must stand nowhere: each writing, and of base64 what does not
    depend on its neighbours."""
    raw = secret.encode()
    found = {raw, json.dumps(secret)[1:-1].encode(), json.dumps(json.dumps(secret))[3:-3].encode(),
             json.dumps(secret, ensure_ascii=False)[1:-1].encode(),
             urllib.parse.quote(secret, safe="").encode(),
             urllib.parse.quote_plus(secret).encode(), urllib.parse.quote(secret).encode()}
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encode(b"x" * shift + raw)[4:-4])
    #  A part is no better than the whole.
    return found | {piece for piece in raw.split(b"\n") if len(piece) >= 8}


def texts_of_all(system, worker, receiver):
    """Every byte that left the worker or was kept: files, logs, answers, posts, records."""
    pages = [system.broker.get(path, raw=True).encode() for path in PAGES]
    for row in system.broker.incidents():
        pages.append(system.broker.get(f"/api/v1/incidents/{row['id']}", raw=True).encode())
        pages.append(system.ctl("incidents", "show", row["id"]).stdout.encode())
    pages += [json.dumps(post.body, ensure_ascii=False).encode() for post in receiver.posts]
    for process in (worker, system.broker):
        process.stop()
    shutil.rmtree(system.root / "workspace")  # its own; what travels was copied from it
    given = {"agent-of-test", "kc"}
    files = {str(path): path.read_bytes() for path in system.root.rglob("*") if path.is_file()
             and path.name not in given}
    return {**{f"answer {number}": page for number, page in enumerate(pages)}, **files}


@pytest.mark.parametrize("error", [False, True])
def test_a_secret_stands_nowhere_in_any_writing(system, error):
    """With blanks around it as Secrets have them that were made with echo;
    in the reason of a failure as well."""
    receiver = Receiver()
    if error:
        (system.root / "error").touch()
    (system.root / "kc").write_text("users:\n- name: a\n  user:\n    token: token-of-kubeconfig\n")
    secrets = [SECRET, "pa55w0rd-of-db", "ghp_0123456789", "token-of-kubeconfig"]
    try:
        broker = system.start_broker(env={"SLACK_WEBHOOK_URL": f" {receiver.url}\n"},
                                     failure_threshold_for_alert=1, log_level="debug")
        tap = system.start_tap(count=6)
        worker = system.start_worker(
            agent_script_path=script(system, WRITER, "/usr/bin/python3"), agent_cli="claude",
            kubeconfig=system.root / "kc",
            agent_env="DB_URL,GH_PAT",
            env={"ANTHROPIC_API_KEY": f" \t{SECRET}\n", "GH_PAT": "ghp_0123456789\n",
                                            "DB_URL": "postgres://app:pa55w0rd-of-db@db/shop"})
        system.publish([fault("web-0")])
        row = broker.wait_terminal(1)[0]
        assert row["state"] == ("agent_failed" if error else "reported")
        assert not error or row["reason"].startswith("agent reported an error: bad key **"), row
        wait_until(lambda: receiver.posts, 20, "a message")
        wait_until(lambda: not broker.get("/api/v1/effects?state=ready")["effects"], 20,
                   "no effect left")
        tap.stop()
        texts = texts_of_all(system, worker, receiver)
    finally:
        receiver.close()
    assert len(texts) > 20 and any("investigation.md" in name for name in texts)
    for secret in secrets:
        for writing in writings(secret):
            assert not [name for name, text in texts.items() if writing in text], writing


LEAK = r"""
mkdir -p output
k=$(printf %s "$ANTHROPIC_API_KEY" | tr -d '\n')
[ "$k" = "$ANTHROPIC_API_KEY" ] || echo "a line end came along" >&2
echo "authorization failed for x-api-key: $k (401)" >&2
{ echo "## Root Cause"; echo
  echo "The client sent x-api-key: $k and got 401 from the gateway."; echo
  echo "**Confidence:** LOW"; echo
  echo "This report is long enough to be taken for a report by whoever counts its bytes."
} > output/investigation.md
"""


@pytest.mark.parametrize("way", ["environment", "flag", "yaml", "file"])
def test_a_key_with_a_line_end_is_the_key(system, way):
    """Wherever it is read."""
    broker = system.start_broker()
    (system.root / "key").write_text(PLAIN + "\n")
    (system.root / "worker.yaml").write_text(f'anthropic_api_key: "{PLAIN}\\n"\n')
    options = {"environment": {"env": {"ANTHROPIC_API_KEY": PLAIN + "\n"}},
               "flag": {"anthropic_api_key": PLAIN + "\n"},
               "yaml": {"config": system.root / "worker.yaml"},
               "file": {"anthropic_api_key_file": system.root / "key"}}[way]
    system.start_worker(agent_script_path=script(system, LEAK), agent_cli="custom",
                        agent_env="ANTHROPIC_API_KEY", **options)
    system.publish([fault("web-0")])
    row = broker.wait_terminal(1)[0]
    result = wait_until(lambda: system.result(row["id"]), 10, "result.json")
    assert result[
        "root_cause"] == f"The client sent x-api-key: {'*' * len(PLAIN)} and got 401 from the " \
                         f"gateway."
    folder = system.root / "incidents" / row["id"]
    assert (folder / "logs/agent.stderr.log").read_text() == \
        f"authorization failed for x-api-key: {'*' * len(PLAIN)} (401)\n"
    assert not [path for path in folder.rglob("*") if path.is_file()
                and PLAIN.encode() in path.read_bytes()]


def test_a_key_of_blanks_is_none(system):
    """It would have made the agent claude, and have the broker post to nowhere."""
    broker = system.start_broker(env={"SLACK_WEBHOOK_URL": " \n"})
    worker = system.start_worker(env={"ANTHROPIC_API_KEY": "\n"})
    assert worker.records("worker started")[0]["agent"] == "playbook"
    system.publish([fault("web-0")])
    broker.wait_terminal(1)
    assert not broker.records("slack notification failed")


@pytest.mark.parametrize("text", ["mcp-token-0001\n", " \tmcp-token-0001\r\n\n"])
def test_a_token_of_an_mcp_server_is_trimmed_and_may_be_a_link(system, text):
    """Mounted Secrets are links."""
    server = FaultServer(system, "prod", TOKEN="mcp-token-0001")
    (system.root / "mounted").write_text(text)
    os.symlink("mounted", system.root / "token")
    config = clusters_yaml(system, {"prod": server})
    config.write_text(config.read_text() + f"      token_file: {system.root}/token\n")
    broker = system.start_broker(config=config)
    wait_until(lambda: connected(broker, "prod"), 30, "connected")
    assert not broker.records("token file not readable")


def test_a_token_that_its_server_quotes_stands_nowhere(system):
    server = FaultServer(system, "prod", TOKEN="mcp-token-0001", QUOTE="1")
    (system.root / "token").write_text("mcp-token-0001\n")
    config = clusters_yaml(system, {"prod": server})
    config.write_text(config.read_text() + f"      token_file: {system.root}/token\n")
    broker = system.start_broker(config=config)
    broker.wait_log("token ************** may not subscribe")
    wait_until(lambda: "may not subscribe" in broker.get("/api/v1/status", raw=True), 10,
               "told by status")
    pages = [broker.get(path, raw=True).encode() for path in PAGES]
    broker.stop()
    files = [path.read_bytes() for path in system.root.rglob("*") if path.is_file()
             and path.name != "token"]
    assert not [text for text in pages + files if b"mcp-token-0001" in text]


def test_a_secret_too_short_is_told(system):
    system.start_broker()
    worker = system.start_worker(agent_env="DB_PASSWD,PLAIN",
                                 env={"DB_PASSWD": "hunter2\n", "PLAIN": "x"})
    told = worker.records("a secret is too short to be removed from what agents write")
    assert [(line["name"], line["bytes"]) for line in told] == [("DB_PASSWD", "7")]


def test_that_lines_of_a_secret_are_not_looked_for_is_told_once(system):
    """Files of secrets may come after the start: it is told at the first run that has them."""
    broker = system.start_broker()
    kubeconfig = system.root / "kc"
    kubeconfig.write_text("token: |\n"
                          + "".join(f"  line-of-key-{number:07}\n" for number in range(2500)))
    worker = system.start_worker(kubeconfig=kubeconfig)
    system.publish([fault(f"web-{number}") for number in range(3)])
    broker.wait_terminal(3)
    told = worker.records(
        "secrets have too many lines: some are removed only where the whole secret stands")
    assert [(line["lines"], line["left"]) for line in told] == [("2048", "452")]


READER = r"""
kubectl_token=$(sed -n 's/.*token-of/token-of/p' "$KUBECONFIG" | tr -d '", ')
mkdir -p output
: >../../../../began
while [ ! -e ../../../../renewed ]; do sleep 0.05; done
{ echo "## Root Cause"; echo; echo "The token is $kubectl_token, which is refused."
  head -c 200 /dev/zero | tr '\0' x; } >output/investigation.md
"""


def test_a_token_that_is_renewed_during_a_run_stands_nowhere(system):
    """Mounted tokens are: the agent has the one of its start."""
    broker = system.start_broker()
    kubeconfig = system.root / "kc"
    kubeconfig.write_text("users:\n- name: a\n  user:\n    token: token-of-the-start\n")
    system.start_worker(agent_script_path=script(system, READER), kubeconfig=kubeconfig)
    system.publish([fault("web-0")])
    wait_until((system.root / "began").exists, 20, "begun")
    kubeconfig.write_text("users:\n- name: a\n  user:\n    token: token-of-later\n")
    (system.root / "renewed").touch()
    row = broker.wait_terminal(1)[0]
    result = wait_until(lambda: system.result(row["id"]), 10, "result.json")
    assert f"The token is {'*' * len('token-of-the-start')}, which is" in result["root_cause"]


@pytest.mark.parametrize("agent,there", [("claude", False), ("claude", True), ("codex", False),
                                         ("playbook", True)])
def test_an_agents_program_that_is_missing_is_told_at_the_start(system, agent, there):
    system.start_broker()
    folder = system.root / "path"
    folder.mkdir()
    if there and agent != "playbook":
        (folder / agent).write_text("#!/bin/sh\n")
        (folder / agent).chmod(0o755)
    worker = system.start_worker(agent_script_path=ROOT / "agent-container/run-agent.sh",
                                 agent_cli=agent, env={"PATH": f"{folder}:/usr/bin:/bin"})
    if there:
        worker.wait_log("agents can run")
    else:
        why = wait_until(lambda: worker.records(HELD), 10, "held")[0]["why"]
        assert f"needs the program '{agent}', which is not on PATH: install it" in why


@pytest.mark.skipif(os.geteuid() != 0, reason="who is not root is not told")
def test_a_worker_of_root_says_so_once(system):
    system.start_broker()
    worker = system.start_worker(agent_cli="custom", agent_env="AGENT_CUSTOM_COMMAND",
                                 env={"AGENT_CUSTOM_COMMAND": "true"})
    worker.wait_log("running as root")
    assert worker.log().count("running as root") == 1
