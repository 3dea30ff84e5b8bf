#!/bin/bash
# demo.sh - the whole way from fault to report on this machine: a broker, two workers, a tap and a
# publisher as separate processes with CURVE keys.  Needs no cluster, container, key or account.
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

endpoint () { sed -n "s/^$1=//p" "$demo/broker.ready"; }

# All incidents that the publisher made are in a final state and every effect is done.
all_done () {
    local status final=0 state count
    status=$("$bin/triagectl" --url "$url" --output json status 2>/dev/null | tr -d ' \n') || return 1
    for state in resolved agent_failed failed cancelled; do
        count=$(sed -n "s/.*\"incidents\":{[^}]*\"$state\":\([0-9]*\).*/\1/p" <<<"$status")
        final=$((final + ${count:-0}))
    done
    [ "$final" -ge "$expected" ] && grep -q '"effects":{"ready":0' <<<"$status"
}

build () {
    local program
    for program in triage-broker triage-worker triage-run triage-publisher triage-tap triagectl \
        triage-playbook; do
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
for peer in worker:one worker:two publisher:replay tap:view; do
    "$bin/triagectl" --keys-dir "$demo/keys" --role "${peer%:*}" --name "${peer#*:}" \
        --out "$demo/peer/${peer#*:}" key new >>"$demo/log/keys.log" 2>&1 ||
        fail "keys for $peer could not be made"
done

say "starting the broker and two workers"
cd "$root"
export TRIAGE_PLAYBOOK="$bin/triage-playbook"
start broker "$bin/triage-broker" --workspace-root "$demo/incidents" \
    --state-path "$demo/state/broker.db" --keys-dir "$demo/keys" \
    --work-endpoint 'tcp://127.0.0.1:0' --stream-endpoint 'tcp://127.0.0.1:0' \
    --ingest-endpoint 'tcp://127.0.0.1:0' --files-endpoint 'tcp://127.0.0.1:0' \
    --admin-listen 127.0.0.1:0 --ready-file "$demo/broker.ready"
wait_for "the broker" test -s "$demo/broker.ready"
url=$(endpoint admin)
url=http://${url#*://}
start tap "$bin/triage-tap" --stream-endpoint "$(endpoint stream)" --url "$url" \
    --keys-dir "$demo/peer/view" --after 0 --ready-file "$demo/tap.ready"
wait_for "the tap" test -s "$demo/tap.ready"
for worker in one two; do
    start "worker-$worker" "$bin/triage-worker" --broker-endpoint "$(endpoint work)" \
        --broker-files-endpoint "$(endpoint files)" --worker-name "$worker" \
        --keys-dir "$demo/peer/$worker" --workspace-root "$demo/workspace" --agent-cli playbook \
        --max-concurrent-agents 2 --agent-env TRIAGE_PLAYBOOK
done

say "replaying $(cat configs/demo/*.jsonl | wc -l) recorded faults of three clusters"
"$bin/triage-publisher" --ingest-endpoint "$(endpoint ingest)" --files-endpoint "$(endpoint files)" \
    --keys-dir "$demo/peer/replay" --spool-dir "$demo/spool" configs/demo/*.jsonl \
    2>"$demo/log/publisher.log" || fail "the publisher did not get every event acknowledged"
expected=$(sed -n 's/.*msg="replay finished".* new=\([0-9]*\).*/\1/p' "$demo/log/publisher.log")
[ "${expected:-0}" -gt 0 ] || fail "the publisher's summary names no new incident"

wait_for "$expected incidents to be finished" all_done
stop_all

shopt -s nullglob
reports=("$demo"/incidents/*/output/investigation.md)
[ "${#reports[@]}" -eq "$expected" ] || fail "${#reports[@]} reports for $expected incidents"
say "one of ${#reports[@]} reports: ${reports[0]}"
cat -- "${reports[0]}"
say "all reports"
for report in "${reports[@]}"; do
    printf '%s\n' "${report#"$root"/}"
done
say "logs of every process: ${demo#"$root"/}/log"
