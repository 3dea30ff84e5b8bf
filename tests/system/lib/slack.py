"""The Slack on loopback of tests/system/peers, for tests.  SPDX-License-Identifier: Apache-2.0"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "peers"))

from fake_slack import FakeSlack, Step  # noqa: E402
from slack_rules import (Refused, balanced, check_message, forged, parse_json,  # noqa: E402
                         parts_of, references, units, urls_of)
from slack_state import Clock, Rates  # noqa: E402

__all__ = ["Clock", "FakeSlack", "Rates", "Refused", "Step", "balanced", "check_message", "forged",
           "parse_json", "parts_of", "references", "units", "urls_of"]
