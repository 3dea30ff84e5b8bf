"""The page of an incident, made by a whole system and opened in a real headless Chromium.

With TRIAGE_SHOTS=FOLDER the screenshots stay there, to be looked at.
SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import re
import subprocess

import pytest

from lib.system import ROOT, SLOW, fault
from test_flow import node

BROWSER = ROOT / "tests/system/peers/browser.mjs"
MIB = 1024 * 1024
SCRIPT = "<script>window.pwned = 1; document.title = 'pwned'; alert(1)</script>"

GOOD = """# Triage report: checkout

## Root Cause

PostgreSQL at `10.96.14.7:5432` refuses connections since the 02:55 rollout of `db/pg`.

**Confidence:** HIGH (7 of 8 facts checked)

## Evidence

| # | Fact | Source |
|---|------|--------|
| FACT-1 | The container exits with code 1 after 3 s | `kubectl -n shop describe pod checkout` |
| FACT-2 | dial tcp 10.96.14.7:5432: connect: connection refused | `kubectl -n shop logs checkout` |

1. The pod restarted 42 times.
2. The service has **no endpoints**:
   - `pg-0` is *Pending*
   - [x] its volume claim was looked at
   - [ ] the storage class was not

> 0/6 nodes are available: 6 node(s) had volume node affinity conflict.

```sh
kubectl --context prod-us-east-1 -n db get pods -l app=pg -o wide --show-labels --field-selector x=y
kubectl --context prod-us-east-1 -n db rollout undo statefulset/pg
```

## Not known

