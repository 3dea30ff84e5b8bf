#!/bin/sh
# check-symbols.sh - every external symbol of foo.c starts with foo_ (foo_bar.c may use foo_ too).
#
#   check-symbols.sh BUILD
# scripts/symbols-allow.txt lists files that are a part of another noun: "FILE PREFIX: reason".
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
find "$1" -name 'lib*.a' -exec nm -A -g --defined-only {} + | awk '
    FNR == NR { if ($1 !~ /^#/) { sub (/:$/, "", $2); allowed [$1 " " $2] = 1 } next }
    NF < 3 { next }
    {
        split ($1, part, ":")
        file = part[2]
        sub (/\.o$/, "", file)
        noun = file
        sub (/[_.].*/, "", noun)
        symbol = prefix = $NF
        sub (/_.*/, "_", prefix)
        if (prefix != noun "_" && symbol != noun && symbol !~ /^_/ \
            && !((file " " prefix) in allowed)) {
            print file " exports " symbol
            bad = 1
        }
    }
    END { exit bad }' scripts/symbols-allow.txt -
