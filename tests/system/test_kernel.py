"""The box on Debian's own kernel: an older Landlock, and cgroups of version 2.
SPDX-License-Identifier: Apache-2.0
"""
import fcntl
import json
import os

import pytest

from lib import kernel, runs
from lib.runs import MIB
from test_escape import HOST, judge

# Each run takes its flags and its script; triage-run needs an open standard input.
LIMITS = """
set -u
mkdir -m 711 /tmp/escape && mkfifo /tmp/open && exec 3<>/tmp/open
one() {
    name=$1 flags=$2 script=$3
    mkdir -p /tmp/$name/ws && chmod 755 /tmp/$name
    @BIN@/triage-run --workspace /tmp/$name/ws --timeout-ms 30000 --grace-ms 1000 \\
        --stdout /tmp/$name/out --stderr /tmp/$name/err --result /tmp/$name/run.json \\
        --runtime landlock --user 65534:65534 --cgroup triage-test-$name $flags \\
        -- /bin/sh -c "$script" <&3 >/dev/null
    echo "run $name $(tr -d '\\n' </tmp/$name/run.json)"
}
echo "kernel $(uname -r)"
one held "--memory @MEMORY@ --pids 40 --cpus 500" 'sleep 4; exit 3' &
until grep -q . /sys/fs/cgroup/triage-test-held/cgroup.procs; do sleep 0.1; done 2>/dev/null
cd /sys/fs/cgroup/triage-test-held
echo "limits $(cat memory.max memory.swap.max pids.max cpu.max | tr '\\n' ' ')"
cd /tmp; wait
one memory "--memory @MEMORY@" 'dd if=/dev/zero of=/dev/null bs=100M count=1; exit 0'
one pids "--pids 12" 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1 & done'
one disk "--disk @DISK@" 'exec dd if=/dev/zero of=big bs=64k'
one files "--files 300" 'i=0; while :; do i=$((i+1)); : >f$i; done'
one tree "" 'setsid sleep 60 & setsid setsid sleep 60 & exit 0'
for pid in $(pidof sleep); do echo "left $pid"; done
echo "cgroups $(ls -d /sys/fs/cgroup/triage-* 2>/dev/null | wc -l)"
export OWN_NETWORK=1
echo "escape $(unshare -n python3 @HOST@ @BIN@ /tmp/escape landlock 0 gateway 2>/tmp/why)"
cat /tmp/why
"""


@pytest.fixture(name="printed", scope="module")
def what_the_machine_printed(tmp_path_factory):
    """The words behind each mark of one boot, which takes most of the time: once for all who
    run tests beside each other."""
    if runs.closed():
        pytest.skip(f"the user of agents cannot pass {runs.closed()}")
    script = LIMITS
    values = {"BIN": runs.BIN, "HOST": HOST, "MEMORY": 64 * MIB, "DISK": 48 * MIB}
    for name, value in values.items():
        script = script.replace(f"@{name}@", str(value))
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # of all workers
    with open(folder / "kernel.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = folder / "kernel.json"
        if not told.exists():
            told.write_text(json.dumps(kernel.run(tmp_path_factory.mktemp("kernel"), script)))
        code, text = json.loads(told.read_text())
    print(text)
    assert code == 0
    found = {}
    for line in text.splitlines():
        mark, _, rest = line.partition(" ")
        if mark == "run":
            name, _, rest = rest.partition(" ")
            mark = f"{mark} {name}"
        found[mark] = rest
    return found


def run_of(printed, name):
    return json.loads(printed[f"run {name}"])


def test_version_2_holds_memory_processes_and_cpu(printed):
    assert printed["kernel"].startswith("6.1.")
    held = run_of(printed, "held")
    assert held["held"] == {"memory": "v2", "pids": "v2", "cpu": "v2", "kill": "v2"}
    assert (held["exit_code"], held["limit"]) == (3, "")
    assert printed["limits"].split() == [str(64 * MIB), "0", "40", "50000", "100000"]


@pytest.mark.parametrize("name", ["memory", "pids", "disk", "files"])
def test_a_limit_ends_a_run(printed, name):
    run = run_of(printed, name)
    assert run["limit"] == name, run
    assert run["left"] == 0


def test_nothing_is_left(printed):
    assert run_of(printed, "tree")["left"] == 0
    assert "left" not in printed
    assert printed["cgroups"] == "0"


def test_only_what_the_older_rules_name_is_open(printed):
    """ABI 2: no rules for TCP, no scope for signals; the same list as with a pretended ABI 2."""
    found = json.loads(printed["escape"])
    assert {"tcp", "signals"} <= set(found["holes"]), found["holes"]
    assert "all" not in found["holes"]
    judge(found)

