#!/bin/sh
# check-modules.sh - fail when the table of modules in docs/architecture.md does not name a source file.
#
# A row names files of the folder that stands in it first; x_y is known where x is.  main and settings are every program's.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
git ls-files --cached --others --exclude-standard '*.c' ':!tests' | awk '
    FNR == NR && /^\| module \|/ { table = 1; next }
    FNR == NR && table && !/^\|/ { table = 0 }
    FNR == NR && table && $2 ~ /^`/ {
        split ($0, cell, "|")
        path = $2
        gsub (/[`,]/, "", path)
        folder = path
        if (path != "common/base" && path != "common/domain") sub (/\/[^\/]*$/, "", folder)
        gsub (/[^a-z0-9_]/, " ", cell[2])
        names[folder] = names[folder] " " cell[2] " "
    }
    FNR == NR { next }
    {
        folder = name = $0
        sub (/\/[^\/]*$/, "", folder)
        sub (/^.*\//, "", name)
        sub (/\.c$/, "", name)
        while (index (names[folder], " " name " ") == 0 && sub (/_[^_]*$/, "", name)) { }
        if (index (names[folder], " " name " ") == 0 && name != "main" && name != "settings") {
            print "docs/architecture.md: its table of modules does not name " $0
            bad = 1
        }
    }
    END { exit bad }' docs/architecture.md -
