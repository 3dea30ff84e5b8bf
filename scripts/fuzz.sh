#!/bin/bash
# fuzz.sh - every fuzz target for FUZZ_SECONDS (20), FUZZ_JOBS at a time (as many as cores).
#
#   fuzz.sh [RESULTS.xml]     writes what passed and failed as JUnit
# Inputs found on the way stay in build/fuzz-corpus, what fails goes to build/fuzz-crashes.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-20}
results=${1:-build/fuzz/results.xml}
crashes=build/fuzz-crashes
logs=build/fuzz/logs
jobs=${FUZZ_JOBS:-$(nproc)}
#  A claimed size that cannot be had is a fault here, not a NULL.
ASAN_OPTIONS=allocator_may_return_null=0:detect_stack_use_after_return=1:quarantine_size_mb=64
export ASAN_OPTIONS
export UBSAN_OPTIONS=print_stacktrace=1

run () { # run TARGET: its log ends with "exit CODE"
    local name=$1 kept=build/fuzz-corpus/$1 options=()
    mkdir -p "$kept"
    [ ! -f "tests/fuzz/$name.dict" ] || options=(-dict="tests/fuzz/$name.dict")
    local rc=0
    "build/fuzz/bin/fuzz_$name" -max_total_time="$seconds" -timeout=25 \
        -rss_limit_mb=1024 -malloc_limit_mb=128 \
        -print_final_stats=1 -artifact_prefix="$crashes/$name-" "${options[@]}" \
        "$kept" "tests/fuzz/corpus/$name" </dev/null >"$logs/$name.log" 2>&1 || rc=$?
    echo "exit $rc" >>"$logs/$name.log"
}

judge () { # judge TARGET: a line for people, an element for JUnit
    local name=$1 log=$logs/$1.log verdict=ok
    local runs reached
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    reached=$(grep -o 'cov: [0-9]* ft: [0-9]*' "$log" | tail -n 1 || true)
    [ "$(tail -n 1 "$log")" = "exit 0" ] || verdict=FAILED
    printf '%-12s %-7s %9s runs  %s\n' "$name" "$verdict" "${runs:-no}" "$reached"
    if [ $verdict = ok ]; then
        printf '<testcase classname="fuzz" name="fuzz.%s" time="%s"/>\n' \
            "$name" "$seconds" >>"$results"
        return 0
    fi
    local why
    why=$(grep -m 1 -E 'Assertion|^SUMMARY|ERROR: ' "$log" || tail -n 2 "$log" | tr '\n' ' ')
    printf '<testcase classname="fuzz" name="fuzz.%s"><failure message="%s"/></testcase>\n' \
        "$name" \
        "${why//[<>&\"[:cntrl:]]/ }" >>"$results"
    grep -E 'Assertion|^SUMMARY|ERROR: |Test unit written|^Base64' "$log" || tail -n 5 "$log"
    return 1
}

scripts/build.sh fuzz fuzz_targets
mkdir -p "$crashes" "$logs" "$(dirname "$results")"
trap 'kill $(jobs -rp) 2>/dev/null; exit 130' INT TERM
names=()
for source in tests/fuzz/fuzz_*.c; do
    name=${source##*/fuzz_}
    names+=("${name%.c}")
done
for name in "${names[@]}"; do
    # none may be left: it ended between the two
    [ "$(jobs -rp | wc -l)" -lt "$jobs" ] || wait -n || true
    run "$name" &
done
wait
failed=0
echo '<testsuites><testsuite name="fuzz">' >"$results"
for name in "${names[@]}"; do
    judge "$name" || failed=1
done
echo '</testsuite></testsuites>' >>"$results"
exit $failed
