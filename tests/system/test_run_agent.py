"""run-agent.sh by itself: the frame around a driver that a test has written.
SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import signal
import subprocess

import pytest

from lib.system import ROOT, SLOW, wait_until

SCRIPT = ROOT / "agent-container/run-agent.sh"
PROMPT = "# Investigate\n"

# A CLI of three items: texts, tools, an end.  What it does is the command in DO.
DRIVER = """
driver_program=bash
driver_provider=anthropic
driver_key_env=STUB_KEY
driver_model=stub-1
driver_resumes=true
driver_jq='
def record:
    if .say then {text: .say}
    elif .tool then {call: {id, tool, input}}
    elif .done then {reply: {id: .done, output, exit}}
    elif .turn then {turn: {id: .turn, usage}}
    elif .status then {error: {text: .why, class: class_of(.status; .why)}}
    elif .warn then {warn}
    elif .end then {end: (.end + {is_error: (.end.class != null)})}
    else {set: {session_id: .session}} end;
'
driver_version () { echo "stub 4.5.6 (test)"; }
driver_run () { exec bash -c "$DO" stub "${args[@]}"; }
"""


class Run:
    """A workspace, and run-agent.sh in it."""

    def __init__(self, root):
        self.workspace, self.drivers = root / "workspace", root / "drivers"
        (self.workspace / "logs").mkdir(parents=True)
        self.drivers.mkdir()
        (self.drivers / "stub.sh").write_text(DRIVER)
        self.prompt, self.system = self.workspace / "logs/prompt.md", root / "system.md"
        self.prompt.write_text(PROMPT)
        self.system.write_text("You are an SRE.\n")

    def start(self, do, words=(), agent="stub", stdin=subprocess.DEVNULL, before=(), **env):
        return subprocess.Popen(
            [*before, SCRIPT, "--workspace", self.workspace, "--agent", agent, "--model", "stub-1",
             "--allowed-tools", "Read,Bash", "--timeout", "60", "--prompt-file", self.prompt,
             "--system-prompt-file", self.system, *words], stdin=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True,
            env={"PATH": os.environ["PATH"], "AGENT_DRIVERS_DIR": str(self.drivers), "DO": do,
                 **env})

    def run(self, do, words=(), data=None, **options):
        process = self.start(do, words, stdin=subprocess.PIPE, **options)
        self.out, self.err = process.communicate(data or b"", timeout=60 * SLOW)
        return process.returncode

    def result(self):
        return json.loads((self.workspace / "output/agent-result.json").read_text())

    def transcript(self):
        path = self.workspace / "logs/transcript.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] \
            if path.exists() else []


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def lines(*records):
    return "".join(f"echo '{json.dumps(record)}'; " for record in records)


def test_a_run_leaves_its_steps_and_one_result(run):
    usage = {"input_tokens": 10, "output_tokens": 4}
    do = lines({"session": "s-1"}, {"turn": "a", "usage": usage}, {"say": "I look."},
               {"id": "t", "tool": "Bash", "input": {"command": "x"}},
               {"done": "t", "output": "found", "exit": 3}, {"turn": "b", "usage": usage},
               {"turn": "b", "usage": {**usage, "output_tokens": 6}})
    assert run.run(do + "echo all done >&2; exit 5") == 5
    result = run.result()
    assert isinstance(result.pop("duration_ms"), int)
    assert result == {
        "type": "result", "agent": "stub", "version": "4.5.6", "model": "stub-1",
        "is_error": True, "class": None, "result": "all done", "exit_code": 5, "num_turns": 2,
        "session_id": "s-1", "total_cost_usd": None, "retry_after_ms": None,
        "usage": {"input_tokens": 20, "output_tokens": 10, "cache_read_input_tokens": None,
                  "cache_creation_input_tokens": None}}
    text, step = run.transcript()
    assert text == {"n": 1, "text": "I look."}
    assert isinstance(step.pop("ms"), int)
    assert step == {"n": 2, "tool": "Bash", "input": {"command": "x"}, "exit": 3,
                    "output": {"head": "found", "tail": "", "bytes": 5}}
    assert len(run.out.splitlines()) == 7 and run.err == b"all done\n", "passed on unchanged"


@pytest.mark.parametrize("name,code", [
    ("provider", 69), ("overloaded", 69), ("rate_limited", 75), ("auth", 77), ("quota", 77),
    ("config", 78), ("refused", 1), ("limit", 1), ("too_large", 1)])
def test_a_class_has_its_exit_code_and_the_clis_own_stays_in_the_result(run, name, code):
    assert run.run(lines({"end": {"class": name, "result": "why"}}) + "exit 1") == code
    assert (run.result()["class"], run.result()["exit_code"]) == (name, 1)


@pytest.mark.parametrize("status,text,name", [
    (401, "bad key", "auth"), (403, "no", "auth"), (402, "pay", "quota"), (404, "model", "config"),
    (429, "slower", "rate_limited"), (429, "You exceeded your current quota", "quota"),
    (400, "Your credit balance is too low", "quota"), (400, "prompt is too long", "too_large"),
    (413, "too big", "too_large"), (503, "busy", "overloaded"), (529, "busy", "overloaded"),
    (500, "oops", "provider"), (408, "slow", "provider"), (400, "odd", None)])
def test_what_a_status_means(run, status, text, name):
    run.run(lines({"status": status, "why": text}) + "exit 1")
    assert (run.result()["class"], run.result()["result"]) == (name, text)


def test_an_error_that_the_cli_gets_over_is_none(run):
    assert run.run(lines({"status": 500, "why": "oops"}, {"end": {"result": "Done."}})) == 0
    result = run.result()
    assert (result["is_error"], result["class"], result["result"]) == (False, None, "Done.")


def test_a_stream_that_is_no_stream_ends_nothing(run):
    """Garbage, binary bytes, other forms of record, a bomb, a line of 3 MB: the rest is read."""
    do = lines({"say": "first"}, [1], {"end": 7}, {"done": ["odd"]}, {"say": {"a": [1]}},
               {"turn": [], "usage": "many"}, {"turn": {}, "usage": {"input_tokens": "x"}},
               {"id": {"a": 1}, "tool": {"b": 2}, "input": None}, {"session": {"c": 3}}) \
        + "echo 'no JSON {'; head -c 5000 /dev/urandom; echo; " \
        "printf '[%.0s' $(seq 20000); echo; echo '{\"say\": \"'$'\\xff\\x01''\"}'; " \
        "echo '{\"turn\": 1, \"usage\": {\"input_tokens\": 1e999}}'; " \
        "head -c 3000000 /dev/zero | tr '\\0' x; echo; " + lines({"say": "last"})
    assert run.run(do) == 0
    texts = [step.get("text") for step in run.transcript()]
    assert texts[0] == "first" and "last" in texts
    assert len(run.out) > 3_005_000, "all of it was passed on"


def test_a_transcript_is_bounded_in_each_step_and_in_all(run):
    big = json.dumps({"done": "t", "output": "h" * 3000 + "t" * 3000, "exit": 0})
    do = f"for i in $(seq 900); do echo '{big}'; done; " + lines({"say": "s" * 50000})
    assert run.run(do + lines({"turn": "z", "usage": {"input_tokens": 1}})) == 0
    steps = run.transcript()
    assert steps[0]["output"] == {"head": "h" * 2048, "tail": "t" * 2048, "bytes": 6000}
    assert steps[-1]["text"].startswith("[the transcript is full")
    size = (run.workspace / "logs/transcript.jsonl").stat().st_size
    assert 2_000_000 < size <= 2 * 1024 * 1024 + 200
    assert run.result()["usage"]["input_tokens"] == 1, "counted all the same"


def test_what_is_kept_for_the_result_does_not_grow_with_the_stream(run):
    do = "for i in $(seq 3000); do echo '{\"session\": \"s\"}'; done; "
    assert run.run(do + lines({"say": "hello"})) == 0
    assert (run.workspace / ".home/facts.jsonl").stat().st_size < 2000
    assert (run.result()["session_id"], run.result()["result"]) == ("s", "hello")


def started(run, count):
    wait_until(lambda: len(run.transcript()) >= count, 20, f"{count} steps")


@pytest.mark.parametrize("deaf", [False, True])
def test_after_term_the_result_is_there_and_an_open_step_too(run, deaf):
    """deaf: the CLI does not hear TERM; then the result is there before it ends."""
    trap = "trap '' TERM; " if deaf else "trap 'exit 143' TERM; "
    do = trap + lines({"turn": "a", "usage": {"input_tokens": 9}}, {"say": "hello"},
                      {"id": "t", "tool": "Bash", "input": {"command": "sleep"}}) \
        + "while [ ! -e go ]; do sleep 0.05; done; exit 9"
    process = run.start(do)
    started(run, 1)
    os.kill(process.pid, signal.SIGTERM)
    path = run.workspace / "output/agent-result.json"
    wait_until(path.exists, 10, "a result")
    if deaf:
        assert run.result()["exit_code"] is None and process.poll() is None
        assert run.result()["usage"]["input_tokens"] == 9
        (run.workspace / "go").touch()
    process.communicate(timeout=20 * SLOW)
    code = 9 if deaf else 143
    result = run.result()
    assert (process.returncode, result["exit_code"], result["class"]) == (code, code, None)
    assert result["num_turns"] == 1 and result["is_error"]
    open_step = run.transcript()[-1]
    assert (open_step["tool"], open_step["output"], open_step["exit"]) == ("Bash", None, None)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_other_signals_end_the_cli_by_term(run, number):
    process = run.start("trap 'exit 41' TERM; touch begun; while :; do sleep 0.05; done")
    wait_until((run.workspace / "begun").exists, 20, "the CLI")
    os.kill(process.pid, number)
    process.communicate(timeout=20 * SLOW)
    assert process.returncode == 41


def test_a_signal_while_the_cli_is_started_ends_it(run, tmp_path):
    (tmp_path / "mkfifo").write_text('#!/bin/sh\nkill -TERM "$PPID"\nexec /usr/bin/mkfifo "$@"\n')
    (tmp_path / "mkfifo").chmod(0o755)
    process = run.start("while :; do sleep 0.05; done", PATH=f"{tmp_path}:{os.environ['PATH']}")
    try:
        process.communicate(timeout=10 * SLOW)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 143


def test_a_text_that_is_a_bomb_for_a_pattern_costs_no_figures(run, tmp_path):
    """The last words of a model, as Qwen Code repeats them."""
    record = {"type": "result", "is_error": False, "num_turns": 1, "result": "[API Error: " * 80000,
              "usage": {"input_tokens": 5, "output_tokens": 1}}
    (tmp_path / "record").write_text(json.dumps(record) + "\n")
    (tmp_path / "qwen").write_text(f"#!/bin/sh\nexec cat {tmp_path}/record\n")
    (tmp_path / "qwen").chmod(0o755)
    assert run.run("", agent="qwen", PATH=f"{tmp_path}:{os.environ['PATH']}") == 0, run.err
    result = run.result()
    assert (result["num_turns"], result["usage"]["input_tokens"]) == (1, 5)
    assert result["result"].startswith("[API Error: ") and len(result["result"]) < 5000


def test_after_kill_the_steps_are_there(run):
    process = run.start(lines({"say": "one"}, {"say": "two"}) + "sleep 300")
    started(run, 2)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=20 * SLOW)
    assert [step["text"] for step in run.transcript()] == ["one", "two"]


def test_a_daemon_that_keeps_the_stream_open_does_not_hold_the_script(run):
    do = lines({"say": "hello"}) + "sleep 300 & exit 0"
    process = run.start(do)
    try:
        assert process.wait(20 * SLOW) == 0
        assert run.result()["exit_code"] == 0 and run.transcript()[0]["text"] == "hello"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


ODD = "-n $(id) `id` \"quotes\" 'more' \\ %s é \u2028 @x\r\n/help\n!ls\t"


@pytest.mark.parametrize("by_stdin", [False, True])
def test_a_prompt_arrives_byte_for_byte(run, by_stdin):
    data = (ODD + "x" * (1024 * 1024 - len(ODD.encode()) - 7)).encode() + b"\x01\xff\xfe\nend"
    run.prompt.write_bytes(data)
    words = ["--prompt-file", "-"] if by_stdin else []
    assert run.run("cat > got", words, data=data) == 0
    asked = b"You are an SRE.\n\n\n" + data
    assert (run.workspace / "got").read_bytes() == asked
    assert (run.workspace / "logs/prompt.md").read_bytes() == asked


def test_a_resume_that_is_ended_at_its_start_keeps_what_was_known(run):
    assert run.run(lines({"session": "s-9"}, {"turn": "a", "usage": {"input_tokens": 5}},
                         {"say": "one"}, {"end": {"class": "limit", "num_turns": 3}})) == 0
    process = run.start("trap 'exit 143' TERM; touch begun; while :; do sleep 0.05; done",
                        AGENT_RESUME="1")
    wait_until((run.workspace / "begun").exists, 20, "the resume has begun")
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=20 * SLOW)
    result = run.result()
    assert (process.returncode, result["num_turns"], result["session_id"]) == (143, 3, "s-9")


@pytest.mark.parametrize("counts_on", [False, True])
def test_a_resumed_run_goes_on(run, counts_on):
    """counts_on: the CLI's own figures of the second run hold the first one."""
    first = lines({"session": "s-9"}, {"turn": "a", "usage": {"input_tokens": 5}}, {"say": "one"},
                  {"end": {"class": "limit", "result": "turns", "total_cost_usd": 0.5,
                           "num_turns": 3, "usage": {"input_tokens": 5}}})
    assert run.run(first + "exit 1") == 1
    assert run.run("cat > got; " + lines({"say": "two"}, {"end": {
        "result": "Done.", "total_cost_usd": 0.25, "num_turns": 1,
        "counts_on": counts_on, "usage": {"input_tokens": 7, "output_tokens": 1}}}),
                   AGENT_RESUME="1") == 0
    assert [step["n"] for step in run.transcript()] == [1, 2]
    result = run.result()
    assert (result["num_turns"], result["is_error"]) == (4, False)
    assert result["total_cost_usd"] == (0.25 if counts_on else 0.75)
    assert result["usage"]["input_tokens"] == (7 if counts_on else 12)
    assert result["usage"]["output_tokens"] == (1 if counts_on else None), "unknown of the first"
    got = (run.workspace / "got").read_text()
    assert got.startswith("The time for this investigation is nearly over.") and PROMPT not in got
    assert (run.workspace / "logs/prompt.md").read_text() == \
        "You are an SRE.\n\n\n" + PROMPT + "\n\n" + got


