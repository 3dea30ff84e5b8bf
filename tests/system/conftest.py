"""Fixtures of the system tests.  SPDX-License-Identifier: Apache-2.0"""
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


@pytest.fixture
def system(tmp_path):
    """A k8s-triage without keys; everything is stopped and looked for at the end."""
    whole = System(tmp_path)
    yield whole
    whole.close()


@pytest.fixture
def secure(tmp_path):
    """The same with CURVE keys."""
    whole = System(tmp_path, keys=True)
    yield whole
    whole.close()
