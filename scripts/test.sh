#!/bin/bash
# test.sh - everything that must pass: lint, unit tests plain and under ASan+UBSan, the simulator, the
# fuzz targets for a while, the system tests with real peers, the demo.  Ends with the summary.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "$0")/.."
results=$PWD/build/results
jobs=$(nproc)
started=$SECONDS
failed=0

step () {
    local name=$1 begin=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    if ! "$@"; then
        failed=$((failed + 1))
        printf '== FAILED: %s\n' "$name"
    fi
    printf '== %s: %d s\n' "$name" $((SECONDS - begin))
}

must () { # a step without which the others mean nothing
    step "$@"
    [ "$failed" = 0 ] || exit 1
}

ctests () { # ctests PRESET
    ctest --preset "$1" -j "$jobs" --output-junit "$results/ctest-$1.xml"
}

pytests () { # pytests NAME BIN [ARGUMENT...]
    local name=$1 bin=$2
    shift 2
    TRIAGE_BIN=$PWD/build/$bin/bin /usr/bin/python3 -m pytest tests/system -q -n "$((jobs * 2))" \
        -p no:cacheprovider --timeout 150 --durations 10 --junitxml "$results/system-$name.xml" "$@"
}

rm -rf "$results"
mkdir -p "$results"
must "packages" scripts/test-deps.sh
must "build debug" scripts/build.sh debug
must "build asan" scripts/build.sh asan
must "build release" scripts/build.sh release
step "lint" scripts/lint.sh build/debug
step "unit tests and simulator" ctests debug
step "unit tests and simulator, ASan+UBSan" ctests asan
step "fuzz" scripts/fuzz.sh "$results/fuzz.xml"
step "system tests" pytests debug debug
step "demo" scripts/demo.sh
printf '\ntook %d s\n' $((SECONDS - started))
/usr/bin/python3 scripts/summary.py "$failed" "$results"/*.xml
