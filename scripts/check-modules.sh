#!/bin/sh
# check-modules.sh - fail when docs/modules.md lacks a row for a .c file, or has a row for none.
#
# A heading "## folder: ..." names the folder, a row begins with its file: | `name` | ... |
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
git ls-files --cached --others --exclude-standard '*.c' ':!tests' | while read -r file; do
    [ ! -e "$file" ] || echo "$file"
done | awk '
    FNR == NR && /^## / { folder = $2; sub (/:$/, "", folder) }
    FNR == NR && /^\| `/ { name = $2; gsub (/`/, "", name); row [folder "/" name ".c"] = FNR }
    FNR == NR { next }
    $0 in row { delete row [$0]; next }
    { print "docs/modules.md: no row for " $0; bad = 1 }
    END {
        for (file in row) { print "docs/modules.md:" row [file] ": there is no " file; bad = 1 }
        exit bad
    }' docs/modules.md -
