#!/usr/bin/env python3
"""check-samples - do the comments in configs/ say what --help says?

check-samples.py BIN, where BIN is the folder of the built programs.  The comment above an option
begins with its help; its last full stop may be something else, such as a list of values.  Exit 1
and the lines that differ.
SPDX-License-Identifier: Apache-2.0
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MORE = re.compile(r" (A secret; also `[^`]*`\.|Also `[^`]*`\.|Required\.)")


def helps(program):
    """{key: help} of a program, as its page prints it."""
    page = subprocess.run([f"{sys.argv[1]}/triage-{program}", "--print-docs"], text=True, env={},
                          capture_output=True, check=True).stdout
    rows = [re.split(r"(?<!\\)\|", line) for line in page.splitlines() if line.startswith("| `")]
    return {row[1].strip(" `"): " ".join(MORE.sub("", row[-2]).replace("\\|", "|").split())
            for row in rows}


def comments(program):
    """[(line, key, comment)] of a sample."""
    said = []
    lines = (ROOT / f"configs/{program}.yaml").read_text().splitlines()
    for number, line in enumerate(lines, 1):
        option = re.match(r"#([a-z0-9_]+):", line)
        if option and said:
            yield number, option[1], " ".join(said)
        said = said + [line[2:].strip()] if line.startswith("# ") else []


def main():
    bad = 0
    for program in ("broker", "worker", "publisher"):
        known = helps(program)
        for number, key, said in comments(program):
            if not said.startswith(known[key].removesuffix(".")):
                bad = 1
                print(f"configs/{program}.yaml:{number}: {key}: not as --help: {known[key]}")
    sys.exit(bad)


main()
