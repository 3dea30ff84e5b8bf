"""Every option of triagectl, with what it changes.
SPDX-License-Identifier: Apache-2.0
"""
import json
import re

from lib.ctl import table
from lib.hook import Hook
from lib.system import fault, wait_until


def test_option_triagectl_url(system):
    system.start_broker()
    system.ctl("status", url="http://127.0.0.1:1", expect=3)
    assert "ready" in system.ctl("status", url=system.url() + "/",
                                 env={"TRIAGE_URL": "http://127.0.0.1:1"}).stdout


def test_option_triagectl_token_file(system):
    broker = system.start_broker()
    told = system.ctl("incidents", "retry", "1", expect=4,
                      env={"TRIAGE_TOKEN_FILE": str(system.root / "state/admin.token")})
    assert "no such incident" in told.stderr
    other = system.root / "other.token"
    other.write_text("another-token-of-a-test\n")
    refused = system.ctl("incidents", "retry", "1", token_file=other, expect=1)
    where = f"commands need the token in {system.root}/state/admin.token (triagectl --token-file)"
    assert refused.stderr == f"triagectl: 1: wrong token: {where}\n"
    system.ctl("incidents", "retry", "1", token_file=other, expect=1)
    warned = broker.records("command refused, its token is wrong")  # once a minute
    assert [(row["level"], row["count"], row["token_file"]) for row in warned] == [
        ("warn", "1", str(system.root / "state/admin.token"))]
    assert "another-token-of-a-test" not in broker.log()
    other.write_text("\n")
    none = system.ctl("incidents", "retry", "1", token_file=other, expect=1)
    assert none.stderr == f"triagectl: 1: {where}\n"
    missing = system.ctl("incidents", "retry", "1", token_file="nowhere", expect=2)
    assert "--token-file nowhere: No such file or directory" in missing.stderr
    assert broker.token() not in broker.log()


def test_option_triagectl_output(system):
    system.start_broker()
    assert json.loads(system.ctl("status", output="json").stdout)["ready"] is not None
    assert json.loads(system.ctl("status", env={"TRIAGE_OUTPUT": "json"}).stdout) \
        and "{" not in system.ctl("status").stdout


def test_option_triagectl_color(system):
    system.start_broker()
    assert "\x1b[" in system.ctl("status", color="always").stdout \
        and "\x1b" not in system.ctl("status").stdout


def test_option_triagectl_log_level(system):
    system.start_broker()
    assert "msg=request" in system.ctl("status", log_level="debug").stderr \
        and not system.ctl("status").stderr


def test_option_triagectl_log_format(system):
    system.start_broker()
    lines = system.ctl("status", log_level="debug", log_format="json").stderr.splitlines()
    assert [json.loads(line)["status"] for line in lines if "request" in line] == [200]


def test_option_triagectl_state(system):
    system.start_broker(cluster_queue_size=1)
    system.publish([fault("web-0"), fault("web-1")])
    assert [row["NUMBER"]
            for row in table(system.ctl("incidents", "list", state="pending").stdout)] == ["2"]


def test_option_triagectl_reason(system):
    system.start_broker(cluster_queue_size=1, severity_threshold="warning")
    system.publish([fault("web-0"), fault("web-1"), fault("web-2", severity="info")])
    assert [row["NUMBER"]
            for row in table(system.ctl("incidents", "list", reason="overflow").stdout)] == ["1"]
    assert [row["NUMBER"]
            for row in table(system.ctl("incidents", "list", reason="below_severity").stdout)] == [
                "3"]


def test_option_triagectl_limit(system):
    system.start_broker()
    system.publish([fault("web-0"), fault("web-1"), fault("web-2")])
    assert len(table(system.ctl("incidents", "list", limit=2).stdout)) == 2


def test_option_triagectl_all(system):
    system.start_broker()
    assert system.ctl("effects", "retry", all=True).stdout == "nothing to retry\n"


def test_option_triagectl_channel(system):
    system.start_broker()
    assert system.ctl("effects", "retry", channel="storage").stdout \
        == "storage: 0 dead due again, 0 waiting tried now\n"
    assert system.ctl("effects", "retry", channel="nobody",
                      expect=4).stderr == "triagectl: nobody: no such channel\n"
    assert "either ids, --all or --channel" in system.ctl("effects", "retry", 1, channel="storage",
                                                          expect=2).stderr


def test_option_triagectl_send(system):
    """Without it a webhook gets nothing."""
    hook = Hook()
    system.start_broker(slack_webhook_url=hook.url("/it"))
    assert "skipped" in system.ctl("slack", "check").stdout and not hook.got("/it")
    assert "a test message was sent" in system.ctl("slack", "check", send=True).stdout
    assert "Test Message" in hook.got("/it")[0].body.decode() and len(hook.got("/it")) == 1
    hook.answers["/it"] = (404, {})
    assert "404" in system.ctl("slack", "check", send=True, expect=1).stdout
    hook.close()


def test_option_triagectl_after(system):
    system.start_broker()
    system.publish([fault("web-0"), fault("web-1"), fault("web-2")])
    assert [line.split()[0]
            for line in system.ctl("stream", "replay", after=1).stdout.splitlines()] == ["2", "3"]


def key_new(system, **options):
    system.broker_ports["admin_listen"] = "127.0.0.1:1"
    return system.ctl("key", "new", **{"role": "tap", "name": "t", "out": "t-keys",
                                       "keys_dir": "keys", **options})


def test_option_triagectl_keys_dir(system):
    key_new(system, keys_dir="elsewhere")
    assert (system.root / "elsewhere/clients/tap-t.key").exists()


def test_option_triagectl_role(system):
    key_new(system, role="publisher")
    assert (system.root / "t-keys/publisher.key_secret").exists()


def test_option_triagectl_name(system):
    key_new(system, name="paul")
    assert (system.root / "keys/clients/tap-paul.key").exists()


def test_option_triagectl_out(system):
    key_new(system, out="there")
    assert (system.root / "there/tap.key_secret").exists()


def test_option_triagectl_dry_run(system):
    """What goes, and when; without it, what is kept."""
    broker = system.start_broker(severity_threshold="critical", retain_incidents="1s")
    system.publish([fault("web-0", severity="warning")])
    wait_until(lambda: broker.get("/api/v1/storage/retention")["not_before_at"], 20, "announced")
    dry = system.ctl("storage", "retention", dry_run=True).stdout
    assert re.search("^incidents to be removed +1$", dry, re.M)
    assert re.search("^when +not before 2", dry, re.M)
    plain = system.ctl("storage", "retention").stdout
    assert re.search("^incidents are kept +1 s$", plain, re.M) and "when" not in plain
    assert len(broker.incidents()) == 1, "it removes nothing"


def test_option_triagectl_now(system):
    broker = system.start_broker(severity_threshold="critical", retain_incidents="1s")
    system.publish([fault("web-0", severity="warning")])
    wait_until(lambda: broker.get("/api/v1/storage/retention")["not_before_at"], 20, "announced")
    assert len(broker.incidents()) == 1
    token = system.root / "state/admin.token"
    system.ctl("storage", "retention", now=True, dry_run=True, token_file=token, expect=2)
    system.ctl("storage", "retention", now=True, token_file=token)
    wait_until(lambda: not broker.incidents(), 20, "removed")
