"""Azure that does not work: the broker runs on, says what is wrong, and loses nothing.

SPDX-License-Identifier: Apache-2.0
"""
import base64
import json
import re
import urllib.request

import pytest

from lib.azure import Stored
from lib.azure_proxy import AzureProxy
from lib.azurite import Account, Azurite, new_container
from lib.slack import FakeSlack
from lib.system import wait_until
from receiver import Receiver
from test_slack_bot import SPEED, bot

WRONG = base64.b64encode(b"a key of another account").decode()
BUSY = (503, "ServerBusy", {"Retry-After": "1"})


@pytest.fixture(scope="module")
def azurite(tmp_path_factory):
    azurite = Azurite(tmp_path_factory.mktemp("azurite"))
    yield azurite
    azurite.close()


@pytest.fixture
def own(tmp_path):
    """An Azurite that the test may kill."""
    azurite = Azurite(tmp_path)
    yield azurite
    azurite.close()


@pytest.fixture
def container(azurite):
    name = new_container()
    azurite.make(name)
    return name


@pytest.fixture
def proxy(azurite):
    proxy = AzureProxy(azurite)
    yield proxy
    proxy.close()


@pytest.fixture
def slack():
    receiver = Receiver()
    yield receiver
    receiver.close()


def known_down(stored, told):
    """The broker is ready, and says that the storage does not work, and why."""
    broker = stored.broker
    broker.wait_log("failed to initialize Azure storage")
    lines = broker.records("failed to initialize Azure storage")
    assert told in lines[0]["reason"], lines
    assert not broker.records("storage backend initialized")
    assert broker.status_of("/readyz") == 200
    found = json.loads(stored.check("-o", "json", expect=1))
    assert not found["works"] and told in found["steps"][-1]["text"], found
    wait_until(lambda: told.split()[0] in stored.system.ctl("status").stdout, 10, "the status")
    return lines


def mended(stored, account, container, incidents):
    """All of it goes up, by one agent's run each; the log tells the change once."""
    stored.settled()
    for incident in incidents:
        stored.stored(account, container, incident)
        assert stored.attempts(incident) == 1
    assert len(stored.broker.records("storage works again")) == 1
    assert [row["mode"] for row in stored.broker.records("storage backend initialized")] == [
        "azure"]
    assert len(stored.broker.records("incident artifacts saved to storage")) == len(incidents)
    assert len(stored.broker.records("failed to initialize Azure storage")) == 1
    stored.check()


def test_a_wrong_key_is_named_and_a_reload_with_the_right_one_mends_it(system, azurite, container):
    wrong = Account(azurite.name, WRONG, azurite.endpoint)
    stored = Stored(system, wrong.connection(), container)
    incident = stored.reported()
    known_down(stored, "the key is wrong")
    assert not azurite.names(container, incident)
    assert (system.root / "incidents" / incident / "output/investigation.md").exists()
    stored.hup(azurite.connection(), container)
    stored.settled()
    stored.stored(azurite, container, incident)
    assert stored.attempts(incident) == 1
    assert WRONG not in stored.broker.log() and azurite.key not in stored.broker.log()


def test_a_container_that_is_missing_is_named_and_used_once_it_is_made(system, azurite):
    container = new_container()
    stored = Stored(system, azurite.connection(), container)
    incident = stored.reported()
    known_down(stored, f"container {container} does not exist")
    azurite.make(container)
    mended(stored, azurite, container, [incident])


def test_a_clock_that_differs_is_named_with_both_times(system, azurite, container, proxy):
    proxy.skew_s = 3630  # whole minutes
    stored = Stored(system, proxy.connection(), container)
    incident = stored.reported()
    reason = known_down(stored, "this host's clock is 60 min behind the server's")[0]["reason"]
    assert "here 20" in reason and "there 20" in reason
    proxy.skew_s = 0
    mended(stored, azurite, container, [incident])


def test_a_server_that_is_down_at_the_start_is_used_once_it_is_up(system, own):
    container = new_container()
    own.kill()
    stored = Stored(system, own.connection(), container)
    incident = stored.reported()
    known_down(stored, "does not answer")
    told = "; 1 upload waits (triagectl storage check)"
    wait_until(lambda: told in " ".join(system.ctl("status").stdout.split()), 20, "one waits")
    assert "\nstorage " not in system.ctl("status").stdout  # one fault, one line
    own.start()
    own.make(container)
    mended(stored, own, container, [incident])


def test_a_server_killed_in_mid_upload_gets_all_of_it_when_it_is_back(system, own, slack):
    container = new_container()
    own.make(container)
    with_proxy = AzureProxy(own)
    stored = Stored(system, with_proxy.connection(), container,
                    env={"SLACK_WEBHOOK_URL": slack.url})
    stored.check()

    def judge(method, path, number):
        if method == "PUT" and "investigation.md" in path and own.popen.poll() is None:
            own.kill()
            return "cut"
        return None
    with_proxy.judge = judge
    try:
        incident = stored.reported()
        stored.broker.wait_log("storage does not work")
        assert stored.broker.records("failed to upload blob")
        with_proxy.judge = None
        own.start()
        own.make(container)
        stored.settled()
        stored.stored(own, container, incident)
    finally:
        with_proxy.close()
    assert stored.attempts(incident) == 1 and slack.kinds() == ["incident"]


