"""What a tap misses it reads again; what cannot be read again it announces.
SPDX-License-Identifier: Apache-2.0
"""
import http.server
import json
import selectors
import signal
import socket
import sqlite3
import threading
import time

import pytest

from lib.system import fault, free_port, wait_until


class Relay:
    """A TCP connection to the stream that can be cut: while it is, what is published
    is gone for the tap."""

    def __init__(self, endpoint):
        host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
        self.target, self.pairs, self.open, self.lock = (host, int(port)), [], True, \
            threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = "tcp://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            near, _ = self.listener.accept()
            with self.lock:
                if not self.open:
                    near.close()
                    continue
                try:
                    far = socket.create_connection(self.target, timeout=5)
                except OSError:
                    near.close()
                    continue
                self.pairs.append((near, far))
            threading.Thread(target=self.pump, args=(near, far), daemon=True).start()

    def pump(self, near, far):
        with selectors.DefaultSelector() as both, near, far:
            both.register(near, selectors.EVENT_READ, far)
            both.register(far, selectors.EVENT_READ, near)
            while True:
                for key, _ in both.select():
                    try:
                        part = key.fileobj.recv(65536)
                        key.data.sendall(part)
                    except OSError:
                        return
                    if not part:
                        return

    def cut(self):
        with self.lock:
            self.open = False
            for near, far in self.pairs:
                for side in (near, far):
                    try:
                        side.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass
            self.pairs = []

    def mend(self):
        with self.lock:
            self.open = True


def lines(tap):
    return [json.loads(line) for line in tap.out().splitlines(keepends=True) if line.endswith("\n")]


def seqs(tap, topic):
    return [line["seq"] for line in lines(tap) if line.get("topic") == topic]


TOPICS = ("incident/prod/", "incident/edge/")


def start(system, topics=TOPICS, **options):
    """A tap behind a relay that has heard the first record of each of these topics."""
    relay = Relay(system.broker.endpoints["stream"])
    tap = system.start_tap(stream_endpoint=relay.endpoint, **options)
    system.broker.wait_topics(1)
    publish(system, "first")
    wait_until(lambda: all(seqs(tap, topic) for topic in topics), 20, "the first records")
    return relay, tap


def cut(system, relay):
    """What is published from now on does not reach the tap."""
    relay.cut()
    wait_until(lambda: system.broker.metric("stream_topics") == 0, 20, "nobody listens")


def publish(system, name, count=1):
    """So many events of each cluster, acknowledged."""
    system.publish([fault(f"{name}-{n}", cluster=cluster) for n in range(count)
                    for cluster in ("prod", "edge")], name=name)


def missed(tap, topic):
    """The one gap of a topic that the tap's log tells of: after which seq, up to which."""
    (gap,) = [line for line in tap.records("a gap: records are missing") if line["topic"] == topic]
    return int(gap["after"]), int(gap["upto"])


def journal(system, topic):
    """The seqs of a topic, as the broker keeps them."""
    found, after = [], 0
    while True:
        page = [json.loads(line)
                for line in system.broker.get(f"/api/v1/stream?after={after}",
                                              raw=True).splitlines()]
        if not page:
            return found
        found += [record["seq"] for record in page if record["topic"] == topic]
        after = page[-1]["seq"]


def catch_up(system, relay, tap, topics=TOPICS):
    """A record of each cluster once the tap is there again;
    until it has heard those of its topics."""
    relay.mend()
    system.broker.wait_topics(1)
    publish(system, "later")
    for topic in topics:
        last = journal(system, topic)[-1]
        wait_until(lambda t=topic, n=last: n in seqs(tap, t), 20, f"the newest of {topic}")


def test_what_was_missed_is_read_again_in_order_and_once(system):
    system.start_broker(cluster_queue_size=10000)
    relay, tap = start(system, url=system.url())
    begin = {topic: seqs(tap, topic)[0] for topic in TOPICS}
    cut(system, relay)
    publish(system, "missed", 330)  # more than three pages
    catch_up(system, relay, tap)
    for topic, first in begin.items():
        wait_until(lambda: seqs(tap, topic) == [seq for seq in journal(system, topic)
                                                if seq >= first], 20, f"{topic} whole")
    assert "gap" not in tap.log() and not any("gap" in line for line in lines(tap))


def test_only_what_the_filter_takes_is_read_again(system):
    system.start_broker(cluster_queue_size=10000)
    relay, tap = start(system, ["incident/edge/"], url=system.url(), topic="incident/edge/")
    first = seqs(tap, "incident/edge/")[0]
    cut(system, relay)
    publish(system, "missed", 5)
    catch_up(system, relay, tap, ["incident/edge/"])
    assert seqs(tap, "incident/edge/") == [seq for seq in journal(system, "incident/edge/")
                                           if seq >= first]
    assert {line["topic"] for line in lines(tap)} == {"incident/edge/"} and "gap" not in tap.log()


def test_a_tap_that_reaches_no_broker_says_so(secure):
    """Nobody there, or a broker that wants a key; one that is heard is not spoken of."""
    secure.start_broker()
    taps = {name: secure.start_tap(name, **options) for name, options in
            {"heard": {}, "lost": {"stream_endpoint": f"tcp://127.0.0.1:{free_port()}"},
             "keyless": {"keys_dir": "none"}}.items()}
    told = "the broker's stream is not reached, it is tried again"
    for name, curve in (("lost", "true"), ("keyless", "false")):
        taps[name].wait_log(told, 30)
        assert [line["curve"] for line in taps[name].records(told)] == [curve]
    assert secure.broker.metric("stream_topics") == 1 and told not in taps["heard"].log()


