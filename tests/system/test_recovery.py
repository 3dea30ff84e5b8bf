"""A broken agent does not burn the queue, and what it failed is done again when it is mended.

SPDX-License-Identifier: Apache-2.0
"""
import re
import time

from lib.system import fault, wait_until
from test_metrics import wait_metric

WORKLOADS = 504


def breaker(broker):
    return broker.get("/api/v1/status")["breaker"]


def mendable_agent(system):
    """An agent that fails until a file exists: (that file, a folder with its runs, the script)."""
    mended, runs, script = system.root / "mended", system.root / "runs", system.root / "agent.sh"
    runs.mkdir()
    script.write_text(f'''#!/bin/sh
set -eu
: > "{runs}/$INCIDENT_ID-$ATTEMPT"
if [ ! -e "{mended}" ]; then echo "API Error: 529 overloaded" >&2; exit 1; fi
mkdir -p "$WORKSPACE_DIR/output"
cd "$WORKSPACE_DIR/output"
{{ echo "# Report"; head -c 200 /dev/zero | tr '\\0' x; }} > investigation.md
''')
    script.chmod(0o755)
    return mended, runs, script


def test_a_broken_agent_costs_few_runs_and_all_get_reports_once_it_is_mended(system):
    mended, runs, script = mendable_agent(system)
    broker = system.start_broker()
    system.start_worker(agent_script_path=script, max_concurrent_agents=4)
    system.publish([fault(f"web-{i}") for i in range(WORKLOADS)])
    wait_until(lambda: breaker(broker)["state"] != "closed", 30, "open")
    wait_until(lambda: "circuit breaker open, one probe is assigned" in broker.log(), 60, "a probe")
    wait_until(lambda: breaker(broker)["state"] == "open", 60, "the probe failed")
    probes = len(broker.records("circuit breaker open, one probe is assigned"))
    burnt = len(list(runs.iterdir()))
    assert burnt <= 3 + 4 + probes  # the threshold, what ran beside it, the probes
    mended.touch()
    from_s = time.monotonic()
    wait_until(lambda: broker.get("/api/v1/status")["incidents"]["reported"] == WORKLOADS, 240,
               "all have a report", 0.5)
    probes = len(broker.records("circuit breaker open, one probe is assigned"))
    print(f"{burnt} runs burnt, {probes} probes; all done {time.monotonic() - from_s:.1f} s later")
    assert len(list(runs.iterdir())) <= WORKLOADS + 3 + 4 + probes
    assert breaker(broker)["state"] == "closed"
    wait_metric(broker, burnt, "incidents_revived_total")
    attempts = [len(broker.incident(row["id"])["attempts"]) for row in broker.incidents()]
    assert sorted(attempts, reverse=True)[:burnt + 1] == [2] * burnt + [1]


def test_a_held_queue_says_until_when_and_a_probe_goes_on_command(system):
    """A mended agent need not wait for the backoff: triagectl breaker probe tries one at once."""
    mended, _, script = mendable_agent(system)
    broker = system.start_broker(failure_threshold_for_alert=1)
    assert "the breaker is closed" in system.ctl("breaker", "probe", expect=1).stderr
    assert breaker(broker)["paused"] is False and breaker(broker)["next_probe_ms"] is None
    system.start_worker(agent_script_path=script)
    system.publish([fault(f"web-{i}") for i in range(6)])

    def waits_long():
        """Two probes have failed at least: the next one is over 10 s away."""
        return breaker(broker)["paused"] and (breaker(broker)["next_probe_ms"] or 0) > 10000
    wait_until(lambda: (breaker(broker)["next_probe_ms"] or 0) > 2000, 30, "held")
    assert "breaker: one incident is tried" in system.ctl("breaker", "probe").stdout
    wait_until(lambda: (breaker(broker)["next_probe_ms"] or 0) > 7000, 30, "the probe failed")
    system.ctl("breaker", "probe")
    wait_until(waits_long, 30, "the second one failed too")
    shown = system.ctl("status").stdout
    assert re.search(r"wait, one is tried in \d+s: triagectl breaker probe tries it now", shown)
    wait_metric(broker, 1, "circuit_breaker_paused")
    mended.touch()
    system.ctl("breaker", "probe")
    wait_until(lambda: breaker(broker)["state"] == "closed", 8, "closed long before the backoff")
    broker.wait_terminal(6)
    wait_metric(broker, 0, "circuit_breaker_paused")


def test_a_mended_agent_is_noticed_while_nothing_waits(system):
    """Both have failed, so the open breaker tries them in turn; no new fault comes."""
    mended, _, script = mendable_agent(system)
    broker = system.start_broker(failure_threshold_for_alert=2)
    system.start_worker(agent_script_path=script)
    system.publish([fault("web-0"), fault("web-1")])
    wait_until(lambda: breaker(broker)["state"] == "open", 30, "open")
    wait_until(lambda: broker.get("/api/v1/status")["incidents"]["agent_failed"] == 2, 60,
               "nothing waits")
    mended.touch()
    wait_until(lambda: broker.get("/api/v1/status")["incidents"]["reported"] == 2, 60, "reports")
    wait_until(lambda: breaker(broker)["state"] == "closed", 10, "closed")
    assert breaker(broker)["opened_total"] == 1


def test_option_broker_retry_after_recovery(system):
    """true puts back what had failed, once; false leaves it to the operator."""
    for again in (True, False):
        broker = system.start_broker(failure_threshold_for_alert=1, breaker_mode="alert",
                                     retry_after_recovery=again)
        worker = system.start_worker()
        name = f"web-{again}"
        system.publish([fault(name, context="do: first_fails")], name=f"p0{again}")
        wait_until(lambda b=broker: breaker(b)["state"] == "open", 20, "open")
        system.publish([fault(f"{name}-good")], name=f"p1{again}")
        wait_until(lambda b=broker: breaker(b)["state"] == "closed", 30, "closed")

        def failed(b=broker, n=name):
            return next(row for row in b.incidents() if row["resource"]["name"] == n)
        if again:
            wait_until(lambda f=failed: f()["state"] == "reported", 30, "done again")
        system.publish([fault(f"{name}-last")], name=f"p2{again}")
        broker.wait_terminal(3 if again else 6)
        assert failed()["state"] == ("reported" if again else "agent_failed")
        worker.stop()
        broker.stop()
