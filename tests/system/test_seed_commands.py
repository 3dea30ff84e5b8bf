"""Commands of the project's first description, as written there, with this system's names.

`./runner` is triage-broker; a worker beside it runs the agents; the MCP server on port 8080 is
triage-publisher --serve. All of it runs in a network of its own, so that the ports are as written.

What this machine cannot run, and why:
- docker-compose up -d, docker-compose ps: the image is in a registry of Microsoft; the same server
  from npm stands in.
- go build, go test: this is no Go program; `make` and `make test` stand in.
- git clone, docker build, docker ps, docker logs: they are about that program's container.
- hooks.slack.com, api.anthropic.com: hosts of other companies, asked with a key.
- curl -X PUT ...?restype=container: nothing is signed, so the server refuses it (tested); the first
  command below creates the container.
SPDX-License-Identifier: Apache-2.0
"""
import json
import shutil
import subprocess

import pytest

from lib.azurite import NPM, node
from lib.system import BIN, ROOT

pytestmark = pytest.mark.nightly

COMMANDS = r"""
set -eu
say () { printf '\n== %s\n' "$1"; }
until_true () {
    local n=0
    until "$@" 2>/dev/null; do
        n=$((n + 1))
        [ $n -lt 600 ]
        read -rt 0.1 <>"$never" || true
    done
}
open_port () { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }
never=$PWD/never; mkfifo "$never"
pids=()
stop () {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; wait "$pid" || true; done
    pids=()
}
trap stop EXIT
ip link set lo up
"$NODE" "$AZURITE" --silent --disableTelemetry --blobHost 127.0.0.1 \
    --blobPort 10000 --location "$PWD/azurite" >azurite.txt 2>&1 &
azurite=$!; trap 'stop; kill $azurite' EXIT
until_true open_port 10000
start () { # start LOG COMMAND...
    local log=$1; shift
    "$@" >"$log" 2>&1 &
    pids+=($!)
}
worker () {
    start worker.txt triage-worker --agent-cli playbook --workspace-root ./workspace \
        --ready-file worker.ready
}
server () {
    start server.txt triage-publisher --serve 127.0.0.1:8080 "$FAULTS"
    until_true open_port 8080
}
results () { [ "$(find ./incidents -name result.json | wc -l)" -ge "$1" ]; }

# Configure for Azurite
export AZURE_STORAGE_CONNECTION_STRING="DefaultEndpointsProtocol=http;"\
"AccountName=devstoreaccount1;"\
"AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeks"\
"oGMGw==;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;"
export AZURE_STORAGE_CONTAINER="incident-reports"

say unsigned
curl -s -o /dev/null -w '%{http_code}' -X PUT \
  "http://127.0.0.1:10000/devstoreaccount1/incident-reports?restype=container" \
  -H "x-ms-date: $(date -u '+%a, %d %b %Y %H:%M:%S GMT')" \
  -H "x-ms-version: 2021-08-06"

say create
az storage container create --name incident-reports \
  --connection-string "$AZURE_STORAGE_CONNECTION_STRING"

say containers
az storage container list --connection-string "$AZURE_STORAGE_CONNECTION_STRING" --output table

# Usage, with environment variables; then with flags
export K8S_CLUSTER_MCP_ENDPOINT="http://localhost:8080"
server
start broker.txt triage-broker --log-level debug
worker
until_true results 1
until_true grep -q "incident artifacts saved to storage" broker.txt
stop
server
start flags.txt triage-broker --mcp-endpoint http://localhost:8080 \
    --workspace-root ./incidents --log-level debug
until_true grep -q "storage backend initialized" flags.txt
stop
id=$(basename "$(dirname "$(find ./incidents -name result.json | head -n 1)")")

say blobs
az storage blob list \
  --container-name incident-reports \
  --connection-string "$AZURE_STORAGE_CONNECTION_STRING" \
  --output table

say download
az storage blob download \
  --container-name incident-reports \
  --name "$id/output/investigation.md" \
  --file investigation.md \
  --connection-string "$AZURE_STORAGE_CONNECTION_STRING" >/dev/null
cmp investigation.md "./incidents/$id/output/investigation.md" && echo same

say result
cat "./incidents/$id/result.json"

say troubleshooting
ls -la ./incidents/
cat "./incidents/$id/incident.json"
ls -la "./incidents/$id/output/"
cat "./incidents/$id/output/investigation.md" >/dev/null

# Filesystem fallback
unset AZURE_STORAGE_CONNECTION_STRING
unset AZURE_STORAGE_ACCOUNT
unset AZURE_STORAGE_KEY
rm -rf ./state ./incidents
server
start filesystem.txt triage-broker
worker
until_true results 1
say filesystem
cat ./incidents/*/result.json
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """{section: what its commands printed}, and the folder they ran in."""
    folder = tmp_path_factory.mktemp("seed")
    faults = (ROOT / "configs/demo/prod-us-east-1.jsonl").read_text().splitlines()
    (folder / "faults.jsonl").write_text(faults[0] + "\n")
    (folder / "agent-container").symlink_to(ROOT / "agent-container")
    env = {"PATH": f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder), "LANG": "C.UTF-8",
           "NODE": str(node()), "AZURITE": str(NPM / "azurite/dist/src/blob/main.js"),
           "FAULTS": str(folder / "faults.jsonl")}
    done = subprocess.run(["unshare", "-n", "bash", "-c", COMMANDS], cwd=folder, env=env,
                          capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    parts = done.stdout.split("\n== ")[1:]
    yield dict(part.split("\n", 1) for part in parts), folder
    shutil.rmtree(folder / "azurite")


def test_a_container_is_created_by_a_signed_request_only(said):
    sections, _ = said
    assert sections["unsigned"].strip() == "403"
    assert json.loads(sections["create"]) == {"created": True}
    assert "incident-reports" in sections["containers"]


def test_artifacts_are_listed_and_downloaded(said):
    sections, _ = said
    for name in ("event.json", "incident.json", "result.json", "output/investigation.md",
                 "output/investigation.html"):
        assert f"/{name} " in sections["blobs"], name
    assert sections["download"].strip() == "same"


def test_result_json_has_the_links_and_the_filesystem_has_none(said):
    sections, _ = said
    result = json.loads(sections["result"])
    assert set(result["presigned_urls"]) == {"event.json", "result.json", "investigation.md",
                                             "investigation.html"}
    assert result["presigned_urls_expire_at"] > result["completed_at"]
    assert "presigned_urls" not in json.loads(sections["filesystem"])


def test_the_log_has_what_operators_search_for(said):
    _, folder = said
    azure = (folder / "broker.txt").read_text()
    assert 'msg="storage backend initialized" mode=azure' in azure
    assert 'msg="incident artifacts saved to storage"' in azure
    assert "sig=" not in azure and "Eby8" not in azure
    local = (folder / "filesystem.txt").read_text()
    assert 'msg="storage backend initialized" mode=filesystem' in local
