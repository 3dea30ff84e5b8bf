#!/bin/sh
# build.sh - configure and build one CMake preset.
#
#   build.sh PRESET [TARGET...]
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
preset=$1
shift
launcher=
command -v ccache >/dev/null 2>&1 && launcher=-DCMAKE_C_COMPILER_LAUNCHER=ccache
cmake --preset "$preset" $launcher >"/tmp/triage-configure.$$" 2>&1 || {
    cat "/tmp/triage-configure.$$" >&2
    rm -f "/tmp/triage-configure.$$"
    exit 1
}
rm -f "/tmp/triage-configure.$$"
if [ $# -gt 0 ]; then
    cmake --build --preset "$preset" --target "$@"
else
    cmake --build --preset "$preset"
fi
