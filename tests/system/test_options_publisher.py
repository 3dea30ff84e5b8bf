"""Each row of the option tables of the publisher and the tap changes behaviour: one named test
a row.
SPDX-License-Identifier: Apache-2.0
"""
import json
import time

import pytest

from lib.mcp import Client
from lib.system import BIN, Process, fault, wait_until
from test_tap import lines


def test_option_publisher_log_level(system):
    system.start_broker()
    assert "level=info" not in system.publish([fault("web-0")], log_level="error").log()


def test_option_publisher_log_format(system):
    system.start_broker()
    log = system.publish([fault("web-0")], log_format="json").log()
    assert [json.loads(line)["msg"] for line in log.splitlines()]


def test_option_publisher_ready_file(system):
    system.start_broker()
    system.publish([fault("web-0")], ready_file=system.root / "p.ready")
    assert (system.root / "p.ready").exists()


def test_option_publisher_ingest_endpoint(system):
    broker = system.start_broker()
    system.publish([fault("web-0")])
    assert len(broker.incidents()) == 1


def test_option_publisher_files_endpoint(system):
    """Events larger than an ingest frame go there."""
    broker = system.start_broker()
    system.publish([fault("web-0", context="x" * 600000)])
    assert len(broker.incidents()) == 1


def test_option_publisher_keys_dir(secure):
    broker = secure.start_broker()
    secure.publish([fault("web-0")])
    assert len(broker.incidents()) == 1
    stranger = secure.start_publisher([fault("web-1")], name="stranger",
                                      keys_dir=secure.peer_keys("tap", "x"))
    assert stranger.wait() == 78


def test_option_publisher_spool_dir(system):
    """Killed half-way and started again, the same ids are sent: no event becomes two incidents."""
    broker = system.start_broker()
    events = [fault(f"web-{n}") for n in range(300)]
    first = system.start_publisher(events, spool_dir=system.root / "ids", window=4, rate=20)
    wait_until(lambda: len(first.records("event acknowledged")) > 20, 20, "some acknowledged")
    first.kill9()
    assert (system.root / "ids").is_dir()
    system.publish(events, spool_dir=system.root / "ids")
    rows = broker.incidents()
    assert len(rows) == 300 and {row["occurrences"] for row in rows} == {1}


def test_option_publisher_cluster(system):
    broker = system.start_broker()
    system.publish([fault("web-0", cluster="own")], cluster="given")
    assert broker.incidents()[0]["cluster"] == "given"


def test_option_publisher_window(system):
    """With the broker gone only so many events are under way."""
    broker = system.start_broker()
    broker.kill9()
    publisher = system.start_publisher([fault(f"web-{n}") for n in range(50)], window=3)
    publisher.wait_log("outstanding=3")
    publisher.kill9()


def test_option_publisher_rate(system):
    system.start_broker()
    begin = time.monotonic()
    system.publish([fault(f"web-{n}") for n in range(30)], rate=10)
    assert time.monotonic() - begin > 2.5


def test_option_publisher_shutdown_timeout(system):
    """Without a broker it gives up after the time and says so."""
    broker = system.start_broker()
    broker.kill9()
    publisher = system.start_publisher([fault("web-0")], shutdown_timeout="1s")
    wait_until(lambda: publisher.log(), 10, "started")
    begin = time.monotonic()
    assert publisher.stop(expect=1) == 1
    assert time.monotonic() - begin < 20  # of 30 by default


def served(system, events, count, **options):
    """The first faults that a subscriber of a server with these options gets."""
    server = system.start_server(events, **options)
    client = Client(server.address).initialize()
    stream = client.open()
    client.subscribe()
    return [data for _, data in stream.wait(count)]


def test_option_publisher_serve(system):
    """On the address that is named; one that is no address is refused."""
    assert served(system, [fault("web-0")], 1)[0]["resource"]["name"] == "web-0"
    wrong = Process(system, "wrong", [BIN / "triage-publisher", "--serve", "nosuch.host:1",
                                      system.root / "server.jsonl"])
    assert wrong.wait() == 78 \
        and "serve: nosuch.host:1: a numeric address and a port are expected" in wrong.log()


def test_option_publisher_serve_alone_knows_its_options(system):
    path = system.write_lines([fault("web-0")], "file")
    process = Process(system, "replay", [BIN / "triage-publisher", "--repeat", "2", path])
    assert process.wait() == 78 and "repeat: only together with serve" in process.log()


def test_option_publisher_speed(system):
    """Two recorded minutes at sixty times their speed."""
    begin = time.monotonic()
    served(system, [fault("a"), fault("b", timestamp="2026-01-15T12:36:56Z")], 2, speed=60)
    assert time.monotonic() - begin > 1.9


def test_option_publisher_repeat(system):
    found = served(system, [fault("a"), fault("b", timestamp="2026-01-15T12:35:05Z")], 6, repeat=3)
    assert [one["resource"]["name"] for one in found] == ["a", "b"] * 3
    assert len({one["timestamp"] for one in found}) == 6 \
        and len({one["faultId"] for one in found}) == 2


