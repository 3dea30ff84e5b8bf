"""Fixtures of the system tests.  SPDX-License-Identifier: Apache-2.0"""
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

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