def test_what_comes_after_the_last_record_asked_for_is_no_gap(system):
    """Neither behind it in what is read again, nor live."""
    system.start_broker()
    publish(system, "before", 3)
    tap = system.start_tap(url=system.url(), after=0, count=2)
    assert tap.wait(20) == 0 and [line["seq"] for line in lines(tap)] == [1, 2] \
        and "gap" not in tap.log()
    relay, tap = start(system, ["incident/edge/"], name="cut", url=system.url(),
                       topic="incident/edge/", count=2)
    cut(system, relay)
    publish(system, "missed", 3)
    relay.mend()
    system.broker.wait_topics(1)
    publish(system, "later")
    assert tap.wait(20) == 0 and len(seqs(tap, "incident/edge/")) == len(lines(tap)) == 2 \
        and "gap" not in tap.log()


def test_without_a_url_the_gap_is_announced(system):
    system.start_broker()
    relay, tap = start(system, url="")
    cut(system, relay)
    last = seqs(tap, "incident/prod/")[-1]
    publish(system, "missed", 3)
    catch_up(system, relay, tap)
    gaps = [line["gap"] for line in lines(tap) if "gap" in line
            and line["gap"]["topic"] == "incident/prod/"]
    assert len(gaps) == 1 and gaps[0]["after"] == last
    missing = [seq for seq in journal(system, "incident/prod/") if last < seq <= gaps[0]["upto"]]
    assert len(missing) >= 3 and not set(missing) & set(seqs(tap, "incident/prod/"))
    assert missed(tap, "incident/prod/") == (last, gaps[0]["upto"])


def test_what_the_broker_does_not_keep_any_more_is_announced(system):
    broker = system.start_broker()
    relay, tap = start(system, url=system.url())
    cut(system, relay)
    last = seqs(tap, "incident/prod/")[-1]
    publish(system, "missed", 3)
    gone = journal(system, "incident/prod/")[-1]
    broker.stop()
    with sqlite3.connect(system.root / "state/broker.db") as store:
        store.execute("DELETE FROM journal WHERE seq <= ?", (gone + 1,))
    system.start_broker()
    catch_up(system, relay, tap)
    gaps = [line["gap"] for line in lines(tap) if "gap" in line
            and line["gap"]["topic"] == "incident/prod/"]
    assert len(gaps) == 1 and gaps[0]["after"] == last and gaps[0]["upto"] >= gone
    first = system.start_tap(name="again", url=system.url(), after=1)
    wait_until(lambda: seqs(first, "incident/prod/") == journal(system, "incident/prod/"), 20,
               "all that is kept")
    assert missed(first, "incident/prod/") == (1, gaps[0]["upto"])


def test_a_flood_of_one_kind_leaves_the_other_kinds_to_be_read_again(system):
    """100,000 records of workers are kept, and what incidents said long before them."""
    broker = system.start_broker()
    publish(system, "early", 3)
    kept, last = journal(system, "incident/prod/"), 2_000_000
    broker.stop()
    path = system.root / "state/broker.db"
    with sqlite3.connect(path) as store:
        store.execute("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
                      "101200) INSERT INTO journal"
                      " SELECT ?1 + i, ?1 + i - 1, 0, 'worker', '-', 'joined', '', 0, 'w1', '', "
                      "'', 0, '', 0 FROM n", (last,))
        store.execute("INSERT OR REPLACE INTO topic VALUES ('worker/-/', ?)", (last + 101200,))
    system.start_broker()

    def workers():
        with sqlite3.connect(path) as store:
            return store.execute("SELECT count(*) FROM journal WHERE kind = 'worker'").fetchone()[0]
    wait_until(lambda: workers() == 100000, 30, "the oldest of workers gone")
    assert len(kept) >= 3 and journal(system, "incident/prod/") == kept
    first = system.start_tap(name="again", url=system.url(), after=0, topic="incident/prod/")
    wait_until(lambda: seqs(first, "incident/prod/") == kept, 20, "all of incidents")
    old = system.ctl("stream", "replay", "--after", 0, "--limit", len(kept) * 2 + 1)
    assert old.stderr == f"triagectl: records of worker/-/ after 0 up to {last + 1200} are not " \
                         f"kept any more\n"


def test_a_broker_that_is_killed_and_comes_back_leaves_no_gap(system):
    broker = system.start_broker()
    relay, tap = start(system, url=system.url())
    begin = seqs(tap, "incident/prod/")[0]
    for life in range(2):
        publish(system, f"life-{life}", 20)
        broker.kill9()
        broker = system.start_broker()
    catch_up(system, relay, tap)
    assert seqs(tap, "incident/prod/") == [seq for seq in journal(system, "incident/prod/")
                                           if seq >= begin]
    assert "gap" not in tap.log()


class Slow(http.server.BaseHTTPRequestHandler):
    """A stream page that takes its time, has one record, and is never the last."""

    def do_GET(self):
        after = int(self.path.rsplit("=", 1)[1])
        time.sleep(0.3)
        record = {"seq": after + 1, "prev": after, "at_ms": 1, "topic": "incident/prod/",
                  "kind": "incident"}
        body = (json.dumps(record) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def slow_url():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_signal_ends_the_tap_while_it_reads_again(system, slow_url):
    system.start_broker()
    tap = system.start_tap(url=slow_url, after=0)
    wait_until(lambda: tap.out().count("\n") >= 2, 20, "records read again")
    tap.signal(signal.SIGTERM)
    assert tap.wait(10) == 0
    assert tap.out().count("\n") < 100