def test_option_publisher_distinct(system):
    found = served(system, [fault("a")], 3, repeat=3, distinct=True)
    assert [one["resource"]["name"] for one in found] == ["a", "a-2", "a-3"]
    assert len({one["faultId"] for one in found}) == 3


def test_option_publisher_clusters(system):
    """Each plays everything under its own name."""
    server = system.start_server([fault("a", "one"), fault("b", "two")], clusters=3, cluster="load")
    for number in (1, 2, 3):
        client = Client(server.address, f"/mcp/load-{number}").initialize()
        stream = client.open()
        client.subscribe()
        assert [data["cluster"] for _, data in stream.wait(2)] == [f"load-{number}"] * 2


def test_option_publisher_faithful(system):
    """A fault that nobody listens to is lost, and the subscription with it."""
    client = Client(system.start_server([fault("a")], faithful=True).address).initialize()
    client.subscribe()
    wait_until(lambda: client.subscriptions() == [], 10, "cancelled")


def test_option_publisher_denied(system):
    events = [fault("a", "open"), fault("b", "closed")]
    server = system.start_server(events, denied="closed")
    closed = Client(server.address, "/mcp/closed").initialize()
    assert "pods is forbidden" in closed.call("events_subscribe", mode="faults")
    assert Client(server.address, "/mcp/open").initialize().subscribe()
    wrong = Process(system, "wrong",
                    [BIN / "triage-publisher", "--serve", "127.0.0.1:0", "--denied", "no-such",
                                      system.root / "server.jsonl"])
    assert wrong.wait() == 78 and "denied: no-such is none of the recorded clusters" in wrong.log()


def heard(system, **options):
    """What a tap prints while one incident comes in."""
    broker = system.broker or system.start_broker()
    before = broker.metric("stream_topics")
    tap = system.start_tap(**options)
    wait_until(lambda: broker.metric("stream_topics") > before or not tap.alive(), 20, "subscribed")
    system.publish([fault(tap.name)], name=f"for-{tap.name}")
    wait_until(tap.out, 20, "the tap heard of it")
    return broker, tap


# what a tap that finds no broker at its URL warns of, before it follows
UNREAD = "could not read the stream again"


@pytest.mark.parametrize("level,warned", [("warn", True), ("error", False)])
def test_option_tap_log_level(system, level, warned):
    _, tap = heard(system, log_level=level, after=0, url="http://127.0.0.1:1")
    assert (UNREAD in tap.log()) == warned


def test_option_tap_log_format(system):
    _, tap = heard(system, log_format="json", after=0, url="http://127.0.0.1:1")
    assert [json.loads(line)["msg"] for line in tap.log().splitlines()] == [UNREAD]
    assert heard(system, name="logfmt", topic="incident/", after=0,
                 url="http://127.0.0.1:1")[1].records(UNREAD)


def test_option_tap_ready_file(system):
    heard(system, ready_file=system.root / "tap.ready")
    assert (system.root / "tap.ready").exists()


def test_option_tap_stream_endpoint(system):
    assert lines(heard(system)[1])


def test_option_tap_keys_dir(secure):
    secure.start_broker()
    assert lines(heard(secure)[1])


def test_option_tap_topic(system):
    broker, tap = heard(system, topic="incident/")
    system.start_worker(agent="quick.sh")
    broker.wait_terminal(1)
    wait_until(lambda: any(line["change"] == "reported" for line in lines(tap)), 10,
               "reported seen")
    assert {line["kind"] for line in lines(tap)} == {"incident"}


def test_option_tap_json(system):
    _, tap = heard(system, json=False)
    assert not tap.out().startswith("{") and "pending" in tap.out()
    assert lines(heard(system, name="json", json=True, topic="incident/")[1])[0]["kind"]


def test_option_tap_color(system):
    _, tap = heard(system, json=False, color="always")
    assert "\x1b[" in tap.out()


def test_option_tap_color_never_prints_plain_text(system):
    _, tap = heard(system, json=False, color="never")
    assert "\x1b" not in tap.out()


def test_option_tap_count(system):
    _, tap = heard(system, count=1)
    assert tap.wait(10) == 0 and len(lines(tap)) == 1


def test_option_tap_after(system):
    """What happened before is fetched first."""
    broker = system.start_broker()
    system.publish([fault(f"web-{n}") for n in range(5)])
    tap = system.start_tap(after=0, url=f"http://{broker.endpoints['admin']}")
    wait_until(lambda: sum(line["change"] == "pending" for line in lines(tap)) == 5, 20,
               "five from before")


def test_option_tap_url(system):
    broker = system.start_broker()
    system.publish([fault("web-0")])
    tap = system.start_tap(after=0, url=f"http://{broker.endpoints['admin']}")
    wait_until(lambda: lines(tap), 20, "fetched from the url")
