#!/bin/bash
# lint.sh - every rule that a tool can see.
#
#   lint.sh BUILD     BUILD is a built debug tree (programs in BUILD/bin, static libraries below it)
# SPDX-License-Identifier: Apache-2.0
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
build=$1
rc=0
rule () {
    local name=$1
    shift
    "$@" || { printf 'lint: %s failed\n' "$name" >&2; rc=1; }
}
mapfile -t sources < <(git ls-files --cached --others --exclude-standard '*.[ch]')
mapfile -t shells < <(git ls-files --cached --others --exclude-standard '*.sh' .ci/run)

rule format clang-format --dry-run -Werror "${sources[@]}"
rule root scripts/check-root.sh
rule layers scripts/check-layers.sh
rule ports scripts/check-ports.sh
rule banned scripts/check-banned.sh
rule failpoints scripts/check-failpoints.sh
rule sizes scripts/check-size.sh
rule torn scripts/check-torn.sh
rule circles scripts/check-circles.py "$build"
rule symbols scripts/check-symbols.sh "$build"
rule licence scripts/check-licence.sh
rule shell shellcheck "${shells[@]}"
rule options scripts/check-options.sh "$build/bin"
rule modules scripts/check-modules.sh
rule where scripts/check-where.sh
rule prose scripts/check-prose.py
rule comments scripts/check-comments.py
rule docs scripts/check-docs.sh "$build/bin"
rule samples scripts/check-samples.py "$build/bin"
exit $rc
