"""Azure as storage: what goes up, how it is served, and what an operator sees of it.

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import json
import re
import subprocess
import urllib.parse

import pytest

from lib.azure import Stored
from lib.azure_proxy import AzureProxy
from lib.azurite import Azurite, given, new_container
from lib.system import wait_until
from receiver import Receiver

TYPES = {".json": "application/json; charset=utf-8", ".md": "text/markdown; charset=utf-8",
         ".html": "text/html; charset=utf-8", ".log": "text/plain; charset=utf-8"}
BLOCK = 2 * 1024 * 1024


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    """The account that the environment names, or an Azurite."""
    known = given()
    if known:
        yield known
        return
    azurite = Azurite(tmp_path_factory.mktemp("azurite"))
    yield azurite
    azurite.close()


@pytest.fixture
def container(account):
    name = new_container()
    account.make(name)
    yield name
    with contextlib.suppress(OSError):
        account.drop(name)


@pytest.fixture
def proxy(account):
    proxy = AzureProxy(account)
    yield proxy
    proxy.close()


@pytest.fixture
def slack():
    receiver = Receiver()
    yield receiver
    receiver.close()


def curl(*words):
    """(HTTP status, body) of curl."""
    done = subprocess.run(["curl", "-s", "-w", "%{http_code}", *words], capture_output=True,
                          timeout=30, check=False)
    return int(done.stdout[-3:]), done.stdout[:-3]


def kind_of(path):
    suffix = path[path.rfind("."):] if "." in path.rsplit("/", 1)[-1] else ".log"
    return TYPES[suffix]


def test_every_artifact_goes_up_as_it_is(system, account, container):
    stored = Stored(system, account.connection(), container)
    incident = stored.reported()
    stored.settled()
    files = stored.stored(account, container, incident)
    assert {"event.json", "incident.json", "result.json", "output/investigation.md"} < set(files)
    assert any(path.startswith("logs/") for path in files)
    for path in files:
        _, headers = account.blob(container, f"{incident}/{path}")
        assert headers["content-type"] == kind_of(path), path
        assert headers["x-ms-blob-type"] == "BlockBlob"
        name = path.rsplit("/", 1)[-1]
        assert headers["content-disposition"] == f'inline; filename="{name}"'
    result = json.loads(files["result.json"])
    shown = system.ctl("incidents", "show", 1).stdout
    blob = f"{container}/{incident}/output/investigation.html"
    assert re.search(rf"^blob +{blob}$", shown, re.M), shown
    links = result["presigned_urls"]
    paths = {"event.json": "event.json", "result.json": "result.json",
             "investigation.md": "output/investigation.md",
             "investigation.html": "output/investigation.html"}
    assert set(links) == set(paths)
    for name, link in links.items():
        assert curl(link) == (200, files[paths[name]]), name
    assert result["presigned_urls_expire_at"] > result["completed_at"]
    stored.broker.wait_log("storage backend initialized\" mode=azure")
    stored.broker.wait_log("incident artifacts saved to storage")
    requests = stored.broker.records("storage request")
    blobs = {record["blob"] for record in requests if record["method"] == "PUT"}
    assert {f"{incident}/{path}" for path in files} <= blobs
    assert all({"status", "ms"} <= set(record) for record in requests)
    secrets = [account.key, urllib.parse.quote(account.key, safe=""), "sig=", "SharedKey"]
    assert not [secret for secret in secrets if secret in stored.broker.log()]


def test_a_large_file_goes_up_in_blocks_and_result_json_is_last(system, account, container, proxy):
    proxy.delay_s = 0.05  # several are under way at once
    stored = Stored(system, proxy.connection(), container)
    incident = stored.reported(context=f"do: bytes {2 * BLOCK + 12345}")
    stored.settled()
    stored.stored(account, container, incident)
    puts = [urllib.parse.unquote(request.path) for request in proxy.requests
            if request.method == "PUT" and incident in request.path]
    report = f"{incident}/output/investigation.md"
    assert len([path for path in puts if report in path and "comp=block&" in path]) == 3
    assert len([path for path in puts if report in path and "comp=blocklist" in path]) == 1
    assert puts[-1].endswith(f"{incident}/result.json")
    assert 1 < proxy.most <= 4 + 1  # and a check
    _, headers = account.blob(container, report)
    assert headers["content-md5"] and headers["content-type"] == TYPES[".md"]


def link_in(post):
    """The signed link of a message, None: it has none."""
    text = json.dumps(post.body).replace("\\u0026", "&").replace("&amp;", "&")
    found = re.search(r'https?://[^"|> ]*sig=[^"|> ]*', text)
    return found and found.group(0)


def test_the_link_of_a_message_opens_the_page_and_nothing_else_until_it_expires(
        system, account, container, slack):
    stored = Stored(system, account.connection(), container, azure_sas_expiry="5s",
                    env={"SLACK_WEBHOOK_URL": slack.url})
    incident = stored.reported()
    stored.settled()
    files = stored.stored(account, container, incident)
    [post] = slack.delivered()
    link = link_in(post)
    path = re.search(f"/{incident}/([^?]*)[?]", link).group(1)
    assert path == "output/investigation.html"
    assert curl(link) == (200, files[path])  # valid when the message was sent
    assert curl(link.replace(path, "result.json"))[0] == 403
    links = json.loads(files["result.json"])["presigned_urls"]
    assert curl(link.partition("?")[0])[0] in (401, 403, 404)
    write = ["-H", "x-ms-blob-type: BlockBlob", "-d", "forged"]
    assert curl("-X", "PUT", *write, link)[0] == 403
    assert curl("-X", "DELETE", link)[0] == 403
    assert curl(link.replace("sp=r", "sp=rw"))[0] == 403
    for one in (link, *links.values()):
        wait_until(lambda one=one: curl(one)[0] == 403, 20, "the end of the link", 0.5)
    assert account.blob(container, f"{incident}/{path}")[0] == files[path]
    assert "sig=" not in stored.broker.log()


def test_a_failed_investigation_goes_up_only_when_told_to(system, account, container):
    stored = Stored(system, account.connection(), container, notify_on_agent_failure=False)
    first = stored.reported("web-0", "do: exit 3", "agent_failed")
    stored.settled()
    assert (system.root / "incidents" / first / "result.json").exists()
    assert not account.names(container, first)
    stored.broker.stop()
    stored.options["upload_failed_investigations"] = True
    stored.start()
    second = stored.reported("web-1", "do: exit 3", "agent_failed")
    stored.settled()
    files = stored.stored(account, container, second)
    assert "output/investigation.md" in files and json.loads(files["result.json"])["status"] != \
        "success"


def test_triagectl_checks_each_step_and_says_what_is_wrong(system, account, container):
    stored = Stored(system, account.connection(), container)
    found = json.loads(stored.check("-o", "json"))
    assert found["backend"] == "azure" and found["works"]
    assert [(step["name"], step["result"]) for step in found["steps"]] == [
        (name, "ok") for name in ("reach", "key", "container", "write", "read", "link")]
    assert ["container", "ok", container] in [line.split() for line in stored.check().splitlines()]
    account.drop(container)
    found = json.loads(stored.check("-o", "json", expect=1))
    assert [step["result"] for step in found["steps"]] == ["ok", "ok", "failed"]
    assert f"container {container} does not exist" in found["steps"][-1]["text"]
    wait_until(lambda: "container: " in system.ctl("status").stdout, 10, "the status")
    assert "storage check" in system.ctl("status").stdout
    wait_until(lambda: 'triage_storage_up{backend="azure"} 0'
               in stored.broker.get("/metrics", raw=True), 10, "storage down")
    assert stored.broker.metric("storage_last_success_timestamp_seconds") > 0


def test_the_filesystem_can_be_checked_too(system):
    broker = system.start_broker()
    assert "filesystem" in system.ctl("storage", "check", "-o", "json").stdout
    root = system.root / "incidents"
    (root / ".check").mkdir()  # nothing can be written there
    text = system.ctl("storage", "check", expect=1).stdout
    assert "write" in text and "failed" in text
    assert not [line for line in broker.log().splitlines() if "Azure" in line]
    (root / ".check").rmdir()
    assert "failed" not in system.ctl("storage", "check").stdout


@pytest.mark.parametrize("text,told", [
    ("container: Reports", "Reports"),
    ("container: ''", "azure_storage_container"),
])
def test_settings_that_cannot_work_end_the_start(system, account, text, told):
    path = system.root / "bad.yaml"
    path.write_text(f"azure_storage_connection_string: {json.dumps(account.connection())}\n"
                    f"azure_storage_{text}\n")
    broker = system.start_broker(config=path, wait=False)
    assert broker.wait() == 78 and told in broker.log()
    assert account.key not in broker.log()


def test_a_shared_access_signature_alone_stores_but_signs_no_links(system, account, container):
    sas = account.sas(container)
    stored = Stored(system, f"BlobEndpoint={account.endpoint};SharedAccessSignature={sas}",
                    container)
    found = json.loads(stored.check("-o", "json"))
    assert found["works"] and found["steps"][-1]["result"] == "skipped"
    incident = stored.reported()
    stored.settled()
    stored.stored(account, container, incident)
    assert urllib.parse.parse_qs(sas)["sig"][0] not in urllib.parse.unquote(stored.broker.log())
