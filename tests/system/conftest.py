"""Fixtures of the system tests.  SPDX-License-Identifier: Apache-2.0"""
import shutil
import sys
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lib.standstill import TOO_LONG_S, Standstill  # noqa: E402
from lib.system import BIN, System  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "nightly: the long form, run by make nightly")
    if not (BIN / "triage-broker").exists():
        raise pytest.UsageError(f"no programs in {BIN}; run make build, or set TRIAGE_BIN")


def pytest_collection_modifyitems(config, items):
    """Nightly tests run only when asked for by -m."""
    if "nightly" in (config.getoption("-m") or ""):
        return
    chosen = [item for item in items if "nightly" not in item.keywords]
    config.hook.pytest_deselected(items=[item for item in items if "nightly" in item.keywords])
    items[:] = chosen


@pytest.fixture(scope="session", autouse=True)
def standstill(request, tmp_path_factory):
    """Measures for as long as tests run."""
    request.config.standstill = Standstill(tmp_path_factory.getbasetemp())


def reason(report):
    """The first line of what a failed report says."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return (crash.message if crash else report.longreprtext).strip().split("\n")[0]


def pytest_runtest_protocol(item, nextitem):
    """Run a test; once more if it failed while the machine stood still, which the summary counts.
    A failure without a measured standstill stays one, and so does a second failure,
    and what comes up at the end of a test: no standstill makes a program crash, stay behind,
    or a sanitizer speak."""
    if any(name == "stood_still_s" for name, _ in item.user_properties):
        return None  # once more: as any other, with all of its time
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    # noqa: E731
    take = lambda: item.config.standstill.take() if hasattr(item.config, "standstill") else 0.0
    take()
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    stood_still_s = take()
    failed = [report for report in reports if report.failed]
    if failed and failed[-1].when != "teardown" and stood_still_s > TOO_LONG_S:
        item.user_properties += [("stood_still_s", f"{stood_still_s:.1f}"),
                                 ("failed_first", reason(failed[0]))]
        item._initrequest()  # its fixtures are made anew
        return item.ihook.pytest_runtest_protocol(item=item, nextitem=nextitem)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Keep what the test came to where its fixtures find it."""
    outcome = yield
    if call.when == "call":
        item.passed = outcome.get_result().passed


@pytest.fixture
def system(request, tmp_path):
    """A k8s-triage without keys; everything is stopped and looked for at the end."""
    yield from whole(request, tmp_path, False)


@pytest.fixture
def secure(request, tmp_path):
    """The same with CURVE keys."""
    yield from whole(request, tmp_path, True)


def whole(request, folder, keys):
    """A system; of one that passed nothing is left, for a store's reserve alone is 64 MiB."""
    system = System(folder, keys=keys)
    yield system
    system.close()
    if getattr(request.node, "passed", False):
        shutil.rmtree(folder, ignore_errors=True)
