#!/bin/bash
# test.sh - everything that must pass: builds by gcc and clang, lint, unit tests and the simulator
# plain, under ASan+UBSan and under TSan, the fuzz targets for a while, the system tests with real
# peers, the main flow under the sanitizers, the demo.  Ends with the summary.
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

ctests () { # ctests PRESET [ARGUMENT...]
    local preset=$1
    shift
    ctest --preset "$preset" -j "$jobs" --output-junit "$results/ctest-$preset.xml" "$@"
}

pytests () { # pytests NAME BIN [ARGUMENT...]
    local name=$1 bin=$2
    shift 2
    TRIAGE_BIN=$PWD/build/$bin/bin /usr/bin/python3 -m pytest tests/system -q \
        -o junit_family=xunit1 -n "$((jobs * 2))" -p no:cacheprovider --timeout 300 --durations 10 \
        --junitxml "$results/system-$name.xml" "$@"
}

preset_environment () { # preset_environment PRESET: NAME=VALUE a line, what its ctest runs with
    /usr/bin/python3 - "$1" <<'END'
import json, os, sys
presets = json.load(open("CMakePresets.json"))["testPresets"]
preset = next(preset for preset in presets if preset["name"] == sys.argv[1])
for name, value in preset["environment"].items():
    print(name + "=" + value.replace("${sourceDir}", os.getcwd()))
END
}

main_flow="test_flow or test_outcomes or test_run or test_bad_input or test_reload"
sanitized () { # sanitized PRESET: the main flow and the outcomes, with that preset's programs
    local preset=$1 lines environment
    lines=$(preset_environment "$preset") || return 1
    mapfile -t environment <<<"$lines"
    (
        export TRIAGE_SLOW=4 "${environment[@]}"
        pytests "$preset" "$preset" --timeout 600 -k "$main_flow"
    )
}

front_door () { # `make demo`, which finds nothing left to build
    make --no-print-directory demo | tee "$results/demo.txt" &&
        grep -qx "ninja: no work to do." "$results/demo.txt"
}

rm -rf "$results"
mkdir -p "$results"
must "packages" scripts/test-deps.sh
must "build debug" scripts/build.sh debug
must "build asan" scripts/build.sh asan
must "build tsan" scripts/build.sh tsan
must "build release" scripts/build.sh release
step "build clang" scripts/build.sh clang
step "lint" scripts/lint.sh build/debug
step "unit tests and simulator" ctests debug
step "unit tests and simulator, ASan+UBSan" ctests asan
step "unit tests and simulator, TSan" ctests tsan
step "unit tests, clang" ctests clang -L unit
step "fuzz" scripts/fuzz.sh "$results/fuzz.xml"
step "system tests" pytests debug debug
step "main flow, ASan+UBSan" sanitized asan
step "main flow, TSan" sanitized tsan
step "demo" front_door
printf '\ntook %d s\n' $((SECONDS - started))
/usr/bin/python3 scripts/summary.py "$failed" "$results"/*.xml
