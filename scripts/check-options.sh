#!/bin/sh
# check-options.sh - every row of every option table has a test of its name under tests/.
#
#   check-options.sh BIN
# A row `a.b_c` of triage-broker wants a function test_option_broker_a_b_c, a row `list[].d` wants
# test_option_broker_list_d.  scripts/options-allow.txt lists the rows that still lack one; a line
# there whose test exists by now is an error too, so the list can only shrink.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
bin=$1
has_test () {
    grep -rqE "(def|static void|^)[[:space:]]*$1( |\()" --include='*.py' --include='*.c' tests
}
allowed () { grep -v '^#' scripts/options-allow.txt | grep -qxF "$1"; }
for path in "$bin"/triage-* "$bin"/triagectl; do
    # shellcheck disable=SC2016  # backquotes of Markdown
    keys=$(env -i "$path" --print-docs 2>/dev/null \
        | sed -n 's/^| `\([a-z0-9_.[]*[]a-z0-9_.]*\)`.*/\1/p' | tr -d '[]')
    program=$(basename "$path" | sed 's/^triage-//')
    case $program in
        broker | worker | publisher | tap | triagectl)
            [ -n "$keys" ] || echo "$program: no options printed" ;;
    esac
    for key in $keys; do
        name=test_option_${program}_$(echo "$key" | tr .- __)
        if has_test "$name"; then
            ! allowed "$name" || echo "$name exists: take it out of scripts/options-allow.txt"
        else
            allowed "$name" || echo "$program: option $key has no test $name"
        fi
    done
done | awk '{ print; bad = 1 } END { exit bad }'
