#!/bin/sh
# check-torn.sh - no comment tears a declaration over two lines: it stands above it.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
# shellcheck disable=SC2016  # awk's dollars
git ls-files --cached --others --exclude-standard '*.[ch]' | xargs awk '
    function torn() {
        print FILENAME ":" FNR ": this comment tears its declaration; put it above"
        bad = 1
    }
    FNR == 1 { before = "" }
    before ~ /^ +[A-Za-z_][A-Za-z0-9_ ]*$/ && /^ +\**[A-Za-z0-9_]+( \[.*\])?[;,] \/\// { torn() }
    before ~ /^ +[A-Z0-9_]+ =$/ && /^ +[A-Za-z0-9_() *]+,? \/\// { torn() }
    before ~ /^[a-z][A-Za-z0-9_ ]*\**$/ && /^\/\// { torn() }
    { before = $0 }
    END { exit bad }'
