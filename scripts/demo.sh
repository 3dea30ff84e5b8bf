#!/bin/bash
# demo.sh - the whole product on this machine: recorded faults of three clusters from an MCP server,
# a broker, two workers and a tap as separate processes with CURVE keys, and a webhook receiver that
# prints what Slack would show.  Needs no cluster, container, key or account.
# Everything it makes is under build/demo; what it starts, it stops.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
bin=${DEMO_BIN:-$root/build/release/bin}
demo=${DEMO_DIR:-$root/build/demo}
wait_s=${DEMO_WAIT:-60}
names=() pids=()

say () { printf '\n== %s\n' "$*"; }

# Stop in reverse order of start, by pid; TERM first, KILL what is left after 10 s.
stop_all () {
    local at pid until
    for ((at = ${#pids[@]} - 1; at >= 0; at--)); do
        kill -TERM "${pids[at]}" 2>/dev/null || true
    done
    until=$((SECONDS + 10))
    for pid in "${pids[@]}"; do
        while kill -0 "$pid" 2>/dev/null && [ "$SECONDS" -lt "$until" ]; do pause; done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    names=() pids=()
}

fail () {
    printf '\ndemo: %s\n' "$*" >&2
    for log in "$demo"/log/*.log; do
        [ -s "$log" ] || continue
        printf -- '--- last lines of %s\n' "$log" >&2
        tail -n 12 "$log" >&2
    done
    exit 1
}

# A short wait without another process: nothing ever comes on this descriptor.
pause () { read -r -t 0.1 -u "$never" _ || true; }

# wait_for WHAT COMMAND...: until the command succeeds, everything still runs, or time is up.
wait_for () {
    local what=$1 until=$((SECONDS + wait_s)) at
    shift
    until "$@"; do
        for at in "${!pids[@]}"; do
            kill -0 "${pids[at]}" 2>/dev/null || fail "${names[at]} ended while waiting for $what"
        done
        [ "$SECONDS" -lt "$until" ] || fail "$what: not within $wait_s s"
        pause
    done
}

start () {
    local name=$1
    shift
    "$@" 2>"$demo/log/$name.log" &
    names+=("$name") pids+=($!)
}

endpoint () { sed -n "s/^$2=//p" "$demo/$1.ready"; }

# Every recorded fault has come in, every incident has its report, every message is delivered.
all_done () {
    local status state
    status=$("$bin/triagectl" --url "$url" --output json status 2>/dev/null | tr -d ' \n') \
        || return 1
    grep -q "\"events\":{\"total\":$faults," <<<"$status" || return 1
    for state in pending investigating; do
        grep -q "\"incidents\":{[^}]*\"$state\":0" <<<"$status" || return 1
    done
    grep -q '"effects":{"ready":0' <<<"$status"
}

build () {
    local program
    for program in triage-broker triage-worker triage-run triage-publisher triage-tap triagectl \
        triage-playbook triage-preview; do
        if [ ! -x "$bin/$program" ]; then
            say "building (once)"
            make -C "$root" deps build
            return
        fi
    done
}

exec {never}<> <(:)
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
build
[ ! -e "$demo" ] || rm -rf -- "$demo"
mkdir -p "$demo/log" "$demo/peer"
chmod 700 "$demo"

say "making CURVE keys in $demo/keys"
for peer in worker:one worker:two tap:view; do
    "$bin/triagectl" --keys-dir "$demo/keys" --role "${peer%:*}" --name "${peer#*:}" \
        --out "$demo/peer/${peer#*:}" key new >>"$demo/log/keys.log" 2>&1 ||
        fail "keys for $peer could not be made"
done

cd "$root"
files=(configs/demo/*.jsonl)
faults=$(cat "${files[@]}" | wc -l)

say "starting an MCP server that plays $faults recorded faults, and a receiver in Slack's place"
start mcp "$bin/triage-publisher" --serve 127.0.0.1:0 --ready-file "$demo/mcp.ready" "${files[@]}"
start slack "$bin/triage-preview" --listen 127.0.0.1:0 --ready-file "$demo/slack.ready"
wait_for "the MCP server" test -s "$demo/mcp.ready"
wait_for "the receiver" test -s "$demo/slack.ready"

say "starting two workers, a tap and the broker"
{
    printf 'clusters:\n'
    sed -n 's/.*"cluster": *"\([^"]*\)".*/\1/p' "${files[@]}" | sort -u | while read -r cluster; do
        printf '  - name: %s\n    mcp:\n      endpoint: http://%s/mcp/%s\n' \
            "$cluster" "$(endpoint mcp serve)" "$cluster"
    done
} >"$demo/broker.yaml"
export TRIAGE_PLAYBOOK="$bin/triage-playbook"
start broker "$bin/triage-broker" --config "$demo/broker.yaml" --workspace-root "$demo/incidents" \
    --state-path "$demo/state/broker.db" --keys-dir "$demo/keys" \
    --work-endpoint 'tcp://127.0.0.1:0' --stream-endpoint 'tcp://127.0.0.1:0' \
    --ingest-endpoint 'tcp://127.0.0.1:0' --files-endpoint 'tcp://127.0.0.1:0' \
    --admin-listen 127.0.0.1:0 --ready-file "$demo/broker.ready" \
    --slack-webhook-url "$(endpoint slack webhook)"
wait_for "the broker" test -s "$demo/broker.ready"
url=http://$(endpoint broker admin)
start tap "$bin/triage-tap" --stream-endpoint "$(endpoint broker stream)" --url "$url" \
    --keys-dir "$demo/peer/view" --after 0 --ready-file "$demo/tap.ready"
wait_for "the tap" test -s "$demo/tap.ready"
for worker in one two; do
    start "worker-$worker" "$bin/triage-worker" --broker-endpoint "$(endpoint broker work)" \
        --broker-files-endpoint "$(endpoint broker files)" --worker-name "$worker" \
        --keys-dir "$demo/peer/$worker" --workspace-root "$demo/workspace" --agent-cli playbook \
        --max-concurrent-agents 2 --agent-env TRIAGE_PLAYBOOK
done

wait_for "every report to be written and every message delivered" all_done
say "what an operator sees: triagectl"
"$bin/triagectl" --url "$url" clusters
"$bin/triagectl" --url "$url" incidents list --limit 5
stop_all

shopt -s nullglob
reports=("$demo"/incidents/*/output/investigation.md)
[ "${#reports[@]}" -gt 0 ] || fail "there are no reports"
say "one of ${#reports[@]} reports (a fault that repeats has one): ${reports[0]}"
cat -- "${reports[0]}"
say "the same as a page for a browser: ${reports[0]%.md}.html"
say "all reports"
for report in "${reports[@]}"; do
    printf '%s\n' "${report#"$root"/}"
done
say "logs of every process: ${demo#"$root"/}/log"
