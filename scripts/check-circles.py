#!/usr/bin/env python3
"""check-circles.py - no circle of calls between the files of one folder, none against layers.txt.

    check-circles.py BUILD [FOLDER...]

BUILD is a built tree: what an object defines, and what it leaves undefined, stands in it.  With
FOLDER only the objects below these folders are read.  A function that is passed on as a pointer
counts for the file that names it, not for the one that calls it.
SPDX-License-Identifier: Apache-2.0
"""
import collections
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OBJECT = re.compile(r"^(?:(?P<folder>.*)/)?CMakeFiles/[^/]+\.dir/(?P<file>[^/]+\.c)\.o$")


def objects(build, folders):
    """source file -> its objects; a file may be compiled more than once"""
    found = collections.defaultdict(list)
    for path in sorted(build.rglob("*.o")):
        match = OBJECT.match(str(path.relative_to(build)))
        if not match:
            continue
        folder = match["folder"] or "."
        source = f"{folder}/{match['file']}"
        inside = not folders or any((folder + "/").startswith(name + "/") for name in folders)
        if inside and not folder.startswith("tests/") and (ROOT / source).is_file():
            found[source].append(path)
    return found


def symbols(path):
    """(what the object defines for others, what it needs of others)"""
    lines = subprocess.run(["nm", "-g", path], check=True, capture_output=True, text=True).stdout
    defined, needed = set(), set()
    for *_, kind, name in (line.split() for line in lines.splitlines()):
        (needed if kind in "Uwv" else defined).add(name)
    return defined, needed


def layers():
    """folder -> the folders that it may call"""
    allowed = {}
    for line in (ROOT / "scripts/layers.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            folder, *others = line.split()
            allowed[folder] = {folder, *others}
    return allowed


def layer_of(file, allowed):
    """the longest folder of layers.txt that the file lies in"""
    inside = [folder for folder in allowed if file.startswith(folder + "/")]
    return max(inside, key=len, default=None)


def graph(found):
    """file -> file -> the symbols that it needs of it"""
    owner = collections.defaultdict(set)
    needs = collections.defaultdict(set)
    for source, paths in found.items():
        for path in paths:
            defined, needed = symbols(path)
            needs[source] |= needed
            for name in defined:
                if name != "main":
                    owner[name].add(source)
    allowed = layers()
    arrows = collections.defaultdict(lambda: collections.defaultdict(set))
    for source, names in needs.items():
        for name in names:
            for target in meant(source, owner.get(name, set()), allowed):
                arrows[source][target].add(name)
    return arrows


def meant(source, owners, allowed):
    """whom a name stands for, where programs have it in common: the own folder, else what may be
    called, else all"""
    if source in owners:
        return set()
    own = layer_of(source, allowed)
    near = {file for file in owners if layer_of(file, allowed) == own}
    may = {file for file in owners if layer_of(file, allowed) in allowed.get(own, ())}
    return near or may or owners


def shortest(arrows, start, inside):
    """the shortest way from start back to it, through files of `inside`"""
    before, queue = {}, collections.deque([start])
    while queue:
        file = queue.popleft()
        for target in sorted(arrows[file]):
            if target == start:
                way = [file]
                while way[-1] != start:
                    way.append(before[way[-1]])
                return way[::-1]
            if target in inside and target not in before:
                before[target] = file
                queue.append(target)
    return None


def circles(arrows, files):
    """the shortest circle of each file that is in one; each circle once"""
    seen, told = set(), []
    ways = [way for way in (shortest(arrows, file, files) for file in sorted(files)) if way]
    for way in sorted(ways, key=len):
        if frozenset(way) not in seen:
            seen.add(frozenset(way))
            told.append(way)
    return told


def tell(arrows, way):
    """a.c -> b.c (b_do) -> a.c (a_back)"""
    text = way[0]
    for here, there in zip(way, way[1:] + way[:1]):
        names = sorted(arrows[here][there])
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        text += f" -> {pathlib.Path(there).name} ({', '.join(names[:3])}{more})"
    return text


def upward(arrows):
    """each arrow between folders that layers.txt does not have"""
    allowed = layers()
    for source in sorted(arrows):
        own = layer_of(source, allowed)
        for target in sorted(arrows[source]):
            other = layer_of(target, allowed)
            header = target[:-1] + "h"  # a header may be allowed alone
            if own and other and not {other, header} & allowed[own]:
                names = ", ".join(sorted(arrows[source][target])[:3])
                yield f"{source}: may not call {target} ({names}): scripts/layers.txt"


def main(build, folders):
    """prints what is wrong; 0 when nothing is"""
    found = objects(pathlib.Path(build).resolve(), folders)
    if not found:
        sys.exit(f"check-circles.py: no objects of this tree in {build}")
    arrows = graph(found)
    rooms = collections.defaultdict(set)
    for source in found:
        rooms[str(pathlib.PurePath(source).parent)].add(source)
    faults = [f"circle of calls: {tell(arrows, way)}"
              for room in sorted(rooms) for way in circles(arrows, rooms[room])]
    faults += upward(arrows)
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: check-circles.py BUILD [FOLDER...]")
    sys.exit(main(sys.argv[1], sys.argv[2:]))
