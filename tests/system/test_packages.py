"""What the scripts that install do for root, for who may use sudo and for everybody else.

SPDX-License-Identifier: Apache-2.0
"""
import shutil
import subprocess

import pytest
from lib.system import ROOT

UPDATE = "apt-get update -qq"
INSTALL = "apt-get install -y -qq --no-install-recommends gcc make"
RECORD = 'echo "apt-get $*" >>"$CALLS"'
PASSWORDLESS = '[ "$1" != -n ] || shift\nexec "$@"'
ASKS = '[ "$1" != -n ] || exit 1\nexec "$@"'


class Machine:
    """A folder of programs that is the whole PATH: the real ones that the script
    uses, and stand-ins."""

    def __init__(self, root, uid, sudo=None, installed=False, packages_known=True):
        self.bin, self.calls = root / "bin", root / "calls"
        self.bin.mkdir()
        for name in ("sh", "cut", "dirname", "env", "true", "mktemp", "rm"):
            (self.bin / name).symlink_to(shutil.which(name))
        self.program("id", f"echo {uid}")
        self.program("dpkg-query", "printf 'ii '" if installed else "exit 1")
        self.program("apt-get", RECORD if packages_known
                     else f'{RECORD}\n[ "$1" != update ] || exit 100')
        if sudo:
            self.program("sudo", sudo)

    def program(self, name, text):
        (self.bin / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.bin / name).chmod(0o755)

    def run(self, *command):
        return subprocess.run(command, env={"PATH": str(self.bin), "CALLS": str(self.calls)},
                              capture_output=True, text=True, timeout=60)

    def packages(self):
        return self.run(ROOT / "scripts/packages.sh", "gcc", "make")

    def called(self):
        return self.calls.read_text().splitlines() if self.calls.exists() else []


def line_of(refused, why):
    """The one line that is to be run, of an answer that holds nothing else but its reason."""
    assert refused.returncode == 1 and refused.stdout == ""
    lines = [line for line in refused.stderr.splitlines() if line]
    assert lines[0] == f"{why}; as root run:" and len(lines) == 2, refused.stderr
    return lines[1].strip()


@pytest.mark.parametrize("uid, sudo", [(0, None), (1000, PASSWORDLESS)])
def test_who_may_installs_what_is_missing(tmp_path, uid, sudo):
    machine = Machine(tmp_path, uid, sudo)
    assert machine.packages().returncode == 0
    assert machine.called() == [UPDATE, INSTALL]


@pytest.mark.parametrize("sudo", [None, ASKS])
def test_who_may_not_is_shown_one_line_that_works_where_no_list_of_packages_is(tmp_path, sudo):
    machine = Machine(tmp_path, 1000, sudo)
    line = line_of(machine.packages(), "packages are missing")
    assert machine.called() == []
    assert line.startswith("sudo ") == bool(sudo)
    assert machine.run("sh", "-c", line).returncode == 0
    assert machine.called() == [UPDATE, INSTALL]


def test_nothing_is_installed_from_lists_that_could_not_be_had(tmp_path):
    machine = Machine(tmp_path, 0, packages_known=False)
    assert machine.packages().returncode != 0
    assert machine.called() == [UPDATE]


def test_nothing_is_done_or_said_where_nothing_is_missing(tmp_path):
    machine = Machine(tmp_path, 1000, installed=True)
    answer = machine.packages()
    assert (answer.returncode, answer.stdout, answer.stderr, machine.called()) == (0, "", "", [])


def test_without_lists_of_packages_promtool_is_not_fetched_but_asked_for(tmp_path):
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for name in ("promtool.sh", "as-root.sh"):
        shutil.copy(ROOT / "scripts" / name, scripts / name)
    machine = Machine(tmp_path, 1000)
    machine.program("apt-get", "exit 100")
    answer = machine.run(scripts / "promtool.sh")
    assert line_of(answer, "the lists of packages are missing or old") == UPDATE
