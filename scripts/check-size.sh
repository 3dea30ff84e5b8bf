#!/bin/sh
# check-size.sh - a file has at most 700 lines, README.md 199, a C function 50, a line 100 columns.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
list () { git ls-files --cached --others --exclude-standard "$@"; }
{
    wc -l README.md | awk '$1 > 199 { print $2 ": " $1 " lines, at most 199" }'
    list '*.[ch]' '*.py' | xargs wc -l \
        | awk '$2 != "total" && $1 > 700 { print $2 ": " $1 " lines, at most 700" }'
    list '*.c' | ctags --languages=C --c-kinds=f --fields=+ne -x \
        --_xformat='%{input} %N %n %{end}' -L - \
        | awk '{ n = $4 - $3 + 1; if (n > 50) print $1 ": " $2 " has " n " lines, at most 50" }'
    list '*.[ch]' '*.py' '*.sh' '*.bash' '*.mjs' '*.cmake' '*CMakeLists.txt' Makefile .ci/run \
        ':!tests/golden' \
        | LC_ALL=C.UTF-8 xargs grep -nE '^.{101}' \
        | sed 's/^\([^:]*:[0-9]*\):.*/\1: more than 100 columns/'
} | awk '{ print; bad = 1 } END { exit bad }'