@pytest.mark.parametrize("size", [880, 950])
def test_a_prompt_that_has_no_room_is_said_and_no_part_of_it_is_sent(run, size):
    """Of 900 bytes.  The system prompt comes on top."""
    run.prompt.write_text("x" * size)
    assert run.run("touch began", before=["prlimit", "--fsize=890"]) == 73
    assert b"the workspace cannot be written" in run.err
    assert not (run.workspace / "began").exists()


@pytest.mark.parametrize("left", [
    '"text"', "no JSON", "[" * 20000,
    '{"num_turns": "x", "usage": [1], "total_cost_usd": {}, "session_id": [2]}'])
def test_a_resumed_run_does_not_rely_on_what_it_finds(run, left):
    (run.workspace / "output").mkdir()
    (run.workspace / "output/agent-result.json").write_text(left)
    assert run.run(lines({"end": {"result": "Done.", "num_turns": 2}}), AGENT_RESUME="1") == 0
    assert (run.result()["result"], run.result()["is_error"]) == ("Done.", False)


def test_more_arguments_are_split_as_xargs_does_and_never_run(run):
    do = "printf '<%s>' \"$@\" > got"
    assert run.run(do, AGENT_ARGS="--one 'two words' $(touch-x) \"a;b\" c\\ d") == 0
    assert (run.workspace / "got").read_text() == "<--one><two words><$(touch-x)><a;b><c d>"
    assert run.run(do, AGENT_ARGS="'never closed") == 78
    assert run.run("echo $# > got", AGENT_ARGS=" ") == 0
    assert (run.workspace / "got").read_text() == "0\n"


