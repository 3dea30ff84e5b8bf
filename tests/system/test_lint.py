"""Lint: a fault of each kind, planted in a copy of the sources, is named with its file and the
reason; the sources as they are pass.
SPDX-License-Identifier: Apache-2.0
"""
import shutil
import subprocess

import pytest

from lib.system import BIN, ROOT

SPDX = "//  SPDX-License-Identifier: Apache-2.0\n"
HASH = "# SPDX-License-Identifier: Apache-2.0\n"
LONG = "x" * 101
BUILD = {"check-circles.py": BIN.parent, "check-symbols.sh": BIN.parent, "check-docs.sh": BIN,
         "check-options.sh": BIN, "check-samples.py": BIN}
CHECKS = sorted(path.name for path in (ROOT / "scripts").glob("check-*"))


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the sources that a test may spoil, if it mends it again."""
    copy = tmp_path_factory.mktemp("tree")
    files = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                           cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, files.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    subprocess.run(["git", "init", "-q", copy], check=True)
    return copy


def check(tree, script, *args):
    """Exit code and output of one check of this copy."""
    done = subprocess.run([tree / "scripts" / script, *args], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def compiled(tree, build, sources):
    """These sources in the copy, and their objects where CMake would put them."""
    for name, text in sources.items():
        folder, file = name.rsplit("/", 1)
        (tree / name).write_text(SPDX + text)
        objects = build / folder / "CMakeFiles/x.dir"
        objects.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-c", "-o", objects / (file + ".o"), tree / name], check=True)
    return build


@pytest.fixture
def planted(tree):
    """Write files into the copy for this test alone."""
    before = {}

    def plant(files):
        for name, text in files.items():
            path = tree / name
            before[path] = path.read_text() if path.exists() else None
            path.write_text(text)
    yield plant
    for path, text in before.items():
        path.unlink() if text is None else path.write_text(text)


@pytest.mark.parametrize("script", CHECKS)
def test_the_sources_as_they_are_pass(tree, script):
    code, out = check(tree, script, *([BUILD[script]] if script in BUILD else []))
    assert code == 0, out


def test_lint_runs_every_check():
    lint = (ROOT / "scripts/lint.sh").read_text()
    assert [name for name in CHECKS if f" scripts/{name}" not in lint] == []


def function(lines):
    return SPDX + "void\nzz (void)\n{\n" + "    ;\n" * (lines - 3) + "}\n"


FAULTS = {
    "a thread's folder includes another's": (
        "check-layers.sh", {"broker/files/zz.c": SPDX + '#include "broker/intake/intake.h"\n'},
        "broker/files/zz.c: may not include broker/intake/intake.h"),
    "an arrow upwards": (
        "check-layers.sh", {"broker/core/zz.h": SPDX + '#include "broker/loop/loop.h"\n'},
        "broker/core/zz.h: may not include broker/loop/loop.h"),
    "a folder that layers.txt does not have": (
        "check-layers.sh", {"worker/loop/zz.c": SPDX + '#include "elsewhere/x.h"\n'},
        'worker/loop/zz.c: unknown folder in #include "elsewhere/x.h"'),
    "a foreign header out of its port": (
        "check-ports.sh", {"worker/loop/zz.c": SPDX + "#include <zmq.h>\n"},
        "worker/loop/zz.c: may not include <zmq.h>"),
    "a banned function": (
        "check-banned.sh", {"tools/zz.c": SPDX + "    strcpy (a, b);\n"}, "tools/zz.c:2:"),
    "a decision put off": (
        "check-banned.sh", {"tools/zz.c": SPDX + "//  TO" + "DO: later\n"}, "tools/zz.c:2:"),
    "a sync beside its failpoint": (
        "check-failpoints.sh", {"worker/loop/zz.c": SPDX + "    fsync (fd);\n"},
        "worker/loop/zz.c:2:    fsync (fd);  <- belongs in common/base/durable.c"),
    "a long function": (
        "check-size.sh", {"tools/zz.c": function(51)}, "tools/zz.c: zz has 51 lines, at most 50"),
    "a long file": (
        "check-size.sh", {"tools/zz.c": SPDX + "\n" * 700}, "tools/zz.c: 701 lines, at most 700"),
    "a long header": (
        "check-size.sh", {"tools/zz.h": SPDX + "\n" * 700}, "tools/zz.h: 701 lines, at most 700"),
    "a long test": (
        "check-size.sh", {"tests/system/zz.py": HASH + "\n" * 700},
        "tests/system/zz.py: 701 lines, at most 700"),
    "a long README": (
        "check-size.sh", {"README.md": "\n" * 200}, "README.md: 200 lines, at most 199"),
    "a wide comment": (
        "check-size.sh", {"tools/zz.c": SPDX + f"//  {LONG}\n"},
        "tools/zz.c:2: more than 100 columns"),
    "a wide test": (
        "check-size.sh", {"tests/system/zz.py": HASH + f"'{LONG}'\n"},
        "tests/system/zz.py:2: more than 100 columns"),
    "a wide script": (
        "check-size.sh", {"scripts/zz.sh": HASH + f"# {LONG}\n"},
        "scripts/zz.sh:2: more than 100 columns"),
    "a wide list of sources": (
        "check-size.sh", {"tools/zz/CMakeLists.txt": HASH + f"# {LONG}\n"},
        "tools/zz/CMakeLists.txt:2: more than 100 columns"),
    "a comment that tears its declaration": (
        "check-torn.sh",
        {"tools/zz.h": SPDX + "struct zz {\n    int64_t\n        due_ms; //  boot time\n};\n"},
        "tools/zz.h:4: this comment tears its declaration; put it above"),
    "a comment between a type and a name": (
        "check-torn.sh", {"tools/zz.h": SPDX + "void\n//  Ends it.\nzz_end (void);\n"},
        "tools/zz.h:3: this comment tears its declaration; put it above"),
    "a strange file in the top folder": (
        "check-root.sh", {"zz.jsonl": "{}\n"}, "zz.jsonl: not a name of the top folder"),
    "a comment that has to be read twice": (
        "check-comments.py", {"tools/zz.c": SPDX + "//  The caller\n//  is\n//  told.\n"},
        'tools/zz.c:4: "is told"'),
    "a file without a licence": (
        "check-licence.sh", {"tools/zz.c": "int zz;\n"}, "tools/zz.c: has no SPDX line"),
    "a file that the table of modules lacks": (
        "check-modules.sh", {"tools/zz.c": SPDX}, "no row for tools/zz.c"),
    "prose of long sentences": (
        "check-prose.py", {"docs/zz.md": ("word " * 26 + "end. ").replace("w", "W", 1) * 200},
        " in 100 sentences have at most 25 words"),
    "a wide line of prose": (
        "check-prose.py", {"docs/zz.md": "# Z\n\n" + "word " * 20 + "words.\n"},
        "docs/zz.md:3: 106 columns"),
    "a page that names a file that is gone": (
        "check-where.sh", {"docs/zz.md": "See `broker/core/zz.c`.\n"},
        "docs/zz.md:1: there is no broker/core/zz.c"),
    "code that names a page that is gone": (
        "check-where.sh", {"tools/zz.h": SPDX + "//  Src: docs/" + "zz.md\n"},
        "tools/zz.h:2: there is no docs/" + "zz.md"),
    "code that names a heading that is gone": (
        "check-where.sh", {"tools/zz.h": SPDX + "//  Src: docs/store.md " + '"Zz"\n'},
        'tools/zz.h:2: docs/store.md has no heading "Zz"'),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_named(tree, planted, name):
    script, files, said = FAULTS[name]
    for path in files:
        (tree / path).parent.mkdir(exist_ok=True)
    planted(files)
    code, out = check(tree, script)
    assert code != 0 and said in out, out


def test_what_keeps_to_the_caps_passes(tree, planted):
    planted({"tools/zz.c": function(50), "tools/zz.h": SPDX + "\n" * 699,
             "tools/yy.c": SPDX + "//  " + "x" * 96 + "\n" + "//  " + "\u00e4" * 96 + "\n"})
    assert check(tree, "check-size.sh") == (0, "")


def test_a_body_of_a_list_loop_is_indented(tree, planted):
    body = "void\nzz (void)\n{\n    DL_FOREACH (list, item)\n    use (item);\n}\n"
    planted({"tools/zz.c": SPDX + body})
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", "tools/zz.c"], cwd=tree,
                          capture_output=True, text=True)
    assert done.returncode != 0 and "tools/zz.c:5:" in done.stderr, done.stderr


def test_a_page_that_is_not_printed_anew_is_named(tree, planted):
    page = (tree / "docs/configuration.md").read_text()
    planted({"docs/configuration.md": page.replace("`", "'", 1)})
    code, out = check(tree, "check-docs.sh", BIN)
    assert code != 0 and "docs are out of date" in out and "configuration.md" in out


ANSWER = "`broker/core/lease.c: lease_renew`"


@pytest.mark.parametrize("wrong,said", [
    ("`broker/core/zz.c: lease_renew`", "; see broker/core/lease.c"),
    ("`broker/core/queue.c: lease_renew`", "; see broker/core/lease.c"),
    ("`broker/core/lease.c: lease_zz`", "")])
def test_a_wrong_answer_is_named_and_mended_where_the_name_has_moved(tree, planted, wrong, said):
    page = (tree / "CONTRIBUTING.md").read_text()
    planted({"CONTRIBUTING.md": page.replace(ANSWER, wrong)})
    code, out = check(tree, "check-where.sh")
    line = page[:page.index(ANSWER)].count("\n") + 1
    assert code == 1, out
    assert out.startswith(f"CONTRIBUTING.md:{line}: {wrong.strip('`')}: not there{said}\n")
    check(tree, "check-where.sh", "--mend")
    assert ((tree / "CONTRIBUTING.md").read_text() == page) is bool(said)


def test_a_table_row_without_a_file_is_named(tree, planted):
    page = (tree / "docs/modules.md").read_text()
    planted({"docs/modules.md": page.replace("| `tap` |", "| `zz` | not there |\n| `tap` |")})
    code, out = check(tree, "check-modules.sh")
    assert code == 1 and "there is no tools/zz.c" in out


def test_a_sample_that_says_other_than_help_is_named(tree, planted):
    path = "configs/worker.yaml"
    planted({path: (tree / path).read_text().replace("# Bytes that one agent may write.",
                                                     "# Size of the disk.")})
    code, out = check(tree, "check-samples.py", BIN)
    assert code == 1 and "agent_disk: not as --help: Bytes that one agent may write." in out


def test_an_option_without_a_test_is_named(tree, planted):
    path, name = "tests/system/test_options_worker.py", "test_option_worker_ready" + "_file"
    planted({path: (tree / path).read_text().replace(f"def {name}(", "def test_ready(")})
    code, out = check(tree, "check-options.sh", BIN)
    assert (code, out) == (1, f"worker: option ready_file has no test {name}\n")


def test_a_symbol_of_another_noun_is_named(tree, tmp_path):
    (tmp_path / "zz.c").write_text("int other_thing (void) { return 0; }\n")
    subprocess.run(["cc", "-c", "zz.c"], cwd=tmp_path, check=True)
    subprocess.run(["ar", "rcs", "libzz.a", "zz.o"], cwd=tmp_path, check=True)
    assert check(tree, "check-symbols.sh", tmp_path) == (1, "zz exports other_thing\n")


CALLS = {
    "two files": (
        {"tools/zz.c": "void yy (void);\nvoid zz (void) { yy (); }\n",
         "tools/yy.c": "void zz (void);\nvoid yy (void) { zz (); }\n"},
        "circle of calls: tools/yy.c -> zz.c (zz) -> yy.c (yy)\n"),
    "three files, one of them a program's main": (
        {"tools/main.c": "void zz (void);\nint shared;\nint main (void) { zz (); }\n",
         "tools/zz.c": "void yy (void);\nvoid zz (void) { yy (); }\n",
         "tools/yy.c": "extern int shared;\nvoid yy (void) { shared++; }\n"},
        "circle of calls: tools/main.c -> zz.c (zz) -> yy.c (yy) -> main.c (shared)\n"),
    "a call upwards without an include": (
        {"common/base/zz.c": "void yy (void);\nvoid zz (void) { yy (); }\n",
         "broker/core/yy.c": "void yy (void) { }\n"},
        "common/base/zz.c: may not call broker/core/yy.c (yy): scripts/layers.txt\n"),
    "a function that is passed on": (
        {"tools/zz.c": "void yy (void (*) (void));\nstatic void back (void) { }\n"
                       "void zz (void) { yy (back); }\n",
         "tools/yy.c": "void yy (void (*call) (void)) { call (); }\n"}, ""),
    "one name in two programs": (
        {"publisher/zz.c": "void yy (void);\nvoid zz (void) { yy (); }\n",
         "publisher/yy.c": "void yy (void) { }\n",
         "worker/yy.c": "void zz (void);\nvoid yy (void) { zz (); }\n",
         "worker/zz.c": "void zz (void) { }\n"}, ""),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls_go_one_way(tree, planted, tmp_path, name):
    sources, said = CALLS[name]
    planted(dict.fromkeys(sources, ""))
    compiled(tree, tmp_path, sources)
    assert check(tree, "check-circles.py", tmp_path) == (1 if said else 0, said)
