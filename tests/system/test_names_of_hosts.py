"""Names of hosts: of an IPv6 address only, of both kinds, and to bind to.

Real resolution, with a hosts file in a mount namespace.  SPDX-License-Identifier: Apache-2.0
"""
import pytest

from lib.disk import mounted_or_skipped
from lib.system import AGENTS, Daemon, fault, free_port, has_ipv6, wait_until

SIX = "[::1]"
HOSTS = {"only-six": "::1 broker-host", "both": "127.0.0.1 broker-host\n::1 broker-host"}


def workers_ready(broker):
    return broker.get("/api/v1/status")["workers"]["ready"]


@pytest.mark.parametrize("hosts", HOSTS)
def test_a_broker_of_an_ipv6_address_is_reached_by_its_name(secure, hosts):
    if not has_ipv6():
        pytest.skip("no IPv6 here")
    ports = {f"{name}_endpoint": f"tcp://{SIX}:{free_port()}"
             for name in ("work", "stream", "ingest", "files")}
    broker = secure.start_broker(**ports)
    (secure.root / "hosts").write_text(HOSTS[hosts] + "\n")
    mount = mounted_or_skipped(secure, "names",
                               [f"mount --bind {secure.root / 'hosts'} /etc/hosts"])
    named = {name: value.replace(SIX, "broker-host") for name, value in ports.items()}
    worker = Daemon(secure, "w1", "triage-worker", {
        "broker_endpoint": named["work_endpoint"], "broker_files_endpoint": named["files_endpoint"],
        "worker_name": "w1",
        "keys_dir": secure.peer_keys("worker", "w1"), "workspace_root": secure.root / "workspace",
        "agent_script_path": AGENTS / "agent.sh", "agent_runtime": "none"},
                    prefix=mount.prefix)
    wait_until(lambda: workers_ready(broker) == 1, 10, "the worker is there")
    broker.kill9()
    secure.start_broker(**ports)
    wait_until(lambda: workers_ready(secure.broker) == 1, 20, "and again after the broker was away")
    assert worker.alive()


def test_a_name_to_bind_to_works_or_says_why_not(system):
    broker = system.start_broker(work_endpoint=f"tcp://localhost:{free_port()}")
    assert broker.endpoints["work"].startswith("tcp://127.0.0.1:")
    system.broker_ports["work_endpoint"] = \
        broker.endpoints["work"].replace("127.0.0.1", "localhost")
    system.start_worker()  # localhost is of both kinds, and the broker of one
    wait_until(lambda: workers_ready(broker) == 1, 10, "the worker is there")
    system.publish([fault("web-0")])
    # a worker that is told to stop would finish it, and its broker is gone by then
    broker.wait_terminal(1)


def test_a_name_that_cannot_be_bound_to_is_refused_with_the_reason(secure):
    broker = secure.start_broker(wait=False, work_endpoint="tcp://example.org:5570")
    assert broker.wait(20) != 0
    assert "example.org:5570: an address, an interface of this host, localhost or * is expected" \
        in broker.log()
