#!/bin/sh
# check-size.sh - hard caps: 800 lines a .c, 200 a .h, 80 a function (size-allow.txt lists exceptions).
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
files=$(git ls-files --cached --others --exclude-standard '*.[ch]')
{
    for file in $files; do
        case $file in *.h) cap=200 ;; *) cap=800 ;; esac
        lines=$(wc -l < "$file")
        [ "$lines" -le $cap ] || echo "$file: $lines lines"
    done
    echo "$files" | grep '\.c$' | ctags --languages=C --c-kinds=f --fields=+ne -x --_xformat='%{input} %N %n %{end}' -L - \
        | awk '{ n = $4 - $3 + 1; if (n > 80) print $1 ": " $2 " is " n " lines" }'
} | while read -r line; do
    name=${line%%:*}
    grep -v '^#' scripts/size-allow.txt | grep -qF "$name" || echo "$line"
done | awk '{ print; bad = 1 } END { exit bad }'
