#!/usr/bin/python3
"""summary.py FAILED_STEPS JUNIT.xml... - count all tests, judge the skips, print the closing line.

A skip fails the run unless the test stands in tests/may-skip.txt ("name: reason" a line).
SPDX-License-Identifier: Apache-2.0
"""
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ALLOWED = Path(__file__).resolve().parents[1] / "tests/may-skip.txt"


def allowed():
    lines = ALLOWED.read_text().splitlines() if ALLOWED.exists() else []
    return {line.split(":", 1)[0].strip() for line in lines if line.strip()
            and not line.startswith("#")}


def outcome(case):
    if case.find("failure") is not None or case.find("error") is not None \
        or case.get("status") == "fail":
        return "failed"
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        return "skipped"
    return "passed"


def reason(case):
    """The first line of why it failed, where that was recorded."""
    found = case.find("failure") if case.find("failure") is not None else case.find("error")
    lines = (found.get("message") or "").splitlines() if found is not None else []
    return f": {lines[0][:200]}" if lines else ""


def tell_again(path, case):
    """A test that failed while the machine stood still has run twice (tests/system/conftest.py)."""
    said = {entry.get("name"): entry.get("value") for entry in case.iter("property")}
    if "stood_still_s" in said:
        print(f"run again, the machine stood still for {said['stood_still_s']} s: "
              f"{Path(path).stem}: {case.get('name')}: "
              f"{said['failed_first'][:200]}")


def main(failed_steps, *paths):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    may_skip = allowed()
    for path in paths:
        for case in ElementTree.parse(path).iter("testcase"):
            what = outcome(case)
            tell_again(path, case)
            name = case.get("name").split("[")[0]
            if what == "skipped" and name not in may_skip:
                print(f"skipped without leave: {name} (see tests/may-skip.txt)")
                what = "failed"
            if what == "failed":
                print(f"failed: {Path(path).stem}: {case.get('name')}{reason(case)}")
            counts[what] += 1
    if int(failed_steps) and not counts["failed"]:
        print(f"{failed_steps} steps failed outside the tests")
        counts["failed"] = int(failed_steps)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