def test_temporary_files_lie_in_the_workspace_and_skills_cannot_be_changed(run, tmp_path):
    skill = tmp_path / "skills/look/SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text("---\nname: look\n---\n")
    with (run.drivers / "stub.sh").open("a") as driver:
        driver.write("driver_prepare () { copy_skills .stub/skills; }\n")
    assert run.run("echo $HOME $TMPDIR > got", AGENT_SKILLS_DIR=str(tmp_path / "skills")) == 0
    assert (run.workspace / "got").read_text().split() == [
        str(run.workspace / ".home"), str(run.workspace / ".tmp")]
    copy = run.workspace / ".stub/skills/look/SKILL.md"
    assert copy.read_text() == skill.read_text() and copy.stat().st_mode & 0o222 == 0


@pytest.mark.parametrize("own", ["", "driver_system=own\n"])
def test_a_driver_of_two_lines_gets_the_prompt_byte_for_byte(run, own):
    prompt = b"\n$(id) `id` \\n \xff\x01 %s\r\n\n no end of line"
    run.prompt.write_bytes(prompt)
    (run.drivers / "plain.sh").write_text(
        f"{own}driver_program=cat\ndriver_run () {{ exec cat >output/got; }}\n")
    assert run.run("", agent="plain", data=b"not this") == 0, run.err
    whole = b"You are an SRE.\n\n\n" + prompt
    assert (run.workspace / "output/got").read_bytes() == (prompt if own else whole)
    assert run.prompt.read_bytes() == (prompt if own else whole), "all that was sent"
    assert run.run("", ["--prompt-file", "-"], agent="plain", data=prompt) == 0, run.err
    assert (run.workspace / "output/got").read_bytes() == (prompt if own else whole)
    assert run.run("", ["--prompt-file", "/nonexistent"], agent="plain") == 64


