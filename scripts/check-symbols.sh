#!/bin/sh
# check-symbols.sh - every external symbol of foo.c starts with foo_ (foo_bar.c may use foo_ too).
#
#   check-symbols.sh BUILD
# SPDX-License-Identifier: Apache-2.0
set -eu
find "$1" -name 'lib*.a' -exec nm -A -g --defined-only {} + | awk '
    { split ($1, part, ":"); object = part[2]; symbol = $NF; stem = object; sub (/\.c\.o$/, "", stem); noun = stem; sub (/_.*/, "", noun)
      if (symbol !~ ("^" noun "_") && symbol != noun && symbol !~ /^_/) print stem ".c exports " symbol }' | awk '{ print; bad = 1 } END { exit bad }'
