#!/usr/bin/env python3
"""check-prose - are the sentences of the pages short enough to be read once?

check-prose.py [--figures] [--long] [PAGE...] fails when over all pages fewer than 90 in 100
sentences have at most 25 words, or when a line of prose is over 100 columns.  --figures prints for
each page how many sentences it has, the share of those with at most 25 words, and the median, the
90th percentile and the longest.  --long also prints each longer sentence.

A sentence ends at a full stop, a question mark or the end of its paragraph or list item.  A word
is what stands between blanks and has a letter or digit, also inside `code`.  Left out are headings,
code blocks and tables: a cell is an entry, not a sentence.  docs/protocol.intro.md is counted once,
as the beginning of docs/protocol.md.
SPDX-License-Identifier: Apache-2.0
"""
import pathlib
import re
import sys

WORDS, SHARE, COLUMNS = 25, 90, 100
ROOT = pathlib.Path(__file__).resolve().parent.parent
ITEM = re.compile(r"( *)([-*]|\d+\.) +")
END = re.compile(r"(?<=[.!?])[)\"']*\s+(?=[\"'`(\[]*[A-Z0-9`/])")


def blocks(text):
    """[(line number, line of prose, or None at the end of a block)]"""
    inside, fence, blank = 0, False, True
    for number, line in enumerate(text.splitlines(), 1):
        indent = len(line) - len(line.lstrip())
        if line.lstrip().startswith("```"):
            fence, line = not fence, ""
        if fence or not line.strip():
            blank = blank or not fence and not line.strip()
            yield number, None
            continue
        if blank and indent < inside:
            inside = 0
        if blank and indent >= inside + 4:
            yield number, None
            continue
        blank = False
        item = ITEM.match(line)
        if item:
            inside = item.end()
            yield number, None
            line = line[item.end():]
        if line.lstrip().startswith(("|", "#")):
            yield number, None
            continue
        yield number, line


def sentences(text):
    """[(line number of the paragraph, sentence)]"""
    start, parts = 0, []
    for number, line in [*blocks(text), (0, None)]:
        if line is not None:
            start = start or number
            parts.append(line.strip())
        elif parts:
            prose = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(parts))
            yield from ((start, sentence) for sentence in END.split(prose) if words(sentence))
            start, parts = 0, []


def words(sentence):
    return sum(any(c.isalnum() for c in word) for word in sentence.split())


def wide(text):
    """[(line number, columns)] of the lines of prose that are too wide"""
    prose = {number for number, line in blocks(text) if line is not None}
    return [(number, len(line)) for number, line in enumerate(text.splitlines(), 1)
            if number in prose and len(line) > COLUMNS]


def share(counts):
    return 100 * sum(n <= WORDS for n in counts) / len(counts)


def row(name, counts):
    ordered = sorted(counts)
    median, tenth = ordered[len(ordered) // 2], ordered[len(ordered) * 9 // 10]
    return (f"{name:24} {len(counts):9} {share(counts):7.1f} %  {median:6} {tenth:4}"
            f" {ordered[-1]:4}")


def pages_of(arguments):
    named = [pathlib.Path(page).resolve() for page in arguments if not page.startswith("--")]
    docs = [page for page in sorted(ROOT.glob("docs/*.md")) if page.name != "protocol.intro.md"]
    tests = sorted(ROOT.glob("tests/fuzz/*.md")) + sorted(ROOT.glob("tests/golden/store/*.md"))
    return named or [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *docs, *tests]


def main(arguments):
    long = "--long" in arguments
    total, faults, report = [], [], [f"{'page':24} sentences up to {WORDS}  median  p90  max"]
    for page in pages_of(arguments):
        name = str(page.relative_to(ROOT)) if page.is_relative_to(ROOT) else page.name
        text = page.read_text()
        faults += [f"{name}:{line}: {columns} columns" for line, columns in wide(text)]
        found = [(line, sentence, words(sentence)) for line, sentence in sentences(text)]
        total += [count for _, _, count in found]
        if found:
            report.append(row(name, [count for _, _, count in found]))
        report += [f"    {name}:{line}: {count} words: {sentence}"
                   for line, sentence, count in found if long and count > WORDS]
    report.append(row("all", total))
    if share(total) < SHARE:
        faults.append(f"{share(total):.0f} in 100 sentences have at most {WORDS} words, {SHARE}"
                      f" are wanted: check-prose.py --long prints the others")
    for line in (report if long or "--figures" in arguments else []) + faults:
        print(line)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
