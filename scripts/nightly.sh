#!/bin/bash
# nightly.sh - the long forms: the simulator with 10^7 steps, each fuzz target 10 minutes, many
# random crashes, more agent CLIs (tests/npm-nightly).  Ends with the summary.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "$0")/.."
results=$PWD/build/results-nightly
failed=0
rm -rf "$results"
mkdir -p "$results"
scripts/test-deps.sh
scripts/deps.sh docker.io debootstrap azure-cli # for test_containers.py, test_seed_commands.py
scripts/npm.sh tests/npm-nightly
scripts/build.sh debug
scripts/build.sh release
TRIAGE_SIM_STEPS=${TRIAGE_SIM_STEPS:-10000000} ctest --preset debug -L sim --timeout 7200 \
    --output-junit "$results/ctest-sim.xml" || failed=$((failed + 1))
FUZZ_SECONDS=${FUZZ_SECONDS:-600} scripts/fuzz.sh "$results/fuzz.xml" || failed=$((failed + 1))
TRIAGE_BIN=$PWD/build/debug/bin /usr/bin/python3 -m pytest tests/system -m nightly -v -n 2 \
    -p no:cacheprovider -o junit_family=xunit1 \
    --junitxml "$results/system-nightly.xml" || failed=$((failed + 1))
/usr/bin/python3 scripts/summary.py "$failed" "$results"/*.xml
