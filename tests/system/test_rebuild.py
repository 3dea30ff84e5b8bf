"""A worker builds its sockets anew when the broker cannot be heard, and goes on with what it has.
SPDX-License-Identifier: Apache-2.0
"""
import pytest

from lib.relay import Relay
from lib.system import fault

REBUILT = "no answer from the broker: connecting anew"


@pytest.fixture
def relays(system):
    """Relays to the broker of the test: {name of the endpoint: Relay}."""
    broker = system.start_broker()
    found = {name: Relay(broker.endpoints[name]) for name in ("work", "files")}
    yield found
    for relay in found.values():
        relay.close()


def test_a_report_made_while_the_broker_was_gone_without_a_word_arrives(system, relays):
    worker = system.start_worker(broker_endpoint=relays["work"].endpoint,
                                 broker_files_endpoint=relays["files"].endpoint)
    system.publish([fault("web-0", context="do: slow 2")])
    worker.wait_log("agent started")
    for relay in relays.values():
        relay.vanish()
    system.broker.kill9()
    worker.wait_log(REBUILT, 60)
    broker = system.start_broker()
    for relay in relays.values():
        relay.back()
    incident = broker.incident(broker.wait_terminal(1)[0]["id"])
    assert incident["state"] == "reported" and len(incident["attempts"]) == 1
    system.publish([fault("web-1")], "again")
    assert {row["state"] for row in broker.wait_terminal(2)} == {"reported"}


def test_a_worker_that_was_refused_gets_in_once_its_key_is_enrolled(secure):
    """A refusal ends a socket of libzmq for good: only a new one tries again."""
    secure.key("worker", "late")
    enrolled = secure.keys_dir / "clients/worker-late.key"
    key = enrolled.read_bytes()
    enrolled.unlink()
    broker = secure.start_broker()
    worker = secure.start_worker("late")
    broker.wait_log("peer refused: its key is not enrolled")
    enrolled.write_bytes(key)
    worker.wait_log(REBUILT, 60)
    secure.publish([fault("web-0")])
    assert broker.wait_terminal(1)[0]["state"] == "reported"
    assert worker.records("broker connected")