def test_a_warning_of_a_driver_is_one_line_of_standard_error(run):
    assert run.run(lines({"warn": "no tools\nfor me"}, {"say": "on"})) == 0
    assert run.err == b"run-agent.sh: no tools for me\n"
    assert [step["text"] for step in run.transcript()] == ["on"]


def describe(run, agent, **env):
    done = subprocess.run([SCRIPT, "--describe", "--agent", agent], capture_output=True, text=True,
                          timeout=30 * SLOW,
                          env={"PATH": "/usr/bin:/bin", "AGENT_DRIVERS_DIR": str(run.drivers),
                               **env})
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def test_describe_says_what_a_worker_has_to_know(run):
    code, said, _ = describe(run, "stub")
    assert code == 0 and said == {
        "agent": "stub", "program": "bash", "path": "/usr/bin/bash", "version": "4.5.6",
        "model": "stub-1", "resumes": True, "provider": "anthropic", "key_env": "STUB_KEY",
        "base_url_env": None, "tools": None, "notes": None,
        "resume_prompt": said["resume_prompt"]}
    assert run.run(lines({"session": "s-9"})) == 0
    assert run.run("cat > got", AGENT_RESUME="1") == 0
    assert (run.workspace / "got").read_text() == said["resume_prompt"] + "\n"
    code, said, why = describe(run, "claude")
    assert (code, said["path"], said["key_env"]) == (127, None, "ANTHROPIC_API_KEY")
    assert "agent 'claude' needs the program 'claude', which is not on PATH" in why


