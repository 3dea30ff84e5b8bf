#!/usr/bin/env python3
"""check-comments - phrases that make the comments of C sources hard to read.

check-comments.py [FILE...] fails and names each such phrase with its file and line.  Without files
it reads all *.[ch] of the repository.
SPDX-License-Identifier: Apache-2.0
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BE = r"\b(?:is|are|was|were|be|been|being) (?:not |never |only |once |then |also )?"
PHRASES = [(re.compile(phrase), better) for phrase, better in (
    (BE + r"told\b", "say who reports, logs, sends or shows it"),
    (BE + r"said\b", "say who reports, logs, sends or shows it"),
    (r"\b(?:tells?|told) of\b", "report, name"),
    (BE + r"had\b", "say who has or gets it"),
    (r"\b[Gg](?:ives?|ave) way\b", "say what is replaced, closed or dropped"),
    (r"(?i)\b(?:what|who|which) of (?:it|them|these|those)\b", "name the noun"),
    (r"(?:^|[.?!] +)Who(?:ever)? [^?]*?(?:[.!]|$)", "name who it is: a peer, a worker, the caller"),
)]
COMMENT = re.compile(r"(?:^|(?<=[\s;{}(),]))//+ (.*)")
TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')


def comments(source):
    """[(first line number, text)] of each comment; lines of // in a row are one"""
    start, parts = 0, []
    for number, line in enumerate([*source.splitlines(), ""], 1):
        found = COMMENT.search(TEXT.sub('""', line) if '"' in line.split("//")[0] else line)
        alone = line.lstrip().startswith("//")
        if parts and not alone:
            yield start, parts
            start, parts = 0, []
        if found and alone:
            start = start or number
            parts.append(found[1].strip())
        elif found:
            yield number, [found[1].strip()]


def faults(source):
    """[(line number, phrase, what is better)]"""
    for start, parts in comments(source):
        text = " ".join(parts)
        for phrase, better in PHRASES:
            for found in phrase.finditer(text):
                at = start + sum(len(" ".join(parts[:n + 1])) < found.end()
                                 for n in range(len(parts)))
                yield min(at, start + len(parts) - 1), found[0].strip(" .?!"), better


def sources():
    names = subprocess.run(["git", "-C", ROOT, "ls-files", "--cached", "--others",
                            "--exclude-standard", "*.[ch]"],
                           check=True, capture_output=True, text=True).stdout.split()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def main(arguments):
    rc = 0
    for path in [pathlib.Path(name).resolve() for name in arguments] or sources():
        name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        for line, phrase, better in faults(path.read_text()):
            print(f"{name}:{line}: \"{phrase[:60]}\" has to be read twice: {better}")
            rc = 1
    return rc


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
