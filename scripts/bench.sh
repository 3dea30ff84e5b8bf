#!/bin/sh
# bench.sh - figures and ratios of this machine; judges nothing.
# BENCH_JOBS, BENCH_OPEN, BENCH_IDLE: sizes.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
scripts/test-deps.sh
scripts/build.sh bench
printf '%s, %s cores, %s\n' "$(uname -sr)" "$(nproc)" \
    "$(git log -1 --format=%h 2>/dev/null || echo 'no commit')"
TRIAGE_BIN=$PWD/build/bench/bin exec /usr/bin/python3 tests/bench/bench.py