def test_without_jq_no_cli_is_started(run, tmp_path):
    """A worker is told by --describe."""
    for name in ("bash", "dirname", "mkdir", "cat", "mv", "cp", "head", "tr", "grep"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    code, said, why = describe(run, "stub", PATH=str(tmp_path))
    assert (code, "the program 'jq' is not on PATH" in why) == (127, True), (said, why)
    assert run.run("touch began", PATH=str(tmp_path)) == 127
    assert not (run.workspace / "began").exists()


def test_a_filter_that_does_not_compile_costs_transcript_and_result_alone(run):
    driver = (run.drivers / "stub.sh").read_text().replace("if .say", "if if")
    (run.drivers / "broken.sh").write_text(driver)
    assert run.run("head -c 300000 /dev/zero; exit 5", agent="broken") == 5
    assert len(run.out) == 300000 and b"syntax error" in run.err
    assert not (run.workspace / "output/agent-result.json").exists()


@pytest.mark.parametrize("agent", ["nope", "../drivers/stub", "lib.jq", "-x"])
def test_an_unknown_agent_is_told_with_the_known_ones(run, agent):
    code, _, why = describe(run, agent)
    assert code == 78 and f"unknown agent '{agent}': there are" in why
    assert {"claude", "custom", "playbook", "stub"} <= set(why.split("there are")[1].split())


@pytest.mark.parametrize("words,code", [
    (["--timeout", "soon"], 64), (["--prompt-file", "/nonexistent"], 64),
    (["--prompt-file", "/tmp"], 64), (["--system-prompt-file", "/tmp"], 64),
    (["--workspace", "/nonexistent"], 64), (["--what", "x"], 64), (["--model"], 64)])
def test_bad_input_is_said(run, words, code):
    assert run.run("exit 0", words) == code
    assert run.err.startswith(b"run-agent.sh: "), run.err


def test_a_custom_program_takes_the_place_of_the_script(run):
    program = run.workspace / "mine"
    program.write_text('#!/bin/sh\ncat > got\necho "$1 $$" >> got\nexit 42\n')
    program.chmod(0o755)
    process = run.start("", agent="custom", AGENT_CUSTOM_COMMAND=str(program))
    assert process.wait(20 * SLOW) == 42
    process.communicate()
    assert (run.workspace / "got").read_text() == f"{PROMPT}{run.workspace} {process.pid}\n"
    assert run.prompt.read_text() == PROMPT