Why it was rolled out. See [the runbook](https://wiki.example.com/runbooks/pg?from=triage) and
https://grafana.example.com/d/abc.
"""


def hostile():
    """What a report can hold that nobody should run, load or be led by."""
    word = "x" * 400
    rows = "\n".join("|" + "|".join(f"cell-{row}-{column}" for column in range(40)) + "|"
                     for row in range(60))
    deep = "\n".join("  " * depth + f"- item {depth}" for depth in range(60))
    return f"""# {SCRIPT}

## Root Cause

{SCRIPT} The disk is full. **Confidence:** HIGH

<img src=x onerror="window.pwned=1"> <svg onload="window.pwned=1"> <style>*{{display:none}}</style>
<iframe src="javascript:window.pwned=1"></iframe> <meta http-equiv=refresh content="0;url=/x">
<base href="https://evil.example/"> <form action=https://evil.example><input autofocus
onfocus="window.pwned=1"></form> <a href="javascript:window.pwned=1" id=r-root-cause>raw</a>
</article></main></body><link rel=stylesheet href=https://evil.example/x.css>

[script](javascript:window.pwned=1) [data](data:text/html,{SCRIPT}) [vb](vbscript:x)
[entity](&#106;avascript:window.pwned=1) [user](https://good.example@evil.example)
![image](https://evil.example/track.png) ![image](data:image/svg+xml,{SCRIPT})
[quote](https://x.example/"onmouseover="window.pwned=1) <javascript:window.pwned=1>
[honest](https://good.example/)

{word} https://x.example/{word} `{word}` {'a' * 70}/{'b' * 70}/{'c' * 70}

```
{word} {SCRIPT} {word}
```

|{"|".join(f"column {column}" for column in range(40))}|
|{"---|" * 40}
{rows}

{deep}

{"> " * 80}quoted deep

{"**a _b " * 60}{"_ **" * 60}

# {word}
"""


# name of the resource: (report, exit code, result of the CLI)
CASES = {
    "good": (GOOD, 0, None),
    "hostile": (hostile(), 0, None),
    "partial": (GOOD, 1, {"is_error": True, "subtype": "error_max_turns",
                          "errors": ["no turns left"]}),
    "none": ("", 1, None),
    "large": ("# Root Cause\n\n" + SCRIPT + "\n\n" + f"| a | {SCRIPT} |\n" * 200000, 0, None),
}
AGENT = """
name=$(jq -r .resource.name "$WORKSPACE_DIR/incident.json")
mkdir -p "$WORKSPACE_DIR/output"
for file in investigation.md agent-result.json; do
    [ ! -e "CASES/$name.$file" ] || cp "CASES/$name.$file" "$WORKSPACE_DIR/output/$file"
done
echo "<h1>not mine</h1>" > "$WORKSPACE_DIR/output/investigation.html"
exit "$(cat "CASES/$name.exit")"
"""


def look(views, folder=None):
    """What the browser says of each view, by name."""
    done = subprocess.run([node(), BROWSER], check=False, capture_output=True, text=True,
                          input=json.dumps({"folder": str(folder) if folder else None,
                                            "views": views}), timeout=120 * SLOW)
    assert done.returncode == 0, done.stderr[-2000:]
    return {seen["name"]: seen for seen in map(json.loads, done.stdout.splitlines())}


def views_of(name, path, **more):
    return [{"url": path.as_uri(), "name": f"{name}-{width}-{'dark' if dark else 'light'}",
             "width": width, "dark": dark, **more} for width in (390, 1280) for dark in (0, 1)]


def pages(system):
    """One incident for each case; their pages by the name of the case."""
    cases = system.root / "cases"
    cases.mkdir()
    for name, (report, code, result) in CASES.items():
        if report:
            (cases / f"{name}.investigation.md").write_text(report[:10 * MIB])
        if result:
            (cases / f"{name}.agent-result.json").write_text(json.dumps(result))
        (cases / f"{name}.exit").write_text(str(code))
    agent = system.root / "agent-of-test"
    agent.write_text("#!/bin/sh" + AGENT.replace("CASES", str(cases)))
    agent.chmod(0o755)
    config = system.root / "broker.yaml"
    config.write_text("clusters:\n  - name: prod\n    mcp:\n      endpoint: http://127.0.0.1:9\n"
                      "    labels:\n      env: prod\n")
    broker = system.start_broker(config=config, agent_attempts=1, agent_timeout="60s",
                                 failure_threshold_for_alert=100)
    system.start_worker(agent=agent, max_concurrent_agents=3, agent_start_interval="0s")
    system.publish([fault(name, context=f"back-off {SCRIPT}") for name in CASES])
    rows = broker.wait_terminal(len(CASES))
    found = {}
    for row in rows:
        folder = system.root / "incidents" / row["id"]
        system.result(row["id"])  # it comes last
        incident = json.loads((folder / "incident.json").read_text())
        found[incident["resource"]["name"]] = folder / "output/investigation.html"
    return found


def check_inert(seen):
    """It asked for itself only, ran nothing, said nothing, and fits its window."""
    assert [url.rsplit("/", 1)[1] for url in seen["requests"]] == ["investigation.html"]
    assert (seen["console"], seen["errors"]) == ([], [])
    assert (seen["dialogs"], seen["opened"], seen["scripts"], seen["pwned"]) == (0, 0, 0, False)
    assert seen["title"].startswith("CRITICAL: CrashLoop, Pod shop/")
    assert seen["width"] == seen["shown"], "the page is wider than its window"
    assert [rule for rule in seen.get("axe", []) if rule["impact"] in ("serious", "critical")] == []
    for link in seen["links"]:
        assert re.match(r"https://(good|x|wiki|grafana)\.example|"
                        r"file:///.*/investigation\.html#[rs]-", link), link


def test_pages_are_inert_readable_and_accessible_in_a_browser(system, tmp_path):
    shots = os.environ.get("TRIAGE_SHOTS", tmp_path)
    found = pages(system)
    views = [view for name in ("good", "hostile") for view in views_of(name, found[name])]
    views += views_of("partial", found["partial"])[::3] + views_of("none", found["none"])[1:3]
    views += views_of("large", found["large"], accessible=False)[:1]
    seen = look(views, shots)
    for name, view in seen.items():
        check_inert(view)
        print(f"{name}: {view['height']} px high, loaded in {view['ms']} ms")
    text = {name: path.read_text() for name, path in found.items()}
    assert not any("not mine" in page for page in text.values())
    assert all("env=prod" in page for page in text.values())
    assert "This report is partial." in text["partial"]
    assert "triagectl incidents retry" in text["none"]
    assert "The page ends here" in text["large"]
    honest = [link for link in seen["hostile-390-dark"]["links"] if "good.example" in link]
    assert honest == ["https://good.example/"]


def test_a_page_that_cannot_be_made_says_so_and_the_record_is_complete(system):
    broker = system.start_broker(env={"TRIAGE_FAILPOINT": "broker.page.make.before:errno=ENOMEM"})
    system.start_worker()
    system.publish([fault("web-0")])
    row = broker.wait_terminal(1)[0]
    assert system.result(row["id"])["status"] == "success"
    output = system.root / "incidents" / row["id"] / "output"
    page = (output / "investigation.html").read_text()
    assert "The report is not shown: it could not be read." in page
    assert "Pod shop/web-0" in page and (output / "investigation.md").exists()
    broker.wait_log("page without the report")


@pytest.mark.parametrize("policy", [True, False], ids=["as it is", "without its policy"])
def test_the_policy_stops_what_would_slip_through(tmp_path, policy):
    """The same page with a script in it: only the policy stands between it and the reader."""
    page = (ROOT / "tests/golden/render/investigation.html").read_text()
    loaded = page.replace("</main>", f'{SCRIPT}<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw='
                                     '" onload="window.pwned=1"><p style="color:red">x</p></main>')
    assert loaded != page
    if not policy:
        loaded = re.sub("<meta http-equiv.*?>", "", loaded)
    path = tmp_path / "investigation.html"
    path.write_text(loaded)
    seen = look([{"url": path.as_uri(), "name": "x", "width": 390, "accessible": False}])["x"]
    assert seen["pwned"] != policy
    assert (seen["dialogs"] == 0) == policy
    refused = [line for line in seen["console"] if "Content Security Policy" in line]
    assert bool(refused) == policy
