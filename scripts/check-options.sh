#!/bin/sh
# check-options.sh - every row of every option table has a test of its name under tests/.
#
#   check-options.sh BIN
# A row `a.b_c` of triage-broker wants a function test_option_broker_a_b_c.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
bin=$1
for program in broker worker publisher tap; do
    # shellcheck disable=SC2016  # backquotes of Markdown
    keys=$(env -i "$bin/triage-$program" --print-docs | sed -n 's/^| `\([a-z0-9_.]*\)`.*/\1/p')
    [ -n "$keys" ] || echo "triage-$program: no options printed"
    for key in $keys; do
        name=test_option_${program}_$(echo "$key" | tr . _)
        grep -rqE "def $name( |\()" tests/system || echo "triage-$program: option $key has no test $name"
    done
done | awk '{ print; bad = 1 } END { exit bad }'