def test_a_full_disk_of_the_server_is_told_and_waited_for(system, azurite, container, proxy):
    stored = Stored(system, proxy.connection(), container)
    stored.check()
    proxy.judge = lambda method, path, number: \
        (507, "InsufficientStorage", {}) if method == "PUT" else None
    incident = stored.reported()
    stored.broker.wait_log("storage does not work")
    assert "507" in stored.broker.records("storage does not work")[0]["reason"]
    assert "507" in system.ctl("effects", "list", "--state", "ready", "-o", "json").stdout
    assert f"{incident}/result.json" not in azurite.names(container)
    proxy.judge = None
    stored.settled()
    stored.stored(azurite, container, incident)
    assert stored.attempts(incident) == 1


@pytest.mark.parametrize("fate", ["cut", "lose", BUSY])
def test_requests_that_fail_once_are_made_again(system, azurite, container, proxy, fate):
    """Those about two files fail at their first time: none is lost, none counts."""
    seen = set()

    def judge(method, path, number):
        if ".json" not in path or (method, path) in seen:
            return None
        seen.add((method, path))
        return fate
    proxy.judge = judge
    stored = Stored(system, proxy.connection(), container)
    incident = stored.reported()
    stored.settled()
    stored.stored(azurite, container, incident)
    assert len(seen) >= 3 and stored.attempts(incident) == 1
    if fate == BUSY:  # Retry-After is heeded
        puts = [request.at for request in proxy.requests if request.path.endswith("result.json")]
        assert len(puts) == 2 and puts[1] - puts[0] >= 1


def outage(system, azurite, container, proxy, env, count):
    """The storage takes nothing while so many incidents get their reports, then it does."""
    proxy.judge = lambda method, path, number: BUSY
    stored = Stored(system, proxy.connection(), container, agent="quick.sh", slots=8, env=env,
                    log_level="info")
    stored.publish(*[f"web-{number}" for number in range(count)])
    rows = stored.broker.wait_terminal(count, 300)
    assert {row["state"] for row in rows} == {"reported"} and not azurite.names(container)
    assert stored.broker.get("/api/v1/status")["effects"]["ready"] >= count
    proxy.judge = None
    wait_until(lambda: len([name for name in azurite.names(container)
                            if name.endswith("/result.json")]) == count, 120, "all of it", 0.5)
    for row in rows:
        stored.stored(azurite, container, row["id"])
        assert stored.attempts(row["id"]) == 1
    tries = len(stored.broker.records("failed to save incident to storage"))
    assert tries < 10, "the log tells an outage once, not with each try"
    return stored, rows


def carried(stored, slack, rows, count):
    """Every incident has one message, and a link that opens."""
    stored.settled(20 + count)
    links = {}
    for message in slack.messages():
        found = re.search(r'https?://[^"|> ]*/([0-9a-f-]{36})/output/[^"|> ]*sig=[^"|> ]*',
                          json.dumps(message).replace("&amp;", "&"))
        if found:
            links[found.group(1)] = found.group(0)
    assert set(links) == {row["id"] for row in rows}
    assert len(slack.messages()) == count and not slack.refusals()
    for incident in list(links)[::10]:
        with urllib.request.urlopen(links[incident], timeout=10) as answer:
            assert answer.status == 200 and answer.read()


def test_100_incidents_of_an_outage_go_up_and_their_messages_get_links(system, azurite, container,
                                                                       proxy):
    with FakeSlack(speed=SPEED) as slack:
        stored, rows = outage(system, azurite, container, proxy, bot(slack), 100)
        carried(stored, slack, rows, 100)


@pytest.mark.nightly
def test_500_incidents_of_an_outage_go_up_and_their_messages_get_links(system, azurite, container,
                                                                       proxy):
    with FakeSlack(speed=SPEED) as slack:
        stored, rows = outage(system, azurite, container, proxy, bot(slack), 500)
        carried(stored, slack, rows, 500)


@pytest.mark.parametrize("when,nth", [("before", 2), ("before", 4), ("after", 3), ("after", 6)])
def test_a_broker_killed_between_two_blobs_completes_the_upload(system, azurite, container, when,
                                                               nth):
    stored = Stored(system, azurite.connection(), container)
    stored.broker.stop()
    stored.start(TRIAGE_FAILPOINT=f"broker.blob.write.{when}:kill:{nth}")
    stored.publish("web-0")
    wait_until(lambda: not stored.broker.alive(), 30, "the failpoint")
    left = azurite.names(container)
    assert not [name for name in left if name.endswith("result.json")] or nth == 6
    stored.start()
    row = stored.broker.wait_terminal(1)[0]
    stored.settled()
    assert row["state"] == "reported"
    stored.stored(azurite, container, row["id"])
    assert stored.attempts(row["id"]) == 1
